//! The value of attention.

use std::f32::consts::LN_2;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Sizes;
use crate::cpu::exp::exp2;
use crate::cpu::gemm::Matrix;
use crate::cpu::panels::Panels;
use crate::cpu::tile::{ROWS, add, each, pairs, pairs_mut, product, store, width};

/// Queries in a block: their scores against 1,024 keys are 48 KiB.
const QUERIES: usize = 2 * ROWS;

/// `qkv` `[images, positions, 3d]` to the value `[images, positions, d]` and the logarithms of the
/// softmax denominators `[images, heads, positions]`.
pub(crate) fn forward(qkv: &[f32], sizes: Sizes) -> (Vec<f32>, Vec<f32>) {
    let Sizes { positions, width, heads } = sizes;
    let images = qkv.len() / (positions * 3 * width);
    let mut value = vec![0.0; images * positions * width];
    let mut logs = vec![0.0; images * heads.n_head * positions];
    let arch = pulp::Arch::new();
    qkv.par_chunks_exact(positions * 3 * width)
        .zip(value.par_chunks_exact_mut(positions * width))
        .zip(logs.par_chunks_exact_mut(heads.n_head * positions))
        .for_each(|((qkv, value), logs)| arch.dispatch(Image { qkv, value, logs, sizes }));
    (value, logs)
}

/// One image.
struct Image<'a> {
    qkv: &'a [f32],
    value: &'a mut [f32],
    logs: &'a mut [f32],
    sizes: Sizes,
}

impl WithSimd for Image<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { qkv, value, logs, sizes } = self;
        let (t, c, wide) = (sizes.positions, sizes.head_dim(), width::<S>());
        let row = t.next_multiple_of(wide);
        let mut keys = Panels::new(t, c, wide);
        let mut values = Panels::new(c, t, wide);
        let mut scores = vec![0.0; QUERIES * row];
        for (head, logs) in logs.chunks_exact_mut(t).enumerate() {
            keys.pack_transposed(sizes.part(qkv, 1, head), sizes.scale_of_keys());
            values.pack(sizes.part(qkv, 2, head));
            let queries = sizes.part(qkv, 0, head);
            for (start, end, met) in sizes.blocks(QUERIES) {
                let q = queries.slice(start, end);
                for (panel, key) in (0..met).step_by(wide).enumerate() {
                    product(
                        simd,
                        q,
                        keys.panel::<S>(panel),
                        #[inline(always)]
                        |i, sum| {
                            pairs_mut::<S>(&mut scores[i * row + key..])[0] = sum;
                        },
                    );
                }
                // Of each row what the softmax is divided by in the end, rather than every score.
                let mut sums = [0.0; QUERIES];
                for (i, scores) in scores.chunks_exact_mut(row).take(end - start).enumerate() {
                    let (max, sum) = powers(simd, scores, sizes.seen(start + i), met.next_multiple_of(wide));
                    logs[start + i] = (max + sum.log2()) * LN_2;
                    sums[i] = sum;
                }
                let p = Matrix::new(&scores, end - start, met, row);
                for (panel, first) in (0..c).step_by(wide).enumerate() {
                    product(
                        simd,
                        p,
                        &values.panel::<S>(panel)[..met],
                        #[inline(always)]
                        |i, sum| {
                            let inverse = simd.splat_f32s(1.0 / sums[i]);
                            let sum = each::<S>(
                                sum,
                                #[inline(always)]
                                |sum| simd.mul_f32s(sum, inverse),
                            );
                            let at = (start + i) * sizes.width + head * c + first;
                            store(simd, sum, &mut value[at..at + wide.min(c - first)]);
                        },
                    );
                }
            }
        }
    }
}

/// Turns the scores that are seen, as powers of two, into 2^(score − max) and the rest of the `met` into 0; gives
/// back the largest and the sum of the powers.
#[inline(always)]
fn powers<S: Simd>(simd: S, scores: &mut [f32], seen: usize, met: usize) -> (f32, f32) {
    scores[seen..met].fill(f32::NEG_INFINITY);
    let mut max = [simd.splat_f32s(f32::NEG_INFINITY); 2];
    for pair in pairs::<S>(&scores[..met]) {
        max = [simd.max_f32s(pair[0], max[0]), simd.max_f32s(pair[1], max[1])];
    }
    let max = simd.reduce_max_f32s(simd.max_f32s(max[0], max[1]));
    let shift = simd.splat_f32s(max);
    let mut sum = [simd.splat_f32s(0.0); 2];
    for pair in pairs_mut::<S>(&mut scores[..met]) {
        *pair = each::<S>(
            *pair,
            #[inline(always)]
            |score| exp2(simd, simd.sub_f32s(score, shift)),
        );
        sum = add(simd, sum, *pair);
    }
    scores[seen..met].fill(0.0);
    (max, simd.reduce_sum_f32s(simd.add_f32s(sum[0], sum[1])))
}
