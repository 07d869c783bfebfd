//! Fits a probe with all its vectors in memory, and chooses the L2 strength.

use std::time::Instant;

use igpt_artifact::Split;
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::ProbeParams;
use crate::error::{Error, Result};
use crate::job::{Job, Outcome, predictions};
use crate::roster::Roster;
use crate::scaler::{Moments, Scaler};
use crate::softmax::{Score, Softmax, score};
use crate::solver::{Fit, MakeSolver, Problem};
use crate::vectors::read_vectors;
use crate::weights::Linear;

/// Reads the three splits, fits, chooses the strength and judges.
pub(crate) fn fit(job: &Job, roster: &Roster, params: &ProbeParams, solver: MakeSolver) -> Result<Outcome> {
    let start = Instant::now();
    let train = read(job, roster, Split::Train)?;
    let scaler = Scaler::new(Moments::of(&train.view()), params.standardize);
    let z_train = scaler.scaled(train);
    let z_validation = scaler.scaled(read(job, roster, Split::Validation)?);

    let search = Search { job, roster, params, solver, scaler: &scaler };
    let (chosen, unconverged) = search.choose(&z_train.view(), &z_validation.view())?;
    let Candidate { l2, fit: Fit { model, iterations, .. }, validation } = chosen;

    let judge = |x: &ArrayView2<'_, f32>, split| {
        let log_p = model.judge(x);
        let score = score(&log_p.view(), &roster.images(split).targets);
        (log_p, score)
    };
    let (_, train) = judge(&z_train.view(), Split::Train);
    drop(z_train);
    let z_test = scaler.scaled(read(job, roster, Split::Test)?);
    let (log_p, test) = judge(&z_test.view(), Split::Test);
    Ok(Outcome {
        id: job.id,
        dims: job.dims(),
        l2,
        learning_rate: None,
        iterations,
        unconverged,
        train,
        validation,
        test,
        predictions: predictions(roster, 0, &log_p.view()).collect(),
        linear: Linear::new(job.id, &model, &scaler, &roster.classes),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The vectors of a split in the roster's order, columns side by side: images × dims.
fn read(job: &Job, roster: &Roster, split: Split) -> Result<Array2<f32>> {
    let read = |&column| {
        let (ids, values) = read_vectors(&job.dir, split, column, job.width)?;
        roster.arrange(job.id, split, &ids, values)
    };
    let mut parts = job.columns.iter().map(read).collect::<Result<Vec<_>>>()?;
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let views: Vec<_> = parts.iter().map(Array2::view).collect();
    Ok(concatenate(Axis(1), &views).expect("`arrange` gives every column the roster's rows"))
}

/// What a search over strengths is given.
struct Search<'a> {
    job: &'a Job,
    roster: &'a Roster,
    params: &'a ProbeParams,
    solver: MakeSolver,
    scaler: &'a Scaler,
}

/// A fit with one strength.
struct Candidate {
    l2: f64,
    fit: Fit,
    validation: Score,
}

impl Search<'_> {
    /// Fits one strength after another, the strongest first: each fit starts where the one before
    /// ended, which is never far. Ends early when a strength does worse by accuracy and by loss, for
    /// weaker ones overfit more and take the longest. Returns the best by validation and the strengths
    /// that did not converge.
    fn choose(
        &self,
        train: &ArrayView2<'_, f32>,
        validation: &ArrayView2<'_, f32>,
    ) -> Result<(Candidate, Vec<f64>)> {
        let Self { job, roster, params, scaler, .. } = *self;
        // Every train label is a class by construction, so none is dropped here.
        let targets: Vec<usize> = roster.images(Split::Train).targets.iter().flatten().copied().collect();
        let solver = (self.solver)(Problem {
            x: train.view(),
            targets: &targets,
            max_iterations: params.max_iterations,
            tolerance: params.tolerance,
        });
        let mut strengths = params.l2.clone();
        strengths.sort_by(|a, b| b.total_cmp(a));
        strengths.dedup();

        let mut model = Softmax::zeros(job.dims(), roster.classes.len());
        let mut best: Option<Candidate> = None;
        let mut unconverged = Vec::new();
        for l2 in strengths {
            let fit = solver.fit(scaler.strength(l2), model);
            let fit = fit.map_err(|source| Error::Solver { probe: job.id, l2, source })?;
            model = fit.model.clone();
            if !fit.converged {
                unconverged.push(l2);
            }
            let log_p = model.judge(validation);
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
