//! `model.safetensors` in Hugging Face's ImageGPT layout.
//!
//! A parameter's path in [`crate::network`] is its name in the file: `transformer.wte.weight`,
//! `transformer.h.0.attn.c_attn.weight` … `lm_head.weight`. The port has biases in four places of a
//! block; a network without them writes zeros there, and zeros are read as none.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use igpt_kernels::Kernels;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::classifier::Classifier;
use crate::config::Config;
use crate::init::Init;
use crate::network::ImageGpt;
use crate::{Error, Result};

/// The weights' file name in a model directory.
pub const FILE: &str = "model.safetensors";

/// Where a model artifact keeps the network as it was after `step` steps: a model directory.
pub fn checkpoint_dir(artifact: &Path, step: u64) -> PathBuf {
    artifact.join(format!("checkpoints/step={step}"))
}

/// Writes `config.json` and `model.safetensors` into an artifact directory.
pub fn write<B: Kernels>(network: &ImageGpt<B>, artifact: &Path) -> Result<()> {
    network.config().write(artifact)?;
    save(network, BTreeMap::new(), artifact)
}

/// Writes a classifier as a directory that Hugging Face's `ImageGPTForImageClassification` loads: as [`write`]
/// does, with `score.weight` beside the network's tensors and the classes' `names` in `config.json` (their
/// numbers where there are none).
pub fn write_classifier<B: Kernels>(
    classifier: &Classifier<B>,
    names: &[String],
    artifact: &Path,
) -> Result<()> {
    let score = classifier.score.weight.val();
    let [classes, d] = score.dims();
    classifier.gpt.config().write_classifier(classes, names, artifact)?;
    let values = score.into_data().iter::<f32>().collect();
    save(&classifier.gpt, BTreeMap::from([(SCORE.to_owned(), (values, vec![classes, d]))]), artifact)
}

/// The class head's name in a file.
const SCORE: &str = "score.weight";

/// Writes `model.safetensors`.
fn save<B: Kernels>(
    network: &ImageGpt<B>,
    more: BTreeMap<String, (Vec<f32>, Vec<usize>)>,
    artifact: &Path,
) -> Result<()> {
    let mut tensors = named_tensors(network);
    tensors.extend(more);
    for (name, shape) in bias_shapes(network.config()) {
        tensors.entry(name).or_insert_with(|| (vec![0.0; shape], vec![shape]));
    }
    let bytes: BTreeMap<_, _> = tensors
        .into_iter()
        .map(|(name, (values, shape))| {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (name, (bytes, shape))
        })
        .collect();
    let path = artifact.join(FILE);
    let bad = |source| Error::SafeTensors { path: path.clone(), source };
    let views = bytes
        .iter()
        .map(|(name, (bytes, shape))| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(bad)?;
    // One entry only: a map of more would be written in no fixed order.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let file = safetensors::serialize(views, Some(metadata)).map_err(bad)?;
    fs::write(&path, file).map_err(igpt_artifact::Error::io("write", &path))?;
    Ok(())
}

/// Reads the network of the artifact at `dir`.
///
/// # Errors
/// A missing or damaged file, a missing tensor, one too many, or one of another shape or type;
/// the message names the tensor and both shapes.
pub fn read<B: Kernels>(dir: &Path, device: &B::Device) -> Result<ImageGpt<B>> {
    let config = Config::open(dir)?;
    let path = dir.join(FILE);
    let bytes = fs::read(&path).map_err(igpt_artifact::Error::io("read", &path))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|source| Error::SafeTensors { path: path.clone(), source })?;
    let init = Init::<B> { device, seed: None };
    let mut network = ImageGpt::build(config, &init);
    if has_biases(&file, config) {
        network = network.with_biases(&init);
    }
    let mut reader = Reader { file: &file, path: Vec::new(), wanted: Vec::new(), problem: None };
    let network = network.map(&mut reader);
    let error = |tensor: String, message: String| Error::Tensor { path: path.clone(), tensor, message };
    if let Some((tensor, message)) = reader.problem {
        return Err(error(tensor, message));
    }
    let biases: Vec<_> = bias_shapes(config).into_iter().map(|(name, _)| name).collect();
    for name in file.names() {
        // Causal masks, which older files hold as buffers.
        let buffer = name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
        let known = reader.wanted.iter().chain(&biases).any(|wanted| wanted == name);
        if !known && !buffer && name != SCORE {
            return Err(error(name.to_owned(), "has no place in this network".into()));
        }
    }
    Ok(network)
}

/// Every parameter by name: values in row-major order, and shape.
pub fn named_tensors<B: Backend>(network: &impl Module<B>) -> BTreeMap<String, (Vec<f32>, Vec<usize>)> {
    let mut collect = Collect::default();
    network.visit(&mut collect);
    collect.tensors
}

/// The names and lengths of the biases that Hugging Face's port has.
fn bias_shapes(config: Config) -> Vec<(String, usize)> {
    let d = config.n_embd;
    let maps = [("attn.c_attn", 3 * d), ("attn.c_proj", d), ("mlp.c_fc", 4 * d), ("mlp.c_proj", d)];
    let of_block = |i| maps.map(|(map, out)| (format!("transformer.h.{i}.{map}.bias"), out));
    (0..config.n_layer).flat_map(of_block).collect()
}

fn has_biases(file: &SafeTensors<'_>, config: Config) -> bool {
    bias_shapes(config)
        .iter()
        .filter_map(|(name, _)| file.tensor(name).ok())
        .any(|view| view.data().iter().any(|&byte| byte != 0))
}

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    tensors: BTreeMap<String, (Vec<f32>, Vec<usize>)>,
}

impl<B: Backend> ModuleVisitor<B> for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        let shape = value.dims().to_vec();
        let values = value.into_data().iter::<f32>().collect();
        self.tensors.insert(self.path.join("."), (values, shape));
    }
}

struct Reader<'a> {
    file: &'a SafeTensors<'a>,
    path: Vec<String>,
    wanted: Vec<String>,
    problem: Option<(String, String)>,
}

impl Reader<'_> {
    fn values<const D: usize>(&self, name: &str, shape: [usize; D]) -> Result<Vec<f32>, String> {
        let view = match self.file.tensor(name) {
            Ok(view) => view,
            // A file may lack biases altogether.
            Err(_) if name.ends_with(".bias") => return Ok(vec![0.0; shape.iter().product()]),
            Err(_) => return Err(format!("is missing (expected shape {shape:?})")),
        };
        if view.shape() != shape {
            return Err(format!("has shape {:?}, expected {shape:?}", view.shape()));
        }
        if view.dtype() != Dtype::F32 {
            return Err(format!("is {:?}, expected F32", view.dtype()));
        }
        Ok(view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
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
        let name = self.path.join(".");
        let (id, value, mapper) = param.consume();
        let (shape, device) = (value.dims(), value.device());
        let value = match self.values(&name, shape) {
            Ok(values) => Tensor::from_data(TensorData::new(values, shape), &device).require_grad(),
            Err(message) => {
                self.problem.get_or_insert((name.clone(), message));
                value
            }
        };
        self.wanted.push(name);
        Param::from_mapped_value(id, value, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Objective;
    use crate::device::Cpu;
    use igpt_stage::Seed;

    const CONFIG: Config = Config {
        n_layer: 2,
        n_embd: 6,
        n_head: 3,
        n_positions: 4,
        k: 5,
        objective: Objective::Autoregressive,
    };

    fn network() -> ImageGpt<Cpu> {
        ImageGpt::new(CONFIG, Seed::new(1), &Default::default())
    }

    #[test]
    fn round_trip_is_exact_and_bytes_are_stable() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&network(), a.path()).unwrap();
        let read = read::<Cpu>(a.path(), &Default::default()).unwrap();
        assert_eq!(named_tensors(&read), named_tensors(&network()));
        write(&read, b.path()).unwrap();
        assert_eq!(fs::read(a.path().join(FILE)).unwrap(), fs::read(b.path().join(FILE)).unwrap());
    }

    #[test]
    fn names_are_the_published_ones() {
        let names: Vec<_> = named_tensors(&network()).into_keys().collect();
        for name in [
            "lm_head.weight",
            "transformer.h.1.attn.c_attn.weight",
            "transformer.h.1.attn.c_proj.weight",
            "transformer.h.1.ln_1.weight",
            "transformer.h.1.ln_2.weight",
            "transformer.h.1.mlp.c_fc.weight",
            "transformer.h.1.mlp.c_proj.weight",
            "transformer.ln_f.weight",
            "transformer.wpe.weight",
            "transformer.wte.weight",
        ] {
            assert!(names.iter().any(|n| n == name), "{name} is not among {names:?}");
        }
        assert_eq!(names.len(), 4 + 6 * 2);
    }

    #[test]
    fn parameters_are_counted_as_they_are() {
        let numbers: usize = named_tensors(&network()).values().map(|(values, _)| values.len()).sum();
        assert_eq!(numbers, CONFIG.parameters());
    }

    #[test]
    fn misfits_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        write(&network(), dir.path()).unwrap();
        let refuse = |config: Config, expected: &str| {
            config.write(dir.path()).unwrap();
            let error = read::<Cpu>(dir.path(), &Default::default()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        refuse(Config { k: 7, ..CONFIG }, "`transformer.wte.weight` has shape [6, 6], expected [8, 6]");
        refuse(
            Config { n_layer: 3, ..CONFIG },
            "`transformer.h.2.ln_1.weight` is missing (expected shape [6])",
        );
        refuse(Config { n_layer: 1, ..CONFIG }, "has no place in this network");
        CONFIG.write(dir.path()).unwrap();
        let path = dir.path().join(FILE);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 8]).unwrap();
        let error = read::<Cpu>(dir.path(), &Default::default()).unwrap_err();
        assert!(matches!(error, Error::SafeTensors { .. }), "{error}");
    }
}
