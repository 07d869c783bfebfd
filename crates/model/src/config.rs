//! The sizes of a network, and the `config.json` that says them to other programs.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::table::tokens::TokensMeta;
use igpt_artifact::table::{read_json, write_json};
use igpt_kernels::EPSILON;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The sizes of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Blocks.
    pub n_layer: usize,
    /// Width of the residual stream.
    pub n_embd: usize,
    /// Attention heads; divides `n_embd`.
    pub n_head: usize,
    /// Tokens in a sequence.
    pub n_positions: usize,
    /// Colours in the palette. Token k is the start of the sequence.
    pub k: usize,
    /// What it is trained for, and so what a position may look at.
    pub objective: Objective,
}

/// What a network learns to say ("Generative Pretraining from Pixels", section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The next pixel: a position sees the start token and the pixels before it.
    #[default]
    Autoregressive,
    /// Pixels that are hidden from it: every position sees all others, there is no start token.
    Bert,
}

impl Objective {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Autoregressive => "autoregressive",
            Self::Bert => "bert",
        }
    }

    fn is_autoregressive(&self) -> bool {
        *self == Self::Autoregressive
    }
}

impl Config {
    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.n_embd / self.n_head
    }

    /// Trained numbers, biases not counted.
    pub fn parameters(&self) -> usize {
        let Self { n_layer, n_embd: d, n_positions, k, .. } = *self;
        let block = 12 * d * d + 2 * d; // attention 4d², MLP 8d², two norms
        let embeddings = (k + 1) * d + n_positions * d;
        embeddings + n_layer * block + d + k * d
    }

    /// Checks that sequences have the length and palette of this network: it can look at no others.
    ///
    /// # Errors
    /// [`Error::Misfit`] if they have not.
    pub fn check_fit(&self, tokens: &TokensMeta) -> Result<()> {
        if self.n_positions == tokens.len() && self.k == tokens.k {
            return Ok(());
        }
        Err(Error::Misfit {
            n_positions: self.n_positions,
            model_k: self.k,
            length: tokens.len(),
            tokens_k: tokens.k,
        })
    }

    /// Writes `config.json` into an artifact directory.
    pub fn write(&self, artifact: &Path) -> Result<()> {
        Ok(write_json(&artifact.join(FILE), &HuggingFace::from(*self))?)
    }

    /// Writes `config.json` for a network with a head of so many classes. Their names are their numbers where
    /// `names` has none.
    pub fn write_classifier(&self, classes: usize, names: &[String], artifact: &Path) -> Result<()> {
        let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| class.to_string());
        let head = Head {
            id2label: (0..classes).map(|class| (class, name(class))).collect(),
            label2id: (0..classes).map(|class| (name(class), class)).collect(),
        };
        let architectures = vec!["ImageGPTForImageClassification".into()];
        let file = HuggingFace { architectures, head: Some(head), ..(*self).into() };
        Ok(write_json(&artifact.join(FILE), &file)?)
    }

    /// Reads the `config.json` of the artifact at `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let file: HuggingFace = read_json(&path)?;
        let bad = |message: String| Error::Config { path: path.clone(), message };
        if file.model_type != "imagegpt" {
            return Err(bad(format!("model_type is `{}`, not `imagegpt`", file.model_type)));
        }
        if file.activation_function != "quick_gelu" {
            return Err(bad(format!(
                "activation_function is `{}`, not `quick_gelu`",
                file.activation_function
            )));
        }
        if file.n_head == 0 || !file.n_embd.is_multiple_of(file.n_head) {
            return Err(bad(format!("n_head {} does not divide n_embd {}", file.n_head, file.n_embd)));
        }
        if file.n_inner.is_some_and(|n| n != 4 * file.n_embd) {
            return Err(bad(format!("n_inner is {:?}, not 4 × n_embd", file.n_inner)));
        }
        if !file.scale_attn_weights || file.tie_word_embeddings || file.layer_norm_epsilon != EPSILON {
            return Err(bad(format!(
                "only scaled attention, an output matrix of its own and layer_norm_epsilon {EPSILON} are supported"
            )));
        }
        let Some(k) = file.vocab_size.checked_sub(1).filter(|&k| k > 0) else {
            return Err(bad(format!(
                "vocab_size {} leaves no colour beside the start token",
                file.vocab_size
            )));
        };
        let HuggingFace { n_layer, n_embd, n_head, n_positions, objective, .. } = file;
        Ok(Self { n_layer, n_embd, n_head, n_positions, k, objective })
    }
}

/// The configuration's file name in a model directory.
pub const FILE: &str = "config.json";

/// The keys of Hugging Face's `ImageGPTConfig` that matter here; others are ignored on reading.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct HuggingFace {
    #[serde(default)]
    architectures: Vec<String>,
    model_type: String,
    vocab_size: usize,
    n_positions: usize,
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    #[serde(default)]
    n_inner: Option<usize>,
    activation_function: String,
    layer_norm_epsilon: f64,
    #[serde(default)]
    resid_pdrop: f64,
    #[serde(default)]
    embd_pdrop: f64,
    #[serde(default)]
    attn_pdrop: f64,
    #[serde(default = "yes")]
    scale_attn_weights: bool,
    #[serde(default)]
    tie_word_embeddings: bool,
    /// A key of ours. Hugging Face keeps what it does not know, and has no such network.
    #[serde(default, skip_serializing_if = "Objective::is_autoregressive")]
    objective: Objective,
    #[serde(flatten, skip_deserializing)]
    head: Option<Head>,
}

/// The classes of a classifier, by number and by name.
#[derive(Clone, Debug, Serialize)]
struct Head {
    id2label: BTreeMap<usize, String>,
    label2id: BTreeMap<String, usize>,
}

fn yes() -> bool {
    true
}

impl From<Config> for HuggingFace {
    fn from(config: Config) -> Self {
        Self {
            architectures: vec!["ImageGPTForCausalImageModeling".into()],
            model_type: "imagegpt".into(),
            vocab_size: config.k + 1,
            n_positions: config.n_positions,
            n_embd: config.n_embd,
            n_layer: config.n_layer,
            n_head: config.n_head,
            n_inner: None,
            activation_function: "quick_gelu".into(),
            layer_norm_epsilon: EPSILON,
            resid_pdrop: 0.0,
            embd_pdrop: 0.0,
            attn_pdrop: 0.0,
            scale_attn_weights: true,
            tie_word_embeddings: false,
            objective: config.objective,
            head: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's S, M and L at 32×32 with 512 colours.
    #[test]
    fn published_parameter_counts() {
        let count = |n_layer, n_embd, n_head| {
            Config { n_layer, n_embd, n_head, n_positions: 1024, k: 512, ..Config::default() }.parameters()
        };
        assert_eq!(count(24, 512, 8), 76_571_648);
        assert_eq!(count(36, 1024, 8), 455_157_760);
        assert_eq!(count(48, 1536, 16), 1_362_250_752);
    }

    #[test]
    fn round_trip_and_refusal() {
        let dir = tempfile::tempdir().unwrap();
        let objective = Objective::Bert;
        let config = Config { n_layer: 2, n_embd: 12, n_head: 3, n_positions: 25, k: 8, objective };
        for objective in [Objective::Autoregressive, Objective::Bert] {
            let config = Config { objective, ..config };
            config.write(dir.path()).unwrap();
            assert_eq!(Config::open(dir.path()).unwrap(), config);
        }
        Config { n_head: 5, ..config }.write(dir.path()).unwrap();
        let error = Config::open(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("config.json: n_head 5 does not divide n_embd 12"), "{error}");
    }
}
