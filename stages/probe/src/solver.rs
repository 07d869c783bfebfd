//! Fits the classifier with linfa's L-BFGS.
//!
//! linfa-logistic 0.8 minimises `sum of −ln p(label) + alpha/2 · ‖W‖²` with free intercepts, so
//! `alpha = l2 · images` makes its optimum that of the mean objective, and a gradient of the sum is
//! `images` times as long as one of the mean.
//!
//! It does not say how it ended: the number of iterations is not told, and a line search that fails ends
//! it without an error, with the best weights so far. That happens near an optimum, where the sum no
//! longer changes in its last digits, and with large weights: linfa takes log-sum-exp relative to the
//! largest logit of *all* images and clamps it, so an image whose logits lie more than 34 below that
//! costs the wrong amount. Weak strengths on classes that are easily told apart suffer from it.
//!
//! Therefore a fit runs in rounds of few iterations. After each round the objective and its gradient are
//! computed here; the next round starts where the last one ended, which also gives a failed line
//! search a fresh start. Features must come scaled ([`crate::scaler`]): far from unit scale the line search
//! can meet NaN, and then it never ends.
//!
//! In f64: with f32 no fit reached the default tolerance, and the time was only about a quarter less.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_logistic::MultiLogisticRegression;
use linfa_logistic::error::Error as LinfaError;
use ndarray::{ArrayView1, ArrayView2, Axis, concatenate};

use crate::softmax::Softmax;

/// Iterations of one round. L-BFGS forgets its curvature pairs between rounds and needs about ten
/// iterations to gather them again.
const ROUND: u64 = 50;

/// Fits classifiers with different strengths to the same images.
pub(crate) struct Solver<'a> {
    /// Images × dims.
    x: ArrayView2<'a, f64>,
    /// The class of each image; every class below the highest occurs.
    targets: &'a [usize],
    max_iterations: u64,
    /// The longest gradient of the mean objective that counts as converged.
    tolerance: f64,
}

/// A fitted classifier.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    pub(crate) model: Softmax,
    /// Iterations granted: whole rounds, the last of which may have ended early.
    pub(crate) iterations: u64,
    /// Whether the gradient is within the tolerance.
    pub(crate) converged: bool,
}

impl<'a> Solver<'a> {
    pub(crate) fn new(
        x: &'a ArrayView2<'_, f64>,
        targets: &'a [usize],
        max_iterations: u64,
        tolerance: f64,
    ) -> Self {
        Self { x: x.view(), targets, max_iterations, tolerance }
    }

    /// Fits with one strength, starting from other weights. A fit that gets stuck is no error: it is
    /// returned as not converged.
    pub(crate) fn fit(&self, l2: f64, start: Softmax) -> Result<Fit, LinfaError> {
        let (mut value, mut gradient) = start.objective(&self.x, self.targets, l2);
        let mut model = start;
        let mut iterations = 0;
        while gradient > self.tolerance && iterations < self.max_iterations {
            let granted = ROUND.min(self.max_iterations - iterations);
            let next = self.round(l2, granted, &model)?;
            iterations += granted;
            let (next_value, next_gradient) = next.objective(&self.x, self.targets, l2);
            let better = next_value < value;
            if !better {
                break;
            }
            (model, value, gradient) = (next, next_value, next_gradient);
        }
        Ok(Fit { model, iterations, converged: gradient <= self.tolerance })
    }

    fn round(&self, l2: f64, iterations: u64, start: &Softmax) -> Result<Softmax, LinfaError> {
        let images = self.targets.len() as f64;
        let data = DatasetBase::new(self.x.view(), ArrayView1::from(self.targets));
        let fitted = MultiLogisticRegression::default()
            .alpha(l2 * images)
            .gradient_tolerance(self.tolerance * images)
            .max_iterations(iterations)
            .initial_params(start.0.clone())
            .fit(&data)?;
        let intercepts = fitted.intercept().view().insert_axis(Axis(0));
        Ok(Softmax(concatenate![Axis(0), fitted.params().view(), intercepts]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_stage::Seed;
    use ndarray::Array2;
    use rand::Rng;

    /// Images of standardised features in two classes that a plane tells apart.
    fn separable() -> (Array2<f64>, Vec<usize>) {
        let mut rng = Seed::new(0).rng();
        let x = Array2::from_shape_fn((200, 5), |_| 3_f64.sqrt() * rng.random_range(-1.0..1.0_f64));
        let targets = x.column(0).iter().map(|&v| usize::from(v > 0.2)).collect();
        (x, targets)
    }

    const START: fn() -> Softmax = || Softmax(Array2::zeros((6, 2)));

    #[test]
    fn a_fit_ends_within_the_tolerance_or_says_that_it_does_not() {
        let (x, targets) = separable();
        let view = x.view();
        let solver = Solver::new(&view, &targets, 500, 1e-7);
        let fit = solver.fit(0.01, START()).unwrap();
        let (_, gradient) = fit.model.objective(&view, &targets, 0.01);
        assert!(fit.converged && gradient <= 1e-7, "{gradient}");
        assert_eq!(fit.iterations % ROUND, 0);
        // At the optimum nothing is left to do.
        let again = solver.fit(0.01, fit.model.clone()).unwrap();
        assert_eq!((again.iterations, again.model), (0, fit.model));
        let short = Solver::new(&view, &targets, 3, 1e-7).fit(0.01, START()).unwrap();
        assert_eq!((short.iterations, short.converged), (3, false));
    }

    #[test]
    fn the_strength_is_that_of_the_mean_whatever_the_number_of_images() {
        let (x, targets) = separable();
        let twice = concatenate![Axis(0), x, x];
        let targets_twice = [&targets[..], &targets[..]].concat();
        let (once, twice) = (x.view(), twice.view());
        let a = Solver::new(&once, &targets, 500, 1e-9).fit(0.1, START()).unwrap();
        let b = Solver::new(&twice, &targets_twice, 500, 1e-9).fit(0.1, START()).unwrap();
        assert!((a.model.0 - b.model.0).iter().all(|difference| difference.abs() < 1e-6));
    }

    #[test]
    fn extreme_strengths_end_with_weights_no_worse_than_the_first() {
        let (x, targets) = separable();
        let view = x.view();
        for l2 in [1e-60, 1e-9, 1e9, 1e60] {
            let (first, _) = START().objective(&view, &targets, l2);
            let fit = Solver::new(&view, &targets, 200, 1e-9).fit(l2, START()).unwrap();
            let (value, _) = fit.model.objective(&view, &targets, l2);
            assert!(value <= first, "{l2}: {value}");
        }
    }
}
