//! What can be set.

use igpt_model::{Config, Objective, Precision};
use igpt_stage::{Invalid, Params};
use igpt_train::Augment;
use igpt_train::params::check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `pretrain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainParams {
    /// Sizes by name: `tiny` (6 blocks, 64 wide, 4 heads), or the paper's `igpt-s` (24, 512, 8), `igpt-m`
    /// (36, 1024, 8), `igpt-l` (48, 1536, 16) and `igpt-xl` (60, 3072, 16; its heads are not published).
    pub preset: Preset,
    /// Blocks, instead of the preset's.
    pub n_layer: Option<usize>,
    /// Width of the residual stream, instead of the preset's.
    pub n_embd: Option<usize>,
    /// Attention heads, instead of the preset's; divides `n_embd`.
    pub n_head: Option<usize>,
    /// What is learnt: `autoregressive`, the next pixel; or `bert`, hidden pixels.
    pub objective: Objective,
    /// `bert`: the probability of a pixel to be hidden.
    pub mask_probability: f64,
    /// `bert`: masks an image over which validation and test losses are averaged.
    pub masks: u64,
    /// Images in a step.
    pub batch_size: usize,
    /// Portions of a batch that are computed one after another, their gradients added up, to save memory.
    pub accumulate: usize,
    /// Optimiser steps. With 0 the artifact is the network as it was initialised.
    pub steps: u64,
    /// Largest learning rate, reached at the end of the warm-up.
    pub learning_rate: f64,
    /// Steps of linear warm-up; one epoch when not given, as in the paper.
    pub warmup_steps: Option<u64>,
    /// The longest gradient (Euclidean norm, all parameters together); longer ones are shortened to it. Off
    /// when not given, as in the paper.
    pub clip: Option<f64>,
    /// What products are computed in: `f32`, or `bf16` with f32 weights, for GPUs.
    pub precision: Precision,
    /// Compute blocks a second time in the backward pass instead of keeping them: a third more work, memory
    /// of one block instead of all.
    pub recompute: bool,
    /// How images are changed each time they are seen: `{pad: 4, flip: true}`.
    pub augment: Augment,
    /// Steps after which the network is kept beside the final one, for `features` with `checkpoint`.
    pub checkpoints: Vec<u64>,
    /// Steps between rows of training loss.
    pub log_every: u64,
    /// Steps between measurements of validation loss.
    pub validate_every: u64,
    /// Validation images that are looked at, at most.
    pub validation_images: usize,
    /// Test images that the final network is measured on, at most.
    pub test_images: usize,
}

/// Sizes by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// For two CPU cores.
    #[default]
    Tiny,
    /// Image GPT small.
    IgptS,
    /// Image GPT medium.
    IgptM,
    /// Image GPT large.
    IgptL,
    /// Image GPT extra large.
    IgptXl,
}

impl Preset {
    /// `n_layer`, `n_embd` and `n_head`.
    pub const fn sizes(self) -> (usize, usize, usize) {
        match self {
            Self::Tiny => (6, 64, 4),
            Self::IgptS => (24, 512, 8),
            Self::IgptM => (36, 1024, 8),
            Self::IgptL => (48, 1536, 16),
            Self::IgptXl => (60, 3072, 16),
        }
    }
}

impl PretrainParams {
    /// `n_layer`, `n_embd` and `n_head` of the network.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let (n_layer, n_embd, n_head) = self.preset.sizes();
        (self.n_layer.unwrap_or(n_layer), self.n_embd.unwrap_or(n_embd), self.n_head.unwrap_or(n_head))
    }

    /// The network for sequences of `n_positions` tokens of `k` colours.
    pub fn config(&self, n_positions: usize, k: usize) -> Config {
        let (n_layer, n_embd, n_head) = self.sizes();
        Config { n_layer, n_embd, n_head, n_positions, k, objective: self.objective }
    }
}

impl Default for PretrainParams {
    fn default() -> Self {
        Self {
            preset: Preset::Tiny,
            n_layer: None,
            n_embd: None,
            n_head: None,
            objective: Objective::Autoregressive,
            mask_probability: 0.15,
            masks: 5,
            batch_size: 8,
            accumulate: 1,
            steps: 1000,
            learning_rate: 3e-3,
            warmup_steps: None,
            clip: None,
            precision: Precision::F32,
            recompute: false,
            augment: Augment::default(),
            checkpoints: Vec::new(),
            log_every: 20,
            validate_every: 200,
            validation_images: 256,
            test_images: 1000,
        }
    }
}

impl Params for PretrainParams {
    fn check(&self) -> Result<(), Invalid> {
        let (n_layer, n_embd, n_head) = self.sizes();
        let positive = [
            ("n_layer", n_layer),
            ("n_embd", n_embd),
            ("n_head", n_head),
            ("batch_size", self.batch_size),
            ("masks", self.masks as usize),
            ("log_every", self.log_every as usize),
            ("validate_every", self.validate_every as usize),
        ];
        for (param, value) in positive {
            Invalid::unless(value > 0, param, format!("{param} is 0, it must be at least 1"))?;
        }
        if !n_embd.is_multiple_of(n_head) {
            let fitting = (1..=n_embd).filter(|h| n_embd.is_multiple_of(*h)).map(|h| h.to_string());
            let message = format!("n_head {n_head} does not divide n_embd {n_embd}");
            let hint = format!("heads that divide it: {}", fitting.collect::<Vec<_>>().join(", "));
            return Err(Invalid::new("n_head", message).hint(hint));
        }
        check(self.batch_size, self.accumulate, self.learning_rate, self.clip, self.mask_probability)?;
        Invalid::unless(
            self.checkpoints.is_sorted_by(|a, b| a < b),
            "checkpoints",
            "checkpoints must be in ascending order, each once",
        )?;
        let outside = self.checkpoints.iter().find(|&&step| step == 0 || step >= self.steps);
        Invalid::unless(
            outside.is_none(),
            "checkpoints",
            format!("a checkpoint at step {} of {}", outside.copied().unwrap_or_default(), self.steps),
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
        assert_eq!(refused(|p| p.n_head = Some(5)), "n_head");
        assert_eq!(refused(|p| p.n_layer = Some(0)), "n_layer");
        assert_eq!(refused(|p| p.learning_rate = f64::NAN), "learning_rate");
        assert_eq!(refused(|p| p.clip = Some(0.0)), "clip");
        assert_eq!(refused(|p| p.log_every = 0), "log_every");
        assert_eq!(refused(|p| p.accumulate = 9), "accumulate");
        assert_eq!(refused(|p| p.mask_probability = 1.0), "mask_probability");
        assert_eq!(refused(|p| p.checkpoints = vec![5, 5]), "checkpoints");
        assert_eq!(refused(|p| p.checkpoints = vec![1000]), "checkpoints");
        PretrainParams::default().check().unwrap();
    }

    /// Exact numbers at all published image sizes. At 32×32 they are those of the paper's table; XL is given
    /// there as 6.8 billion.
    #[test]
    fn presets_have_the_published_numbers_of_parameters() {
        let count = |preset: Preset, side: usize| {
            let params = PretrainParams { preset, ..PretrainParams::default() };
            params.config(side * side, 512).parameters()
        };
        let sides = |preset| [32, 48, 64].map(|side| count(preset, side));
        assert_eq!(sides(Preset::IgptS), [76_571_648, 77_227_008, 78_144_512]);
        assert_eq!(sides(Preset::IgptM), [455_157_760, 456_468_480, 458_303_488]);
        assert_eq!(sides(Preset::IgptL), [1_362_250_752, 1_364_216_832, 1_366_969_344]);
        assert_eq!(count(Preset::IgptXl, 64), 6_810_875_904);
    }
}
