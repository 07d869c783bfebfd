//! Fits the classifier: what a solver is, and two of them.
//!
//! - `lbfgs`: L-BFGS on the exact objective, preconditioned; the default;
//! - `linfa`: linfa's own logistic regression.
//!
//! Both see the vectors through [`Rows`]: `lbfgs` looks at them anew for every step, wherever they lie; linfa
//! holds them all. Minibatches (`sgd`) are no solver in this sense.
//!
//! Both minimise the same objective, linfa in f64, `lbfgs` with products in f32 and with what has to be more
//! exact in f64 ([`crate::objective`]).

mod cholesky;
mod lbfgs;
mod linfa;
mod preconditioner;

use crate::error::Result;
use crate::rows::Rows;
use crate::softmax::Softmax;

/// What an optimiser says when it fails.
pub type SolverError = Box<dyn std::error::Error + Send + Sync>;

/// The images that classifiers are fitted to, and when a fit is done.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// Images × dims.
    pub x: &'a dyn Rows,
    /// The class of each image; every class below the highest occurs.
    pub targets: &'a [usize],
    /// Iterations at most.
    pub max_iterations: u64,
    /// The longest gradient of the mean objective that counts as converged.
    pub tolerance: f64,
}

/// A fitted classifier.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The classifier.
    pub model: Softmax,
    /// Iterations taken.
    pub iterations: u64,
    /// Whether the gradient is within the tolerance.
    pub converged: bool,
}

/// Fits classifiers with different strengths to the same images.
pub trait Solver {
    /// Fits with one strength, starting from other weights. A fit that gets stuck is no error: it is
    /// returned as not converged.
    ///
    /// # Errors
    /// What the optimiser says of a problem that it cannot begin with, or an [`Error`](crate::Error) of what
    /// reads the images.
    fn fit(&self, l2: f64, start: Softmax) -> Result<Fit, SolverError>;
}

/// Takes a problem in; gives a solver, or says what of the images cannot be read.
pub type MakeSolver = for<'a> fn(Problem<'a>) -> Result<Box<dyn Solver + 'a>>;

/// Preconditioned L-BFGS.
///
/// # Errors
/// Images that cannot be read.
pub fn by_lbfgs<'a>(problem: Problem<'a>) -> Result<Box<dyn Solver + 'a>> {
    Ok(Box::new(lbfgs::Lbfgs::new(problem)?))
}

/// linfa.
///
/// # Errors
/// Images that cannot be read.
pub fn by_linfa<'a>(problem: Problem<'a>) -> Result<Box<dyn Solver + 'a>> {
    Ok(Box::new(linfa::Linfa::new(problem)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Held;
    use igpt_stage::Seed;
    use ndarray::{Array2, Axis, concatenate};
    use rand::Rng;

    const SOLVERS: [(&str, MakeSolver); 2] = [("lbfgs", by_lbfgs), ("linfa", by_linfa)];

    /// Images of standardised features in two classes that a plane tells apart.
    fn separable() -> (Held, Vec<usize>) {
        let mut rng = Seed::new(0).rng();
        let x = Array2::from_shape_fn((200, 5), |_| 3_f32.sqrt() * rng.random_range(-1.0..1.0_f32));
        let targets = x.column(0).iter().map(|&v| usize::from(v > 0.2)).collect();
        (Held::new(x), targets)
    }

    fn start() -> Softmax {
        Softmax(Array2::zeros((6, 2)))
    }

    #[test]
    fn a_fit_ends_within_the_tolerance_or_says_that_it_does_not() {
        let (x, targets) = separable();
        for (name, solver) in SOLVERS {
            let problem = Problem { x: &x, targets: &targets, max_iterations: 500, tolerance: 1e-7 };
            let solve = solver(problem).unwrap();
            let fit = solve.fit(0.01, start()).unwrap();
            let (_, gradient) = fit.model.objective(&x.view(), &targets, 0.01);
            assert!(fit.converged && gradient <= 1e-7, "{name:?}: {gradient}");
            // At the optimum nothing is left to do.
            let again = solve.fit(0.01, fit.model.clone()).unwrap();
            assert_eq!((again.iterations, again.model), (0, fit.model), "{name:?}");
            let short = solver(Problem { max_iterations: 2, ..problem }).unwrap().fit(0.01, start()).unwrap();
            assert_eq!((short.iterations, short.converged), (2, false), "{name:?}");
        }
    }

    #[test]
    fn both_find_the_same_optimum() {
        let (x, targets) = separable();
        let problem = Problem { x: &x, targets: &targets, max_iterations: 500, tolerance: 1e-9 };
        for l2 in [1.0, 0.01, 1e-3] {
            let [ours, linfa] =
                SOLVERS.map(|(_, solver)| solver(problem).unwrap().fit(l2, start()).unwrap().model.0);
            // Softmax with a free shift in the intercepts: their difference is what counts.
            let difference = &ours.column(1) - &ours.column(0) - (&linfa.column(1) - &linfa.column(0));
            assert!(difference.iter().all(|d| d.abs() < 1e-5), "{l2}: {difference}");
        }
    }

    #[test]
    fn the_strength_is_that_of_the_mean_whatever_the_number_of_images() {
        let (x, targets) = separable();
        let twice = Held::new(concatenate![Axis(0), x.view(), x.view()]);
        let targets_twice = [&targets[..], &targets[..]].concat();
        for (name, solver) in SOLVERS {
            let once = Problem { x: &x, targets: &targets, max_iterations: 500, tolerance: 1e-9 };
            let twice = Problem { x: &twice, targets: &targets_twice, ..once };
            let [a, b] = [once, twice].map(|problem| solver(problem).unwrap().fit(0.1, start()).unwrap());
            assert!((a.model.0 - b.model.0).iter().all(|difference| difference.abs() < 1e-6), "{name:?}");
        }
    }

    #[test]
    fn extreme_strengths_end_with_weights_no_worse_than_the_first() {
        let (x, targets) = separable();
        for (name, solver) in SOLVERS {
            for l2 in [1e-60, 1e-9, 1e9, 1e60] {
                let (first, _) = start().objective(&x.view(), &targets, l2);
                let problem = Problem { x: &x, targets: &targets, max_iterations: 200, tolerance: 1e-9 };
                let fit = solver(problem).unwrap().fit(l2, start()).unwrap();
                let (value, _) = fit.model.objective(&x.view(), &targets, l2);
                assert!(value <= first, "{name:?} {l2}: {value}");
            }
        }
    }
}
