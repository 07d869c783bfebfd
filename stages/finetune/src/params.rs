//! What can be set.

use igpt_model::Precision;
use igpt_stage::{Invalid, Params};
use igpt_train::Augment;
use igpt_train::params::check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `finetune`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FinetuneParams {
    /// Images in a step.
    pub batch_size: usize,
    /// Portions of a batch that are computed one after another, their gradients added up, to save memory.
    pub accumulate: usize,
    /// Optimiser steps, at most.
    pub steps: u64,
    /// The learning rate; about a tenth of that of pretraining. It is constant, as in the paper.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Weight of the generative loss beside that of the class; 0 leaves it out.
    pub generative: f64,
    /// The longest gradient (Euclidean norm, all parameters together); longer ones are shortened to it.
    pub clip: Option<f64>,
    /// What products are computed in: `f32`, or `bf16` with f32 weights, for GPUs.
    pub precision: Precision,
    /// Compute blocks a second time in the backward pass instead of keeping them.
    pub recompute: bool,
    /// How images are changed each time they are seen. The paper takes `{pad: 4, flip: true}` for CIFAR.
    pub augment: Augment,
    /// Only for networks trained as `bert`: the probability of a pixel to be hidden.
    pub mask_probability: f64,
    /// Only for networks trained as `bert`: masks an image when it is judged; their predictions vote.
    pub masks: u64,
    /// Labelled train images, at most, chosen by the seed; all when not given.
    pub limit: Option<usize>,
    /// Steps between judgements on validation images.
    pub validate_every: u64,
    /// Judgements in a row that do not better the best accuracy before training stops.
    pub patience: u64,
    /// Steps between rows of training loss.
    pub log_every: u64,
}

impl Default for FinetuneParams {
    fn default() -> Self {
        Self {
            batch_size: 16,
            accumulate: 1,
            steps: 1000,
            learning_rate: 3e-4,
            warmup_steps: 0,
            generative: 1.0,
            clip: None,
            precision: Precision::F32,
            recompute: false,
            augment: Augment::default(),
            mask_probability: 0.15,
            masks: 5,
            limit: None,
            validate_every: 100,
            patience: 5,
            log_every: 20,
        }
    }
}

impl Params for FinetuneParams {
    fn check(&self) -> Result<(), Invalid> {
        let positive = [
            ("batch_size", self.batch_size as u64),
            ("steps", self.steps),
            ("masks", self.masks),
            ("validate_every", self.validate_every),
            ("patience", self.patience),
            ("log_every", self.log_every),
            ("limit", self.limit.unwrap_or(1) as u64),
        ];
        for (param, value) in positive {
            Invalid::unless(value > 0, param, format!("{param} is 0, it must be at least 1"))?;
        }
        Invalid::unless(
            self.generative.is_finite() && self.generative >= 0.0,
            "generative",
            format!("generative {} is below 0 or no number", self.generative),
        )?;
        check(self.batch_size, self.accumulate, self.learning_rate, self.clip, self.mask_probability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_with_the_parameter_named() {
        let refused = |change: fn(&mut FinetuneParams)| {
            let mut params = FinetuneParams::default();
            change(&mut params);
            params.check().unwrap_err().param
        };
        assert_eq!(refused(|p| p.steps = 0), "steps");
        assert_eq!(refused(|p| p.limit = Some(0)), "limit");
        assert_eq!(refused(|p| p.accumulate = 0), "accumulate");
        assert_eq!(refused(|p| p.generative = -1.0), "generative");
        assert_eq!(refused(|p| p.learning_rate = f64::INFINITY), "learning_rate");
        FinetuneParams::default().check().unwrap();
    }
}
