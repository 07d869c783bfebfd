//! Gradients of bounded length.

use std::marker::PhantomData;

use burn::backend::Autodiff;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Shortens gradients to `most` where they are longer, all parameters together (Pascanu et al. 2013, "On the
/// difficulty of training recurrent neural networks"). Burn's own clipping takes each tensor by itself,
/// which changes the direction of the whole.
///
/// Nothing is read back from the device.
pub fn by_norm<B: Backend, N: Module<Autodiff<B>>>(network: &N, gradients: &mut GradientsParams, most: f64) {
    let mut squares = Squares::<B> { gradients, sum: None };
    network.visit(&mut squares);
    let Some(sum) = squares.sum else { return };
    // The small number, as in PyTorch, keeps a gradient of zero from dividing.
    let factor = sum.sqrt().add_scalar(1e-6).recip().mul_scalar(most).clamp_max(1.0);
    network.visit(&mut Scale::<B> { gradients, factor, backend: PhantomData });
}

struct Squares<'a, B: Backend> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<B, 1>>,
}

impl<B: Backend> ModuleVisitor<Autodiff<B>> for Squares<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<B>, D>>) {
        let Some(gradient) = self.gradients.get::<B, D>(param.id) else { return };
        let square = gradient.square().sum();
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + square,
            None => square,
        });
    }
}

struct Scale<'a, B: Backend> {
    gradients: &'a mut GradientsParams,
    factor: Tensor<B, 1>,
    backend: PhantomData<B>,
}

impl<B: Backend> ModuleVisitor<Autodiff<B>> for Scale<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<B>, D>>) {
        if let Some(gradient) = self.gradients.remove::<B, D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor.clone().unsqueeze());
        }
    }
}
