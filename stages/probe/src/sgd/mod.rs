//! Minibatch gradient descent on features that stream from disk.
//!
//! For features that outgrow memory: the paper's 15,360 values for each of 1.3 million images are 79 GB.
//! What is held of them is one shuffle buffer ([`batches`]) and the rows that were read last ([`crate::stream`]);
//! where the buffer has room for all of them, they are read once and held twice. Beside it there are ids
//! and labels, 32 bytes an image, and the classifiers. The recipe is the paper's for ImageNet: momentum, a
//! cosine from the learning rate to 0, and several learning rates of which validation chooses.
//!
//! All learning rates learn side by side from the same batches: reading costs as much as learning here.
//! Nothing depends on the number of threads.

mod batches;
mod descent;

use std::time::Instant;

use igpt_artifact::Split;
use igpt_stage::Seed;
use ndarray::ArrayView2;

use self::batches::Batches;
use self::descent::{Descent, Schedule};
use crate::ProbeParams;
use crate::error::{Error, Result};
use crate::job::{Job, Outcome, predictions};
use crate::params::Sgd;
use crate::roster::Roster;
use crate::scaler::{Running, Scaler};
use crate::softmax::{Score, Softmax, Tally};
use crate::stream::{Block, READ_ROWS, Stream};
use crate::weights::Linear;

/// Streams through the train split once for its moments and once an epoch, then once through each split
/// to choose and to judge.
pub(crate) fn fit(job: &Job, roster: &Roster, params: &ProbeParams, seed: Seed) -> Result<Outcome> {
    let start = Instant::now();
    let mut running = Running::new(job.dims());
    for block in Stream::open(job, roster, Split::Train, READ_ROWS)? {
        block?.x.rows().into_iter().for_each(|row| running.push(&row));
    }
    let scaler = Scaler::new(running.finish(), params.standardize);
    let source = Streamed { job, roster, scaler: &scaler };

    let (descents, steps) = source.descend(&params.sgd, seed)?;
    let models: Vec<_> = descents.iter().map(|descent| &descent.model).collect();
    let scores = source.judge(Split::Validation, &models, |_, _| {})?;
    let (Descent { rate, model, .. }, validation) =
        choose(&descents, &scores).ok_or(Error::Diverged { probe: job.id })?;

    let judge = |split, heed: &mut dyn FnMut(usize, &ArrayView2<'_, f64>)| {
        source.judge(split, &[model], heed).map(|scores| scores[0])
    };
    let train = judge(Split::Train, &mut |_, _| {})?;
    let mut said = Vec::new();
    let test = judge(Split::Test, &mut |first, log_p| said.extend(predictions(roster, first, log_p)))?;
    Ok(Outcome {
        id: job.id,
        dims: job.dims(),
        l2: params.sgd.l2,
        learning_rate: Some(*rate),
        iterations: steps,
        unconverged: Vec::new(),
        train,
        validation,
        test,
        predictions: said,
        linear: Linear::new(job.id, model, &scaler, &roster.classes),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The best by validation, the first of equals, of those that did not diverge.
fn choose<'a>(descents: &'a [Descent], scores: &[Score]) -> Option<(&'a Descent, Score)> {
    let sound = descents.iter().zip(scores.iter().copied()).filter(|(_, score)| score.loss.is_finite());
    sound.reduce(|best, next| if next.1.beats(&best.1) { next } else { best })
}

/// The vectors of a probe, as they come by.
struct Streamed<'a> {
    job: &'a Job,
    roster: &'a Roster,
    scaler: &'a Scaler,
}

impl Streamed<'_> {
    /// Learns with every learning rate. Returns the steps taken with each.
    fn descend(&self, sgd: &Sgd, seed: Seed) -> Result<(Vec<Descent>, u64)> {
        let (images, classes) = (self.roster.images(Split::Train).ids.len(), self.roster.classes.len());
        let schedule = Schedule {
            momentum: sgd.momentum,
            l2: self.scaler.strength(sgd.l2),
            steps: u64::from(sgd.epochs) * images.div_ceil(sgd.batch_size) as u64,
        };
        let dims = self.job.dims();
        let mut descents: Vec<_> =
            sgd.learning_rates.iter().map(|&rate| Descent::new(rate, dims, classes)).collect();
        // One name for all probes: every layer learns from the same batches.
        let seed = seed.named("probe/sgd");
        let open = || Stream::open(self.job, self.roster, Split::Train, READ_ROWS);
        // What fits in the buffer is read once: few labels would otherwise cost a pass over all images an
        // epoch.
        let kept = match images <= sgd.buffer {
            true => Some(open()?.collect::<Result<Vec<_>>>()?),
            false => None,
        };
        let mut step = 0;
        for epoch in 0..sgd.epochs {
            let blocks: Box<dyn Iterator<Item = Result<Block<'_>>>> = match &kept {
                Some(blocks) => Box::new(blocks.iter().cloned().map(Ok)),
                None => Box::new(open()?),
            };
            let rng = seed.nth(epoch.into()).rng();
            for batch in Batches::new(blocks, dims, sgd.buffer.min(images), sgd.batch_size, rng) {
                let (x, targets) = batch?;
                let x = self.scaler.apply(&x.view());
                descents.iter_mut().for_each(|descent| descent.step(&x.view(), &targets, &schedule, step));
                step += 1;
            }
        }
        Ok((descents, step))
    }

    /// The scores of several classifiers in one pass over a split. `heed` is given every block's first
    /// position and what the last of the classifiers says of it, in log-probabilities of images × classes.
    fn judge(
        &self,
        split: Split,
        models: &[&Softmax],
        mut heed: impl FnMut(usize, &ArrayView2<'_, f64>),
    ) -> Result<Vec<Score>> {
        let mut tallies = vec![Tally::default(); models.len()];
        for block in Stream::open(self.job, self.roster, split, READ_ROWS)? {
            let block = block?;
            let x = self.scaler.apply(&block.x.view());
            for (i, (tally, model)) in tallies.iter_mut().zip(models).enumerate() {
                let log_p = model.log_probabilities(&x.view());
                tally.add(&log_p.view(), block.targets);
                if i + 1 == models.len() {
                    heed(block.first, &log_p.view());
                }
            }
        }
        Ok(tallies.iter().map(Tally::score).collect())
    }
}
