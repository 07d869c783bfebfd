//! The MLP of a block, a few rows at a time: what lies between its two products stays in the cache.

use rayon::prelude::*;

use super::gelu::{gelu, gelu_backward_into, gelu_into};
use super::gemm::{Into, Matrix, product};

/// Rows that are taken through both products at a time. Fewer would pack the weights more often, more would not
/// stay in the second-level cache.
const TILE: usize = 256;

/// Rows whose part of the weights' gradients is summed up by one task. Fixed, so that the sums do not depend
/// on the number of threads.
const TASK: usize = 1024;

/// The widths of an MLP.
#[derive(Clone, Copy)]
pub(crate) struct Widths {
    /// Of the stream.
    pub(crate) d: usize,
    /// In between.
    pub(crate) hidden: usize,
}

/// Rows x of d values to gelu(x·w1)·w2, and x·w1, which the gradient needs.
pub(crate) fn forward(x: &[f32], w1: &[f32], w2: &[f32], widths: Widths) -> (Vec<f32>, Vec<f32>) {
    let Widths { d, hidden } = widths;
    let rows = x.len() / d;
    let (mut y, mut u) = (vec![0.0; rows * d], vec![0.0; rows * hidden]);
    y.par_chunks_mut(TASK * d).zip(u.par_chunks_mut(TASK * hidden)).zip(x.par_chunks(TASK * d)).for_each(
        |((y, u), x)| {
            let mut a = vec![0.0; TILE.min(x.len() / d) * hidden];
            let tiles = y.chunks_mut(TILE * d).zip(u.chunks_mut(TILE * hidden)).zip(x.chunks(TILE * d));
            for ((y, u), x) in tiles {
                inner(u, x, w1, widths);
                let a = &mut a[..u.len()];
                gelu_into(a, u);
                outer(y, a, w2, widths);
            }
        },
    );
    (y, u)
}

/// The same without x·w1, of which no more than a tile is there at a time.
pub(crate) fn value(x: &[f32], w1: &[f32], w2: &[f32], widths: Widths) -> Vec<f32> {
    let Widths { d, hidden } = widths;
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(TASK * d).zip(x.par_chunks(TASK * d)).for_each(|(y, x)| {
        let mut a = vec![0.0; TILE.min(x.len() / d) * hidden];
        for (y, x) in y.chunks_mut(TILE * d).zip(x.chunks(TILE * d)) {
            let a = &mut a[..x.len() / d * hidden];
            inner(a, x, w1, widths);
            gelu(a);
            outer(y, a, w2, widths);
        }
    });
    y
}

/// u = x·w1.
fn inner(u: &mut [f32], x: &[f32], w1: &[f32], Widths { d, hidden }: Widths) {
    let (x, w1) = (Matrix::new(x, x.len() / d, d, d), Matrix::new(w1, d, hidden, hidden));
    product(u, hidden, Into::Replace, 1.0, x, w1);
}

/// y = a·w2.
fn outer(y: &mut [f32], a: &[f32], w2: &[f32], Widths { d, hidden }: Widths) {
    let (a, w2) = (Matrix::new(a, a.len() / hidden, hidden, hidden), Matrix::new(w2, hidden, d, d));
    product(y, d, Into::Replace, 1.0, a, w2);
}

/// The gradients by x, w1 and w2, given u = x·w1 and the gradient g of the value.
pub(crate) fn backward(
    x: &[f32],
    u: &[f32],
    w1: &[f32],
    w2: &[f32],
    g: &[f32],
    widths: Widths,
) -> [Vec<f32>; 3] {
    let Widths { d, hidden } = widths;
    let mut dx = vec![0.0; x.len()];
    let (m1, m2) = (Matrix::new(w1, d, hidden, hidden), Matrix::new(w2, hidden, d, d));
    let sums: Vec<_> = dx
        .par_chunks_mut(TASK * d)
        .zip(x.par_chunks(TASK * d))
        .zip(u.par_chunks(TASK * hidden))
        .zip(g.par_chunks(TASK * d))
        .map(|(((dx, x), u), g)| {
            let (mut dw1, mut dw2) = (vec![0.0; w1.len()], vec![0.0; w2.len()]);
            let tile = TILE.min(x.len() / d) * hidden;
            let (mut a, mut du) = (vec![0.0; tile], vec![0.0; tile]);
            let tiles = dx.chunks_mut(TILE * d).zip(x.chunks(TILE * d));
            for ((dx, x), (u, g)) in tiles.zip(u.chunks(TILE * hidden).zip(g.chunks(TILE * d))) {
                let rows = x.len() / d;
                let (a, du) = (&mut a[..rows * hidden], &mut du[..rows * hidden]);
                let (x, g) = (Matrix::new(x, rows, d, d), Matrix::new(g, rows, d, d));
                product(du, hidden, Into::Replace, 1.0, g, m2.t());
                gelu_backward_into(du, a, u);
                let (a, du) = (Matrix::new(a, rows, hidden, hidden), Matrix::new(du, rows, hidden, hidden));
                product(dx, d, Into::Replace, 1.0, du, m1.t());
                product(&mut dw1, hidden, Into::Add, 1.0, x.t(), du);
                product(&mut dw2, d, Into::Add, 1.0, a.t(), g);
            }
            [dw1, dw2]
        })
        .collect();
    let add = |mut sum: [Vec<f32>; 2], part: [Vec<f32>; 2]| {
        for (sum, part) in sum.iter_mut().zip(part) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        sum
    };
    let sums = sums.into_iter().reduce(add);
    let [dw1, dw2] = sums.unwrap_or_else(|| [vec![0.0; w1.len()], vec![0.0; w2.len()]]);
    [dx, dw1, dw2]
}
