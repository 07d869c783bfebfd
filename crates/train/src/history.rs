//! The curve and the speed of a training, over kills and resumptions.

use std::time::Instant;

use igpt_artifact::Split;
use igpt_artifact::table::metrics::{Metric, Timing};
use serde::{Deserialize, Serialize};

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

    /// Notes the time after `step` steps of `tokens_per_step` tokens; the tokens a second since the last
    /// note.
    pub fn time(&mut self, clock: &Clock, step: u64, tokens_per_step: u64) -> f64 {
        let last = self.timings.last().map_or((0, 0.0), |timing| (timing.step, timing.seconds));
        let seconds = clock.seconds();
        let tokens_per_second = ((step - last.0) * tokens_per_step) as f64 / (seconds - last.1);
        self.timings.push(Timing { step, seconds, tokens_per_second });
        tokens_per_second
    }
}

/// Seconds of work, over kills and resumptions.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    before: f64,
    since: Instant,
}

impl Clock {
    /// A clock that goes on from where a history ends.
    pub fn after(history: &History) -> Self {
        Self { before: history.timings.last().map_or(0.0, |timing| timing.seconds), since: Instant::now() }
    }

    /// Seconds since the first step.
    pub fn seconds(&self) -> f64 {
        self.before + self.since.elapsed().as_secs_f64()
    }
}
