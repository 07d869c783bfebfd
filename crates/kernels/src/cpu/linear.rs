//! Products with weights. All of them go over strides: no factor is copied to be transposed.

use rayon::prelude::*;

use super::gemm::{Into, Matrix, product};

/// Rows that one task computes.
const TASK: usize = 1024;

/// Rows of `inner` values times weights `[inner, outer]`.
pub(crate) fn forward(x: &[f32], w: &[f32], inner: usize, outer: usize) -> Vec<f32> {
    let rows = x.len() / inner;
    let mut y = vec![0.0; rows * outer];
    let w = Matrix::new(w, inner, outer, outer);
    y.par_chunks_mut(TASK * outer).zip(x.par_chunks(TASK * inner)).for_each(|(y, x)| {
        let x = Matrix::new(x, y.len() / outer, inner, inner);
        product(y, outer, Into::Replace, 1.0, x, w);
    });
    y
}

/// The gradients by x, g·wᵀ, and by w, xᵀ·g.
pub(crate) fn backward(x: &[f32], w: &[f32], g: &[f32], inner: usize, outer: usize) -> (Vec<f32>, Vec<f32>) {
    let rows = x.len() / inner;
    let mut dx = vec![0.0; rows * inner];
    let w = Matrix::new(w, inner, outer, outer);
    dx.par_chunks_mut(TASK * inner).zip(g.par_chunks(TASK * outer)).for_each(|(dx, g)| {
        let g = Matrix::new(g, dx.len() / inner, outer, outer);
        product(dx, inner, Into::Replace, 1.0, g, w.t());
    });
    let mut dw = vec![0.0; inner * outer];
    // By rows of the weights: each is a sum over all rows of x, in one order.
    dw.par_chunks_mut(TASK * outer).enumerate().for_each(|(i, dw)| {
        let x = Matrix::new(&x[i * TASK..], rows, dw.len() / outer, inner);
        product(dw, outer, Into::Replace, 1.0, x.t(), Matrix::new(g, rows, outer, outer));
    });
    (dx, dw)
}
