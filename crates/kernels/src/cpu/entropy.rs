//! Output matrix and cross-entropy together: logits of a few rows at a time, never of all.

use rayon::prelude::*;

use super::exp::exp;
use super::gemm::{Into, Matrix, product};
use super::lanes::{LANES, max};

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
                arch.dispatch(
                    #[inline(always)]
                    || {
                        let rows = logits.chunks_exact(k).zip(targets);
                        for ((row, target), (loss, log)) in rows.zip(losses.iter_mut().zip(logs)) {
                            *log = log_sum_exp(row);
                            *loss = *log - row[*target];
                        }
                    },
                );
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
                arch.dispatch(
                    #[inline(always)]
                    || {
                        for ((row, target), (log, g)) in
                            p.chunks_exact_mut(k).zip(targets).zip(logs.iter().zip(g))
                        {
                            for z in row.iter_mut() {
                                *z = g * exp(*z - log);
                            }
                            row[*target] -= g;
                        }
                    },
                );
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

/// ln Σ eˣ.
#[inline(always)]
fn log_sum_exp(row: &[f32]) -> f32 {
    let max = max(row);
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for (lane, z) in lanes.iter_mut().zip(chunk) {
            *lane += exp(z - max);
        }
    }
    max + (lanes.iter().sum::<f32>() + rest.iter().map(|z| exp(z - max)).sum::<f32>()).ln()
}
