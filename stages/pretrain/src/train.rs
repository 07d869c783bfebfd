//! The training loop.

use std::time::{Duration, Instant};

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use igpt_artifact::Split;
use igpt_artifact::table::metrics::Metric;
use igpt_artifact::table::vectors::Batch;
use igpt_kernels::Kernels;
use igpt_model::{Compute, Config, Device, Hide, ImageGpt, Objective, weights};
use igpt_stage::{Context, Task};
use igpt_train::gradient::mean_loss;
use igpt_train::{Checkpoints, Clock, History, How, LossSum, Order, Rows, Schedule, Trainer};
use serde::{Deserialize, Serialize};

use crate::snapshots::Snapshots;
use crate::{Error, PretrainParams};

/// A training, ready to run on any backend. It leaves the weights in the context's output.
pub struct Training<'a> {
    /// Where to write and whom to tell.
    pub context: &'a Context<'a>,
    /// What was asked for.
    pub params: &'a PretrainParams,
    /// The network's sizes.
    pub config: Config,
    /// Columns of pixels of an image.
    pub image_width: usize,
    /// Sequences to learn from.
    pub train: &'a Batch<u16>,
    /// Sequences to measure on; may be empty.
    pub validation: &'a Batch<u16>,
    /// Sequences to measure the final network on; may be empty.
    pub test: &'a Batch<u16>,
    /// Work that a kill may cost. It changes nothing but that.
    pub checkpoint_every: Duration,
    /// Where it runs.
    pub device: Device,
}

/// What a killed training goes on from, beside weights and moments.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    step: u64,
    history: History,
}

impl Training<'_> {
    /// The batch of a step.
    fn batch(&self, order: &mut Order, step: u64) -> Rows {
        let seed = self.context.seed;
        let mut rows = Rows::of(self.train, order.batch(step).iter().copied());
        if !self.params.augment.is_none() {
            let seed = seed.named("pretrain/augment").nth(step);
            rows = rows.augment(self.params.augment, self.image_width, seed);
        }
        match self.hide("pretrain/hidden") {
            Some(hide) => rows.hide(hide.nth(step), |i| i as u64),
            None => rows,
        }
    }

    /// Batches of images to measure on. For BERT an image comes once for every mask, and the masks are the
    /// same each time.
    fn batches<'a>(&'a self, images: &'a Batch<u16>) -> Box<dyn Iterator<Item = Rows> + 'a> {
        let size = self.params.batch_size;
        let batch = move |start: usize| Rows::of(images, start..(start + size).min(images.rows()));
        let starts = (0..images.rows()).step_by(size);
        match self.hide("pretrain/hidden-measured") {
            None => Box::new(starts.map(batch)),
            Some(hide) => Box::new(starts.flat_map(move |start| {
                (0..self.params.masks)
                    .map(move |mask| batch(start).hide(hide.nth(mask), |i| images.ids[start + i]))
            })),
        }
    }

    fn hide(&self, purpose: &str) -> Option<Hide> {
        let bert = self.config.objective == Objective::Bert;
        bert.then(|| Hide {
            probability: self.params.mask_probability,
            seed: self.context.seed.named(purpose),
        })
    }
}

impl Compute for Training<'_> {
    type Output = Result<History, Error>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<History, Error> {
        let Self { context, params, config, train, .. } = self;
        B::seed(&device, context.seed.named("pretrain/backend").number());
        let network = ImageGpt::<Autodiff<B>>::new(config, context.seed.named("pretrain/init"), &device)
            .with_precision(params.precision);
        let how = How { accumulate: params.accumulate, clip: params.clip, recompute: params.recompute };
        let mut trainer = Trainer::<B, _>::new(network, how, self.device, params.batch_size, &device)?;
        let checkpoints = Checkpoints::new(context.scratch);
        let snapshots = Snapshots::new(context.scratch);
        let kept: Option<State> = checkpoints.read(&mut trainer, &device)?;
        let resumed = kept.is_some();
        let State { mut step, mut history } = kept.unwrap_or(State { step: 0, history: History::default() });

        let mut order = Order::new(context.seed.named("pretrain/order"), train.rows(), params.batch_size)?;
        let warmup = params.warmup_steps.unwrap_or_else(|| order.steps_per_epoch());
        let schedule = Schedule { peak: params.learning_rate, warmup, steps: params.steps };
        let tokens_per_step = (params.batch_size * config.n_positions) as u64;
        let metric = |step: u64, split, loss, learning_rate| Metric {
            step,
            split,
            loss,
            learning_rate,
            tokens: step * tokens_per_step,
        };
        let measure = |trainer: &Trainer<B, ImageGpt<Autodiff<B>>>, images| {
            mean_loss(&trainer.workers, &trainer.network.valid(), self.batches(images), &device)
        };
        let task = Task::begin(context.progress, "training", params.steps, "steps");
        task.advance(step);
        if resumed {
            context.progress.log(&format!("going on from step {step}"));
        } else {
            let loss = measure(&trainer, self.validation);
            history.metrics.extend(loss.map(|loss| metric(0, Split::Validation, loss, 0.0)));
        }

        let clock = Clock::after(&history);
        let mut kept = Instant::now();
        let mut losses = LossSum::default();
        while step < params.steps {
            let learning_rate = schedule.at(step);
            let loss = trainer.step(&self.batch(&mut order, step), learning_rate);
            losses.push(loss);
            step += 1;
            task.advance(1);

            let last = step == params.steps;
            let snapshot = params.checkpoints.contains(&step);
            let log = last || step.is_multiple_of(params.log_every);
            if log && let Some(loss) = losses.take(step)? {
                let speed = history.time(&clock, step, tokens_per_step);
                history.metrics.push(metric(step, Split::Train, loss, learning_rate));
                task.note(&format!("loss {loss:.4} nats/token, {speed:.0} tokens/s"));
            }
            if last || snapshot || step.is_multiple_of(params.validate_every) {
                let loss = measure(&trainer, self.validation);
                history.metrics.extend(loss.map(|loss| metric(step, Split::Validation, loss, learning_rate)));
            }
            if snapshot {
                snapshots.keep(step, &trainer.network.valid())?;
            }
            // Only where no loss is being summed up: a resumed training starts with an empty sum.
            if log && !last && kept.elapsed() >= self.checkpoint_every {
                checkpoints.write(&trainer, &State { step, history: history.clone() })?;
                kept = Instant::now();
            }
        }
        let loss = measure(&trainer, self.test);
        let learning_rate = history.metrics.last().map_or(0.0, |metric| metric.learning_rate);
        history.metrics.extend(loss.map(|loss| metric(step, Split::Test, loss, learning_rate)));
        weights::write(&trainer.network.valid(), context.out)?;
        snapshots.publish(&params.checkpoints, context.out)?;
        Ok(history)
    }
}
