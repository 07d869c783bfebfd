//! `model.safetensors`, tensor after tensor.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use burn::tensor::Tensor;
use igpt_artifact::Error as FileError;
use igpt_kernels::Kernels;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::{Checkpoint, FILE, layout, named};
use crate::classifier::Classifier;
use crate::config::Config;
use crate::network::ImageGpt;
use crate::{Error, Result};

/// Writes `config.json` and `model.safetensors` into an artifact directory.
pub fn write<B: Kernels>(network: &ImageGpt<B>, artifact: &Path) -> Result<()> {
    network.config().write(artifact)?;
    save(network, None, artifact)
}

/// Writes a classifier as a directory that Hugging Face's `ImageGPTForImageClassification` loads: as [`write()`]
/// does, with `score.weight` beside the network's tensors and the classes' `names` in `config.json` (their
/// numbers where there are none).
pub fn write_classifier<B: Kernels>(
    classifier: &Classifier<B>,
    names: &[String],
    artifact: &Path,
) -> Result<()> {
    let score = classifier.score.weight.val();
    let [classes, _] = score.dims();
    classifier.gpt.config().write_classifier(classes, names, artifact)?;
    save(&classifier.gpt, Some(score), artifact)
}

/// Writes `model.safetensors`: a network, and the class logits on top of it.
fn save<B: Kernels>(network: &ImageGpt<B>, score: Option<Tensor<B, 2>>, artifact: &Path) -> Result<()> {
    let mut tensors = named::handles(network);
    if let Some(score) = score {
        let shape = score.dims().to_vec();
        tensors.insert(layout::SCORE.to_owned(), (score.flatten(0, 1), shape));
    }
    let mut shapes: BTreeMap<_, _> =
        tensors.iter().map(|(name, (_, shape))| (name.clone(), shape.clone())).collect();
    shapes.extend(layout::biases(network.config()));
    stream(&artifact.join(FILE), &shapes, |name, numbers| match tensors.remove(name) {
        Some((tensor, _)) => Ok(named::values(tensor)),
        None => Ok(vec![0.0; numbers]),
    })
}

/// Writes a checkpoint as `config.json` and `model.safetensors` into an artifact directory, in f32
/// and without what is not of the network. Says whether it has biases that are not zero.
///
/// # Errors
/// As [`Checkpoint::check`]; a number that is not finite; and what reading and writing may come upon.
pub fn copy(checkpoint: &Checkpoint, config: Config, artifact: &Path) -> Result<bool> {
    checkpoint.check(config)?;
    config.write(artifact)?;
    let shapes = layout::parameters(config).chain(layout::biases(config)).collect();
    stream(&artifact.join(FILE), &shapes, |name, numbers| {
        if checkpoint.stored(name).is_none() {
            return Ok(vec![0.0; numbers]); // Only biases may be missing: `check` has seen to that.
        }
        let values = checkpoint.values(name)?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(i) => Err(checkpoint.misfit(
                name,
                format!("of shape {:?} holds {} at {i}", shapes_of(checkpoint, name), values[i]),
            )),
        }
    })?;
    checkpoint.has_biases(config)
}

fn shapes_of<'a>(checkpoint: &'a Checkpoint, name: &str) -> &'a [usize] {
    checkpoint.stored(name).map_or(&[], |stored| &stored.shape)
}

/// Writes a safetensors file of f32 tensors in the order of their names; `values` is asked for the
/// numbers of one at a time. The same tensors give the same bytes.
fn stream(
    path: &Path,
    shapes: &BTreeMap<String, Vec<usize>>,
    mut values: impl FnMut(&str, usize) -> Result<Vec<f32>>,
) -> Result<()> {
    let io = |source| FileError::io("write", path)(source);
    let header = header(shapes).map_err(|source| Error::SafeTensors { path: path.to_path_buf(), source })?;
    let mut file = BufWriter::new(File::create(path).map_err(FileError::io("create", path))?);
    file.write_all(&(header.len() as u64).to_le_bytes()).map_err(io)?;
    file.write_all(&header).map_err(io)?;
    for (name, shape) in shapes {
        for value in values(name, shape.iter().product())? {
            file.write_all(&value.to_le_bytes()).map_err(io)?;
        }
    }
    Ok(file.flush().map_err(io)?)
}

/// The header: names, shapes and places, filled up with spaces to a multiple of 8 bytes.
fn header(shapes: &BTreeMap<String, Vec<usize>>) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let mut end = 0;
    let info = |(name, shape): (&String, &Vec<usize>)| {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        (name.clone(), TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) })
    };
    let tensors = shapes.iter().map(info).collect();
    // One entry only: a map of more would be written in no fixed order.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let mut header = serde_json::to_vec(&Metadata::new(Some(metadata), tensors)?)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}
