//! The gradient of attention.
//!
//! With P = softmax(q·kᵀ/√c), o = P·v and a gradient g of o: dv = Pᵀ·g, dS = P ⊙ (g·vᵀ − rowsum(g ⊙ o)),
//! dq = dS·k/√c, dk = dSᵀ·q/√c. Blocks of queries meet blocks of keys; what a pair of them needs stays in the
//! first-level cache.

use std::array::from_fn;
use std::f32::consts::LOG2_E;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Sizes;
use crate::cpu::exp::exp2;
use crate::cpu::gemm::Matrix;
use crate::cpu::lanes::dot;
use crate::cpu::panels::Panels;
use crate::cpu::tile::{ROWS, add, each, pairs_mut, product, product_transposed, width};

/// Queries in a block.
const QUERIES: usize = 8 * ROWS;

/// Panels of keys in a block.
const PANELS: usize = 3;

/// The gradient by `qkv`, in its layout.
pub(crate) fn backward(qkv: &[f32], value: &[f32], logs: &[f32], gradient: &[f32], sizes: Sizes) -> Vec<f32> {
    let Sizes { positions, width, heads } = sizes;
    let mut result = vec![0.0; qkv.len()];
    let arch = pulp::Arch::new();
    result
        .par_chunks_exact_mut(positions * 3 * width)
        .zip(qkv.par_chunks_exact(positions * 3 * width))
        .zip(value.par_chunks_exact(positions * width))
        .zip(gradient.par_chunks_exact(positions * width))
        .zip(logs.par_chunks_exact(heads.n_head * positions))
        .for_each(|((((result, qkv), value), gradient), logs)| {
            arch.dispatch(Image { qkv, value, logs, gradient, result, sizes });
        });
    result
}

/// One image.
struct Image<'a> {
    qkv: &'a [f32],
    value: &'a [f32],
    logs: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [f32],
    sizes: Sizes,
}

impl WithSimd for Image<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { qkv, value, logs, gradient, result, sizes } = self;
        let (t, c, wide) = (sizes.positions, sizes.head_dim(), width::<S>());
        let mut head = Head::new(t, c, wide);
        for (n, logs) in logs.chunks_exact(t).enumerate() {
            head.take(sizes.part(qkv, 1, n), sizes.part(qkv, 2, n), sizes);
            let all = [sizes.part(qkv, 0, n), sizes.head(gradient, n), sizes.head(value, n)];
            // Where a row of dq, dk or dv goes.
            let place = |which: usize| move |i: usize| (3 * i + which) * sizes.width + n * c;
            for (start, end, met) in sizes.blocks(QUERIES) {
                let [q, g, o] = all.map(|part| part.slice(start, end));
                let seen = |i: usize| sizes.seen(start + i);
                head.block(simd, q, g, o, &logs[start..end], met, seen);
                let to = |i: usize| place(0)(start + i);
                head.dq.unpack(simd, [end - start, c], sizes.scale(), result, to);
            }
            head.dk.unpack(simd, [t, c], sizes.scale(), result, place(1));
            head.dv.unpack(simd, [t, c], 1.0, result, place(2));
        }
    }
}

/// One head of one image, in panels.
struct Head {
    /// kᵀ, so scaled that scores are powers of two; and vᵀ.
    keys_t: Panels,
    values_t: Panels,
    keys: Panels,
    /// Sums over the blocks so far.
    dk: Panels,
    dv: Panels,
    /// Of a block of queries.
    q: Panels,
    g: Panels,
    dq: Panels,
    /// P and dS of a block of queries and a block of keys, `[QUERIES, keys]`.
    p: Vec<f32>,
    ds: Vec<f32>,
    /// Values a head, and columns a panel.
    c: usize,
    wide: usize,
}

impl Head {
    fn new(t: usize, c: usize, wide: usize) -> Self {
        let [keys_t, values_t] = from_fn(|_| Panels::new(t, c, wide));
        let [keys, dk, dv] = from_fn(|_| Panels::new(c, t, wide));
        let [q, g, dq] = from_fn(|_| Panels::new(c, QUERIES, wide));
        let [p, ds] = from_fn(|_| vec![0.0; QUERIES * PANELS * wide]);
        Self { keys_t, values_t, keys, dk, dv, q, g, dq, p, ds, c, wide }
    }

    /// Begins with the keys and values of a head.
    fn take(&mut self, keys: Matrix<'_>, values: Matrix<'_>, sizes: Sizes) {
        self.keys_t.pack_transposed(keys, sizes.scale_of_keys());
        self.values_t.pack_transposed(values, 1.0);
        self.keys.pack(keys);
        self.dk.clear();
        self.dv.clear();
    }

    /// Adds a block of queries, of which the i-th sees the first `seen(i)` keys, all of them together `met`.
    /// Its own gradient is left in `dq`.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "all that the formula names")]
    fn block<S: Simd>(
        &mut self,
        simd: S,
        q: Matrix<'_>,
        g: Matrix<'_>,
        o: Matrix<'_>,
        logs: &[f32],
        met: usize,
        seen: impl Fn(usize) -> usize,
    ) {
        self.q.pack(q);
        self.g.pack(g);
        self.dq.clear();
        let mut dots = [0.0; QUERIES];
        dots.iter_mut().zip(0..q.rows).for_each(|(place, i)| *place = dot(g.row(i), o.row(i)));
        let stride = PANELS * self.wide;
        for first in (0..met).step_by(stride) {
            for at in (first..met.min(first + stride)).step_by(self.wide) {
                self.scores(simd, q, g, at, first, |i| logs[i] * LOG2_E, &dots, &seen);
            }
            self.products(simd, q.rows, first, met.min(first + stride));
        }
    }

    /// P and dS for the panel of keys from `at` on, in the block of keys from `first` on.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "all that the formula names")]
    fn scores<S: Simd>(
        &mut self,
        simd: S,
        q: Matrix<'_>,
        g: Matrix<'_>,
        at: usize,
        first: usize,
        log: impl Fn(usize) -> f32,
        dots: &[f32; QUERIES],
        seen: impl Fn(usize) -> usize,
    ) {
        let Self { keys_t, values_t, p, ds, wide, .. } = self;
        let (panel, stride) = (at / *wide, PANELS * *wide);
        let place = |i: usize| i * stride + at - first;
        product(
            simd,
            q,
            keys_t.panel::<S>(panel),
            #[inline(always)]
            |i, sum| pairs_mut::<S>(&mut p[place(i)..])[0] = sum,
        );
        product(
            simd,
            g,
            values_t.panel::<S>(panel),
            #[inline(always)]
            |i, sum| {
                let (log, dot) = (simd.splat_f32s(log(i)), simd.splat_f32s(dots[i]));
                let p = &mut pairs_mut::<S>(&mut p[place(i)..])[0];
                *p = each::<S>(
                    *p,
                    #[inline(always)]
                    |score| exp2(simd, simd.sub_f32s(score, log)),
                );
                pairs_mut::<S>(&mut ds[place(i)..])[0] = [
                    simd.mul_f32s(p[0], simd.sub_f32s(sum[0], dot)),
                    simd.mul_f32s(p[1], simd.sub_f32s(sum[1], dot)),
                ];
            },
        );
        for i in (0..q.rows).filter(|&i| seen(i) < at + *wide) {
            let seen = seen(i).saturating_sub(at);
            for x in [&mut *p, &mut *ds] {
                x[place(i) + seen..place(i) + *wide].fill(0.0);
            }
        }
    }

    /// The products of P and dS of a block with what they meet, for keys from `first` to before `last`.
    #[inline(always)]
    fn products<S: Simd>(&mut self, simd: S, rows: usize, first: usize, last: usize) {
        let stride = PANELS * self.wide;
        let [p, ds] = [&self.p, &self.ds].map(|data| Matrix::new(data, rows, last - first, stride));
        for panel in 0..self.c.div_ceil(self.wide) {
            let dv = &mut self.dv.panel_mut::<S>(panel)[first..last];
            product_transposed(
                simd,
                p,
                &self.g.panel::<S>(panel)[..rows],
                #[inline(always)]
                |i, sum| dv[i] = add(simd, dv[i], sum),
            );
            let dk = &mut self.dk.panel_mut::<S>(panel)[first..last];
            product_transposed(
                simd,
                ds,
                &self.q.panel::<S>(panel)[..rows],
                #[inline(always)]
                |i, sum| dk[i] = add(simd, dk[i], sum),
            );
            let dq = self.dq.panel_mut::<S>(panel);
            product(
                simd,
                ds,
                &self.keys.panel::<S>(panel)[first..last],
                #[inline(always)]
                |i, sum| dq[i] = add(simd, dq[i], sum),
            );
        }
    }
}
