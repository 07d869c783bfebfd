//! Fits a probe to its optimum with a solver, and chooses the L2 strength.
//!
//! Vectors are held in memory where they may take as much, and otherwise read anew each time they are looked
//! at. Either way the same numbers are added up in the same order, so the result is the same to the last bit.

use std::time::Instant;

use igpt_artifact::Split;
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::ProbeParams;
use crate::budget::{Budget, Share};
use crate::error::{Error, Result};
use crate::job::{Job, Outcome, predictions};
use crate::roster::{Images, Roster};
use crate::rows::{Held, OnDisk, Rows};
use crate::scaler::{Moments, Scaler};
use crate::softmax::{Score, Softmax, Tally};
use crate::solver::{Fit, MakeSolver, Problem};
use crate::vectors::read_vectors;
use crate::weights::Linear;

/// Reads the three splits, fits, chooses the strength and judges.
pub(crate) fn fit(
    job: &Job,
    roster: &Roster,
    params: &ProbeParams,
    solver: MakeSolver,
    budget: &Budget,
) -> Result<Outcome> {
    let start = Instant::now();
    let place = budget.take(bytes(job, roster));
    let open = |split| Vectors::open(job, roster, split, place.as_ref());
    let train = open(Split::Train)?;
    let scaler = Scaler::new(Moments::of(train.rows())?, params.standardize);
    let train = train.scaled(&scaler);
    let validation = open(Split::Validation)?.scaled(&scaler);

    let search = Search { job, roster, params, solver, scaler: &scaler };
    let (chosen, unconverged) = search.choose(train.rows(), validation.rows())?;
    let Candidate { l2, fit: Fit { model, iterations, .. }, validation } = chosen;

    let score = judge(train.rows(), &model, roster.images(Split::Train), |_, _| {})?;
    drop(train);
    let mut said = Vec::new();
    let test = open(Split::Test)?.scaled(&scaler);
    let test = judge(test.rows(), &model, roster.images(Split::Test), |first, log_p| {
        said.extend(predictions(roster, first, log_p));
    })?;
    Ok(Outcome {
        id: job.id,
        dims: job.dims(),
        l2,
        learning_rate: None,
        iterations,
        unconverged,
        train: score,
        validation,
        test,
        predictions: said,
        linear: Linear::new(job.id, &model, &scaler, &roster.classes),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// What the vectors of a probe take in memory: those of two splits at a time, and once more while they are
/// being read.
fn bytes(job: &Job, roster: &Roster) -> u64 {
    let images = |split| roster.images(split).ids.len();
    let others = images(Split::Validation).max(images(Split::Test));
    (2 * (images(Split::Train) + others) * job.dims() * size_of::<f32>()) as u64
}

/// The vectors of one split, wherever they are.
enum Vectors<'a> {
    Held(Held),
    OnDisk(OnDisk<'a>),
}

impl<'a> Vectors<'a> {
    /// The vectors as they are stored; held where there is a place for them.
    fn open(job: &'a Job, roster: &'a Roster, split: Split, place: Option<&Share<'_>>) -> Result<Self> {
        Ok(match place {
            Some(_) => Self::Held(Held::new(read(job, roster, split)?)),
            None => Self::OnDisk(OnDisk::new(job, roster, split)),
        })
    }

    fn scaled(self, scaler: &'a Scaler) -> Self {
        match self {
            Self::Held(held) => Self::Held(held.scaled(scaler)),
            Self::OnDisk(rows) => Self::OnDisk(rows.scaled(scaler)),
        }
    }

    fn rows(&self) -> &dyn Rows {
        match self {
            Self::Held(held) => held,
            Self::OnDisk(rows) => rows,
        }
    }
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

/// The score of a classifier on some images. `heed` is given the position of the first image of some, and their
/// log-probabilities, images × classes.
fn judge(
    x: &dyn Rows,
    model: &Softmax,
    images: &Images,
    mut heed: impl FnMut(usize, &ArrayView2<'_, f64>),
) -> Result<Score> {
    let mut tally = Tally::default();
    let mut first = 0;
    x.visit(1, &mut |x| {
        let log_p = model.judge(&x);
        tally.add(&log_p.view(), &images.targets[first..first + x.nrows()]);
        heed(first, &log_p.view());
        first += x.nrows();
    })?;
    Ok(tally.score())
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
    fn choose(&self, train: &dyn Rows, validation: &dyn Rows) -> Result<(Candidate, Vec<f64>)> {
        let Self { job, roster, params, scaler, .. } = *self;
        // Every train label is a class by construction, so none is dropped here.
        let targets: Vec<usize> = roster.images(Split::Train).targets.iter().flatten().copied().collect();
        let solver = (self.solver)(Problem {
            x: train,
            targets: &targets,
            max_iterations: params.max_iterations,
            tolerance: params.tolerance,
        })?;
        let mut strengths = params.l2.clone();
        strengths.sort_by(|a, b| b.total_cmp(a));
        strengths.dedup();

        let mut model = Softmax::zeros(job.dims(), roster.classes.len());
        let mut best: Option<Candidate> = None;
        let mut unconverged = Vec::new();
        for l2 in strengths {
            let fit = solver.fit(scaler.strength(l2), model);
            let fit = fit.map_err(|source| match source.downcast::<Error>() {
                Ok(unreadable) => *unreadable,
                Err(source) => Error::Solver { probe: job.id, l2, source },
            })?;
            model = fit.model.clone();
            if !fit.converged {
                unconverged.push(l2);
            }
            let validation = judge(validation, &model, roster.images(Split::Validation), |_, _| {})?;
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
