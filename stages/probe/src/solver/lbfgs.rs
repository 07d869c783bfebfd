//! L-BFGS of argmin in preconditioned coordinates.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error as ArgminError, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use ndarray::{Array1, Array2, Axis, Slice};

use super::preconditioner::{Moments, Preconditioner};
use super::{Fit, Problem, Solver, SolverError};
use crate::softmax::Softmax;

/// Steps that L-BFGS remembers.
const MEMORY: usize = 10;

/// The solver.
pub(super) struct Lbfgs<'a> {
    problem: Problem<'a>,
    moments: Moments,
}

impl<'a> Lbfgs<'a> {
    pub(super) fn new(problem: Problem<'a>) -> Self {
        Self { moments: Moments::of(&problem.x), problem }
    }
}

impl Solver for Lbfgs<'_> {
    fn fit(&self, l2: f64, start: Softmax) -> Result<Fit, SolverError> {
        let Problem { x, targets, max_iterations, tolerance } = self.problem;
        let (value, gradient) = start.objective(&x, targets, l2);
        if gradient <= tolerance {
            return Ok(Fit { model: start, iterations: 0, converged: true });
        }
        let classes = start.0.ncols();
        let objective = Objective {
            problem: &self.problem,
            l2,
            classes,
            origin: &start,
            preconditioner: self.moments.preconditioner(classes, l2)?,
            last: RefCell::default(),
        };
        // A gradient by the weights is at most ‖L‖ times as long as one by the coordinates.
        let stretch = (self.moments.trace() / classes as f64 + l2).sqrt().max(1.0);
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_grad(tolerance / stretch)?
            .with_tolerance_cost(0.0)?;
        let zero = Array1::zeros(start.0.len());
        let run = Executor::new(&objective, solver)
            .configure(|state| state.param(zero).max_iters(max_iterations))
            .run();
        // A line search fails where the objective no longer changes in its last digits. What was
        // reached by then is the result, and its gradient says what it is worth.
        let (iterations, at) = match run {
            Ok(mut end) => (end.state.get_iter(), end.state.take_best_param()),
            Err(_) => (max_iterations, None),
        };
        let at = at.or_else(|| objective.last.take().map(|last| last.at));
        let model = at.map_or_else(|| start.clone(), |at| objective.model(&at));
        let (reached, gradient) = model.objective(&x, targets, l2);
        if reached <= value {
            Ok(Fit { model, iterations, converged: gradient <= tolerance })
        } else {
            Ok(Fit { model: start, iterations, converged: false })
        }
    }
}

/// The objective by coordinates: the change from the first weights, flattened from (dims + 1) × classes.
struct Objective<'p, 'a> {
    problem: &'a Problem<'p>,
    l2: f64,
    classes: usize,
    origin: &'a Softmax,
    preconditioner: Preconditioner,
    /// The line search asks for the value and for the gradient of the same point.
    last: RefCell<Option<Evaluation>>,
}

struct Evaluation {
    at: Array1<f64>,
    value: f64,
    gradient: Array1<f64>,
}

impl Objective<'_, '_> {
    /// (dims + 1) × classes, the weights' rows changed by `change`.
    fn map(v: &Array2<f64>, change: impl Fn(&ndarray::ArrayView2<'_, f64>) -> Array2<f64>) -> Array2<f64> {
        let mut mapped = v.clone();
        let weights = v.slice_axis(Axis(0), Slice::from(..-1));
        mapped.slice_axis_mut(Axis(0), Slice::from(..-1)).assign(&change(&weights));
        mapped
    }

    /// The classifier at some coordinates.
    fn model(&self, at: &Array1<f64>) -> Softmax {
        let v = Array2::from_shape_vec((at.len() / self.classes, self.classes), at.to_vec())
            .expect("coordinates are those of (dims + 1) × classes weights");
        Softmax(&self.origin.0 + &Self::map(&v, |v| self.preconditioner.weights(v)))
    }

    fn evaluate<T>(&self, at: &Array1<f64>, read: impl Fn(&Evaluation) -> T) -> T {
        let mut last = self.last.borrow_mut();
        if let Some(last) = last.as_ref()
            && last.at == at
        {
            return read(last);
        }
        let Problem { x, targets, .. } = self.problem;
        let (value, gradient) = self.model(at).gradient(x, targets, self.l2);
        let gradient = Self::map(&gradient, |g| self.preconditioner.gradient(g)).flatten().into_owned();
        read(last.insert(Evaluation { at: at.clone(), value, gradient }))
    }
}

impl CostFunction for &Objective<'_, '_> {
    type Param = Array1<f64>;
    type Output = f64;

    fn cost(&self, at: &Array1<f64>) -> Result<f64, ArgminError> {
        Ok(self.evaluate(at, |evaluation| evaluation.value))
    }
}

impl Gradient for &Objective<'_, '_> {
    type Param = Array1<f64>;
    type Gradient = Array1<f64>;

    fn gradient(&self, at: &Array1<f64>) -> Result<Array1<f64>, ArgminError> {
        Ok(self.evaluate(at, |evaluation| evaluation.gradient.clone()))
    }
}
