//! A step of training: gradients of a batch, in portions if need be, then Adam.

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::{GradientsAccumulator, Optimizer};
use burn::tensor::Tensor;
use igpt_kernels::Kernels;
use igpt_model::{Device, Workers};

use crate::gradient::gradients;
use crate::{Adam, Learner, Result, Rows, clip};

/// How a step is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct How {
    /// Portions of a batch that are computed one after another, their gradients added up: the memory of a
    /// portion, the step of the whole.
    pub accumulate: usize,
    /// The longest gradient; longer ones are shortened to it.
    pub clip: Option<f64>,
    /// Whether blocks are computed a second time instead of kept.
    pub recompute: bool,
}

/// A network in training.
pub struct Trainer<B: Kernels, N: AutodiffModule<Autodiff<B>>> {
    /// The network.
    pub network: N,
    /// Its optimiser.
    pub optimizer: OptimizerAdaptor<Adam, N, Autodiff<B>>,
    /// Threads.
    pub workers: Workers,
    how: How,
    device: B::Device,
}

impl<B, N> Trainer<B, N>
where
    B: Kernels,
    N: Learner<Autodiff<B>> + AutodiffModule<Autodiff<B>, InnerModule: Learner<B>> + Sync,
{
    /// A training of batches of `batch_size` images, at its start.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(network: N, how: How, on: Device, batch_size: usize, device: &B::Device) -> Result<Self> {
        let workers = Workers::new(on, batch_size.div_ceil(how.accumulate))?;
        Ok(Self { network, optimizer: OptimizerAdaptor::from(Adam), workers, how, device: device.clone() })
    }

    /// Learns from one batch; its mean loss `[1]` before the step.
    ///
    /// # Panics
    /// If there is no image in it.
    pub fn step(&mut self, rows: &Rows, learning_rate: f64) -> Tensor<B, 1> {
        let (mut sum, mut loss_sum) = (GradientsAccumulator::new(), None);
        let (images, portions) = (rows.images(), self.how.accumulate.min(rows.images()));
        for i in 0..portions {
            let portion = i * images / portions..(i + 1) * images / portions;
            let (loss, gradients) =
                gradients(&self.workers, &self.network, rows, portion, self.how.recompute, &self.device);
            sum.accumulate(&self.network, gradients);
            loss_sum = Some(match loss_sum {
                Some(sum) => sum + loss,
                None => loss,
            });
        }
        let mut gradients = sum.grads();
        if let Some(most) = self.how.clip {
            clip::by_norm(&self.network, &mut gradients, most);
        }
        self.network = self.optimizer.step(learning_rate, self.network.clone(), gradients);
        loss_sum.expect("a batch has at least one image")
    }
}
