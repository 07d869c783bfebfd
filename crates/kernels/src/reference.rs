//! The same operations in plain Burn, differentiated by Burn: the oracle of the tests.

use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::backend::Backend;
use burn::tensor::module::attention_fallback;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Int, Tensor};

use crate::{EPSILON, Heads, SLOPE};

/// See [`crate::attention`].
pub fn attention<B: Backend>(qkv: Tensor<B, 3>, Heads { n_head, causal }: Heads) -> Tensor<B, 3> {
    let [b, t, d3] = qkv.dims();
    let (d, c) = (d3 / 3, d3 / 3 / n_head);
    let part = |i| qkv.clone().narrow(2, i * d, d).reshape([b, t, n_head, c]).swap_dims(1, 2);
    let options = AttentionModuleOptions { scale: None, softcap: None, is_causal: causal };
    attention_fallback(part(0), part(1), part(2), None, None, options).swap_dims(1, 2).reshape([b, t, d])
}

/// See [`crate::rms_norm`].
pub fn rms_norm<B: Backend>(x: Tensor<B, 3>, weight: Tensor<B, 1>) -> Tensor<B, 3> {
    let mean_square = x.clone().square().mean_dim(2);
    x * mean_square.add_scalar(EPSILON).sqrt().recip() * weight.unsqueeze()
}

/// See [`crate::quick_gelu`].
pub fn quick_gelu<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    x.clone() * sigmoid(x.mul_scalar(SLOPE))
}

/// See [`crate::linear`].
pub fn linear<B: Backend>(x: Tensor<B, 2>, w: Tensor<B, 2>) -> Tensor<B, 2> {
    x.matmul(w)
}

/// See [`crate::mlp`].
pub fn mlp<B: Backend>(x: Tensor<B, 2>, w1: Tensor<B, 2>, w2: Tensor<B, 2>) -> Tensor<B, 2> {
    quick_gelu(x.matmul(w1)).matmul(w2)
}

/// See [`crate::cross_entropy`].
pub fn cross_entropy<B: Backend>(
    x: Tensor<B, 2>,
    w: Tensor<B, 2>,
    targets: Tensor<B, 1, Int>,
) -> Tensor<B, 1> {
    let log_p = log_softmax(x.matmul(w.transpose()), 1);
    log_p.gather(1, targets.unsqueeze_dim(1)).neg().squeeze_dim(1)
}
