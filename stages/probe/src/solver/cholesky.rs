//! The inverse of a Cholesky factor.
//!
//! linfa's own takes some ten times as long: it adds one product after another, where here vectors run along
//! rows.

use ndarray::Array2;
use pulp::{Arch, Simd, WithSimd};

/// L⁻¹, lower triangular, of the positive definite matrix L·Lᵀ, of which the lower triangle is read. None
/// where rounding errors leave it not positive definite.
pub(super) fn inverse_factor(matrix: Array2<f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let mut factor = matrix.as_standard_layout().into_owned();
    let mut inverse = Array2::zeros((n, n));
    let (lower, out) = (factor.as_slice_mut()?, inverse.as_slice_mut()?);
    Arch::new().dispatch(InverseFactor { lower, out, n }).then_some(inverse)
}

struct InverseFactor<'a> {
    /// The matrix, then L, row by row.
    lower: &'a mut [f64],
    /// Zeros, then L⁻¹.
    out: &'a mut [f64],
    n: usize,
}

impl WithSimd for InverseFactor<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> bool {
        let Self { lower, out, n } = self;
        for i in 0..n {
            let (above, row) = lower.split_at_mut(i * n);
            let (above_out, row_out) = out.split_at_mut(i * n);
            for (j, other) in above.chunks_exact(n).enumerate() {
                row[j] = (row[j] - dot(simd, &row[..j], &other[..j])) / other[j];
            }
            let square = row[i] - dot(simd, &row[..i], &row[..i]);
            if square.is_nan() || square <= 0.0 {
                return false;
            }
            row[i] = square.sqrt();
            // L·L⁻¹ = I, row i.
            for (j, other) in above_out.chunks_exact(n).enumerate() {
                add(simd, &mut row_out[..=j], -row[j] / row[i], &other[..=j]);
            }
            row_out[i] = 1.0 / row[i];
        }
        true
    }
}

#[inline(always)]
fn dot<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_end), (b, b_end)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sums = [simd.splat_f64s(0.0); 4];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum = simd.mul_add_e_f64s(*a, *b, *sum);
        }
    }
    let [mut sum, s1, s2, s3] = sums;
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum = simd.mul_add_e_f64s(*a, *b, sum);
    }
    let sum = simd.add_f64s(simd.add_f64s(sum, s1), simd.add_f64s(s2, s3));
    simd.reduce_sum_f64s(sum) + a_end.iter().zip(b_end).map(|(a, b)| a * b).sum::<f64>()
}

/// a += factor·b.
#[inline(always)]
fn add<S: Simd>(simd: S, a: &mut [f64], factor: f64, b: &[f64]) {
    let ((a, a_end), (b, b_end)) = (S::as_mut_simd_f64s(a), S::as_simd_f64s(b));
    let factors = simd.splat_f64s(factor);
    for (a, b) in a.iter_mut().zip(b) {
        *a = simd.mul_add_e_f64s(factors, *b, *a);
    }
    a_end.iter_mut().zip(b_end).for_each(|(a, b)| *a += factor * b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_factor() {
        for n in [1, 2, 9, 50] {
            let root = Array2::from_shape_fn((n, n), |(i, j)| ((i * 7 + j * 3) % 11) as f64 / 5.0 - 1.0);
            let matrix = root.dot(&root.t()) + Array2::<f64>::eye(n);
            let inverse = inverse_factor(matrix.clone()).unwrap();
            let identity = inverse.dot(&matrix).dot(&inverse.t());
            assert!((identity - Array2::<f64>::eye(n)).iter().all(|error| error.abs() < 1e-11), "{n}");
            assert!(inverse.indexed_iter().all(|((i, j), v)| j <= i || *v == 0.0));
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_none() {
        assert!(inverse_factor(ndarray::array![[1.0, 2.0], [2.0, 1.0]]).is_none());
        assert!(inverse_factor(ndarray::array![[f64::NAN]]).is_none());
    }
}
