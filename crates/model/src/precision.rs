//! The precision of the network's products.
//!
//! Weights, their gradients and Adam's moments are f32 in every precision; so are the residual stream,
//! norms, softmax and the loss. What `bf16` lowers is what enters matrix products and what stays in memory
//! between them, as mixed precision is done elsewhere (Micikevicius et al. 2018, "Mixed Precision
//! Training"; bf16 has the exponents of f32, so no loss scaling is needed).

use burn::tensor::backend::Backend;
use burn::tensor::{DType, FloatDType, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What products are computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// bfloat16: half the memory, and the tensor cores of a GPU. A CPU emulates it, slowly.
    Bf16,
}

impl Precision {
    /// The precision of a tensor.
    pub(crate) fn of<B: Backend, const D: usize>(x: &Tensor<B, D>) -> Self {
        if x.dtype() == DType::BF16 { Self::Bf16 } else { Self::F32 }
    }
}

/// A tensor of f32, in `precision`.
pub(crate) fn lower<B: Backend, const D: usize>(x: Tensor<B, D>, precision: Precision) -> Tensor<B, D> {
    match precision {
        Precision::F32 => x,
        Precision::Bf16 => x.cast(FloatDType::BF16),
    }
}

/// A tensor in f32.
pub(crate) fn raise<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    match Precision::of(&x) {
        Precision::F32 => x,
        Precision::Bf16 => x.cast(FloatDType::F32),
    }
}
