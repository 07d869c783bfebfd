//! Shifts and scales features before the solver sees them.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Zip};

use crate::error::Result;
use crate::rows::Rows;

/// One shift and one divisor a feature, taken from the train images.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaler {
    /// Subtracted first; one a feature.
    pub(crate) mean: Array1<f64>,
    /// Divided by then; one a feature, never 0.
    pub(crate) scale: Array1<f64>,
    /// What an L2 strength has to be multiplied by to mean the same behind this scaler.
    penalty: f64,
}

/// The mean of every feature over the train images, and its population standard deviation, exactly 0
/// for a constant one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    mean: Array1<f64>,
    deviation: Array1<f64>,
}

impl Scaler {
    /// What the user asked for: features that are standardised, or only made easy for the solver.
    pub(crate) fn new(moments: Moments, standardize: bool) -> Self {
        if standardize { Self::standardize(moments) } else { Self::condition(moments) }
    }

    /// Brings every feature to mean 0 and standard deviation 1. A constant feature keeps its scale. The
    /// penalty then falls on the weights of the scaled features.
    pub(crate) fn standardize(Moments { mean, deviation }: Moments) -> Self {
        let scale = deviation.mapv(|deviation| if deviation > 0.0 { deviation } else { 1.0 });
        Self { mean, scale, penalty: 1.0 }
    }

    /// Brings features to mean 0 and the widest of them to standard deviation 1, for the solver's sake:
    /// with free intercepts a shift changes no optimum, and one divisor for all is undone in the
    /// penalty. The penalty falls on the weights of the features as they are.
    pub(crate) fn condition(Moments { mean, deviation }: Moments) -> Self {
        let widest = deviation.fold(0.0, |widest: f64, deviation| widest.max(*deviation));
        let divisor = if widest > 0.0 { widest } else { 1.0 };
        Self { scale: Array1::from_elem(mean.len(), divisor), mean, penalty: divisor.powi(-2) }
    }

    /// The strength behind this scaler that means what `l2` means to the user.
    pub(crate) fn strength(&self, l2: f64) -> f64 {
        l2 * self.penalty
    }

    /// `(x − mean) / scale`, row by row.
    pub(crate) fn apply(&self, x: &ArrayView2<'_, f32>) -> Array2<f64> {
        let mut z = x.mapv(f64::from);
        z -= &self.mean;
        z /= &self.scale;
        z
    }

    /// The same in place, rounded to f32.
    pub(crate) fn scaled(&self, mut x: Array2<f32>) -> Array2<f32> {
        for row in x.rows_mut() {
            Zip::from(row).and(&self.mean).and(&self.scale).for_each(|x, mean, scale| {
                *x = ((f64::from(*x) - mean) / scale) as f32;
            });
        }
        x
    }
}

impl Moments {
    /// Of some vectors, which are looked at twice.
    pub(crate) fn of(x: &dyn Rows) -> Result<Self> {
        let first = x.head(1)?;
        let first = first.row(0);
        let mut images = 0;
        let mut mean = Array1::<f64>::zeros(x.dims());
        // The mean of equal numbers is not always exactly that number, and dividing by what is left would
        // blow rounding errors up into a feature.
        let mut varies = Array1::from_elem(x.dims(), false);
        x.visit(1, &mut |x| {
            images += x.nrows();
            for row in x.rows() {
                Zip::from(&mut mean).and(&mut varies).and(row).and(first).for_each(
                    |mean, varies, &value, &first| {
                        *mean += f64::from(value);
                        *varies |= value != first;
                    },
                );
            }
        })?;
        mean /= images as f64;
        let mut variance = Array1::<f64>::zeros(x.dims());
        x.visit(1, &mut |x| {
            for row in x.rows() {
                Zip::from(&mut variance).and(&mean).and(row).for_each(|variance, mean, &value| {
                    *variance += (f64::from(value) - mean).powi(2);
                });
            }
        })?;
        variance /= images as f64;
        let deviation = Zip::from(&variance)
            .and(&varies)
            .map_collect(|variance, &varies| if varies { variance.sqrt() } else { 0.0 });
        Ok(Self { mean, deviation })
    }
}

/// Moments of rows that come by one at a time (Welford 1962), without holding any.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    images: f64,
    mean: Array1<f64>,
    /// Squared distances from the mean, summed.
    squares: Array1<f64>,
}

impl Running {
    /// Of no row yet.
    pub(crate) fn new(dims: usize) -> Self {
        Self { images: 0.0, mean: Array1::zeros(dims), squares: Array1::zeros(dims) }
    }

    /// Takes a row in.
    pub(crate) fn push(&mut self, row: &ArrayView1<'_, f32>) {
        self.images += 1.0;
        let images = self.images;
        Zip::from(&mut self.mean).and(&mut self.squares).and(row).for_each(|mean, squares, &value| {
            // The first row sets the mean as it is, so a constant feature never leaves it: its distances
            // are exactly 0.
            let distance = f64::from(value) - *mean;
            *mean += distance / images;
            *squares += distance * (f64::from(value) - *mean);
        });
    }

    /// The moments of all rows so far.
    pub(crate) fn finish(self) -> Moments {
        let images = self.images.max(1.0);
        Moments { mean: self.mean, deviation: self.squares.mapv(|squares| (squares / images).sqrt()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Held;
    use ndarray::array;

    fn moments(x: Array2<f32>) -> Moments {
        Moments::of(&Held::new(x)).unwrap()
    }

    #[test]
    fn mean_zero_deviation_one_and_constants_stay_finite() {
        let x = array![[1.0_f32, 0.1, 1e30], [3.0, 0.1, -1e30], [5.0, 0.1, 0.0]];
        let scaler = Scaler::standardize(moments(x.clone()));
        let z = scaler.apply(&x.view());
        assert_eq!((scaler.scale[1], scaler.strength(0.3)), (1.0, 0.3));
        assert!(z.column(1).iter().all(|v| v.abs() < 1e-12));
        for column in [0, 2] {
            let column = z.column(column);
            assert!(column.sum().abs() < 1e-12);
            assert!((column.dot(&column) / 3.0 - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn conditioning_keeps_the_proportions_of_features() {
        let x = array![[0.0_f32, 40.0, 7.0], [2.0, 48.0, 7.0]];
        let scaler = Scaler::condition(moments(x.clone()));
        assert_eq!(scaler.apply(&x.view()), array![[-0.25, -1.0, 0.0], [0.25, 1.0, 0.0]]);
        assert_eq!(scaler.scaled(x), array![[-0.25, -1.0, 0.0], [0.25, 1.0, 0.0]]);
        assert_eq!(scaler.strength(0.32), 0.02);
        let constant = moments(array![[7.0_f32], [7.0]]);
        assert_eq!(Scaler::condition(constant).strength(0.3), 0.3);
    }

    #[test]
    fn moments_in_passing_are_those_of_the_whole() {
        let x = Array2::from_shape_fn((1000, 4), |(i, j)| match j {
            0 => 1e4 + (i as f32 * 0.7).sin(),
            1 => (i % 13) as f32,
            2 => 0.1,
            _ => 1e20 * (i as f32 * 1.3).cos(),
        });
        let mut running = Running::new(4);
        x.rows().into_iter().for_each(|row| running.push(&row));
        let (whole, passing) = (moments(x), running.finish());
        assert_eq!(passing.deviation[2], 0.0);
        let near = |a: &f64, b: &f64| (a - b).abs() <= 1e-9 * b.abs();
        assert!(passing.deviation.iter().zip(&whole.deviation).all(|(a, b)| near(a, b)));
        assert!(passing.mean.iter().zip(&whole.mean).take(3).all(|(a, b)| near(a, b)));
    }
}
