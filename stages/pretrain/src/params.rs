//! What can be set.

use igpt_stage::{Invalid, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `pretrain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainParams {
    /// Blocks.
    pub n_layer: usize,
    /// Width of the residual stream.
    pub n_embd: usize,
    /// Attention heads; divides `n_embd`.
    pub n_head: usize,
    /// Images in a step.
    pub batch_size: usize,
    /// Optimiser steps. With 0 the artifact is the network as it was initialised.
    pub steps: u64,
    /// Largest learning rate, reached at the end of the warm-up.
    pub learning_rate: f64,
    /// Steps of linear warm-up; one epoch when not given, as in the paper.
    pub warmup_steps: Option<u64>,
    /// Steps between rows of training loss.
    pub log_every: u64,
    /// Steps between measurements of validation loss.
    pub validate_every: u64,
    /// Validation images that are looked at, at most.
    pub validation_images: usize,
}

impl Default for PretrainParams {
    fn default() -> Self {
        Self {
            n_layer: 6,
            n_embd: 64,
            n_head: 4,
            batch_size: 8,
            steps: 1000,
            learning_rate: 3e-3,
            warmup_steps: None,
            log_every: 20,
            validate_every: 200,
            validation_images: 256,
        }
    }
}

impl Params for PretrainParams {
    fn check(&self) -> Result<(), Invalid> {
        let positive = [
            ("n_layer", self.n_layer),
            ("n_embd", self.n_embd),
            ("n_head", self.n_head),
            ("batch_size", self.batch_size),
            ("log_every", self.log_every as usize),
            ("validate_every", self.validate_every as usize),
        ];
        for (param, value) in positive {
            Invalid::unless(value > 0, param, format!("{param} is 0, it must be at least 1"))?;
        }
        if !self.n_embd.is_multiple_of(self.n_head) {
            let fitting = (1..=self.n_embd).filter(|h| self.n_embd.is_multiple_of(*h)).map(|h| h.to_string());
            let message = format!("n_head {} does not divide n_embd {}", self.n_head, self.n_embd);
            let hint = format!("heads that divide it: {}", fitting.collect::<Vec<_>>().join(", "));
            return Err(Invalid::new("n_head", message).hint(hint));
        }
        let rate = self.learning_rate;
        Invalid::unless(
            rate.is_finite() && rate > 0.0,
            "learning_rate",
            format!("learning_rate {rate} is not a positive number"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_with_the_parameter_named() {
        let refused = |change: fn(&mut PretrainParams)| {
            let mut params = PretrainParams::default();
            change(&mut params);
            params.check().unwrap_err().param
        };
        assert_eq!(refused(|p| p.n_head = 5), "n_head");
        assert_eq!(refused(|p| p.n_layer = 0), "n_layer");
        assert_eq!(refused(|p| p.learning_rate = f64::NAN), "learning_rate");
        assert_eq!(refused(|p| p.log_every = 0), "log_every");
        PretrainParams::default().check().unwrap();
    }
}
