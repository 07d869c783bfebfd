//! Operations of Image GPT with hand-written backward passes.
//!
//! Burn differentiates a composed operation step by step and keeps or copies something at every
//! step; attention alone then makes some twenty passes over a positions × positions matrix. For the
//! three operations here the whole gradient has a short closed form, so it is written out:
//! [`attention`], [`rms_norm`], [`quick_gelu`].
//!
//! Each is a method of [`Kernels`], a trait over backends (Burn's backend-extension pattern):
//!
//! - `plain`: value and gradient in Burn's own operations, for any backend (CUDA for now);
//! - `cpu`: the same, fused, over the memory of the CPU backend;
//! - `autodiff`: hangs the gradient into Burn's graph, for whatever backend lies below;
//! - [`mod@reference`]: the same operations composed and differentiated by Burn, the tests' oracle.

mod autodiff;
mod cpu;
mod plain;
pub mod reference;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};

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

    /// See [`quick_gelu`].
    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::quick_gelu::<Self>(x)
    }

    /// The gradient of [`quick_gelu`] by `x`.
    fn quick_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::quick_gelu_backward::<Self>(x, gradient)
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
