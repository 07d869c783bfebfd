//! linfa's own logistic regression.
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

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_logistic::MultiLogisticRegression;
use linfa_logistic::error::Error;
use ndarray::{Array2, ArrayView1, Axis, CowArray, Ix2, concatenate};

use super::{Fit, Problem, Solver, SolverError};
use crate::error::Result as ReadResult;
use crate::softmax::Softmax;

/// Iterations of one round. L-BFGS forgets its curvature pairs between rounds and needs about ten
/// iterations to gather them again.
const ROUND: u64 = 50;

/// The solver. The iterations that it reports are whole rounds, the last of which may have ended early.
pub(super) struct Linfa<'a> {
    problem: Problem<'a>,
    /// The vectors as they are.
    read: CowArray<'a, f32, Ix2>,
    /// The vectors as linfa takes them.
    x: Array2<f64>,
}

impl<'a> Linfa<'a> {
    pub(super) fn new(problem: Problem<'a>) -> ReadResult<Self> {
        let read = problem.x.head(problem.targets.len())?;
        Ok(Self { x: read.mapv(f64::from), read, problem })
    }
}

impl Solver for Linfa<'_> {
    fn fit(&self, l2: f64, start: Softmax) -> Result<Fit, SolverError> {
        let Self { read: x, problem: Problem { targets, max_iterations, tolerance, .. }, .. } = self;
        let (mut value, mut gradient) = start.objective(&x.view(), targets, l2);
        let mut model = start;
        let mut iterations = 0;
        while gradient > *tolerance && iterations < *max_iterations {
            let granted = ROUND.min(max_iterations - iterations);
            let next = self.round(l2, granted, &model)?;
            iterations += granted;
            let (next_value, next_gradient) = next.objective(&x.view(), targets, l2);
            let better = next_value < value;
            if !better {
                break;
            }
            (model, value, gradient) = (next, next_value, next_gradient);
        }
        Ok(Fit { model, iterations, converged: gradient <= *tolerance })
    }
}

impl Linfa<'_> {
    fn round(&self, l2: f64, iterations: u64, start: &Softmax) -> Result<Softmax, Error> {
        let Problem { targets, tolerance, .. } = &self.problem;
        let images = targets.len() as f64;
        let data = DatasetBase::new(self.x.view(), ArrayView1::from(targets));
        let fitted = MultiLogisticRegression::default()
            .alpha(l2 * images)
            .gradient_tolerance(tolerance * images)
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
    use crate::rows::Held;
    use ndarray::array;

    #[test]
    fn iterations_are_whole_rounds_unless_fewer_are_granted() {
        let x = Held::new(array![[-1.2_f32], [-0.8], [-0.1], [0.2], [0.7], [1.2]]);
        let targets = [0, 0, 1, 0, 1, 1];
        let problem = Problem { x: &x, targets: &targets, max_iterations: 500, tolerance: 1e-7 };
        let fit = |problem| Linfa::new(problem).unwrap().fit(0.01, Softmax(Array2::zeros((2, 2)))).unwrap();
        let whole = fit(problem);
        assert!(whole.converged && whole.iterations > 0);
        assert_eq!(whole.iterations % ROUND, 0);
        let short = fit(Problem { max_iterations: 3, ..problem });
        assert_eq!((short.iterations, short.converged), (3, false));
    }
}
