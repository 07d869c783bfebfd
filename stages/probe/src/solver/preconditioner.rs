//! Coordinates in which the objective is about equally curved in every direction.
//!
//! The features of a network are strongly correlated, so the objective is a long narrow valley, and
//! L-BFGS takes hundreds of small steps along it. Its curvature is known well enough to undo that: the
//! Hessian of softmax regression is about `S / K + l2 · I`, with S the features' covariance and K the number
//! of classes (Böhning, "Multinomial logistic regression algorithm", 1992, bounds it this way). With
//! `L Lᵀ` that matrix, weights `W = L⁻ᵀ V` see a curvature near 1 in every direction of V. The objective
//! stays the same, only the path to its optimum is shorter.

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

use super::cholesky::inverse_factor;
use crate::objective::Matrix;

/// Above so many features only their variances are used: the matrix would be the larger part of memory.
const DENSE: usize = 2048;

/// So many images tell the covariance well enough. Any positive definite matrix gives the same optimum.
const IMAGES: usize = 10_000;

/// Values of these images at most, so that wide features take no more memory than others.
const VALUES: usize = 1 << 25;

/// How many images [`Moments::of`] wants to see.
pub(super) fn sample(dims: usize) -> usize {
    IMAGES.min(VALUES / dims.max(1)).max(1)
}

/// The second moments of the features.
#[derive(Clone, Debug)]
pub(super) enum Moments {
    /// dims × dims.
    Full(Array2<f64>),
    /// The diagonal alone.
    Diagonal(Array1<f64>),
}

/// The change of coordinates for one strength.
#[derive(Clone, Debug)]
pub(super) enum Preconditioner {
    /// L⁻¹, dims × dims.
    Full(Matrix),
    /// The diagonal of L⁻¹.
    Diagonal(Array1<f64>),
}

impl Moments {
    /// Of the rows of images × dims.
    pub(super) fn of(x: &ArrayView2<'_, f32>) -> Self {
        let images = x.nrows();
        if x.ncols() <= DENSE {
            Self::Full(lower_products(x) / images as f64)
        } else {
            let mut squares = Array1::<f64>::zeros(x.ncols());
            for row in x.rows() {
                squares.zip_mut_with(&row, |sum, v| *sum += f64::from(*v).powi(2));
            }
            Self::Diagonal(squares / images as f64)
        }
    }

    /// The sum of the variances.
    pub(super) fn trace(&self) -> f64 {
        match self {
            Self::Full(moments) => moments.diag().sum(),
            Self::Diagonal(moments) => moments.sum(),
        }
    }

    /// For classifiers of so many classes.
    pub(super) fn preconditioner(&self, classes: usize, l2: f64) -> Preconditioner {
        let share = 1.0 / classes as f64;
        // Features that depend on each other leave nothing but l2 in some direction, and that may be
        // below the rounding errors of the others, which are those of f32.
        let floor = l2.max(1e-6 * share * self.trace() / self.dims() as f64).max(f64::MIN_POSITIVE);
        let by_variances = |variances: Array1<f64>| {
            Preconditioner::Diagonal(variances.mapv(|m| (m * share + floor).sqrt().recip()))
        };
        match self {
            Self::Full(moments) => {
                let mut curvature = moments * share;
                curvature.diag_mut().mapv_inplace(|c| c + floor);
                let inverse = inverse_factor(curvature);
                inverse.map_or_else(
                    || by_variances(moments.diag().to_owned()),
                    |inverse| Preconditioner::Full(Matrix::new(&inverse.view())),
                )
            }
            Self::Diagonal(moments) => by_variances(moments.clone()),
        }
    }

    fn dims(&self) -> usize {
        match self {
            Self::Full(moments) => moments.nrows(),
            Self::Diagonal(moments) => moments.len(),
        }
    }
}

/// The lower triangle of xᵀ·x (some of what lies above it is there too).
fn lower_products(x: &ArrayView2<'_, f32>) -> Array2<f64> {
    /// Columns that one task computes, and rows whose products are summed up in f32.
    const PANEL: [usize; 2] = [64, 2048];
    let dims = x.ncols();
    let panel = |first: usize| {
        let last = dims.min(first + PANEL[0]);
        let mut sum = Array2::<f64>::zeros((dims - first, last - first));
        for rows in x.axis_chunks_iter(Axis(0), PANEL[1]) {
            let columns = rows.slice_axis(Axis(1), Slice::from(first..last));
            let below = rows.slice_axis(Axis(1), Slice::from(first..));
            sum.zip_mut_with(&below.t().dot(&columns), |sum, part| *sum += f64::from(*part));
        }
        sum
    };
    let firsts: Vec<usize> = (0..dims).step_by(PANEL[0]).collect();
    let panels: Vec<_> = firsts.par_iter().map(|&first| panel(first)).collect();
    let mut products = Array2::zeros((dims, dims));
    for (first, panel) in firsts.into_iter().zip(panels) {
        let last = first + panel.ncols();
        let mut columns = products.slice_axis_mut(Axis(1), Slice::from(first..last));
        columns.slice_axis_mut(Axis(0), Slice::from(first..)).assign(&panel);
    }
    products
}

impl Preconditioner {
    /// `L⁻ᵀ v` of every row: weights, classes × dims, from coordinates.
    pub(super) fn weights(&self, v: &ArrayView2<'_, f64>) -> Array2<f64> {
        match self {
            Self::Full(inverse) => inverse.transposed_times(v),
            Self::Diagonal(inverse) => v * inverse,
        }
    }

    /// `L⁻¹ g` of every row: the gradient by the coordinates from that by the weights, classes × dims.
    pub(super) fn gradient(&self, g: &ArrayView2<'_, f64>) -> Array2<f64> {
        match self {
            Self::Full(inverse) => inverse.times(g),
            Self::Diagonal(inverse) => g * inverse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn curvature_becomes_one() {
        let x = array![[1.0_f32, 2.0, 0.0], [-1.0, 0.5, 0.0], [0.3, -0.7, 0.0], [2.0, 3.0, 0.0]];
        let preconditioner = Moments::of(&x.view()).preconditioner(2, 0.1);
        let x = x.mapv(f64::from);
        let curvature = x.t().dot(&x) / 8.0 + Array2::<f64>::eye(3) * 0.1;
        // Rows are L⁻ᵀ e, so this is L⁻¹ C L⁻ᵀ.
        let columns = preconditioner.weights(&Array2::eye(3).view());
        let flat = columns.dot(&curvature).dot(&columns.t());
        assert!((flat - Array2::<f64>::eye(3)).iter().all(|error| error.abs() < 1e-6));
        // Both ways go through the same matrix.
        assert_eq!(preconditioner.gradient(&Array2::eye(3).view()), columns.t());
    }

    #[test]
    fn products_of_many_columns_and_rows_are_those_of_f64() {
        let x = Array2::from_shape_fn((5000, 130), |(i, j)| ((i * 31 + j * j * 17) % 23) as f32 - 11.0);
        let (ours, exact) = (lower_products(&x.view()), x.mapv(f64::from));
        let exact = exact.t().dot(&exact);
        assert!(ours.indexed_iter().all(|((i, j), v)| j > i || *v == exact[[i, j]]));
    }

    #[test]
    fn dependent_and_constant_features_are_no_obstacle() {
        let x = array![[1.0_f32, 1.0, 0.0], [-1.0, -1.0, 0.0]];
        for l2 in [1e-300, 1e-6, 1e300] {
            let preconditioner = Moments::of(&x.view()).preconditioner(2, l2);
            let columns = preconditioner.weights(&Array2::eye(3).view());
            assert!(columns.iter().all(|v| v.is_finite()), "{l2}: {columns}");
        }
        let constant = Moments::of(&array![[0.0_f32], [0.0]].view()).preconditioner(2, 1e-6);
        assert!(constant.weights(&array![[1.0], [2.0]].view()).iter().all(|v| v.is_finite()));
    }

    #[test]
    fn wide_features_use_their_variances() {
        let x = Array2::from_shape_fn((3, DENSE + 1), |(i, j)| (i as f32 - 1.0) * (j % 7) as f32);
        let moments = Moments::of(&x.view());
        assert!((moments.trace() - x.fold(0.0, |sum, v| sum + f64::from(*v).powi(2)) / 3.0).abs() < 1e-6);
        let Preconditioner::Diagonal(inverse) = moments.preconditioner(2, 0.5) else { unreachable!() };
        assert!((inverse[3] - (6.0 / 2.0 + 0.5_f64).sqrt().recip()).abs() < 1e-12);
    }
}
