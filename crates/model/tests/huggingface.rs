//! The network against Hugging Face's ImageGPT, value by value.
//!
//! `fixtures/make_imagegpt.py` made the expected values with transformers and PyTorch, for random
//! networks with biases: heads 1 and 3, up to 7 layers, 5×5 to 12×12 images. `make_bert.py` did the same for
//! the other objective.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::{GradientsParams, Optimizer};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use igpt_kernels::Kernels;
use igpt_model::device::Cpu;
use igpt_model::weights::{self, Checkpoint};
use igpt_model::{Config, Decoder, ImageGpt, Objective, Sequences, Tap};
use igpt_train::Adam;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

type Training = Autodiff<Cpu>;

const TOLERANCE: f32 = 1e-4;

/// The fixtures: a model directory and what PyTorch computed with it.
fn fixtures() -> Vec<(PathBuf, Expected)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    ["one_head_5x5", "three_heads_12x12", "seven_layers_7x7"]
        .map(|name| (root.join(name), Expected::read(&root.join(name).join("expected.safetensors"))))
        .into()
}

struct Expected {
    tokens: Vec<u16>,
    width: usize,
    values: BTreeMap<String, Vec<f32>>,
}

impl Expected {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tokens = file.tensor("tokens").unwrap();
        let words = tokens.data().as_chunks::<4>().0.iter();
        let tokens_of = words.map(|word| i32::from_le_bytes(*word) as u16).collect();
        Self { tokens: tokens_of, ..Self::values(&file, tokens.shape()[1]) }
    }

    /// Every tensor of floats in a file.
    fn values(file: &SafeTensors<'_>, width: usize) -> Self {
        let floats = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let values = file
            .tensors()
            .into_iter()
            .filter(|(_, view)| view.dtype() == Dtype::F32)
            .map(|(name, view)| (name, floats(view.data())))
            .collect();
        Self { tokens: Vec::new(), width, values }
    }

    fn batch<B: Backend>(&self) -> Sequences<B> {
        Sequences::new(&self.tokens, self.width, &Default::default())
    }

    fn check(&self, name: &str, found: &[f32]) {
        let expected = &self.values[name];
        assert_eq!(expected.len(), found.len(), "{name}");
        for (i, (e, f)) in expected.iter().zip(found).enumerate() {
            assert!((e - f).abs() <= TOLERANCE * e.abs().max(1.0), "{name}[{i}]: expected {e}, found {f}");
        }
    }
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn network<B: Kernels>(dir: &Path) -> ImageGpt<B> {
    weights::read(dir, &Default::default()).unwrap()
}

#[test]
fn logits_and_loss() {
    for (dir, expected) in fixtures() {
        let network = network::<Cpu>(&dir);
        expected.check("logits", &values(network.forward(&expected.batch())));
        expected.check("loss", &values(network.loss(&expected.batch())));
    }
}

/// The same networks as BERTs: no start token, every position sees all, some pixels are hidden.
#[test]
fn bert() {
    for (dir, expected) in fixtures() {
        let bytes = std::fs::read(dir.join("bert.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let flags = file.tensor("hidden_pixels").unwrap();
        let hidden: Vec<bool> =
            flags.data().as_chunks::<4>().0.iter().map(|word| i32::from_le_bytes(*word) == 1).collect();
        let config = Config { objective: Objective::Bert, ..Config::open(&dir).unwrap() };
        let checkpoint = Checkpoint::open(&dir).unwrap();
        let network: ImageGpt<Training> = weights::load(&checkpoint, config, &Default::default()).unwrap();
        let batch = expected.batch().hiding(&hidden);
        let expected = Expected { tokens: expected.tokens, ..Expected::values(&file, expected.width) };
        expected.check("logits", &values(network.forward(&batch)));
        let loss = network.loss(&batch);
        expected.check("loss", &values(loss.clone()));
        check_hidden_states(&expected, &network, &batch);
        let all = loss.backward();
        let mut visitor = Gradients::<Training> { path: Vec::new(), all: &all, found: BTreeMap::new() };
        network.visit(&mut visitor);
        for (name, found) in &visitor.found {
            expected.check(&format!("grad.{name}"), found);
        }
        let wanted = expected.values.keys().filter(|name| name.starts_with("grad.")).count();
        assert_eq!(visitor.found.len(), wanted);
    }
}

#[test]
fn hidden_states_of_every_layer_and_position() {
    for (dir, expected) in fixtures() {
        check_hidden_states(&expected, &network::<Cpu>(&dir), &expected.batch());
    }
}

/// The stream before every block and the output of the final norm, position by position; and the features,
/// which are means over positions.
fn check_hidden_states<B: Kernels>(expected: &Expected, network: &ImageGpt<B>, batch: &Sequences<B>) {
    let mut states = vec![network.embed(batch)];
    for block in network.blocks() {
        states.push(block.forward(states[states.len() - 1].clone(), network.precision()));
    }
    let end = states.pop().map(|x| network.finish(x));
    states.extend(end);
    let features = network.features(batch, Tap::Residual);
    assert_eq!(features.len(), states.len());
    for (layer, (state, pooled)) in states.into_iter().zip(features).enumerate() {
        expected.check(&format!("hidden.{layer}"), &values(state.clone()));
        let mean = values(state.mean_dim(1));
        assert!(values(pooled).iter().zip(mean).all(|(a, b)| (a - b).abs() < TOLERANCE), "layer {layer}");
    }
}

#[test]
fn the_attention_tap_is_the_norm_of_the_residual() {
    let (dir, expected) = fixtures().remove(1);
    let network = network::<Cpu>(&dir);
    let n_embd = network.config().n_embd;
    let taps = network.features(&expected.batch(), Tap::AttnNorm);
    let gain = values(network.transformer.h[1].ln_1.weight.val());
    let hidden = &expected.values["hidden.1"];
    let mut mean = vec![0.0; n_embd];
    for row in hidden[..expected.width * n_embd].chunks(n_embd) {
        let root = (row.iter().map(|x| x * x).sum::<f32>() / n_embd as f32 + 1e-5).sqrt();
        for c in 0..n_embd {
            mean[c] += row[c] / root * gain[c] / expected.width as f32;
        }
    }
    let found = values(taps[1].clone());
    for c in 0..n_embd {
        assert!((found[c] - mean[c]).abs() < TOLERANCE, "{} {}", found[c], mean[c]);
    }
}

struct Gradients<'a, B: AutodiffBackend> {
    path: Vec<String>,
    all: &'a B::Gradients,
    found: BTreeMap<String, Vec<f32>>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Gradients<'_, B> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let gradient = param.val().grad(self.all).unwrap_or_else(|| panic!("no gradient of {:?}", self.path));
        self.found.insert(self.path.join("."), values(gradient));
    }
}

#[test]
fn gradients_of_every_parameter() {
    for (dir, expected) in fixtures() {
        let network = network::<Training>(&dir);
        let all = network.loss(&expected.batch()).backward();
        let mut visitor = Gradients::<Training> { path: Vec::new(), all: &all, found: BTreeMap::new() };
        network.visit(&mut visitor);
        for (name, found) in &visitor.found {
            expected.check(&format!("grad.{name}"), found);
        }
        let wanted = expected.values.keys().filter(|name| name.starts_with("grad.")).count();
        assert_eq!(visitor.found.len(), wanted);
    }
}

#[test]
fn adam_steps_like_pytorch() {
    for (dir, expected) in fixtures() {
        let mut network = network::<Training>(&dir);
        let mut adam = OptimizerAdaptor::from(Adam);
        let losses: Vec<f32> = (0..5)
            .map(|_| {
                let loss = network.loss(&expected.batch());
                let value = values(loss.clone())[0];
                let gradients = GradientsParams::from_grads(loss.backward(), &network);
                network = adam.step(1e-2, network.clone(), gradients);
                value
            })
            .collect();
        expected.check("adam_losses", &losses);
    }
}

/// Whether positions come one by one, or many at once as a prompt does.
#[test]
fn steps_with_a_cache_give_the_same_logits() {
    for (dir, expected) in fixtures() {
        let network = network::<Training>(&dir).valid();
        let (decoder, config) = (Decoder::new(&network), network.config());
        let images = expected.tokens.len() / expected.width;
        for prompt in [0, 1, config.n_positions / 2, config.n_positions - 1] {
            let mut cache = decoder.cache(config.n_positions);
            let mut first = 0;
            for position in prompt..config.n_positions {
                // What the network sees at a position is the pixel before it.
                let inputs: Vec<u16> = (0..images)
                    .flat_map(|i| (first..=position).map(move |at| (i * expected.width, at)))
                    .map(|(row, at)| if at == 0 { config.k as u16 } else { expected.tokens[row + at - 1] })
                    .collect();
                let inputs = Sequences::new(&inputs, position + 1 - first, &Default::default()).tokens;
                let found = values(decoder.step(inputs, &mut cache));
                first = position + 1;
                assert_eq!(cache.seen(), first);
                for image in 0..images {
                    let start = (image * expected.width + position) * config.k;
                    let wanted = &expected.values["logits"][start..start + config.k];
                    for (w, f) in wanted.iter().zip(&found[image * config.k..]) {
                        let close = (w - f).abs() <= TOLERANCE * w.abs().max(1.0);
                        assert!(close, "position {position} after {prompt}: {w} {f}");
                    }
                }
            }
        }
    }
}
