//! Operations of Image GPT with hand-written backward passes.
//!
//! Burn differentiates a composed operation step by step and keeps or copies something at every
//! step; attention alone then makes some twenty passes over a positions × positions matrix. For the
//! operations here the whole gradient has a short closed form, so it is written out: [`attention`],
//! [`rms_norm`], [`linear`], [`mlp`], [`quick_gelu`], [`cross_entropy`]. [`adam`] is here as well: composed, its
//! step goes a dozen times through memory.
//!
//! Each is a method of [`Kernels`], a trait over backends (Burn's backend-extension pattern):
//!
//! - `plain`: value and gradient in Burn's own operations, for any backend (CUDA for now);
//! - `cpu`: the same, fused, over the memory of the CPU backend;
//! - `autodiff`: hangs the gradient into Burn's graph, for whatever backend lies below;
//! - `decode`: operations without a gradient, for drawing: [`Packed`] weights and cached [`KeysValues`];
//! - [`mod@reference`]: the same operations composed and differentiated by Burn, the tests' oracle.

mod autodiff;
mod cpu;
mod decode;
mod plain;
pub mod reference;

pub use decode::{KeysValues, Packed};

use burn::tensor::backend::Backend;
use burn::tensor::ops::{FloatTensor, IntTensor};
use burn::tensor::{Int, Tensor, TensorPrimitive};

/// Added to the mean square before the root of [`rms_norm`].
pub const EPSILON: f64 = 1e-5;

/// The factor in [`quick_gelu`].
pub const SLOPE: f64 = 1.702;

/// The heads of [`attention`], and what they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// How many; divides the width.
    pub n_head: usize,
    /// Whether a position sees only itself and those before it; all positions otherwise.
    pub causal: bool,
}

impl Heads {
    /// How many of all positions one sees: itself and those before it, or all.
    fn seen(self, position: usize, positions: usize) -> usize {
        if self.causal { position + 1 } else { positions }
    }

    /// Every block of so many queries: its first and last + 1 position, and how many keys it meets.
    fn blocks(
        self,
        positions: usize,
        queries: usize,
    ) -> impl DoubleEndedIterator<Item = (usize, usize, usize)> {
        (0..positions).step_by(queries).map(move |start| {
            let end = (start + queries).min(positions);
            (start, end, self.seen(end - 1, positions))
        })
    }
}

/// A step of Adam (Kingma and Ba 2015, algorithm 1): what does not differ from parameter to parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// The learning rate.
    pub rate: f64,
    /// How fast the two moments forget.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// The number of the step, from 1.
    pub step: usize,
}

impl AdamStep {
    /// 1 − βᵗ of both moments, which begin at zero.
    fn corrections(&self) -> [f64; 2] {
        self.betas.map(|beta| 1.0 - beta.powi(i32::try_from(self.step).unwrap_or(i32::MAX)))
    }
}

/// A backend that has the operations of Image GPT, and their gradients.
pub trait Kernels: Backend {
    /// See [`attention`]. Beside the value comes what the gradient needs: the logarithm of each softmax
    /// denominator, `[images, heads, positions]`, in f32.
    fn multi_head_attention(qkv: FloatTensor<Self>, heads: Heads) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::attention::<Self>(qkv, heads)
    }

    /// The gradient of [`attention`] by `qkv`, given its value, the logarithms, and the gradient of the
    /// value.
    fn multi_head_attention_backward(
        qkv: FloatTensor<Self>,
        value: FloatTensor<Self>,
        logs: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        heads: Heads,
    ) -> FloatTensor<Self> {
        plain::attention_backward::<Self>(qkv, value, logs, gradient, heads)
    }

    /// See [`rms_norm`].
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::rms_norm::<Self>(x, weight)
    }

    /// The gradients of [`rms_norm`] by `x` and `weight`.
    fn rms_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::rms_norm_backward::<Self>(x, weight, gradient)
    }

    /// See [`linear`].
    fn product(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::linear::<Self>(x, w)
    }

    /// The gradients of [`linear`] by `x` and `w`.
    fn product_backward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::linear_backward::<Self>(x, w, gradient)
    }

    /// See [`mlp`].
    fn mlp(x: FloatTensor<Self>, w1: FloatTensor<Self>, w2: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::mlp_and_inner(x, w1, w2).0
    }

    /// The same, and beside the value what the gradient needs: x·w1.
    fn mlp_and_inner(
        x: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::mlp::<Self>(x, w1, w2)
    }

    /// The gradients of [`mlp`] by `x`, `w1` and `w2`, given u = x·w1.
    fn mlp_backward(
        x: FloatTensor<Self>,
        u: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        plain::mlp_backward::<Self>(x, u, w1, w2, gradient)
    }

    /// See [`cross_entropy`]. Beside the losses come the logarithms of the softmax denominators, `[rows]`.
    fn output_cross_entropy(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::cross_entropy::<Self>(x, w, targets)
    }

    /// The gradients of [`cross_entropy`] by `x` and `w`, given the logarithms.
    fn output_cross_entropy_backward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        targets: IntTensor<Self>,
        logs: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::cross_entropy_backward::<Self>(x, w, targets, logs, gradient)
    }

    /// See [`adam`].
    fn adam(
        step: AdamStep,
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moments: [FloatTensor<Self>; 2],
    ) -> (FloatTensor<Self>, [FloatTensor<Self>; 2]) {
        plain::adam::<Self>(step, parameter, gradient, moments)
    }

    /// See [`quick_gelu`].
    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::quick_gelu::<Self>(x)
    }

    /// The gradient of [`quick_gelu`] by `x`.
    fn quick_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::quick_gelu_backward::<Self>(x, gradient)
    }

    /// See [`Packed::new`].
    fn pack(w: FloatTensor<Self>) -> FloatTensor<Self> {
        w
    }

    /// See [`Packed::product`]. `w` is what [`pack`](Kernels::pack) made of weights `[inner, outer]`.
    fn packed_product(x: FloatTensor<Self>, w: FloatTensor<Self>, _outer: usize) -> FloatTensor<Self> {
        plain::linear::<Self>(x, w)
    }

    /// See [`KeysValues::attend`]. `kept` are keys and values, each as many numbers as
    /// `[images, heads, room, c]`, of which `seen` positions are filled; they come back with the new ones.
    fn cached_attention(
        qkv: FloatTensor<Self>,
        kept: [FloatTensor<Self>; 2],
        seen: usize,
        n_head: usize,
    ) -> (FloatTensor<Self>, [FloatTensor<Self>; 2]) {
        plain::cached_attention::<Self>(qkv, kept, seen, n_head)
    }
}

#[cfg(feature = "cuda")]
impl Kernels for burn_cuda::Cuda<f32, i32> {}

/// Multi-head attention: softmax(q·kᵀ / √c) · v.
///
/// `qkv` is `[images, positions, 3d]`, queries, keys and values side by side, each of them `n_head`
/// heads of c = d / `n_head` values; the result is `[images, positions, d]`, head after head. Whatever
/// the precision of `qkv`, the softmax is computed in f32.
pub fn attention<B: Kernels>(qkv: Tensor<B, 3>, heads: Heads) -> Tensor<B, 3> {
    wrap(B::multi_head_attention(unwrap(qkv), heads).0)
}

/// x / √(mean(x²) + ε) · weight over the last dimension: `[images, positions, d]` and `[d]`.
pub fn rms_norm<B: Kernels>(x: Tensor<B, 3>, weight: Tensor<B, 1>) -> Tensor<B, 3> {
    wrap(B::rms_norm(unwrap(x), unwrap(weight)))
}

/// x·w: `[rows, inner]` and `[inner, outer]` to `[rows, outer]`.
pub fn linear<B: Kernels>(x: Tensor<B, 2>, w: Tensor<B, 2>) -> Tensor<B, 2> {
    wrap(B::product(unwrap(x), unwrap(w)))
}

/// gelu(x·w1)·w2 with [`quick_gelu`]: `[rows, d]`, `[d, hidden]` and `[hidden, d]` to `[rows, d]`.
pub fn mlp<B: Kernels>(x: Tensor<B, 2>, w1: Tensor<B, 2>, w2: Tensor<B, 2>) -> Tensor<B, 2> {
    wrap(B::mlp(unwrap(x), unwrap(w1), unwrap(w2)))
}

/// −ln softmax(x·wᵀ) at the targets, in f32: `[rows, d]`, `[k, d]` and `[rows]` to `[rows]`.
pub fn cross_entropy<B: Kernels>(
    x: Tensor<B, 2>,
    w: Tensor<B, 2>,
    targets: Tensor<B, 1, Int>,
) -> Tensor<B, 1> {
    wrap(B::output_cross_entropy(unwrap(x), unwrap(w), targets.into_primitive()).0)
}

/// The parameter and its two moments after a step along a gradient, all of one shape.
pub fn adam<B: Kernels, const D: usize>(
    step: AdamStep,
    parameter: Tensor<B, D>,
    gradient: Tensor<B, D>,
    moments: [Tensor<B, D>; 2],
) -> (Tensor<B, D>, [Tensor<B, D>; 2]) {
    let (parameter, moments) =
        B::adam(step, unwrap(parameter), unwrap(gradient), moments.map(unwrap::<B, D>));
    (wrap(parameter), moments.map(wrap))
}

/// x·sigmoid(1.702x), element by element.
pub fn quick_gelu<B: Kernels>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    wrap(B::quick_gelu(unwrap(x)))
}

pub(crate) fn wrap<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

pub(crate) fn unwrap<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}
