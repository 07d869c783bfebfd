//! The loss and the gradient of a batch, computed over parts of it side by side.
//!
//! The parts are added up in an order of their own, so the result does not depend on how many threads there
//! are.

use std::ops::Range;

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{ElementConversion, Tensor};
use igpt_kernels::Kernels;
use igpt_model::Workers;

use crate::{Examples, Learner, Rows};

/// What some images of a batch add to its mean loss, `[1]`, and to the gradient of that by every parameter.
///
/// With `recompute` only the input of each block is kept, and a block is computed a second time when its
/// gradient is due (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", by block): about a
/// third more work, and the memory of one block in place of all.
///
/// # Panics
/// If there is no image.
pub fn gradients<B, N>(
    workers: &Workers,
    network: &N,
    rows: &Rows,
    images: Range<usize>,
    recompute: bool,
    device: &B::Device,
) -> (Tensor<B, 1>, GradientsParams)
where
    B: Kernels,
    N: Learner<Autodiff<B>> + AutodiffModule<Autodiff<B>, InnerModule: Learner<B>> + Sync,
{
    let gradients_of = |part: Range<usize>| {
        let part = images.start + part.start..images.start + part.end;
        // Leaves of its own, so that Burn keeps the parts' graphs apart.
        let network = N::from_inner(network.valid());
        let share = part.len() as f64 / rows.images() as f64;
        if recompute {
            return by_block(&network, rows, part, share, device);
        }
        let loss = network.loss(&rows.part(part, device)).mul_scalar(share);
        let value = loss.clone().inner();
        (value, GradientsParams::from_grads(loss.backward(), &network))
    };
    let add = |(loss, gradients): (Tensor<B, 1>, _), (other_loss, others)| {
        let mut sum = GradientsAccumulator::new();
        sum.accumulate(network, gradients);
        sum.accumulate(network, others);
        (loss + other_loss, sum.grads())
    };
    let sum = workers.sum(images.len(), gradients_of, add);
    sum.expect("a batch has at least one image")
}

/// The same for one part, one block after another from the last to the first.
fn by_block<B, N>(
    network: &N,
    rows: &Rows,
    part: Range<usize>,
    share: f64,
    device: &B::Device,
) -> (Tensor<B, 1>, GradientsParams)
where
    B: Kernels,
    N: Learner<Autodiff<B>> + AutodiffModule<Autodiff<B>, InnerModule: Learner<B>>,
{
    let inner = network.valid();
    let gpt = inner.backbone();
    let precision = gpt.precision();
    let mut inputs = vec![gpt.embed(&rows.part::<B>(part.clone(), device).sequences)];
    for block in gpt.blocks() {
        inputs.push(block.forward(inputs[inputs.len() - 1].clone(), precision));
    }
    let mut leaf =
        || Tensor::<Autodiff<B>, 3>::from_inner(inputs.pop().expect("one input a block, and the end"));
    let mut sum = GradientsAccumulator::new();

    let examples: Examples<Autodiff<B>> = rows.part(part, device);
    let end = leaf().require_grad();
    let loss = network.loss_from(end.clone(), &examples).mul_scalar(share);
    let value = loss.clone().inner();
    let mut gradients = loss.backward();
    let mut above = end.grad_remove(&mut gradients).expect("the loss depends on the last block");
    sum.accumulate(network, GradientsParams::from_grads(gradients, network));

    // What a gradient g of the output y means for a block is the gradient of Σ g·y.
    let pull = |y: Tensor<Autodiff<B>, 3>, g: Tensor<B, 3>| (y * Tensor::from_inner(g)).sum().backward();
    for block in network.backbone().blocks().rev() {
        let x = leaf().require_grad();
        let mut gradients = pull(block.forward(x.clone(), precision), above);
        above = x.grad_remove(&mut gradients).expect("a block depends on its input");
        sum.accumulate(network, GradientsParams::from_grads(gradients, network));
    }
    let gradients = pull(network.backbone().embed(&examples.sequences), above);
    sum.accumulate(network, GradientsParams::from_grads(gradients, network));
    (value, sum.grads())
}

/// The mean loss over batches of images; none without images.
pub fn mean_loss<B: Kernels, N: Learner<B> + Sync>(
    workers: &Workers,
    network: &N,
    batches: impl IntoIterator<Item = Rows>,
    device: &B::Device,
) -> Option<f64> {
    let (mut sum, mut images) = (0.0, 0);
    for rows in batches {
        let losses = workers.map(rows.images(), |part| {
            let share = part.len() as f64;
            network.loss(&rows.part(part, device)).into_scalar().elem::<f64>() * share
        });
        sum += losses.iter().sum::<f64>();
        images += rows.images();
    }
    (images > 0).then(|| sum / images as f64)
}
