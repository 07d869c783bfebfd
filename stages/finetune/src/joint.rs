//! The loss of fine-tuning: that of the class, and beside it the generative one.
//!
//! "Generative Pretraining from Pixels", section 3.3: the sum of both does better than the class alone.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::backend::Backend;
use igpt_kernels::Kernels;
use igpt_model::{Classifier, ImageGpt};
use igpt_train::{Examples, Learner};

/// A classifier that learns.
#[derive(Module, Debug)]
pub struct Joint<B: Backend> {
    /// What learns.
    pub classifier: Classifier<B>,
    /// Weight of the generative loss.
    #[module(skip)]
    pub generative: f64,
}

impl<B: Kernels> Learner<B> for Joint<B> {
    fn backbone(&self) -> &ImageGpt<B> {
        &self.classifier.gpt
    }

    fn loss_from(&self, x: Tensor<B, 3>, examples: &Examples<B>) -> Tensor<B, 1> {
        let gpt = self.backbone();
        let x = gpt.finish(x);
        let classes = examples.classes.clone().expect("a classifier is given classes");
        let log_p = log_softmax(self.classifier.classify(x.clone()), 1); // [B, classes]
        let of_class = log_p.gather(1, classes.unsqueeze_dim(1)).mean().neg();
        if self.generative == 0.0 {
            return of_class;
        }
        let generative = gpt.losses_from(x, &examples.sequences).mean();
        of_class + generative.mul_scalar(self.generative)
    }
}
