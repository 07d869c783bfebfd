//! The activation x·sigmoid(1.702x) in one pass.

use std::f32::consts::LOG2_E;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::TASK;
use super::exp::exp2;
use crate::SLOPE;

/// x·sigmoid(1.702x).
pub(crate) fn quick_gelu(x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(y, x)| gelu_into(y, x));
    y
}

/// g·s·(1 + 1.702x·(1 − s)) with s = sigmoid(1.702x).
pub(crate) fn quick_gelu_backward(x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let mut dx = gradient.to_vec();
    dx.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(g, x)| {
        gelu_backward_into(g, &mut vec![0.0; x.len()], x);
    });
    dx
}

/// x becomes x·sigmoid(1.702x), on this thread.
pub(super) fn gelu(x: &mut [f32]) {
    Arch::new().dispatch(Value { x });
}

/// y = x·sigmoid(1.702x), on this thread.
pub(super) fn gelu_into(y: &mut [f32], x: &[f32]) {
    y.copy_from_slice(x);
    gelu(y);
}

/// The value y again, and a gradient g of it turned into one of x, on this thread.
pub(super) fn gelu_backward_into(g: &mut [f32], y: &mut [f32], x: &[f32]) {
    Arch::new().dispatch(Gradient { g, y, x });
}

struct Value<'a> {
    x: &'a mut [f32],
}

impl WithSimd for Value<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (vectors, rest) = S::as_mut_simd_f32s(self.x);
        for x in vectors {
            *x = simd.mul_f32s(*x, sigmoid(simd, *x));
        }
        let x = simd.partial_load_f32s(rest);
        simd.partial_store_f32s(rest, simd.mul_f32s(x, sigmoid(simd, x)));
    }
}

struct Gradient<'a> {
    g: &'a mut [f32],
    y: &'a mut [f32],
    x: &'a [f32],
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let ((g, g_rest), (y, y_rest)) = (S::as_mut_simd_f32s(self.g), S::as_mut_simd_f32s(self.y));
        for ((g, y), x) in g.iter_mut().zip(y).zip(x) {
            (*y, *g) = value_and_gradient(simd, *x, *g);
        }
        let (g, x) = (simd.partial_load_f32s(g_rest), simd.partial_load_f32s(x_rest));
        let (y, g) = value_and_gradient(simd, x, g);
        simd.partial_store_f32s(y_rest, y);
        simd.partial_store_f32s(g_rest, g);
    }
}

/// x·s, and g·s·(1 + 1.702x·(1 − s)).
#[inline(always)]
fn value_and_gradient<S: Simd>(simd: S, x: S::f32s, g: S::f32s) -> (S::f32s, S::f32s) {
    let s = sigmoid(simd, x);
    let one = simd.splat_f32s(1.0);
    let u = simd.mul_f32s(simd.splat_f32s(SLOPE as f32), x);
    let slope = simd.mul_add_e_f32s(u, simd.sub_f32s(one, s), one);
    (simd.mul_f32s(x, s), simd.mul_f32s(g, simd.mul_f32s(s, slope)))
}

/// sigmoid(1.702x) = 1 / (1 + 2^(−1.702·log2(e)·x)).
#[inline(always)]
fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let power = simd.mul_f32s(simd.splat_f32s(-SLOPE as f32 * LOG2_E), x);
    // As large as a power may be; and as in `exp2`, what is not a number stays so.
    let power = simd.min_f32s(simd.splat_f32s(126.0), power);
    simd.div_f32s(one, simd.add_f32s(one, exp2(simd, power)))
}
