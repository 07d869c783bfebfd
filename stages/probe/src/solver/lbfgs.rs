//! L-BFGS of argmin in preconditioned coordinates.

use std::cell::{Cell, RefCell, RefMut};

use argmin::core::{
    CostFunction, Error as ArgminError, Executor, Gradient, IterState, KV, Problem as ArgminProblem,
    Solver as Optimizer, State, TerminationReason, TerminationStatus,
};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use ndarray::{Array1, Array2, ArrayView2};

use super::preconditioner::{Moments, Preconditioner, sample};
use super::{Fit, Problem, Solver, SolverError};
use crate::error::{Error, Result as ReadResult};
use crate::objective::{Objective, weights, weights_mut};
use crate::softmax::Softmax;

/// Steps that L-BFGS remembers.
const MEMORY: usize = 10;

/// Points that a line search may look at. Where rounding errors hide the slope it would go on for ever.
const LOOKS: u32 = 20;

/// Iterations without a lower value after which none is expected.
const PATIENCE: u64 = 3;

/// The solver.
pub(super) struct Lbfgs<'a> {
    problem: Problem<'a>,
    moments: Moments,
    /// Made for the number of classes of the first fit; what it keeps of one fit is near the next.
    objective: RefCell<Option<Objective<'a>>>,
}

impl<'a> Lbfgs<'a> {
    pub(super) fn new(problem: Problem<'a>) -> ReadResult<Self> {
        let sample = problem.x.head(sample(problem.x.dims()))?;
        Ok(Self { moments: Moments::of(&sample.view()), problem, objective: RefCell::default() })
    }
}

impl Solver for Lbfgs<'_> {
    fn fit(&self, l2: f64, start: Softmax) -> Result<Fit, SolverError> {
        let Problem { x, targets, max_iterations, tolerance } = self.problem;
        let classes = start.0.ncols();
        let objective = self.objective.borrow_mut();
        let objective =
            RefMut::map(objective, |kept| kept.get_or_insert_with(|| Objective::new(x, targets, classes)));
        let descent = Descent {
            objective: RefCell::new(objective),
            l2,
            origin: start.0.t().as_standard_layout().into_owned(),
            preconditioner: self.moments.preconditioner(classes, l2),
            last: RefCell::default(),
            looks: Cell::new(0),
        };
        let zero = Array1::zeros(start.0.len());
        let before = descent.evaluate(&zero, Evaluation::standing)?;
        if before.gradient <= tolerance {
            return Ok(Fit { model: start, iterations: 0, converged: true });
        }
        // The gradient by the weights decides, so that by the coordinates never does.
        let lbfgs = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_grad(0.0)?
            .with_tolerance_cost(0.0)?;
        let run = Executor::new(&descent, Watched { lbfgs, descent: &descent, tolerance })
            .configure(|state| state.param(zero).max_iters(max_iterations))
            .run();
        // A line search fails where the objective no longer changes in its last digits. What was
        // reached by then is the result, and its gradient says what it is worth.
        let (iterations, at) = match run.map_err(|error| error.downcast::<Error>()) {
            Ok(mut end) => (end.state.get_iter(), end.state.take_best_param()),
            Err(Ok(unreadable)) => return Err(unreadable.into()),
            Err(Err(_)) => (max_iterations, None),
        };
        // The last point is the best, unless rounding errors say otherwise.
        let (last, ended) = descent
            .last
            .borrow()
            .as_ref()
            .map(|last| (last.at.clone(), last.standing()))
            .expect("the first point was looked at");
        let at = if ended.gradient <= tolerance { last } else { at.unwrap_or(last) };
        let reached = descent.evaluate(&at, Evaluation::standing)?;
        if reached.value <= before.value {
            let model = Softmax(descent.weights(&at).t().to_owned());
            Ok(Fit { model, iterations, converged: reached.gradient <= tolerance })
        } else {
            Ok(Fit { model: start, iterations, converged: false })
        }
    }
}

/// The objective by coordinates: the change from the first weights, flattened from classes × (dims + 1).
struct Descent<'o, 'a> {
    objective: RefCell<RefMut<'o, Objective<'a>>>,
    l2: f64,
    /// The first weights, classes × (dims + 1).
    origin: Array2<f64>,
    preconditioner: Preconditioner,
    /// The line search asks for the value and for the gradient of the same point.
    last: RefCell<Option<Evaluation>>,
    /// Points looked at in this iteration.
    looks: Cell<u32>,
}

struct Evaluation {
    at: Array1<f64>,
    value: f64,
    gradient: Array1<f64>,
    /// The length of the gradient by the weights.
    length: f64,
}

/// How good a point is.
#[derive(Clone, Copy)]
struct Standing {
    value: f64,
    /// The length of the gradient by the weights.
    gradient: f64,
}

impl Evaluation {
    fn standing(&self) -> Standing {
        Standing { value: self.value, gradient: self.length }
    }
}

impl Descent<'_, '_> {
    /// classes × (dims + 1), the weights changed by `change`.
    fn map(mut v: Array2<f64>, change: impl Fn(&ArrayView2<'_, f64>) -> Array2<f64>) -> Array2<f64> {
        let changed = change(&weights(&v));
        weights_mut(&mut v).assign(&changed);
        v
    }

    /// The weights at some coordinates.
    fn weights(&self, at: &Array1<f64>) -> Array2<f64> {
        let v = Array2::from_shape_vec(self.origin.raw_dim(), at.to_vec());
        let v = v.expect("coordinates are those of the weights");
        &self.origin + &Self::map(v, |v| self.preconditioner.weights(v))
    }

    /// The length of the gradient at the point that was looked at last, where an iteration ends.
    fn length(&self) -> f64 {
        self.last.borrow().as_ref().map_or(f64::INFINITY, |last| last.length)
    }

    fn evaluate<T>(&self, at: &Array1<f64>, read: impl Fn(&Evaluation) -> T) -> ReadResult<T> {
        let mut last = self.last.borrow_mut();
        if let Some(last) = last.as_ref()
            && last.at == at
        {
            return Ok(read(last));
        }
        let w = self.weights(at);
        let (mut value, mut gradient) = self.objective.borrow_mut().evaluate(&w)?;
        value += self.l2 / 2.0 * weights(&w).fold(0.0, |sum, w| sum + w * w);
        weights_mut(&mut gradient).scaled_add(self.l2, &weights(&w));
        let length = gradient.fold(0.0, |sum, g| sum + g * g).sqrt();
        let gradient = Self::map(gradient, |g| self.preconditioner.gradient(g)).flatten().into_owned();
        Ok(read(last.insert(Evaluation { at: at.clone(), value, gradient, length })))
    }
}

impl CostFunction for &Descent<'_, '_> {
    type Param = Array1<f64>;
    type Output = f64;

    fn cost(&self, at: &Array1<f64>) -> Result<f64, ArgminError> {
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() > LOOKS {
            return Err(ArgminError::msg("the line search finds nothing"));
        }
        Ok(self.evaluate(at, |evaluation| evaluation.value)?)
    }
}

impl Gradient for &Descent<'_, '_> {
    type Param = Array1<f64>;
    type Gradient = Array1<f64>;

    fn gradient(&self, at: &Array1<f64>) -> Result<Array1<f64>, ArgminError> {
        Ok(self.evaluate(at, |evaluation| evaluation.gradient.clone())?)
    }
}

type Vector = Array1<f64>;

type Minimiser = LBFGS<MoreThuenteLineSearch<Vector, Vector, f64>, Vector, Vector, f64>;

type Point = IterState<Array1<f64>, Array1<f64>, (), (), (), f64>;

/// L-BFGS that ends by the gradient that the caller knows, and where no progress is made.
struct Watched<'d, 'o, 'a> {
    lbfgs: Minimiser,
    descent: &'d Descent<'o, 'a>,
    tolerance: f64,
}

impl<'d, 'o, 'a> Optimizer<&'d Descent<'o, 'a>, Point> for Watched<'d, 'o, 'a> {
    fn name(&self) -> &str {
        "L-BFGS"
    }

    fn init(
        &mut self,
        problem: &mut ArgminProblem<&'d Descent<'o, 'a>>,
        point: Point,
    ) -> Result<(Point, Option<KV>), ArgminError> {
        self.lbfgs.init(problem, point)
    }

    fn next_iter(
        &mut self,
        problem: &mut ArgminProblem<&'d Descent<'o, 'a>>,
        point: Point,
    ) -> Result<(Point, Option<KV>), ArgminError> {
        self.descent.looks.set(0);
        self.lbfgs.next_iter(problem, point)
    }

    fn terminate(&mut self, point: &Point) -> TerminationStatus {
        let ended = if self.descent.length() <= self.tolerance {
            TerminationReason::SolverConverged
        } else if point.get_iter() >= point.get_last_best_iter() + PATIENCE {
            TerminationReason::SolverExit("no progress".into())
        } else {
            return TerminationStatus::NotTerminated;
        };
        TerminationStatus::Terminated(ended)
    }
}
