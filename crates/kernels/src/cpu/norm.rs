//! The norm in one pass.

use rayon::prelude::*;

use super::TASK;
use super::lanes::dot;
use crate::EPSILON;

/// Rows of width `d` in a task.
fn task_rows(d: usize) -> usize {
    (TASK / d).max(1)
}

/// x / √(mean(x²) + ε) · weight, row by row.
pub(crate) fn rms_norm(x: &[f32], weight: &[f32]) -> Vec<f32> {
    let d = weight.len();
    let mut y = vec![0.0; x.len()];
    let arch = pulp::Arch::new();
    let task = task_rows(d) * d;
    y.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(y, x)| {
        arch.dispatch(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(d).zip(x.chunks_exact(d)) {
                    let r = inverse_root(x);
                    for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
                        *y = x * r * w;
                    }
                }
            },
        );
    });
    y
}

/// The gradients by x and by weight: dx = r·(g·w − n·mean(g·w·n)) and dw = Σ g·n with n = x·r.
pub(crate) fn rms_norm_backward(x: &[f32], weight: &[f32], gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let d = weight.len();
    let mut dx = vec![0.0; x.len()];
    let arch = pulp::Arch::new();
    let task = task_rows(d) * d;
    let partial: Vec<Vec<f32>> = dx
        .par_chunks_mut(task)
        .zip(x.par_chunks(task))
        .zip(gradient.par_chunks(task))
        .map(|((dx, x), g)| {
            let mut dw = vec![0.0; d];
            arch.dispatch(
                #[inline(always)]
                || {
                    let rows = dx.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(g.chunks_exact(d));
                    rows.for_each(|((dx, x), g)| norm_row_backward(dx, &mut dw, x, g, weight));
                },
            );
            dw
        })
        .collect();
    let mut dw = vec![0.0; d];
    for part in partial {
        dw.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    (dx, dw)
}

#[inline(always)]
fn norm_row_backward(dx: &mut [f32], dw: &mut [f32], x: &[f32], g: &[f32], weight: &[f32]) {
    let r = inverse_root(x);
    for ((((dx, dw), x), g), w) in dx.iter_mut().zip(dw).zip(x).zip(g).zip(weight) {
        *dw += g * x * r;
        *dx = g * w;
    }
    let mean = r * dot(dx, x) / x.len() as f32;
    for (dx, x) in dx.iter_mut().zip(x) {
        *dx = r * (*dx - x * r * mean);
    }
}

/// 1/√(mean(x²) + ε).
#[inline(always)]
fn inverse_root(x: &[f32]) -> f32 {
    1.0 / (dot(x, x) / x.len() as f32 + EPSILON as f32).sqrt()
}
