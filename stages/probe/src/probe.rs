//! One probe: from files to scores.

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use igpt_artifact::Split;
use igpt_artifact::table::probe::{Prediction, Source};
use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use crate::ProbeParams;
use crate::error::{Error, Result};
use crate::roster::Roster;
use crate::scaler::Scaler;
use crate::softmax::{Score, Softmax, most_likely, score};
use crate::solver::{Fit, Problem};
use crate::vectors::{Column, read_vectors};
use crate::weights::Linear;

/// What a probe looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeId {
    /// A network, or the pixels.
    pub source: Source,
    /// The layer of the network; none for pixels.
    pub layer: Option<u32>,
}

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.name())?;
        self.layer.map_or(Ok(()), |layer| write!(f, " layer {layer}"))
    }
}

/// A probe that is to be fitted.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: ProbeId,
    /// The artifact with its vectors.
    pub(crate) dir: PathBuf,
    pub(crate) column: Column,
    /// Values in a vector.
    pub(crate) dims: usize,
}

/// A fitted probe.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) id: ProbeId,
    pub(crate) dims: usize,
    /// The strength that did best on the validation split.
    pub(crate) l2: f64,
    /// Iterations of the fit with that strength.
    pub(crate) iterations: u64,
    /// The strengths at which the solver stopped before it reached the tolerance.
    pub(crate) unconverged: Vec<f64>,
    pub(crate) train: Score,
    pub(crate) validation: Score,
    pub(crate) test: Score,
    /// One a test image, in the roster's order.
    pub(crate) predictions: Vec<Prediction>,
    pub(crate) linear: Linear,
    /// Wall-clock time, reading included.
    pub(crate) seconds: f64,
}

impl Outcome {
    /// The score on a split.
    pub(crate) fn score(&self, split: Split) -> Score {
        match split {
            Split::Train => self.train,
            Split::Validation => self.validation,
            Split::Test => self.test,
        }
    }
}

impl Job {
    /// Reads the three splits, fits, chooses the strength and judges.
    pub(crate) fn run(&self, roster: &Roster, params: &ProbeParams) -> Result<Outcome> {
        let start = Instant::now();
        let read = |split| {
            let (ids, values) = read_vectors(&self.dir, split, self.column, self.dims)?;
            roster.arrange(self.id, split, &ids, values)
        };
        let train = read(Split::Train)?;
        let scaler = match params.standardize {
            true => Scaler::standardize(&train.view()),
            false => Scaler::condition(&train.view()),
        };
        let z_train = scaler.apply(&train.view());
        drop(train);
        let z_validation = scaler.apply(&read(Split::Validation)?.view());

        let (chosen, unconverged) =
            self.choose(roster, params, &scaler, &z_train.view(), &z_validation.view())?;
        let Candidate { l2, fit: Fit { model, iterations, .. }, validation } = chosen;

        let judge = |x: &ArrayView2<'_, f64>, split| {
            let log_p = model.log_probabilities(x);
            let score = score(&log_p.view(), &roster.images(split).targets);
            (log_p, score)
        };
        let (_, train) = judge(&z_train.view(), Split::Train);
        drop(z_train);
        let z_test = scaler.apply(&read(Split::Test)?.view());
        let (log_p, test) = judge(&z_test.view(), Split::Test);
        Ok(Outcome {
            id: self.id,
            dims: self.dims,
            l2,
            iterations,
            unconverged,
            train,
            validation,
            test,
            predictions: predictions(roster, &log_p.view()),
            linear: Linear::new(self.id, &model, &scaler, &roster.classes),
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Fits one strength after another, the strongest first: each fit starts where the one before
    /// ended, which is never far. Ends early when a strength does worse by accuracy and by loss, for
    /// weaker ones overfit more and take the longest. Returns the best by validation and the strengths
    /// that did not converge.
    fn choose(
        &self,
        roster: &Roster,
        params: &ProbeParams,
        scaler: &Scaler,
        train: &ArrayView2<'_, f64>,
        validation: &ArrayView2<'_, f64>,
    ) -> Result<(Candidate, Vec<f64>)> {
        // Every train label is a class by construction, so none is dropped here.
        let targets: Vec<usize> = roster.images(Split::Train).targets.iter().flatten().copied().collect();
        let problem = Problem {
            x: train.view(),
            targets: &targets,
            max_iterations: params.max_iterations,
            tolerance: params.tolerance,
        };
        let solver = problem.solver(params.solver);
        let mut strengths = params.l2.clone();
        strengths.sort_by(|a, b| b.total_cmp(a));
        strengths.dedup();

        let mut model = Softmax(Array2::zeros((self.dims + 1, roster.classes.len())));
        let mut best: Option<Candidate> = None;
        let mut unconverged = Vec::new();
        for l2 in strengths {
            let fit = solver.fit(scaler.strength(l2), model).map_err(|source| Error::Solver {
                probe: self.id,
                l2,
                source,
            })?;
            model = fit.model.clone();
            if !fit.converged {
                unconverged.push(l2);
            }
            let log_p = model.log_probabilities(validation);
            let validation = score(&log_p.view(), &roster.images(Split::Validation).targets);
            let candidate = Candidate { l2, fit, validation };
            match &best {
                // Strengths fall, so of equals the stronger stays.
                Some(best) if candidate.validation.is_worse(&best.validation) => break,
                Some(best) if !candidate.validation.beats(&best.validation) => {}
                _ => best = Some(candidate),
            }
        }
        let best = best.expect("`ProbeParams::check` asks for at least one strength");
        Ok((best, unconverged))
    }
}

/// A fit with one strength.
struct Candidate {
    l2: f64,
    fit: Fit,
    validation: Score,
}

/// What the probe says of each test image, from log-probabilities of images × classes.
fn predictions(roster: &Roster, log_p: &ArrayView2<'_, f64>) -> Vec<Prediction> {
    let images = roster.images(Split::Test);
    let said = |(row, (&image_id, &label)): (usize, (&u64, &i64))| {
        let class = most_likely(&log_p.row(row));
        let confidence = log_p[[row, class]].exp();
        Prediction { image_id, label, predicted: roster.classes[class], confidence }
    };
    images.ids.iter().zip(&images.labels).enumerate().map(said).collect()
}
