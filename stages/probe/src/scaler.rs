//! Brings features to mean 0 and standard deviation 1.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};

/// One shift and one factor a feature, taken from the train images.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaler {
    /// Subtracted first; one a feature.
    pub(crate) mean: Array1<f64>,
    /// Divided by then; one a feature, never 0.
    pub(crate) scale: Array1<f64>,
}

impl Scaler {
    /// Means and population standard deviations over the rows of images × dims. A constant feature keeps
    /// scale 1.
    pub(crate) fn fit(x: &ArrayView2<'_, f32>) -> Self {
        let images = x.nrows() as f64;
        let mut mean = Array1::<f64>::zeros(x.ncols());
        for row in x.rows() {
            Zip::from(&mut mean).and(row).for_each(|mean, &value| *mean += f64::from(value));
        }
        mean /= images;
        let mut variance = Array1::<f64>::zeros(x.ncols());
        for row in x.rows() {
            Zip::from(&mut variance).and(&mean).and(row).for_each(|variance, mean, &value| {
                *variance += (f64::from(value) - mean).powi(2);
            });
        }
        variance /= images;
        let scale = Zip::from(&variance).and(x.axis_iter(Axis(1))).map_collect(|&variance, column| {
            // The mean of equal numbers is not always exactly that number, so a tiny variance
            // would blow rounding errors up into a feature.
            let constant = column.iter().all(|value| *value == column[0]);
            if constant || variance == 0.0 { 1.0 } else { variance.sqrt() }
        });
        Self { mean, scale }
    }

    /// Leaves features of `dims` values as they are.
    pub(crate) fn identity(dims: usize) -> Self {
        Self { mean: Array1::zeros(dims), scale: Array1::ones(dims) }
    }

    /// `(x − mean) / scale`, row by row.
    pub(crate) fn apply(&self, x: &ArrayView2<'_, f32>) -> Array2<f64> {
        let mut z = x.mapv(f64::from);
        z -= &self.mean;
        z /= &self.scale;
        z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn mean_zero_deviation_one_and_constants_stay_finite() {
        let x = array![[1.0_f32, 0.1, 1e30], [3.0, 0.1, -1e30], [5.0, 0.1, 0.0]];
        let scaler = Scaler::fit(&x.view());
        let z = scaler.apply(&x.view());
        assert_eq!(scaler.scale[1], 1.0);
        assert!(z.column(1).iter().all(|v| v.abs() < 1e-12));
        for column in [0, 2] {
            let column = z.column(column);
            assert!(column.sum().abs() < 1e-12);
            assert!((column.dot(&column) / 3.0 - 1.0).abs() < 1e-12);
        }
        let same = Scaler::identity(3).apply(&x.view());
        assert_eq!(same, x.mapv(f64::from));
    }
}
