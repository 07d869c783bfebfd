//! Coordinates in which the objective is about equally curved in every direction.
//!
//! The features of a network are strongly correlated, so the objective is a long narrow valley, and
//! L-BFGS takes hundreds of small steps along it. Its curvature is known well enough to undo that: the
//! Hessian of softmax regression is about `S / K + l2 · I`, with S the features' covariance and K the number
//! of classes (Böhning, "Multinomial logistic regression algorithm", 1992, bounds it this way). With
//! `L Lᵀ` that matrix, weights `W = L⁻ᵀ V` see a curvature near 1 in every direction of V. The objective
//! stays the same, only the path to its optimum is shorter.

use linfa_linalg::LinalgError;
use linfa_linalg::cholesky::CholeskyInplace;
use linfa_linalg::triangular::{SolveTriangularInplace, UPLO};
use ndarray::{Array1, Array2, ArrayView2, Axis, ShapeBuilder, Slice};

/// Above so many features only their variances are used: the matrix would be the larger part of memory.
const DENSE: usize = 2048;

/// So many images tell the covariance well enough. Any positive definite matrix gives the same optimum.
const IMAGES: usize = 10_000;

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
    Full(Array2<f64>),
    /// The diagonal of L⁻¹.
    Diagonal(Array1<f64>),
}

impl Moments {
    /// Of the rows of images × dims.
    pub(super) fn of(x: &ArrayView2<'_, f64>) -> Self {
        let images = x.nrows().min(IMAGES);
        let x = x.slice_axis(Axis(0), Slice::from(..images));
        if x.ncols() <= DENSE {
            Self::Full(x.t().dot(&x) / images as f64)
        } else {
            Self::Diagonal(
                x.columns().into_iter().map(|column| column.dot(&column) / images as f64).collect(),
            )
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
    pub(super) fn preconditioner(&self, classes: usize, l2: f64) -> Result<Preconditioner, LinalgError> {
        let share = 1.0 / classes as f64;
        // Features that depend on each other leave nothing but l2 in some direction, and that may be
        // below the rounding errors of the others.
        let floor = l2.max(1e-12 * share * self.trace()).max(f64::MIN_POSITIVE);
        match self {
            Self::Full(moments) => {
                let mut curvature = moments * share;
                curvature.diag_mut().mapv_inplace(|c| c + floor);
                curvature.cholesky_inplace()?;
                // Column by column both are read and written: columns are contiguous here.
                let mut lower = Array2::zeros(curvature.raw_dim().f());
                lower.assign(&curvature);
                let mut inverse = Array2::zeros(curvature.raw_dim().f());
                inverse.diag_mut().fill(1.0);
                lower.solve_triangular_inplace(&mut inverse, UPLO::Lower)?;
                Ok(Preconditioner::Full(inverse))
            }
            Self::Diagonal(moments) => {
                Ok(Preconditioner::Diagonal(moments.mapv(|m| (m * share + floor).sqrt().recip())))
            }
        }
    }
}

impl Preconditioner {
    /// `L⁻ᵀ V`: weights, dims × classes, from coordinates.
    pub(super) fn weights(&self, v: &ArrayView2<'_, f64>) -> Array2<f64> {
        match self {
            Self::Full(inverse) => inverse.t().dot(v),
            Self::Diagonal(inverse) => v * &inverse.view().insert_axis(Axis(1)),
        }
    }

    /// `L⁻¹ G`: the gradient by the coordinates from that by the weights, dims × classes.
    pub(super) fn gradient(&self, g: &ArrayView2<'_, f64>) -> Array2<f64> {
        match self {
            Self::Full(inverse) => inverse.dot(g),
            Self::Diagonal(inverse) => g * &inverse.view().insert_axis(Axis(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn curvature_becomes_one() {
        let x = array![[1.0, 2.0, 0.0], [-1.0, 0.5, 0.0], [0.3, -0.7, 0.0], [2.0, 3.0, 0.0]];
        let moments = Moments::of(&x.view());
        let Preconditioner::Full(inverse) = moments.preconditioner(2, 0.1).unwrap() else { unreachable!() };
        let curvature = x.t().dot(&x) / 8.0 + Array2::<f64>::eye(3) * 0.1;
        let flat = inverse.dot(&curvature).dot(&inverse.t());
        assert!((flat - Array2::<f64>::eye(3)).iter().all(|error| error.abs() < 1e-12));
    }

    #[test]
    fn dependent_and_constant_features_are_no_obstacle() {
        let x = array![[1.0, 1.0, 0.0], [-1.0, -1.0, 0.0]];
        for l2 in [1e-300, 1e-6, 1e300] {
            let Preconditioner::Full(inverse) = Moments::of(&x.view()).preconditioner(2, l2).unwrap() else {
                unreachable!()
            };
            assert!(inverse.iter().all(|v| v.is_finite()), "{l2}: {inverse}");
        }
        let constant = Moments::of(&array![[0.0], [0.0]].view()).preconditioner(2, 1e-6).unwrap();
        assert!(constant.weights(&array![[1.0, 2.0]].view()).iter().all(|v| v.is_finite()));
    }

    #[test]
    fn wide_features_use_their_variances() {
        let x = Array2::from_shape_fn((3, DENSE + 1), |(i, j)| (i as f64 - 1.0) * (j % 7) as f64);
        let moments = Moments::of(&x.view());
        assert!((moments.trace() - x.fold(0.0, |sum, v| sum + v * v) / 3.0).abs() < 1e-6);
        let Preconditioner::Diagonal(inverse) = moments.preconditioner(2, 0.5).unwrap() else {
            unreachable!()
        };
        assert!((inverse[3] - (6.0 / 2.0 + 0.5_f64).sqrt().recip()).abs() < 1e-12);
    }
}
