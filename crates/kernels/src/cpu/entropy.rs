//! Output matrix and cross-entropy together: logits of a few rows at a time, never of all.

use std::f32::consts::LOG2_E;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::exp::exp2;
use super::gemm::{Into, Matrix, product};
use super::lanes::max;

/// Rows whose logits are there at a time.
const TILE: usize = 256;

/// Rows whose part of the matrix's gradient is summed up by one task. Fixed, so that the sum does not depend on
/// the number of threads.
const TASK: usize = 1024;

/// For rows x of d values and a matrix w `[k, d]`: the losses −ln softmax(x·wᵀ)[target], and the logarithms of
/// the softmax denominators.
pub(crate) fn forward(x: &[f32], w: &[f32], targets: &[usize], d: usize) -> (Vec<f32>, Vec<f32>) {
    let k = w.len() / d;
    let (mut losses, mut logs) = (vec![0.0; targets.len()], vec![0.0; targets.len()]);
    let w = Matrix::new(w, k, d, d);
    let arch = pulp::Arch::new();
    losses
        .par_chunks_mut(TASK)
        .zip(logs.par_chunks_mut(TASK))
        .zip(x.par_chunks(TASK * d).zip(targets.par_chunks(TASK)))
        .for_each(|((losses, logs), (x, targets))| {
            let mut logits = vec![0.0; TILE.min(targets.len()) * k];
            let tiles = losses.chunks_mut(TILE).zip(logs.chunks_mut(TILE));
            for ((losses, logs), (x, targets)) in tiles.zip(x.chunks(TILE * d).zip(targets.chunks(TILE))) {
                let logits = &mut logits[..targets.len() * k];
                product(logits, k, Into::Replace, 1.0, Matrix::new(x, targets.len(), d, d), w.t());
                arch.dispatch(LogSumExp { rows: logits, k, logs });
                let of_row = logits.chunks_exact(k).zip(targets).zip(logs.iter().zip(losses));
                of_row.for_each(|((row, target), (log, loss))| *loss = *log - row[*target]);
            }
        });
    (losses, logs)
}

/// The gradients by x and w, given the logarithms and the gradient g of each loss: with the softmax p,
/// dlogits = g·(p − 1 at the target).
pub(crate) fn backward(
    x: &[f32],
    w: &[f32],
    targets: &[usize],
    logs: &[f32],
    g: &[f32],
    d: usize,
) -> (Vec<f32>, Vec<f32>) {
    let k = w.len() / d;
    let mut dx = vec![0.0; x.len()];
    let m = Matrix::new(w, k, d, d);
    let arch = pulp::Arch::new();
    let sums: Vec<Vec<f32>> = dx
        .par_chunks_mut(TASK * d)
        .zip(x.par_chunks(TASK * d))
        .zip(targets.par_chunks(TASK).zip(logs.par_chunks(TASK)).zip(g.par_chunks(TASK)))
        .map(|((dx, x), ((targets, logs), g))| {
            let mut dw = vec![0.0; w.len()];
            let mut p = vec![0.0; TILE.min(targets.len()) * k];
            let tiles = dx.chunks_mut(TILE * d).zip(x.chunks(TILE * d));
            let of_rows = targets.chunks(TILE).zip(logs.chunks(TILE)).zip(g.chunks(TILE));
            for ((dx, x), ((targets, logs), g)) in tiles.zip(of_rows) {
                let rows = targets.len();
                let p = &mut p[..rows * k];
                let x = Matrix::new(x, rows, d, d);
                product(p, k, Into::Replace, 1.0, x, m.t());
                arch.dispatch(Softmax { rows: p, k, logs, g });
                let of_row = p.chunks_exact_mut(k).zip(targets).zip(g);
                of_row.for_each(|((row, target), g)| row[*target] -= g);
                let p = Matrix::new(p, rows, k, k);
                product(dx, d, Into::Replace, 1.0, p, m);
                product(&mut dw, d, Into::Add, 1.0, p.t(), x);
            }
            dw
        })
        .collect();
    let add = |mut sum: Vec<f32>, part: Vec<f32>| {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        sum
    };
    (dx, sums.into_iter().reduce(add).unwrap_or_else(|| vec![0.0; w.len()]))
}

/// ln Σ eˣ, by row into `logs`.
struct LogSumExp<'a> {
    rows: &'a [f32],
    k: usize,
    logs: &'a mut [f32],
}

impl WithSimd for LogSumExp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (row, log) in self.rows.chunks_exact(self.k).zip(self.logs) {
            let max = max(row);
            let (vectors, rest) = S::as_simd_f32s(row);
            let mut sum = simd.splat_f32s(0.0);
            for z in vectors {
                sum = simd.add_f32s(sum, exp(simd, *z, max));
            }
            let rest: f32 = rest.iter().map(|z| (z - max).exp()).sum();
            *log = max + (simd.reduce_sum_f32s(sum) + rest).ln();
        }
    }
}

/// Logits z into g·e^(z − log), by row.
struct Softmax<'a> {
    rows: &'a mut [f32],
    k: usize,
    logs: &'a [f32],
    g: &'a [f32],
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (row, (log, g)) in self.rows.chunks_exact_mut(self.k).zip(self.logs.iter().zip(self.g)) {
            let (vectors, rest) = S::as_mut_simd_f32s(row);
            for z in vectors {
                *z = simd.mul_f32s(simd.splat_f32s(*g), exp(simd, *z, *log));
            }
            rest.iter_mut().for_each(|z| *z = g * (*z - log).exp());
        }
    }
}

/// e^(z − shift).
#[inline(always)]
fn exp<S: Simd>(simd: S, z: S::f32s, shift: f32) -> S::f32s {
    exp2(simd, simd.mul_f32s(simd.sub_f32s(z, simd.splat_f32s(shift)), simd.splat_f32s(LOG2_E)))
}
