//! A network's parameters by name.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Every parameter by name: values in row-major order, and shape.
pub fn named_tensors<B: Backend>(network: &impl Module<B>) -> BTreeMap<String, (Vec<f32>, Vec<usize>)> {
    let handles = handles(network).into_iter();
    handles.map(|(name, (tensor, shape))| (name, (values(tensor), shape))).collect()
}

/// Every parameter by name, flat but where it is, with its shape: no number is copied.
pub(super) fn handles<B: Backend>(network: &impl Module<B>) -> BTreeMap<String, (Tensor<B, 1>, Vec<usize>)> {
    let mut collect = Collect { path: Vec::new(), found: BTreeMap::new() };
    network.visit(&mut collect);
    collect.found
}

/// A tensor's numbers.
pub(super) fn values<B: Backend>(tensor: Tensor<B, 1>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

struct Collect<B: Backend> {
    path: Vec<String>,
    found: BTreeMap<String, (Tensor<B, 1>, Vec<usize>)>,
}

impl<B: Backend> ModuleVisitor<B> for Collect<B> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        let shape = value.dims().to_vec();
        self.found.insert(self.path.join("."), (value.flatten(0, D - 1), shape));
    }
}
