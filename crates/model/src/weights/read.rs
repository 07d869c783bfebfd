//! From a checkpoint to a network.

use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use igpt_kernels::Kernels;

use super::Checkpoint;
use crate::config::Config;
use crate::init::Init;
use crate::network::ImageGpt;
use crate::{Error, Result};

/// Reads the network of the artifact, or of the Hugging Face directory, at `dir`.
///
/// # Errors
/// A missing or damaged file, a missing tensor, one too many, or one of another shape or type;
/// the message names the tensor and both shapes.
pub fn read<B: Kernels>(dir: &Path, device: &B::Device) -> Result<ImageGpt<B>> {
    let config = Config::open(dir)?;
    load(&Checkpoint::open(dir)?, config, device)
}

/// Makes the network of a checkpoint.
///
/// # Errors
/// As [`Checkpoint::check`], and what reading its numbers may come upon.
pub fn load<B: Kernels>(checkpoint: &Checkpoint, config: Config, device: &B::Device) -> Result<ImageGpt<B>> {
    checkpoint.check(config)?;
    let init = Init::<B> { device, seed: None };
    let mut network = ImageGpt::build(config, &init);
    if checkpoint.has_biases(config)? {
        network = network.with_biases(&init);
    }
    let mut reader = Reader { checkpoint, path: Vec::new(), problem: None };
    let network = network.map(&mut reader);
    match reader.problem {
        Some(problem) => Err(problem),
        None => Ok(network),
    }
}

struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    path: Vec<String>,
    problem: Option<Error>,
}

impl Reader<'_> {
    fn values(&self, name: &str, numbers: usize) -> Result<Vec<f32>> {
        match self.checkpoint.stored(name) {
            // A file may lack some of the biases.
            None if name.ends_with(".bias") => Ok(vec![0.0; numbers]),
            _ => self.checkpoint.values(name),
        }
    }
}

impl<B: Backend> ModuleMapper<B> for Reader<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, value, mapper) = param.consume();
        let (shape, device) = (value.dims(), value.device());
        let value = match self.values(&self.path.join("."), shape.iter().product()) {
            Ok(values) => Tensor::from_data(TensorData::new(values, shape), &device).require_grad(),
            Err(problem) => {
                self.problem.get_or_insert(problem);
                value
            }
        };
        Param::from_mapped_value(id, value, mapper)
    }
}
