//! Image GPT on one page.
//!
//! A GPT-2-like network over palette tokens ("Generative Pretraining from Pixels", section 3):
//! pre-norm blocks, root-mean-square norms with a gain, no biases, MLPs four times as wide with
//! x·sigmoid(1.702x), learned positions, a learned start token, an output matrix of its own.
//! Fields are named as in the published weights, so that a parameter's path is its name on disk.
//! Hugging Face's port adds biases; they are used when a weights file has them.
//!
//! The same network is trained for either of two objectives. Autoregressive: the start token comes
//! first, the last pixel is left out, and a position sees those before it. BERT: pixels stand where they
//! are, all positions see each other, and some are hidden.
//!
//! Shapes: B images, T positions, d = `n_embd`, h = `n_head`, k colours.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor};
use igpt_kernels::{Heads, Kernels, attention, cross_entropy, linear, mlp, quick_gelu, rms_norm};
use igpt_stage::Seed;

use crate::config::{Config, Objective};
use crate::init::Init;
use crate::precision::{Precision, lower, raise};
use crate::tokens::Sequences;

/// The network with its output matrix.
#[derive(Module, Debug)]
pub struct ImageGpt<B: Backend> {
    /// Everything below the output matrix.
    pub transformer: Transformer<B>,
    /// Output matrix.
    pub lm_head: Head<B>,
    #[module(skip)]
    config: Config,
    #[module(skip)]
    precision: Precision,
}

/// Embeddings, blocks and the final norm.
#[derive(Module, Debug)]
pub struct Transformer<B: Backend> {
    /// Token embeddings `[k + 1, d]`; row k is the start of the sequence.
    pub wte: Embedding<B>,
    /// Position embeddings `[n_positions, d]`.
    pub wpe: Embedding<B>,
    /// The blocks.
    pub h: Vec<Block<B>>,
    /// The norm after the last block.
    pub ln_f: RmsNorm<B>,
}

/// Rows to look up.
#[derive(Module, Debug)]
pub struct Embedding<B: Backend> {
    /// `[rows, d]`.
    pub weight: Param<Tensor<B, 2>>,
}

/// One block: x + attention(norm(x)), then x + mlp(norm(x)).
#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    /// The norm before attention. Its output, averaged over positions, is the paper's feature.
    pub ln_1: RmsNorm<B>,
    /// Causal attention.
    pub attn: Attention<B>,
    /// The norm before the MLP.
    pub ln_2: RmsNorm<B>,
    /// The MLP.
    pub mlp: Mlp<B>,
}

/// x / √(mean(x²) + ε) · weight, over the last dimension.
#[derive(Module, Debug)]
pub struct RmsNorm<B: Backend> {
    /// The gain `[d]`.
    pub weight: Param<Tensor<B, 1>>,
}

/// An affine map stored `[in, out]`, as GPT-2's "Conv1D" is.
#[derive(Module, Debug)]
pub struct Conv1d<B: Backend> {
    /// `[in, out]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[out]`, in foreign weights only.
    pub bias: Option<Param<Tensor<B, 1>>>,
}

/// The output matrix, stored `[k, d]`.
#[derive(Module, Debug)]
pub struct Head<B: Backend> {
    /// `[k, d]`.
    pub weight: Param<Tensor<B, 2>>,
}

/// Multi-head attention.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    /// d → 3d: queries, keys and values side by side.
    pub c_attn: Conv1d<B>,
    /// d → d.
    pub c_proj: Conv1d<B>,
    #[module(skip)]
    heads: Heads,
}

/// d → 4d → d.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    /// d → 4d.
    pub c_fc: Conv1d<B>,
    /// 4d → d.
    pub c_proj: Conv1d<B>,
}

/// Where features are taken.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tap {
    /// The normed input of a block's attention, ln_1(h^l): the paper's feature (section 3.4).
    #[default]
    AttnNorm,
    /// The residual stream h^l itself: Hugging Face's `hidden_states`.
    Residual,
}

impl<B: Kernels> ImageGpt<B> {
    /// A network with initial weights.
    pub fn new(config: Config, seed: Seed, device: &B::Device) -> Self {
        Self::build(config, &Init { device, seed: Some(seed) })
    }

    pub(crate) fn build(config: Config, init: &Init<'_, B>) -> Self {
        let Config { n_layer, n_embd: d, n_head, n_positions, k, objective } = config;
        let heads = Heads { n_head, causal: objective == Objective::Autoregressive };
        let matrix = |name: String, rows, columns, std| Conv1d {
            weight: init.normal(&name, [rows, columns], std),
            bias: None,
        };
        let norm = || RmsNorm { weight: init.ones([d]) };
        let block = |i| Block {
            ln_1: norm(),
            attn: Attention {
                c_attn: matrix(format!("h.{i}.attn.c_attn"), d, 3 * d, (d as f64).powf(-0.5)),
                c_proj: matrix(format!("h.{i}.attn.c_proj"), d, d, ((d * n_layer) as f64).powf(-0.5)),
                heads,
            },
            ln_2: norm(),
            mlp: Mlp {
                c_fc: matrix(format!("h.{i}.mlp.c_fc"), d, 4 * d, 0.02),
                c_proj: matrix(format!("h.{i}.mlp.c_proj"), 4 * d, d, 0.02),
            },
        };
        Self {
            transformer: Transformer {
                wte: Embedding { weight: init.normal("wte", [k + 1, d], 0.02) },
                wpe: Embedding { weight: init.normal("wpe", [n_positions, d], 0.01) },
                h: (0..n_layer).map(block).collect(),
                ln_f: norm(),
            },
            // Zero, so that training starts at the loss of a uniform guess, ln k.
            lm_head: Head { weight: init.zeros([k, d]) },
            config,
            precision: Precision::F32,
        }
    }

    /// The same network, computing in another precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The same network with biases, all zero, for weights that have them.
    pub(crate) fn with_biases(mut self, init: &Init<'_, B>) -> Self {
        for block in &mut self.transformer.h {
            let Block { attn, mlp, .. } = block;
            for map in [&mut attn.c_attn, &mut attn.c_proj, &mut mlp.c_fc, &mut mlp.c_proj] {
                let [_, out] = map.weight.dims();
                map.bias = Some(init.zeros([out]));
            }
        }
        self
    }

    /// Its sizes.
    pub fn config(&self) -> Config {
        self.config
    }

    /// Logits of every pixel: `[B, T]` to `[B, T, k]`.
    pub fn forward(&self, batch: &Sequences<B>) -> Tensor<B, 3> {
        self.logits(self.finish(self.stream(batch)))
    }

    /// The mean negative log-likelihood, in nats per token, `[1]`: of all tokens for the autoregressive
    /// objective; for BERT of the hidden ones, averaged by image first.
    pub fn loss(&self, batch: &Sequences<B>) -> Tensor<B, 1> {
        self.losses_from(self.finish(self.stream(batch)), batch).mean()
    }

    /// The loss of each image, `[B]`, from the output of the final norm `[B, T, d]`. Logits are never there all
    /// at once.
    pub fn losses_from(&self, x: Tensor<B, 3>, batch: &Sequences<B>) -> Tensor<B, 1> {
        let [b, t, d] = x.dims();
        let x = lower(x.reshape([b * t, d]), self.precision);
        let head = lower(self.lm_head.weight.val(), self.precision);
        let nll = cross_entropy(x, head, batch.tokens.clone().reshape([b * t])).reshape([b, t]);
        let of_image = match &batch.hidden {
            None => nll.mean_dim(1),
            Some(hidden) => (nll * hidden.clone()).sum_dim(1) / hidden.clone().sum_dim(1),
        };
        of_image.squeeze_dim(1)
    }

    /// The features of every layer, averaged over positions: `n_layer + 1` times `[B, d]`.
    ///
    /// Layer l < `n_layer` is the input of block l, layer `n_layer` the output of the final norm.
    pub fn features(&self, batch: &Sequences<B>, tap: Tap) -> Vec<Tensor<B, 2>> {
        let mut features = Vec::with_capacity(self.config.n_layer + 1);
        let mut x = self.embed(batch);
        for block in self.blocks() {
            let normed = block.ln_1.forward(x.clone());
            features.push(pool(match tap {
                Tap::AttnNorm => normed.clone(),
                Tap::Residual => x.clone(),
            }));
            x = block.forward_normed(x, normed, self.precision);
        }
        features.push(pool(self.finish(x)));
        features
    }

    /// What leaves the last block: `[B, T]` to `[B, T, d]`.
    pub fn stream(&self, batch: &Sequences<B>) -> Tensor<B, 3> {
        self.blocks().fold(self.embed(batch), |x, block| block.forward(x, self.precision))
    }

    /// What enters the first block: `[B, T]` to `[B, T, d]`.
    pub fn embed(&self, batch: &Sequences<B>) -> Tensor<B, 3> {
        match (self.config.objective, &batch.hidden) {
            (Objective::Autoregressive, _) => {
                self.transformer.embed_at(self.shift_right(batch.tokens.clone()), 0)
            }
            (Objective::Bert, None) => self.transformer.embed_at(batch.tokens.clone(), 0),
            (Objective::Bert, Some(hidden)) => {
                let seen = hidden.clone().mul_scalar(-1.0).add_scalar(1.0).unsqueeze_dim(2); // [B, T, 1]
                self.transformer.content(batch.tokens.clone()) * seen
                    + self.transformer.positions(0, hidden.dims()[1])
            }
        }
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = &Block<B>> {
        self.transformer.h.iter()
    }

    /// What leaves the last block, normed: `[B, T, d]` to `[B, T, d]`.
    pub fn finish(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.transformer.ln_f.forward(x)
    }

    /// The output of the final norm to logits: `[B, T, d]` to `[B, T, k]`.
    pub fn logits(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        raise(self.lm_head.forward(lower(x, self.precision)))
    }

    /// The precision of its products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The start token before every sequence, the last pixel dropped: `[B, T]` to `[B, T]`.
    fn shift_right(&self, tokens: Tensor<B, 2, Int>) -> Tensor<B, 2, Int> {
        let [b, t] = tokens.dims();
        let start = Tensor::full([b, 1], self.config.k as i64, &tokens.device());
        Tensor::cat(vec![start, tokens.narrow(1, 0, t - 1)], 1)
    }
}

/// The mean over positions: `[B, T, d]` to `[B, d]`.
pub fn pool<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 2> {
    x.mean_dim(1).squeeze_dim(1)
}

impl<B: Kernels> Transformer<B> {
    /// Inputs `[B, T]` to token plus position embeddings `[B, T, d]`.
    pub(crate) fn embed_at(&self, inputs: Tensor<B, 2, Int>, position: usize) -> Tensor<B, 3> {
        let [_, t] = inputs.dims();
        self.content(inputs) + self.positions(position, t)
    }

    fn content(&self, inputs: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        embedding(self.wte.weight.val(), inputs)
    }

    /// `[1, T, d]`.
    fn positions(&self, from: usize, t: usize) -> Tensor<B, 3> {
        self.wpe.weight.val().narrow(0, from, t).unsqueeze()
    }
}

impl<B: Kernels> Block<B> {
    /// `[B, T, d]` to `[B, T, d]`. The stream x and the norms are f32 in every precision.
    pub fn forward(&self, x: Tensor<B, 3>, precision: Precision) -> Tensor<B, 3> {
        let normed = self.ln_1.forward(x.clone());
        self.forward_normed(x, normed, precision)
    }

    fn forward_normed(&self, x: Tensor<B, 3>, normed: Tensor<B, 3>, precision: Precision) -> Tensor<B, 3> {
        let x = x + raise(self.attn.forward(lower(normed, precision)));
        x.clone() + raise(self.mlp.forward(lower(self.ln_2.forward(x), precision)))
    }
}

impl<B: Kernels> Attention<B> {
    /// `[B, T, d]` to `[B, T, d]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.c_proj.forward(attention(self.c_attn.forward(x), self.heads))
    }
}

impl<B: Kernels> Mlp<B> {
    /// `[B, T, d]` to `[B, T, d]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [b, t, d] = x.dims();
        let x = x.reshape([b * t, d]);
        let y = match (&self.c_fc.bias, &self.c_proj.bias) {
            (None, None) => mlp(x.clone(), self.c_fc.weight_as(&x), self.c_proj.weight_as(&x)),
            _ => self.c_proj.rows(quick_gelu(self.c_fc.rows(x))), // [B·T, 4d] in between
        };
        y.reshape([b, t, d])
    }
}

impl<B: Kernels> RmsNorm<B> {
    pub(crate) fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        rms_norm(x, self.weight.val())
    }
}

impl<B: Kernels> Conv1d<B> {
    /// The weight in the precision of x.
    fn weight_as(&self, x: &Tensor<B, 2>) -> Tensor<B, 2> {
        lower(self.weight.val(), Precision::of(x))
    }

    /// `[B, T, in]` to `[B, T, out]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [b, t, _] = x.dims();
        let [_, out] = self.weight.dims();
        self.rows(x.flatten(0, 1)).reshape([b, t, out])
    }

    /// `[rows, in]` to `[rows, out]`, in the precision of x.
    fn rows(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let precision = Precision::of(&x);
        let y = linear(x.clone(), self.weight_as(&x));
        match &self.bias {
            Some(bias) => y + lower(bias.val(), precision).unsqueeze(),
            None => y,
        }
    }
}

impl<B: Backend> Head<B> {
    /// `[B, T, d]` to `[B, T, k]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [b, t, _] = x.dims();
        let [k, _] = self.weight.dims();
        self.rows(x.flatten(0, 1)).reshape([b, t, k])
    }

    /// `[rows, d]` to `[rows, k]`, in the precision of x.
    pub(crate) fn rows(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let precision = Precision::of(&x);
        x.matmul(lower(self.weight.val(), precision).transpose())
    }
}

impl Tap {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AttnNorm => "attn_norm",
            Self::Residual => "residual",
        }
    }
}
