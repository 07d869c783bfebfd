//! The operations over the memory of the CPU backend, in f32. Other precisions, which only tests ask a CPU
//! for, take the way of any backend.
//!
//! Images run in parallel; within one everything is in a fixed order, so results do not depend on
//! the number of threads. Loops are compiled for the widest vectors that the processor has
//! ([`pulp`]) and products go through the gemm crate, as Burn's own do.

mod adam;
mod attention;
mod decode;
mod entropy;
mod exp;
mod gelu;
mod gemm;
mod lanes;
mod linear;
mod mlp;
mod norm;
mod packed;
mod panels;
mod prefetch;
mod tile;

use burn::tensor::ops::{FloatTensor, IntTensor};
use burn::tensor::{DType, Shape, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use crate::{AdamStep, Heads, Kernels, plain};

/// Values that one task of an element-wise operation handles: enough to outweigh handing it out, few enough
/// to share. The size is fixed, so that sums over tasks do not depend on the number of threads.
const TASK: usize = 1 << 14;

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
        tensor(norm::rms_norm(values(&x), values(&weight)), shape)
    }

    fn rms_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let shape: [usize; 3] = x.shape().dims();
        let all = [x, weight, gradient].map(|tensor| tensor.to_contiguous());
        let [x, weight, gradient] = all.each_ref().map(values);
        let (dx, dweight) = norm::rms_norm_backward(x, weight, gradient);
        (tensor(dx, shape), tensor(dweight, [shape[2]]))
    }

    fn product(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        if x.dtype() != DType::F32 {
            return plain::linear::<Self>(x, w);
        }
        let [rows, _] = x.shape().dims();
        let [inner, outer] = w.shape().dims();
        let (x, w) = (x.to_contiguous(), w.to_contiguous());
        tensor(linear::forward(values(&x), values(&w), inner, outer), [rows, outer])
    }

    fn product_backward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if x.dtype() != DType::F32 {
            return plain::linear_backward::<Self>(x, w, gradient);
        }
        let [rows, _] = x.shape().dims();
        let [inner, outer] = w.shape().dims();
        let all = [x, w, gradient].map(|tensor| tensor.to_contiguous());
        let [x, w, g] = all.each_ref().map(values);
        let (dx, dw) = linear::backward(x, w, g, inner, outer);
        (tensor(dx, [rows, inner]), tensor(dw, [inner, outer]))
    }

    fn mlp(x: FloatTensor<Self>, w1: FloatTensor<Self>, w2: FloatTensor<Self>) -> FloatTensor<Self> {
        if x.dtype() != DType::F32 {
            return plain::mlp::<Self>(x, w1, w2).0;
        }
        let [rows, _] = x.shape().dims();
        let [d, hidden] = w1.shape().dims();
        let all = [x, w1, w2].map(|tensor| tensor.to_contiguous());
        let [x, w1, w2] = all.each_ref().map(values);
        tensor(mlp::value(x, w1, w2, mlp::Widths { d, hidden }), [rows, d])
    }

    fn mlp_and_inner(
        x: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if x.dtype() != DType::F32 {
            return plain::mlp::<Self>(x, w1, w2);
        }
        let [rows, _] = x.shape().dims();
        let [d, hidden] = w1.shape().dims();
        let all = [x, w1, w2].map(|tensor| tensor.to_contiguous());
        let [x, w1, w2] = all.each_ref().map(values);
        let (y, u) = mlp::forward(x, w1, w2, mlp::Widths { d, hidden });
        (tensor(y, [rows, d]), tensor(u, [rows, hidden]))
    }

    fn mlp_backward(
        x: FloatTensor<Self>,
        u: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        if x.dtype() != DType::F32 {
            return plain::mlp_backward::<Self>(x, u, w1, w2, gradient);
        }
        let [rows, _] = x.shape().dims();
        let [d, hidden] = w1.shape().dims();
        let all = [x, u, w1, w2, gradient].map(|tensor| tensor.to_contiguous());
        let [x, u, w1, w2, g] = all.each_ref().map(values);
        let [dx, dw1, dw2] = mlp::backward(x, u, w1, w2, g, mlp::Widths { d, hidden });
        [tensor(dx, [rows, d]), tensor(dw1, [d, hidden]), tensor(dw2, [hidden, d])]
    }

    fn output_cross_entropy(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if x.dtype() != DType::F32 {
            return plain::cross_entropy::<Self>(x, w, targets);
        }
        let [rows, d] = x.shape().dims();
        let (x, w) = (x.to_contiguous(), w.to_contiguous());
        let (losses, logs) = entropy::forward(values(&x), values(&w), &indices(targets), d);
        (tensor(losses, [rows]), tensor(logs, [rows]))
    }

    fn output_cross_entropy_backward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        targets: IntTensor<Self>,
        logs: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if x.dtype() != DType::F32 {
            return plain::cross_entropy_backward::<Self>(x, w, targets, logs, gradient);
        }
        let [rows, d] = x.shape().dims();
        let [k, _] = w.shape().dims();
        let all = [x, w, logs, gradient].map(|tensor| tensor.to_contiguous());
        let [x, w, logs, g] = all.each_ref().map(values);
        let (dx, dw) = entropy::backward(x, w, &indices(targets), logs, g, d);
        (tensor(dx, [rows, d]), tensor(dw, [k, d]))
    }

    fn adam(
        step: AdamStep,
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        [first, second]: [FloatTensor<Self>; 2],
    ) -> (FloatTensor<Self>, [FloatTensor<Self>; 2]) {
        if parameter.dtype() != DType::F32 {
            return plain::adam::<Self>(step, parameter, gradient, [first, second]);
        }
        let [mut p, mut m, mut v] = [parameter, first, second].map(whole);
        let gradient = gradient.to_contiguous();
        adam::step(step, p.storage_mut(), values(&gradient), m.storage_mut(), v.storage_mut());
        (p, [m, v])
    }

    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if x.dtype() != DType::F32 {
            return plain::quick_gelu::<Self>(x);
        }
        let shape: [usize; 2] = x.shape().dims();
        let x = x.to_contiguous();
        tensor(gelu::quick_gelu(values(&x)), shape)
    }

    fn quick_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        if x.dtype() != DType::F32 {
            return plain::quick_gelu_backward::<Self>(x, gradient);
        }
        let shape: [usize; 2] = x.shape().dims();
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        tensor(gelu::quick_gelu_backward(values(&x), values(&gradient)), shape)
    }

    fn pack(w: FloatTensor<Self>) -> FloatTensor<Self> {
        if w.dtype() != DType::F32 {
            return w;
        }
        let [inner, outer] = w.shape().dims();
        let packed = packed::pack(values(&w.to_contiguous()), inner, outer);
        tensor(packed, [outer.div_ceil(packed::PANEL), inner, packed::PANEL])
    }

    fn packed_product(x: FloatTensor<Self>, w: FloatTensor<Self>, outer: usize) -> FloatTensor<Self> {
        if x.dtype() != DType::F32 {
            return plain::linear::<Self>(x, w);
        }
        let [rows, inner] = x.shape().dims();
        let (x, w) = (x.to_contiguous(), w.to_contiguous());
        tensor(packed::product(values(&x), values(&w), inner, outer), [rows, outer])
    }

    fn cached_attention(
        qkv: FloatTensor<Self>,
        kept: [FloatTensor<Self>; 2],
        seen: usize,
        n_head: usize,
    ) -> (FloatTensor<Self>, [FloatTensor<Self>; 2]) {
        if qkv.dtype() != DType::F32 {
            return plain::cached_attention::<Self>(qkv, kept, seen, n_head);
        }
        let [images, new, d3] = qkv.shape().dims();
        let [_, _, room, width] = kept[0].shape().dims();
        let [mut keys, mut values_] = kept;
        let sizes = decode::Sizes { seen, new, room, n_head, width };
        // In place: nobody else holds them.
        let attended =
            decode::attend(values(&qkv.to_contiguous()), keys.storage_mut(), values_.storage_mut(), sizes);
        // [images, heads, new, c]
        let attended = tensor(attended, [images, n_head, new, width]);
        let attended = attended.permute(&[0, 2, 1, 3]).to_contiguous();
        (attended.reshape(Shape::from([images, new, d3 / 3])), [keys, values_])
    }
}

/// The numbers of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice()
        .expect("`to_contiguous` was called, and the network's norms and the checks above see to f32")
}

/// The tensor with memory of its own kind: its numbers in order and nothing else. Moved, not copied, where it is so.
fn whole(tensor: FlexTensor) -> FlexTensor {
    let tensor = tensor.to_contiguous();
    if tensor.storage::<f32>().len() == tensor.shape().num_elements() {
        return tensor;
    }
    FlexTensor::from_data(TensorData::new(values(&tensor).to_vec(), tensor.shape()))
}

/// Row numbers from an integer tensor.
fn indices(tensor: FlexTensor) -> Vec<usize> {
    let tensor = tensor.to_contiguous();
    let numbers: &[i32] =
        tensor.as_slice().expect("`to_contiguous` was called, and the backend's integers are i32");
    numbers.iter().map(|&i| i as usize).collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, Shape::from(shape)))
}
