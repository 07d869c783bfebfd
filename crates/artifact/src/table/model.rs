//! What is worth knowing of a network wherever its features or scores go.

use serde::{Deserialize, Serialize};

/// The network behind some features, handed on with them, so that a table of many probes can say which
/// network each is of without looking for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// The name that the pipeline gave the stage that made it.
    pub name: String,
    /// Blocks.
    pub n_layer: usize,
    /// Width of the residual stream.
    pub n_embd: usize,
    /// Attention heads.
    pub n_head: usize,
    /// Tokens in a sequence.
    pub n_positions: usize,
    /// Colours in its palette.
    pub k: usize,
    /// Trained numbers.
    pub parameters: u64,
    /// What it was trained for: `autoregressive` or `bert`.
    pub objective: String,
    /// Optimiser steps taken; none where it is not known, as of imported weights.
    pub step: Option<u64>,
    /// Its mean loss on validation images at that step, in nats per token. What a token of `bert` costs
    /// is not comparable with one of `autoregressive`.
    pub validation_loss: Option<f64>,
}
