//! What can be set.

use half::f16;
use igpt_model::{Hide, Tap};
use igpt_stage::{Invalid, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `features`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeaturesParams {
    /// The layers to dump; all when not given. Layer l below `n_layer` is the input of block l,
    /// layer `n_layer` the output of the final norm.
    pub layers: Option<Vec<usize>>,
    /// What is averaged over positions: `attn_norm` (the paper's) or `residual` (Hugging Face's
    /// hidden states).
    pub tap: Tap,
    /// How features are stored. `f16` takes half the space and keeps three digits of each; the other stages take
    /// both. Polars reads it but computes little with it: cast it to f32 first.
    pub dtype: Dtype,
    /// Training images, at most, chosen by the seed; all when not given. Validation and test
    /// images are always all dumped.
    pub limit: Option<u64>,
    /// The network as it was after so many steps, which `pretrain` has kept with `checkpoints`; the final
    /// one when not given.
    pub checkpoint: Option<u64>,
    /// Only for networks trained as `bert`: passes over every image, each with another mask, whose features
    /// are averaged. With 0 there is one pass without a mask, which the network has never seen.
    pub masks: u64,
    /// The share of the pixels that each of these masks hides: best what the network was trained with.
    pub mask_probability: f64,
    /// Images in one forward pass.
    pub batch_size: usize,
}

/// The type of a stored feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
}

impl Dtype {
    /// Bytes of a feature.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F16 => size_of::<f16>(),
        }
    }
}

impl Default for FeaturesParams {
    fn default() -> Self {
        Self {
            layers: None,
            tap: Tap::AttnNorm,
            dtype: Dtype::F32,
            limit: None,
            checkpoint: None,
            masks: 5,
            mask_probability: 0.15,
            batch_size: 32,
        }
    }
}

impl Params for FeaturesParams {
    fn check(&self) -> Result<(), Invalid> {
        Invalid::unless(self.batch_size > 0, "batch_size", "batch_size is 0, it must be at least 1")?;
        Invalid::unless(self.limit != Some(0), "limit", "limit is 0, it must be at least 1")?;
        Hide::check(self.mask_probability)?;
        let ascending = |layers: &Vec<usize>| !layers.is_empty() && layers.is_sorted_by(|a, b| a < b);
        Invalid::unless(
            self.layers.as_ref().is_none_or(ascending),
            "layers",
            "layers must be in ascending order, each once",
        )
    }
}
