//! Image GPT on one page.
//!
//! A GPT-2-like network over palette tokens ("Generative Pretraining from Pixels", section 3):
//! pre-norm blocks, root-mean-square norms with a gain, no biases, MLPs four times as wide with
//! x·sigmoid(1.702x), learned positions, a learned start token, an output matrix of its own.
//! Fields are named as in the published weights, so that a parameter's path is its name on disk.
//! Hugging Face's port adds biases; they are used when a weights file has them.
//!
//! Shapes: B images, T positions, d = `n_embd`, h = `n_head`, k colours.

use burn::module::{Module, Param};
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor};
use igpt_kernels::{Kernels, causal_attention, quick_gelu, rms_norm};
use igpt_stage::Seed;

use crate::cache::{Cache, LayerCache};
use crate::config::Config;
use crate::init::Init;

/// The network with its output matrix.
#[derive(Module, Debug)]
pub struct ImageGpt<B: Backend> {
    /// Everything below the output matrix.
    pub transformer: Transformer<B>,
    /// Output matrix.
    pub lm_head: Head<B>,
    #[module(skip)]
    config: Config,
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

/// Multi-head attention in which a position sees itself and those before it.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    /// d → 3d: queries, keys and values side by side.
    pub c_attn: Conv1d<B>,
    /// d → d.
    pub c_proj: Conv1d<B>,
    n_head: usize,
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
        let Config { n_layer, n_embd: d, n_head, n_positions, k, .. } = config;
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
                n_head,
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
        }
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

    /// Logits of every pixel given those before it: tokens `[B, T]` to `[B, T, k]`.
    pub fn forward(&self, tokens: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        self.lm_head.forward(self.transformer.forward(self.shift_right(tokens)))
    }

    /// The mean negative log-likelihood of the tokens `[B, T]`, in nats per token: `[1]`.
    pub fn loss(&self, tokens: Tensor<B, 2, Int>) -> Tensor<B, 1> {
        let [b, t] = tokens.dims();
        let logits = self.forward(tokens.clone()).reshape([b * t, self.config.k]);
        log_softmax(logits, 1).gather(1, tokens.reshape([b * t, 1])).mean().neg()
    }

    /// The features of every layer, averaged over positions: `n_layer + 1` times `[B, d]`.
    ///
    /// Layer l < `n_layer` is the input of block l, layer `n_layer` the output of the final norm.
    pub fn features(&self, tokens: Tensor<B, 2, Int>, tap: Tap) -> Vec<Tensor<B, 2>> {
        let pool = |x: Tensor<B, 3>| x.mean_dim(1).squeeze_dim(1); // [B, T, d] → [B, 1, d] → [B, d]
        let mut features = Vec::with_capacity(self.config.n_layer + 1);
        let mut x = self.transformer.embed(self.shift_right(tokens));
        for block in &self.transformer.h {
            features.push(pool(match tap {
                Tap::AttnNorm => block.ln_1.forward(x.clone()),
                Tap::Residual => x.clone(),
            }));
            x = block.forward(x);
        }
        features.push(pool(self.transformer.ln_f.forward(x)));
        features
    }

    /// Logits of the next pixel: the token before it `[B, 1]` (none at the start) to `[B, k]`.
    /// The cache grows by one position.
    pub fn step(&self, token: Option<Tensor<B, 2, Int>>, cache: &mut Cache<B>) -> Tensor<B, 2> {
        let position = cache.len();
        let token = token.unwrap_or_else(|| self.start(cache.batch(), cache.device()));
        let mut x = self.transformer.embed_at(token, position); // [B, 1, d]
        for (block, layer) in self.transformer.h.iter().zip(cache.layers_mut()) {
            x = block.step(x, layer, position);
        }
        cache.advance();
        self.lm_head.forward(self.transformer.ln_f.forward(x)).squeeze_dim(1)
    }

    /// The start token before every sequence, the last pixel dropped: `[B, T]` to `[B, T]`.
    fn shift_right(&self, tokens: Tensor<B, 2, Int>) -> Tensor<B, 2, Int> {
        let [b, t] = tokens.dims();
        let start = self.start(b, &tokens.device());
        Tensor::cat(vec![start, tokens.narrow(1, 0, t - 1)], 1)
    }

    fn start(&self, batch: usize, device: &B::Device) -> Tensor<B, 2, Int> {
        Tensor::full([batch, 1], self.config.k as i64, device)
    }
}

impl<B: Kernels> Transformer<B> {
    /// Inputs `[B, T]` to the output of the final norm `[B, T, d]`.
    fn forward(&self, inputs: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        let x = self.h.iter().fold(self.embed(inputs), |x, block| block.forward(x));
        self.ln_f.forward(x)
    }

    /// Inputs `[B, T]` to token plus position embeddings `[B, T, d]`.
    fn embed(&self, inputs: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        self.embed_at(inputs, 0)
    }

    fn embed_at(&self, inputs: Tensor<B, 2, Int>, position: usize) -> Tensor<B, 3> {
        let [_, t] = inputs.dims();
        let positions = self.wpe.weight.val().narrow(0, position, t).unsqueeze(); // [1, T, d]
        embedding(self.wte.weight.val(), inputs) + positions
    }
}

impl<B: Kernels> Block<B> {
    /// `[B, T, d]` to `[B, T, d]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = x.clone() + self.attn.forward(self.ln_1.forward(x));
        x.clone() + self.mlp.forward(self.ln_2.forward(x))
    }

    /// The same for one position, with those before it in the cache.
    fn step(&self, x: Tensor<B, 3>, cache: &mut LayerCache<B>, position: usize) -> Tensor<B, 3> {
        let x = x.clone() + self.attn.step(self.ln_1.forward(x), cache, position);
        x.clone() + self.mlp.forward(self.ln_2.forward(x))
    }
}

impl<B: Kernels> Attention<B> {
    /// `[B, T, d]` to `[B, T, d]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.c_proj.forward(causal_attention(self.c_attn.forward(x), self.n_head))
    }

    /// The same for one position `[B, 1, d]`, with those before it in the cache.
    fn step(&self, x: Tensor<B, 3>, cache: &mut LayerCache<B>, position: usize) -> Tensor<B, 3> {
        let [b, _, d] = x.dims();
        let qkv = self.c_attn.forward(x); // [B, 1, 3d]
        let [q, k, v] =
            [0, 1, 2].map(|i| qkv.clone().narrow(2, i * d, d).reshape([b, self.n_head, 1, d / self.n_head]));
        let (k, v) = cache.append(k, v, position); // [B, h, position + 1, d / h]
        let scale = ((d / self.n_head) as f64).powf(-0.5);
        let scores = q.mul_scalar(scale).matmul(k.transpose()); // [B, h, 1, position + 1]
        self.c_proj.forward(softmax(scores, 3).matmul(v).reshape([b, 1, d]))
    }
}

impl<B: Kernels> Mlp<B> {
    /// `[B, T, d]` to `[B, T, d]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [b, t, d] = x.dims();
        let hidden = quick_gelu(self.c_fc.rows(x.reshape([b * t, d]))); // [B·T, 4d]
        self.c_proj.rows(hidden).reshape([b, t, d])
    }
}

impl<B: Kernels> RmsNorm<B> {
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        rms_norm(x, self.weight.val())
    }
}

impl<B: Backend> Conv1d<B> {
    /// `[B, T, in]` to `[B, T, out]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [b, t, _] = x.dims();
        let [_, out] = self.weight.dims();
        self.rows(x.flatten(0, 1)).reshape([b, t, out])
    }

    /// `[rows, in]` to `[rows, out]`.
    fn rows(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let y = x.matmul(self.weight.val());
        match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        }
    }
}

impl<B: Backend> Head<B> {
    /// `[B, T, d]` to `[B, T, k]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [b, t, _] = x.dims();
        let [k, _] = self.weight.dims();
        x.flatten::<2>(0, 1).matmul(self.weight.val().transpose()).reshape([b, t, k])
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
