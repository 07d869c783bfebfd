//! What a network costs, in closed form: so that it can be said before anything runs.
//!
//! A multiplication and an addition are two operations (FLOPs). Counted are matrix products, which are all
//! that matters; norms, activations and Adam are left out. Memory counts what this implementation keeps
//! between forward and backward pass; allocators and the programs' own needs come on top.

use crate::config::{Config, Objective};
use crate::precision::Precision;

/// How a training is computed, as far as it changes its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// Images in a step.
    pub batch_size: usize,
    /// Portions of it that are computed one after another.
    pub accumulate: usize,
    /// Whether blocks are computed a second time instead of kept.
    pub recompute: bool,
    /// The precision of products.
    pub precision: Precision,
}

impl Config {
    /// Operations of a forward pass of one image.
    ///
    /// Matrices take 2 a weight and token; attention, 4·T·d a token and layer, half of it where a position
    /// sees only those before it.
    pub fn forward_flops(&self) -> f64 {
        let [l, d, t, k] = [self.n_layer, self.n_embd, self.n_positions, self.k].map(|n| n as f64);
        let seen = if self.objective == Objective::Autoregressive { 0.5 } else { 1.0 };
        let block = 2.0 * 12.0 * d * d + 4.0 * t * d * seen;
        t * (l * block + 2.0 * k * d)
    }

    /// Operations of a training step: a backward pass is two forward passes, and one more where blocks are
    /// computed again.
    pub fn step_flops(&self, training: Training) -> f64 {
        let passes = if training.recompute { 4.0 } else { 3.0 };
        passes * training.batch_size as f64 * self.forward_flops()
    }

    /// Bytes of a training: weights, their gradient and Adam's two moments in f32, and what is kept of the
    /// images of one portion for the backward pass.
    pub fn training_bytes(&self, training: Training) -> f64 {
        let images = training.batch_size.div_ceil(training.accumulate) as f64;
        let low = match training.precision {
            Precision::F32 => 4.0,
            Precision::Bf16 => 2.0,
        };
        let [l, d, t, k] = [self.n_layer, self.n_embd, self.n_positions, self.k].map(|n| n as f64);
        // The stream twice, in f32; normed inputs, q, k and v, attention's value, the MLP before and after its
        // activation in the precision of products.
        let block = 2.0 * d * 4.0 + (d + 3.0 * d + d + d + 4.0 * d + 4.0 * d) * low;
        let blocks = if training.recompute { l * d * 4.0 + block } else { l * block };
        let head = 2.0 * d * 4.0 + 3.0 * k * 4.0; // normed stream; logits, their logarithm, their gradient
        4.0 * 4.0 * self.parameters() as f64 + images * t * (blocks + head)
    }

    /// Bytes of a feature pass of `images` images at a time: weights, and one block at work.
    pub fn feature_bytes(&self, images: usize) -> f64 {
        let [d, t] = [self.n_embd, self.n_positions].map(|n| n as f64);
        4.0 * self.parameters() as f64 + images as f64 * t * 14.0 * d * 4.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Config = Config {
        n_layer: 24,
        n_embd: 512,
        n_head: 8,
        n_positions: 1024,
        k: 512,
        objective: Objective::Autoregressive,
    };
    const PLAIN: Training =
        Training { batch_size: 128, accumulate: 1, recompute: false, precision: Precision::F32 };

    #[test]
    fn operations_follow_the_weights() {
        // All weights but embeddings and norms are in products: 6 operations a weight and token for a step.
        let weights = (24 * 12 * 512 * 512 + 512 * 512) as f64;
        let attention = 24.0 * 2.0 * 1024.0 * 512.0 * 1024.0;
        assert_eq!(S.forward_flops(), 2.0 * weights * 1024.0 + attention);
        assert_eq!(S.step_flops(PLAIN), 3.0 * 128.0 * S.forward_flops());
        let bert = Config { objective: Objective::Bert, ..S };
        assert_eq!(bert.forward_flops() - S.forward_flops(), attention);
    }

    #[test]
    fn what_saves_memory_does() {
        let plain = S.training_bytes(PLAIN);
        let state = 16.0 * S.parameters() as f64;
        let portions = S.training_bytes(Training { accumulate: 4, ..PLAIN });
        assert!((portions - state - (plain - state) / 4.0).abs() < 1.0);
        let half = S.training_bytes(Training { precision: Precision::Bf16, ..PLAIN });
        assert!(half < 0.65 * plain);
        // The paper's batch of 128 on one card of 80 GB.
        let again = S.training_bytes(Training { recompute: true, precision: Precision::Bf16, ..PLAIN });
        assert!(again < 20e9 && half > 40e9, "{again} {half}");
    }
}
