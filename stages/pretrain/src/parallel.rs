//! The gradient of a step, computed over parts of the batch side by side.
//!
//! At small widths the matrix products of one image batch are too small to be worth sharing among
//! threads; whole parts of the batch are not. Each part runs the network forward and backward on
//! threads of its own, and the gradients are added up in the order of the parts. The parts are
//! fixed, so the result does not depend on how many threads there are.

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use igpt_kernels::Kernels;
use igpt_model::{Device, ImageGpt, tokens};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Parts of a batch on a CPU, at most.
const PARTS: usize = 4;

/// Computes gradients on one device.
#[derive(Debug)]
pub struct Workers {
    parts: usize,
    /// Empty where one part is computed on the calling thread.
    pools: Vec<ThreadPool>,
}

impl Workers {
    /// Workers for batches of `batch_size` images, with `threads` threads between them.
    ///
    /// A GPU takes the whole batch as one part: it has its own ways of sharing work.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(device: Device, batch_size: usize, threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let parts = match device {
            Device::Cpu => PARTS.min(batch_size),
            Device::Cuda(_) => 1,
        };
        let workers = if parts == 1 { 0 } else { threads.clamp(1, parts) };
        let pool = |_| ThreadPoolBuilder::new().num_threads(threads / workers.max(1)).build();
        Ok(Self { parts, pools: (0..workers).map(pool).collect::<Result<_, _>>()? })
    }

    /// The mean loss `[1]` of a batch of token rows, and its gradient by every parameter.
    pub fn gradients<B: Kernels>(
        &self,
        network: &ImageGpt<Autodiff<B>>,
        rows: &[u16],
        device: &B::Device,
    ) -> (Tensor<B, 1>, GradientsParams) {
        let width = network.config().n_positions;
        let images = rows.len() / width;
        let part = |i: usize| {
            let (from, to) = (i * images / self.parts, (i + 1) * images / self.parts);
            // Leaves of its own, so that Burn keeps the parts' graphs apart.
            let network = ImageGpt::<Autodiff<B>>::from_inner(network.valid());
            let loss = network.loss(tokens::tensor(&rows[from * width..to * width], width, device));
            let share = loss.mul_scalar((to - from) as f64 / images as f64);
            let value = share.clone().inner();
            (value, GradientsParams::from_grads(share.backward(), &network))
        };
        let mut done: Vec<_> = if self.pools.is_empty() {
            (0..self.parts).map(|i| (i, part(i))).collect()
        } else {
            let work = |first: usize| {
                let mine = (first..self.parts).step_by(self.pools.len());
                self.pools[first].install(|| mine.map(|i| (i, part(i))).collect::<Vec<_>>())
            };
            let work = &work;
            std::thread::scope(|scope| {
                let running: Vec<_> =
                    (0..self.pools.len()).map(|first| scope.spawn(move || work(first))).collect();
                running
                    .into_iter()
                    .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                    .collect()
            })
        };
        done.sort_by_key(|(i, _)| *i);
        let mut sum = GradientsAccumulator::new();
        let losses = done.into_iter().map(|(_, (loss, gradients))| {
            sum.accumulate(network, gradients);
            loss
        });
        let loss = losses.reduce(|a, b| a + b).expect("a batch has at least one part");
        (loss, sum.grads())
    }
}
