//! The training loop.

use std::time::{Duration, Instant};

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::{AdamConfig, Optimizer};
use burn::tensor::ElementConversion;
use igpt_artifact::Split;
use igpt_artifact::table::metrics::{Metric, Timing};
use igpt_artifact::table::vectors::Batch;
use igpt_kernels::Kernels;
use igpt_model::{Compute, Config, Device, ImageGpt, Workers, weights};
use igpt_stage::{Context, Task};
use serde::{Deserialize, Serialize};

use crate::batches::{Order, gather};
use crate::checkpoint::Checkpoints;
use crate::gradient::{gradients, mean_loss};
use crate::schedule::Schedule;
use crate::{Error, PretrainParams};

/// A training, ready to run on any backend. It leaves the weights in the context's output.
pub struct Training<'a> {
    /// Where to write and whom to tell.
    pub context: &'a Context<'a>,
    /// What was asked for.
    pub params: &'a PretrainParams,
    /// The network's sizes.
    pub config: Config,
    /// Sequences to learn from.
    pub train: &'a Batch<u16>,
    /// Sequences to measure on; may be empty.
    pub validation: &'a Batch<u16>,
    /// Work that a kill may cost. It changes nothing but that.
    pub checkpoint_every: Duration,
    /// Where it runs.
    pub device: Device,
}

/// The curve so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Losses.
    pub metrics: Vec<Metric>,
    /// Speed.
    pub timings: Vec<Timing>,
}

impl History {
    /// The latest loss on a split, in nats per token.
    pub fn last_loss(&self, split: Split) -> Option<f64> {
        self.metrics.iter().rev().find(|metric| metric.split == split).map(|metric| metric.loss)
    }

    /// Tokens trained on.
    pub fn tokens(&self) -> u64 {
        self.metrics.last().map_or(0, |metric| metric.tokens)
    }

    fn seconds(&self) -> f64 {
        self.timings.last().map_or(0.0, |timing| timing.seconds)
    }
}

impl Compute for Training<'_> {
    type Output = Result<History, Error>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<History, Error> {
        let Self { context, params, config, train, validation, checkpoint_every, .. } = self;
        B::seed(&device, context.seed.named("pretrain/backend").number());
        let network = ImageGpt::<Autodiff<B>>::new(config, context.seed.named("pretrain/init"), &device);
        // Burn's default ε is 1e-5; the original, and everybody else, uses 1e-8.
        let adam = AdamConfig::new().with_beta_1(0.9).with_beta_2(0.95).with_epsilon(1e-8);
        let checkpoints = Checkpoints::new(context.scratch);
        let (mut step, mut network, mut optimizer, mut history) =
            checkpoints.read(network, adam.init(), &device)?;

        let workers = Workers::new(self.device, params.batch_size)?;
        let mut order = Order::new(context.seed, train.rows(), params.batch_size);
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
        let validate = |network: &ImageGpt<Autodiff<B>>| {
            mean_loss(&workers, &network.valid(), validation, params.batch_size, &device)
        };
        let task = Task::begin(context.progress, "training", params.steps, "steps");
        task.advance(step);
        if step == 0 {
            let loss = validate(&network);
            history.metrics.extend(loss.map(|loss| metric(0, Split::Validation, loss, 0.0)));
        } else {
            context.progress.log(&format!("going on from step {step}"));
        }

        let clock = Clock { before: history.seconds(), since: Instant::now() };
        let mut kept = Instant::now();
        // The sum stays on the device: reading it would stop a GPU at every step.
        let mut loss_sum = None;
        let mut summed = 0;
        while step < params.steps {
            let rows = gather(train, order.batch(step));
            let (loss, gradients) = gradients(&workers, &network, &rows, &device);
            loss_sum = Some(match loss_sum {
                Some(sum) => sum + loss,
                None => loss,
            });
            summed += 1;
            let learning_rate = schedule.at(step);
            network = optimizer.step(learning_rate, network, gradients);
            step += 1;
            task.advance(1);

            let last = step == params.steps;
            let log = last || step.is_multiple_of(params.log_every);
            if log && let Some(sum) = loss_sum.take() {
                let loss = sum.into_scalar().elem::<f64>() / f64::from(std::mem::take(&mut summed));
                if !loss.is_finite() {
                    return Err(Error::Diverged { step, loss });
                }
                let speed = clock.speed(&history, step, tokens_per_step);
                history.metrics.push(metric(step, Split::Train, loss, learning_rate));
                history.timings.push(Timing { step, seconds: clock.seconds(), tokens_per_second: speed });
                task.note(&format!("loss {loss:.4} nats/token, {speed:.0} tokens/s"));
            }
            if last || step.is_multiple_of(params.validate_every) {
                let loss = validate(&network);
                history.metrics.extend(loss.map(|loss| metric(step, Split::Validation, loss, learning_rate)));
            }
            // Only where no loss is being summed up: a resumed training starts with an empty sum.
            if log && !last && kept.elapsed() >= checkpoint_every {
                checkpoints.write(step, &network, &optimizer, &history)?;
                kept = Instant::now();
            }
        }
        weights::write(&network.valid(), context.out)?;
        Ok(history)
    }
}

/// Seconds of work, over kills and resumptions.
struct Clock {
    before: f64,
    since: Instant,
}

impl Clock {
    fn seconds(&self) -> f64 {
        self.before + self.since.elapsed().as_secs_f64()
    }

    /// Tokens a second since the last row of the history.
    fn speed(&self, history: &History, step: u64, tokens_per_step: u64) -> f64 {
        let last = history.timings.last().copied();
        let (last_step, last_seconds) = last.map_or((0, 0.0), |timing| (timing.step, timing.seconds));
        ((step - last_step) * tokens_per_step) as f64 / (self.seconds() - last_seconds)
    }
}
