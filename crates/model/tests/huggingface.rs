//! The network against Hugging Face's ImageGPT, value by value.
//!
//! `fixtures/make_imagegpt.py` made the expected values with transformers and PyTorch, for random
//! networks with biases: heads 1 and 3, up to 7 layers, 5×5 to 12×12 images.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};
use igpt_kernels::Kernels;
use igpt_model::cache::Cache;
use igpt_model::device::Cpu;
use igpt_model::{ImageGpt, Tap, tokens, weights};
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
        let words = |view: &safetensors::tensor::TensorView<'_>| view.data().as_chunks::<4>().0.to_vec();
        let values = file
            .tensors()
            .into_iter()
            .filter(|(_, view)| view.dtype() == Dtype::F32)
            .map(|(name, view)| (name, words(&view).into_iter().map(f32::from_le_bytes).collect()))
            .collect();
        Self {
            tokens: words(&tokens).into_iter().map(|word| i32::from_le_bytes(word) as u16).collect(),
            width: tokens.shape()[1],
            values,
        }
    }

    fn tensor<B: Backend>(&self) -> Tensor<B, 2, Int> {
        tokens::tensor(&self.tokens, self.width, &Default::default())
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
        expected.check("logits", &values(network.forward(expected.tensor())));
        expected.check("loss", &values(network.loss(expected.tensor())));
    }
}

/// Features are means over positions, and a position sees none after it: what a mean over one position
/// more adds is the hidden state of that position.
#[test]
fn hidden_states_of_every_layer_and_position() {
    for (dir, expected) in fixtures() {
        let network = network::<Cpu>(&dir);
        let (width, n_embd) = (expected.width, network.config().n_embd);
        let hidden: Vec<_> = (0..=network.config().n_layer)
            .map(|layer| &expected.values[&format!("hidden.{layer}")])
            .collect();
        let mut sums = vec![vec![0.0; expected.tokens.len() / width * n_embd]; hidden.len()];
        for length in 2..=width {
            let features = network.features(expected.tensor().narrow(1, 0, length), Tap::Residual);
            assert_eq!(features.len(), hidden.len());
            for (layer, pooled) in features.into_iter().enumerate() {
                for (i, mean) in values(pooled).into_iter().enumerate() {
                    let at = |t: usize| hidden[layer][(i / n_embd * width + t) * n_embd + i % n_embd];
                    let sum = mean * length as f32;
                    // The first mean is over two positions.
                    let wanted = at(length - 1) + if length == 2 { at(0) } else { 0.0 };
                    let found = sum - std::mem::replace(&mut sums[layer][i], sum);
                    assert!(
                        (wanted - found).abs() < TOLERANCE,
                        "layer {layer}, length {length}: {wanted} {found}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_attention_tap_is_the_norm_of_the_residual() {
    let (dir, expected) = fixtures().remove(1);
    let network = network::<Cpu>(&dir);
    let n_embd = network.config().n_embd;
    let taps = network.features(expected.tensor(), Tap::AttnNorm);
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
        let all = network.loss(expected.tensor()).backward();
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
        let adam = AdamConfig::new().with_beta_1(0.9).with_beta_2(0.95).with_epsilon(1e-8);
        let mut adam = adam.init();
        let losses: Vec<f32> = (0..5)
            .map(|_| {
                let loss = network.loss(expected.tensor());
                let value = values(loss.clone())[0];
                let gradients = GradientsParams::from_grads(loss.backward(), &network);
                network = adam.step(1e-2, network.clone(), gradients);
                value
            })
            .collect();
        expected.check("adam_losses", &losses);
    }
}

#[test]
fn steps_with_a_cache_give_the_same_logits() {
    for (dir, expected) in fixtures() {
        let network = network::<Training>(&dir).valid();
        let config = network.config();
        let images = expected.tokens.len() / expected.width;
        let mut cache = Cache::new(config, images, &Default::default());
        let mut previous = None;
        for position in 0..config.n_positions {
            let found = values(network.step(previous, &mut cache));
            for image in 0..images {
                let start = (image * expected.width + position) * config.k;
                let wanted = &expected.values["logits"][start..start + config.k];
                for (w, f) in wanted.iter().zip(&found[image * config.k..]) {
                    assert!((w - f).abs() <= TOLERANCE * w.abs().max(1.0), "position {position}: {w} {f}");
                }
            }
            let column: Vec<u16> =
                (0..images).map(|i| expected.tokens[i * expected.width + position]).collect();
            previous = Some(tokens::tensor(&column, 1, &Default::default()));
        }
    }
}
