//! The loop of fine-tuning, with early stopping.

use std::time::{Duration, Instant};

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use igpt_artifact::Split;
use igpt_artifact::table::classifier::ClassifierMetric;
use igpt_artifact::table::metrics::Timing;
use igpt_artifact::table::probe::Prediction;
use igpt_kernels::Kernels;
use igpt_model::{Classifier, Compute, Device, Hide, Objective, weights};
use igpt_stage::{Context, Task};
use igpt_train::{Checkpoints, Clock, History, How, LossSum, Order, Rows, Trainer};
use serde::{Deserialize, Serialize};

use crate::examples::Labelled;
use crate::joint::Joint;
use crate::judge::{Judge, Score};
use crate::{Error, FinetuneParams};

/// A fine-tuning, ready to run on any backend. It leaves the weights in the context's output.
pub(crate) struct Tuning<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) params: &'a FinetuneParams,
    /// Columns of pixels of an image.
    pub(crate) image_width: usize,
    /// Classes of the head.
    pub(crate) classes: usize,
    /// Their names, where known.
    pub(crate) names: &'a [String],
    pub(crate) train: &'a Labelled,
    pub(crate) validation: &'a Labelled,
    pub(crate) test: &'a Labelled,
    /// Work that a kill may cost. It changes nothing but that.
    pub(crate) checkpoint_every: Duration,
    pub(crate) device: Device,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Tuned {
    pub(crate) curve: Vec<ClassifierMetric>,
    pub(crate) timings: Vec<Timing>,
    /// The steps taken, and after how many of them the network was best.
    pub(crate) steps: u64,
    pub(crate) best_step: u64,
    /// Scores of the best network.
    pub(crate) validation: Score,
    pub(crate) test: Score,
    /// What it says of each test image.
    pub(crate) predictions: Vec<Prediction>,
}

/// What a killed fine-tuning goes on from, beside weights and moments.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    step: u64,
    curve: Vec<ClassifierMetric>,
    history: History,
    /// The best judgement so far, as a place in the curve.
    best: usize,
    /// Judgements since then.
    stale: u64,
}

impl State {
    /// Whether a judgement beats the best before it: by accuracy, then by the loss of the class.
    fn beats(&self, new: &ClassifierMetric) -> bool {
        let best = &self.curve[self.best];
        new.accuracy > best.accuracy || (new.accuracy == best.accuracy && new.class_loss < best.class_loss)
    }
}

impl Tuning<'_> {
    /// The batch of a step.
    fn batch(&self, order: &mut Order, step: u64, bert: bool) -> Rows {
        let seed = self.context.seed;
        let images = order.batch(step);
        let mut rows = Rows::of(&self.train.tokens, images.iter().copied());
        rows.classes = Some(images.iter().map(|&image| self.train.classes[image]).collect());
        if !self.params.augment.is_none() {
            let seed = seed.named("finetune/augment").nth(step);
            rows = rows.augment(self.params.augment, self.image_width, seed);
        }
        if !bert {
            return rows;
        }
        let seed = seed.named("finetune/hidden").nth(step);
        rows.hide(Hide { probability: self.params.mask_probability, seed }, |i| i as u64)
    }
}

impl Compute for Tuning<'_> {
    type Output = Result<Tuned, Error>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<Tuned, Error> {
        let Self { context, params, .. } = self;
        let gpt =
            weights::read::<Autodiff<B>>(context.input("model"), &device)?.with_precision(params.precision);
        let config = gpt.config();
        let bert = config.objective == Objective::Bert;
        let joint =
            Joint { classifier: Classifier::new(gpt, self.classes, &device), generative: params.generative };
        let how = How { accumulate: params.accumulate, clip: params.clip, recompute: params.recompute };
        let mut trainer = Trainer::<B, _>::new(joint, how, self.device, params.batch_size, &device)?;
        let mut order =
            Order::new(context.seed.named("finetune/order"), self.train.images(), params.batch_size)?;
        let tokens_per_step = (params.batch_size * config.n_positions) as u64;
        let hide = Hide { probability: params.mask_probability, seed: context.seed.named("finetune/judged") };
        let judge = |trainer: &Trainer<B, Joint<Autodiff<B>>>, images| {
            let judge = Judge::<B> {
                workers: &trainer.workers,
                batch_size: params.batch_size,
                hide: bert.then_some((hide, params.masks)),
                device: &device,
            };
            judge.judge(&trainer.network.valid().classifier, images)
        };
        let metric = |step, split, score: Score| ClassifierMetric {
            step,
            split,
            accuracy: score.accuracy,
            class_loss: score.class_loss,
            loss: score.loss,
        };

        let checkpoints = Checkpoints::new(context.scratch);
        let task = Task::begin(context.progress, "fine-tuning", params.steps, "steps");
        let mut state = match checkpoints.read::<B, _, State>(&mut trainer, &device)? {
            Some(state) => {
                context.progress.log(&format!("going on from step {}", state.step));
                state
            }
            None => {
                let (score, _) = judge(&trainer, self.validation);
                checkpoints.write_best(&trainer.network)?;
                State { curve: vec![metric(0, Split::Validation, score)], ..State::default() }
            }
        };
        task.advance(state.step);
        let clock = Clock::after(&state.history);
        let mut kept = Instant::now();
        let mut losses = LossSum::default();
        while state.step < params.steps && state.stale < params.patience {
            let warm = ((state.step + 1) as f64 / params.warmup_steps.max(1) as f64).min(1.0);
            let rows = self.batch(&mut order, state.step, bert);
            let loss = trainer.step(&rows, warm * params.learning_rate);
            losses.push(loss);
            state.step += 1;
            task.advance(1);
            let last = state.step == params.steps;
            let log = last || state.step.is_multiple_of(params.log_every);
            let due = last || state.step.is_multiple_of(params.validate_every);
            if (log || due)
                && let Some(loss) = losses.take(state.step)?
            {
                let speed = state.history.time(&clock, state.step, tokens_per_step);
                task.note(&format!("joint loss {loss:.4}, {speed:.0} tokens/s"));
            }
            if !due {
                continue;
            }
            let (score, _) = judge(&trainer, self.validation);
            let new = metric(state.step, Split::Validation, score);
            context.progress.log(&format!("step {}: validation accuracy {:.4}", state.step, score.accuracy));
            state.curve.push(new);
            if state.beats(&new) {
                checkpoints.write_best(&trainer.network)?;
                (state.best, state.stale) = (state.curve.len() - 1, 0);
            } else {
                state.stale += 1;
            }
            if kept.elapsed() >= self.checkpoint_every {
                checkpoints.write(&trainer, &state)?;
                kept = Instant::now();
            }
        }

        trainer.network = checkpoints.read_best(trainer.network, &device)?;
        let best = state.curve[state.best];
        let (test, predictions) = judge(&trainer, self.test);
        if self.test.images() > 0 {
            state.curve.push(metric(best.step, Split::Test, test));
        }
        weights::write_classifier(&trainer.network.valid().classifier, self.names, context.out)?;
        let validation = Score { accuracy: best.accuracy, class_loss: best.class_loss, loss: best.loss };
        Ok(Tuned {
            steps: state.step,
            best_step: best.step,
            timings: state.history.timings,
            curve: state.curve,
            validation,
            test,
            predictions,
        })
    }
}

#[cfg(test)]
mod tests;
