//! Initial weights: normal numbers, each tensor from its own named stream.
//!
//! They are drawn here and not by the backend, so that a seed means the same network on every
//! device, and a tensor's numbers do not depend on which others were drawn before it.

use burn::module::{Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use igpt_stage::Seed;
use rand::Rng;
use rand_distr::StandardNormal;

/// Draws initial weights for one device.
#[derive(Clone, Copy, Debug)]
pub struct Init<'a, B: Backend> {
    /// Where the weights go.
    pub device: &'a B::Device,
    /// Where the numbers come from; without a seed they are zero, for weights that are about to be
    /// read from a file.
    pub seed: Option<Seed>,
}

impl<B: Backend> Init<'_, B> {
    /// A parameter of normal numbers with mean 0 and standard deviation `std`, drawn from the
    /// stream that bears its name.
    pub fn normal<const D: usize>(&self, name: &str, shape: [usize; D], std: f64) -> Param<Tensor<B, D>> {
        let Some(seed) = self.seed else { return self.zeros(shape) };
        let numbers: Vec<f32> = seed
            .named(name)
            .rng()
            .sample_iter(StandardNormal)
            .take(shape.iter().product())
            .map(|z: f64| (std * z) as f32)
            .collect();
        self.param(Tensor::from_data(TensorData::new(numbers, shape), self.device))
    }

    /// A parameter that is zero everywhere.
    pub fn zeros<const D: usize>(&self, shape: [usize; D]) -> Param<Tensor<B, D>> {
        self.param(Tensor::zeros(shape, self.device))
    }

    /// A parameter that is one everywhere.
    pub fn ones<const D: usize>(&self, shape: [usize; D]) -> Param<Tensor<B, D>> {
        self.param(Tensor::ones(shape, self.device))
    }

    fn param<const D: usize>(&self, value: Tensor<B, D>) -> Param<Tensor<B, D>> {
        Param::initialized(ParamId::new(), value.require_grad())
    }
}
