//! Image GPT with a classifier on top, as it is fine-tuned (section 3.3 of the paper): a linear map of the
//! final norm's output, averaged over positions.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use igpt_kernels::Kernels;

use crate::init::Init;
use crate::network::{Head, ImageGpt, pool};

/// The network and its classifier.
#[derive(Module, Debug)]
pub struct Classifier<B: Backend> {
    /// The network.
    pub gpt: ImageGpt<B>,
    /// `[classes, d]`; Hugging Face's `score`.
    pub score: Head<B>,
}

impl<B: Kernels> Classifier<B> {
    /// Puts a classifier of zeros on a network: at first every class is equally likely.
    pub fn new(gpt: ImageGpt<B>, classes: usize, device: &B::Device) -> Self {
        let init = Init::<B> { device, seed: None };
        let score = Head { weight: init.zeros([classes, gpt.config().n_embd]) };
        Self { gpt, score }
    }

    /// Logits of the classes `[B, classes]`, from the output of the final norm `[B, T, d]`.
    pub fn classify(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        self.score.rows(pool(x))
    }
}
