//! The loss and the gradient of a step, computed over parts of the batch side by side.
//!
//! The parts are added up in their order, so the result does not depend on how many threads there
//! are.

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{ElementConversion, Tensor};
use igpt_artifact::table::vectors::Batch;
use igpt_kernels::Kernels;
use igpt_model::{ImageGpt, Workers, tokens};

/// The mean loss `[1]` of a batch of token rows, and its gradient by every parameter.
///
/// # Panics
/// If there is no row.
pub fn gradients<B: Kernels>(
    workers: &Workers,
    network: &ImageGpt<Autodiff<B>>,
    rows: &[u16],
    device: &B::Device,
) -> (Tensor<B, 1>, GradientsParams) {
    let width = network.config().n_positions;
    let images = rows.len() / width;
    let parts = workers.map(images, |part| {
        // Leaves of its own, so that Burn keeps the parts' graphs apart.
        let network = ImageGpt::<Autodiff<B>>::from_inner(network.valid());
        let share = part.len() as f64 / images as f64;
        let loss = network.loss(tokens::rows(rows, width, part, device)).mul_scalar(share);
        let value = loss.clone().inner();
        (value, GradientsParams::from_grads(loss.backward(), &network))
    });
    let mut sum = GradientsAccumulator::new();
    let losses = parts.into_iter().map(|(loss, gradients)| {
        sum.accumulate(network, gradients);
        loss
    });
    let loss = losses.reduce(|a, b| a + b).expect("a batch has at least one image");
    (loss, sum.grads())
}

/// The mean loss over all images, in nats per token; none without images.
pub fn mean_loss<B: Kernels>(
    workers: &Workers,
    network: &ImageGpt<B>,
    images: &Batch<u16>,
    batch_size: usize,
    device: &B::Device,
) -> Option<f64> {
    let width = images.width;
    let mut sum = 0.0;
    for rows in images.values.chunks(batch_size * width) {
        let losses = workers.map(rows.len() / width, |part| {
            let share = part.len() as f64;
            network.loss(tokens::rows(rows, width, part, device)).into_scalar().elem::<f64>() * share
        });
        sum += losses.iter().sum::<f64>();
    }
    (images.rows() > 0).then(|| sum / images.rows() as f64)
}
