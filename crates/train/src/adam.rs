//! Adam, with the step itself left to the backend.

use burn::optim::{LearningRate, SimpleOptimizer};
use burn::record::Record;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use igpt_kernels::{AdamStep, Kernels, adam};

/// Adam with β = (0.9, 0.95) and ε = 1e-8, without weight decay: the paper's (section 3.3).
#[derive(Clone, Copy, Debug)]
pub struct Adam;

/// What Adam knows of a parameter.
#[derive(Clone, Debug, Record)]
pub struct Moments<B: Backend, const D: usize> {
    /// Steps so far.
    pub steps: usize,
    /// The moving mean of the gradient.
    pub first: Tensor<B, D>,
    /// The moving mean of its square.
    pub second: Tensor<B, D>,
}

impl<B: Kernels> SimpleOptimizer<B> for Adam {
    type State<const D: usize> = Moments<B, D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: Option<Moments<B, D>>,
    ) -> (Tensor<B, D>, Option<Moments<B, D>>) {
        let Moments { steps, first, second } = state.unwrap_or_else(|| Moments {
            steps: 0,
            first: parameter.zeros_like(),
            second: parameter.zeros_like(),
        });
        let step = AdamStep { rate, betas: [0.9, 0.95], epsilon: 1e-8, step: steps + 1 };
        let (parameter, [first, second]) = adam(step, parameter, gradient, [first, second]);
        (parameter, Some(Moments { steps: step.step, first, second }))
    }

    fn to_device<const D: usize>(state: Moments<B, D>, device: &B::Device) -> Moments<B, D> {
        let Moments { steps, first, second } = state;
        Moments { steps, first: first.to_device(device), second: second.to_device(device) }
    }
}
