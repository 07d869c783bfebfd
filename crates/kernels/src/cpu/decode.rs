//! Attention of new positions over those before them, whose keys and values are kept.
//!
//! Each of them is read once for each new position and then not again: as with weights, memory is the limit,
//! so both lie in the order in which they are read. Keys lie in blocks of positions, `[blocks, c, BLOCK]`, so that
//! a block's scores are sums of vectors and not sums across one; values lie row after row, `[positions, c]`.

use std::f32::consts::LOG2_E;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::exp::exp2;
use super::lanes::max;
use super::prefetch::prefetch;
use crate::decode::BLOCK;

/// Sums that are kept apart while scores or values are summed up, so that one need not wait for the other.
const CHAINS: usize = 4;

/// The sizes of one call.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Positions that have keys and values.
    pub(crate) seen: usize,
    /// Positions that come to them.
    pub(crate) new: usize,
    /// Positions for which there is room, a multiple of [`BLOCK`].
    pub(crate) room: usize,
    pub(crate) n_head: usize,
    /// c, the width of a head.
    pub(crate) width: usize,
}

/// Puts the keys and values of new positions, `qkv` `[images, new, 3d]`, beside those that are there, and lets each
/// look at all up to itself: `[images, heads, new, c]`.
///
/// `keys` and `values` are `[images, heads, room, c]` numbers.
///
/// # Panics
/// If there is no room.
pub(crate) fn attend(qkv: &[f32], keys: &mut [f32], values: &mut [f32], sizes: Sizes) -> Vec<f32> {
    let Sizes { seen, new, room, n_head, width: c } = sizes;
    assert!(seen + new <= room && room.is_multiple_of(BLOCK), "no room for {new} positions after {seen}");
    let d = n_head * c;
    let mut attended = vec![0.0; qkv.len() / 3];
    let arch = pulp::Arch::new();
    keys.par_chunks_exact_mut(room * c)
        .zip(values.par_chunks_exact_mut(room * c))
        .zip(attended.par_chunks_exact_mut(new * c))
        .enumerate()
        .for_each_init(
            || vec![0.0; room],
            |scores, (i, ((keys, values), attended))| {
                let (image, head) = (i / n_head, i % n_head);
                for (t, out) in attended.chunks_exact_mut(c).enumerate() {
                    let row = (image * new + t) * 3 * d + head * c;
                    let [query, key, value] = [0, 1, 2].map(|part| &qkv[row + part * d..][..c]);
                    put_key(keys, key, seen + t);
                    values[(seen + t) * c..][..c].copy_from_slice(value);
                    arch.dispatch(Look { query, keys, values, positions: seen + t + 1, scores, out });
                }
            },
        );
    attended
}

fn put_key(keys: &mut [f32], key: &[f32], position: usize) {
    let block = &mut keys[position / BLOCK * BLOCK * key.len()..];
    for (row, x) in block.as_chunks_mut::<BLOCK>().0.iter_mut().zip(key) {
        row[position % BLOCK] = *x;
    }
}

/// One head's look from one position at all `positions` up to it.
struct Look<'a> {
    /// `[c]`.
    query: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    positions: usize,
    scores: &'a mut [f32],
    /// `[c]`.
    out: &'a mut [f32],
}

impl WithSimd for Look<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.look::<S, 1>(simd),
            8 => self.look::<S, 2>(simd),
            4 => self.look::<S, 4>(simd),
            _ => self.look::<S, BLOCK>(simd),
        }
    }
}

impl Look<'_> {
    /// A block of scores is `V` vectors.
    #[inline(always)]
    fn look<S: Simd, const V: usize>(self, simd: S) {
        let Self { query, keys, values, positions, scores, out } = self;
        let c = query.len();
        let scores = &mut scores[..positions.next_multiple_of(BLOCK)];
        // Scores are powers of two.
        let scale = simd.splat_f32s((c as f32).powf(-0.5) * LOG2_E);
        let blocks = S::as_mut_simd_f32s(scores).0.as_chunks_mut::<V>().0;
        let keys = S::as_simd_f32s(keys).0.as_chunks::<V>().0;
        for (block, keys) in blocks.iter_mut().zip(keys.chunks_exact(c)) {
            *block = products::<S, V>(simd, query, keys).map(|x| simd.mul_f32s(x, scale));
        }
        // The rest of the last block belongs to positions that are still to come.
        scores[positions..].fill(f32::NEG_INFINITY);
        let max = simd.splat_f32s(max(scores));
        let mut sum = simd.splat_f32s(0.0);
        // Whole vectors: a block is some.
        for score in S::as_mut_simd_f32s(scores).0 {
            *score = exp2(simd, simd.sub_f32s(*score, max));
            sum = simd.add_f32s(sum, *score);
        }
        let inverse = 1.0 / simd.reduce_sum_f32s(sum);
        let seen = &scores[..positions];
        let mut column = 0;
        macro_rules! weigh {
            ($vectors:expr, $rows:expr) => {
                while column + $vectors * S::F32_LANES <= c {
                    weigh::<S, { $vectors }, { $rows }>(
                        simd,
                        &mut out[column..],
                        seen,
                        &values[column..],
                        c,
                        inverse,
                    );
                    column += $vectors * S::F32_LANES;
                }
            };
        }
        weigh!(CHAINS, 1);
        weigh!(CHAINS / 2, 2);
        weigh!(1, CHAINS);
        for column in column..c {
            let values = values[column..].iter().step_by(c);
            out[column] = seen.iter().zip(values).map(|(p, v)| p * v).sum::<f32>() * inverse;
        }
    }
}

/// A query times a block of keys, `[c, BLOCK]`.
#[inline(always)]
fn products<S: Simd, const V: usize>(simd: S, query: &[f32], keys: &[[S::f32s; V]]) -> [S::f32s; V] {
    let mut sums = [[simd.splat_f32s(0.0); V]; CHAINS];
    let add = |sums: &mut [S::f32s; V], q: f32, keys: &[S::f32s; V]| {
        prefetch(keys);
        let q = simd.splat_f32s(q);
        for (sum, key) in sums.iter_mut().zip(keys) {
            *sum = simd.mul_add_e_f32s(q, *key, *sum);
        }
    };
    let (queries, last_queries) = query.as_chunks::<CHAINS>();
    let (keys, last_keys) = keys.as_chunks::<CHAINS>();
    for (queries, keys) in queries.iter().zip(keys) {
        for ((sums, q), keys) in sums.iter_mut().zip(queries).zip(keys) {
            add(sums, *q, keys);
        }
    }
    for (q, keys) in last_queries.iter().zip(last_keys) {
        add(&mut sums[0], *q, keys);
    }
    let [first, rest @ ..] = sums;
    rest.into_iter().fold(first, |mut total, sums| {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total = simd.add_f32s(*total, sum);
        }
        total
    })
}

/// `G` vectors of the sum of all values, each times its weight, times `factor`. Rows of values are `stride`
/// apart; `P` of them are summed up at a time.
#[inline(always)]
fn weigh<S: Simd, const G: usize, const P: usize>(
    simd: S,
    out: &mut [f32],
    weights: &[f32],
    values: &[f32],
    stride: usize,
    factor: f32,
) {
    let mut sums = [[simd.splat_f32s(0.0); G]; P];
    let (weights, last_weights) = weights.as_chunks::<P>();
    let mut rows = values;
    for weights in weights {
        for (p, sums) in sums.iter_mut().enumerate() {
            add_row(simd, sums, weights[p], &rows[p * stride..]);
        }
        // Nothing is left behind the last row of a head's last columns.
        rows = rows.get(P * stride..).unwrap_or_default();
    }
    for (weight, row) in last_weights.iter().zip(rows.chunks(stride)) {
        add_row(simd, &mut sums[0], *weight, row);
    }
    let factor = simd.splat_f32s(factor);
    for (i, out) in S::as_mut_simd_f32s(out).0.iter_mut().take(G).enumerate() {
        let sum = sums.iter().fold(simd.splat_f32s(0.0), |total, sums| simd.add_f32s(total, sums[i]));
        *out = simd.mul_f32s(sum, factor);
    }
}

/// Adds the first vectors of a row of values, times its weight, to sums.
#[inline(always)]
fn add_row<S: Simd, const G: usize>(simd: S, sums: &mut [S::f32s; G], weight: f32, row: &[f32]) {
    prefetch(row);
    let weight = simd.splat_f32s(weight);
    let row = S::as_simd_f32s(row).0.first_chunk::<G>().expect("a row has the columns that are asked for");
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum = simd.mul_add_e_f32s(weight, *value, *sum);
    }
}
