//! The mean loss of some steps.

use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor};

use crate::{Error, Result};

/// Losses of steps, summed up where they are: reading each would stop a GPU at every step.
#[derive(Debug)]
pub struct LossSum<B: Backend> {
    sum: Option<Tensor<B, 1>>,
    steps: u32,
}

impl<B: Backend> Default for LossSum<B> {
    fn default() -> Self {
        Self { sum: None, steps: 0 }
    }
}

impl<B: Backend> LossSum<B> {
    /// Adds the loss `[1]` of a step.
    pub fn push(&mut self, loss: Tensor<B, 1>) {
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + loss,
            None => loss,
        });
        self.steps += 1;
    }

    /// The mean since the last call, after `step` steps in all; none without a step in between.
    ///
    /// # Errors
    /// [`Error::Diverged`] if it is no number.
    pub fn take(&mut self, step: u64) -> Result<Option<f64>> {
        let Some(sum) = self.sum.take() else { return Ok(None) };
        let loss = sum.into_scalar().elem::<f64>() / f64::from(std::mem::take(&mut self.steps));
        if loss.is_finite() { Ok(Some(loss)) } else { Err(Error::Diverged { step, loss }) }
    }
}
