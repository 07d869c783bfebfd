//! Attention in blocks of queries.
//!
//! Where a position does not see those after it, a block of queries only meets the keys up to its last
//! position, so about half of the products are not done. No positions × positions matrix is kept: the
//! backward pass computes a block's softmax again from the logarithms of its denominators (as
//! FlashAttention does, Dao et al. 2022).

use rayon::prelude::*;

use super::exp::exp;
use super::gemm::{Into, Matrix, product};
use super::lanes::{max, sum};
use crate::Heads;

/// Queries in a block: its scores against 1,024 keys are 256 KiB, which stay in the second-level
/// cache.
const BLOCK: usize = 64;

/// The sizes of one image.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) positions: usize,
    /// d: all heads together.
    pub(crate) width: usize,
    pub(crate) heads: Heads,
}

impl Sizes {
    fn head_dim(self) -> usize {
        self.width / self.heads.n_head
    }

    fn scale(self) -> f32 {
        (self.head_dim() as f32).powf(-0.5)
    }

    /// Every block of queries: its first and last + 1 position, and the keys that it meets.
    fn blocks(self) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.positions).step_by(BLOCK).map(move |start| {
            let end = (start + BLOCK).min(self.positions);
            (start, end, self.keys(end))
        })
    }

    /// How many keys the queries before `end` meet, or the last of them sees.
    fn keys(self, end: usize) -> usize {
        if self.heads.causal { end } else { self.positions }
    }
}

/// One head's part of a `[positions, 3d]` image: 0 queries, 1 keys, 2 values.
fn part(qkv: &[f32], sizes: Sizes, which: usize, head: usize, from: usize, to: usize) -> Matrix<'_> {
    let stride = 3 * sizes.width;
    let column = which * sizes.width + head * sizes.head_dim();
    Matrix::new(&qkv[from * stride + column..], to - from, sizes.head_dim(), stride)
}

/// One head's part of a `[positions, d]` image.
fn head_of(x: &[f32], sizes: Sizes, head: usize, from: usize, to: usize) -> Matrix<'_> {
    let column = head * sizes.head_dim();
    Matrix::new(&x[from * sizes.width + column..], to - from, sizes.head_dim(), sizes.width)
}

/// `qkv` `[images, positions, 3d]` to the value `[images, positions, d]` and the logarithms of the
/// softmax denominators `[images, heads, positions]`.
pub(crate) fn forward(qkv: &[f32], sizes: Sizes) -> (Vec<f32>, Vec<f32>) {
    let Sizes { positions: t, width: d, heads: Heads { n_head: heads, .. } } = sizes;
    let images = qkv.len() / (t * 3 * d);
    let mut value = vec![0.0; images * t * d];
    let mut logs = vec![0.0; images * heads * t];
    let arch = pulp::Arch::new();
    qkv.par_chunks_exact(t * 3 * d)
        .zip(value.par_chunks_exact_mut(t * d))
        .zip(logs.par_chunks_exact_mut(heads * t))
        .for_each(|((qkv, value), logs)| {
            let mut scores = vec![0.0; BLOCK.min(t) * t];
            for head in 0..heads {
                for (start, end, keys) in sizes.blocks() {
                    let q = part(qkv, sizes, 0, head, start, end);
                    let k = part(qkv, sizes, 1, head, 0, keys);
                    let v = part(qkv, sizes, 2, head, 0, keys);
                    product(&mut scores, keys, Into::Replace, sizes.scale(), q, k.t());
                    let logs = &mut logs[head * t + start..head * t + end];
                    arch.dispatch(
                        #[inline(always)]
                        || softmax_rows(&mut scores, keys, |i| sizes.keys(start + i + 1), logs),
                    );
                    let p = Matrix::new(&scores, end - start, keys, keys);
                    let place = &mut value[start * d + head * sizes.head_dim()..];
                    product(place, d, Into::Replace, 1.0, p, v);
                }
            }
        });
    (value, logs)
}

/// The gradient by `qkv`, in its layout.
pub(crate) fn backward(qkv: &[f32], value: &[f32], logs: &[f32], gradient: &[f32], sizes: Sizes) -> Vec<f32> {
    let Sizes { positions: t, width: d, heads: Heads { n_head: heads, .. } } = sizes;
    let (scale, stride) = (sizes.scale(), 3 * d);
    let mut result = vec![0.0; qkv.len()];
    let arch = pulp::Arch::new();
    result
        .par_chunks_exact_mut(t * 3 * d)
        .zip(qkv.par_chunks_exact(t * 3 * d))
        .zip(value.par_chunks_exact(t * d))
        .zip(gradient.par_chunks_exact(t * d))
        .zip(logs.par_chunks_exact(heads * t))
        .for_each(|((((result, qkv), value), gradient), logs)| {
            let mut p = vec![0.0; BLOCK.min(t) * t];
            let mut ds = vec![0.0; BLOCK.min(t) * t];
            for head in 0..heads {
                // Where this head's dq, dk and dv begin in a row of the result.
                let [dq, dk, dv] = [0, 1, 2].map(|which| which * d + head * sizes.head_dim());
                for (start, end, keys) in sizes.blocks() {
                    let q = part(qkv, sizes, 0, head, start, end);
                    let k = part(qkv, sizes, 1, head, 0, keys);
                    let v = part(qkv, sizes, 2, head, 0, keys);
                    let g = head_of(gradient, sizes, head, start, end);
                    let o = head_of(value, sizes, head, start, end);
                    product(&mut p, keys, Into::Replace, scale, q, k.t());
                    product(&mut ds, keys, Into::Replace, 1.0, g, v.t());
                    let logs = &logs[head * t + start..head * t + end];
                    arch.dispatch(
                        #[inline(always)]
                        || {
                            softmax_gradient_rows(
                                &mut p,
                                &mut ds,
                                keys,
                                |i| sizes.keys(start + i + 1),
                                logs,
                                g,
                                o,
                            )
                        },
                    );
                    let [p, ds] = [&p, &ds].map(|x| Matrix::new(x, end - start, keys, keys));
                    product(&mut result[dv..], stride, Into::Add, 1.0, p.t(), g);
                    product(&mut result[start * stride + dq..], stride, Into::Replace, scale, ds, k);
                    product(&mut result[dk..], stride, Into::Add, scale, ds.t(), q);
                }
            }
        });
    result
}

/// Turns the scores of a block of queries into softmax over the keys that the i-th may see, and notes the
/// logarithms of the denominators. Rows are `keys` long.
#[inline(always)]
fn softmax_rows(scores: &mut [f32], keys: usize, sees: impl Fn(usize) -> usize, logs: &mut [f32]) {
    for (i, (row, log)) in scores.chunks_exact_mut(keys).zip(logs).enumerate() {
        let (seen, future) = row.split_at_mut(sees(i));
        let max = max(seen);
        for x in &mut *seen {
            *x = exp(*x - max);
        }
        let sum = sum(seen);
        for x in &mut *seen {
            *x /= sum;
        }
        future.fill(0.0);
        *log = max + sum.ln();
    }
}

/// Turns scores into softmax P, and `ds`, which holds g·vᵀ, into P ⊙ (g·vᵀ − rowsum(g ⊙ o)).
#[inline(always)]
fn softmax_gradient_rows<'a>(
    p: &mut [f32],
    ds: &mut [f32],
    keys: usize,
    sees: impl Fn(usize) -> usize,
    logs: &[f32],
    g: Matrix<'a>,
    o: Matrix<'a>,
) {
    for (i, ((p, ds), log)) in p.chunks_exact_mut(keys).zip(ds.chunks_exact_mut(keys)).zip(logs).enumerate() {
        let row = |x: Matrix<'a>| &x.data[i * x.row_stride..i * x.row_stride + x.columns];
        let dot: f32 = row(g).iter().zip(row(o)).map(|(g, o)| g * o).sum();
        let seen = sees(i);
        for (p, ds) in p[..seen].iter_mut().zip(&mut ds[..seen]) {
            *p = exp(*p - log);
            *ds = *p * (*ds - dot);
        }
        p[seen..].fill(0.0);
        ds[seen..].fill(0.0);
    }
}
