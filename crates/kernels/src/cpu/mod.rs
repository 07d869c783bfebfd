//! The operations over the memory of the CPU backend, in f32. Other precisions, which only tests ask a CPU
//! for, take the way of any backend.
//!
//! Images run in parallel; within one everything is in a fixed order, so results do not depend on
//! the number of threads. Loops are compiled for the widest vectors that the processor has
//! ([`pulp`]) and products go through the gemm crate, as Burn's own do.

mod attention;
mod elementwise;
mod exp;
mod gemm;

use burn::tensor::ops::FloatTensor;
use burn::tensor::{DType, Shape, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use crate::{Heads, Kernels, plain};

impl Kernels for Flex<f32, i32> {
    fn multi_head_attention(qkv: FloatTensor<Self>, heads: Heads) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if qkv.dtype() != DType::F32 {
            return plain::attention::<Self>(qkv, heads);
        }
        let [b, t, d3] = qkv.shape().dims();
        let (qkv, d) = (qkv.to_contiguous(), d3 / 3);
        let sizes = attention::Sizes { positions: t, width: d, heads };
        let (value, logs) = attention::forward(values(&qkv), sizes);
        (tensor(value, [b, t, d]), tensor(logs, [b, heads.n_head, t]))
    }

    fn multi_head_attention_backward(
        qkv: FloatTensor<Self>,
        value: FloatTensor<Self>,
        logs: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        heads: Heads,
    ) -> FloatTensor<Self> {
        if qkv.dtype() != DType::F32 {
            return plain::attention_backward::<Self>(qkv, value, logs, gradient, heads);
        }
        let [b, t, d3] = qkv.shape().dims();
        let all = [qkv, value, logs, gradient].map(|tensor| tensor.to_contiguous());
        let [qkv, value, logs, gradient] = all.each_ref().map(values);
        let sizes = attention::Sizes { positions: t, width: d3 / 3, heads };
        tensor(attention::backward(qkv, value, logs, gradient, sizes), [b, t, d3])
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape: [usize; 3] = x.shape().dims();
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        tensor(elementwise::rms_norm(values(&x), values(&weight)), shape)
    }

    fn rms_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let shape: [usize; 3] = x.shape().dims();
        let all = [x, weight, gradient].map(|tensor| tensor.to_contiguous());
        let [x, weight, gradient] = all.each_ref().map(values);
        let (dx, dweight) = elementwise::rms_norm_backward(x, weight, gradient);
        (tensor(dx, shape), tensor(dweight, [shape[2]]))
    }

    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if x.dtype() != DType::F32 {
            return plain::quick_gelu::<Self>(x);
        }
        let shape: [usize; 2] = x.shape().dims();
        let x = x.to_contiguous();
        tensor(elementwise::quick_gelu(values(&x)), shape)
    }

    fn quick_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        if x.dtype() != DType::F32 {
            return plain::quick_gelu_backward::<Self>(x, gradient);
        }
        let shape: [usize; 2] = x.shape().dims();
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        tensor(elementwise::quick_gelu_backward(values(&x), values(&gradient)), shape)
    }
}

/// The numbers of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice()
        .expect("`to_contiguous` was called, and the network's norms and the checks above see to f32")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, Shape::from(shape)))
}
