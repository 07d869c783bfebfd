//! What can be trained: Image GPT, alone or with something on top.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};
use igpt_kernels::Kernels;
use igpt_model::{ImageGpt, Sequences};

/// Images on a device, with what is to be learnt of them.
#[derive(Clone, Debug)]
pub struct Examples<B: Backend> {
    /// The images.
    pub sequences: Sequences<B>,
    /// The class of each, `[B]`, where a class is to be learnt.
    pub classes: Option<Tensor<B, 1, Int>>,
}

/// A network whose loss comes from the end of Image GPT's residual stream.
///
/// The loss is asked for from there, and not from the images, so that the blocks below can be run in more
/// than one way: see [`crate::gradient`].
pub trait Learner<B: Kernels>: Module<B> {
    /// The blocks.
    fn backbone(&self) -> &ImageGpt<B>;

    /// The loss `[1]`, a mean over images, from what leaves the last block, `[B, T, d]`.
    fn loss_from(&self, x: Tensor<B, 3>, examples: &Examples<B>) -> Tensor<B, 1>;

    /// The loss of images.
    fn loss(&self, examples: &Examples<B>) -> Tensor<B, 1> {
        self.loss_from(self.backbone().stream(&examples.sequences), examples)
    }
}

impl<B: Kernels> Learner<B> for ImageGpt<B> {
    fn backbone(&self) -> &ImageGpt<B> {
        self
    }

    fn loss_from(&self, x: Tensor<B, 3>, examples: &Examples<B>) -> Tensor<B, 1> {
        self.losses_from(self.finish(x), &examples.sequences).mean()
    }
}
