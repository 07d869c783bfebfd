//! Values and gradients in Burn's own operations, for any backend.
//!
//! What would grow with the square of the positions, or with positions times colours, is made a block at a time:
//! large enough for a GPU to be busy with, small enough for its memory.

use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::ops::{FloatTensor, IntTensor};
use burn::tensor::{DType, FloatDType, IndexingUpdateOp, Int, Shape, Tensor, TensorMetadata};

use crate::{AdamStep, EPSILON, Heads, SLOPE, unwrap, wrap};

/// Queries whose scores are in memory at a time.
const QUERIES: usize = 256;

/// Rows whose logits are in memory at a time.
const ROWS: usize = 8192;

/// Queries, keys and values, `[images, heads, positions, c]` each, and 1/√c.
fn heads<B: Backend>(qkv: Tensor<B, 3>, n_head: usize) -> ([Tensor<B, 4>; 3], f64) {
    let [b, t, d3] = qkv.dims();
    let (d, c) = (d3 / 3, d3 / 3 / n_head);
    let part = |i| qkv.clone().narrow(2, i * d, d).reshape([b, t, n_head, c]).swap_dims(1, 2);
    ([0, 1, 2].map(part), (c as f64).powf(-0.5))
}

/// `[images, heads, positions, c]` to `[images, positions, d]`.
fn join<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 3> {
    let [b, h, t, c] = x.dims();
    x.swap_dims(1, 2).reshape([b, t, h * c])
}

/// q·kᵀ/√c in f32, with minus infinity where a position must not look. Queries are of the last positions.
fn scores<B: Backend>(q: Tensor<B, 4>, k: Tensor<B, 4>, scale: f64, causal: bool) -> Tensor<B, 4> {
    let [[_, _, t, _], [_, _, keys, _]] = [q.dims(), k.dims()];
    let device = q.device();
    let scores = to(q.mul_scalar(scale).matmul(k.transpose()), DType::F32);
    if !causal || t == 1 {
        return scores;
    }
    // Zero on and below the diagonal, so that it can be added.
    let future = Tensor::<B, 2>::full([t, keys], f32::NEG_INFINITY, &device).triu((keys - t + 1) as i64);
    scores + future.unsqueeze()
}

/// The tensor in another precision.
fn to<B: Backend, const D: usize>(x: Tensor<B, D>, dtype: DType) -> Tensor<B, D> {
    if x.dtype() == dtype { x } else { x.cast(FloatDType::from(dtype)) }
}

pub(crate) fn attention<B: Backend>(qkv: FloatTensor<B>, looks: Heads) -> (FloatTensor<B>, FloatTensor<B>) {
    let ([q, k, v], scale) = heads(wrap::<B, 3>(qkv), looks.n_head);
    let [b, h, t, _] = q.dims();
    let of_block = |(start, end, met)| {
        let [k, v] = [&k, &v].map(|x| x.clone().narrow(2, 0, met));
        let scores = scores(q.clone().narrow(2, start, end - start), k, scale, looks.causal);
        let max = scores.clone().max_dim(3);
        let exp = (scores - max.clone()).exp();
        let sum = exp.clone().sum_dim(3); // [images, heads, queries, 1]
        (to(exp / sum.clone(), v.dtype()).matmul(v), sum.log() + max)
    };
    let (values, logs): (Vec<_>, Vec<_>) = looks.blocks(t, QUERIES).map(of_block).unzip();
    (unwrap(join(Tensor::cat(values, 2))), unwrap(Tensor::cat(logs, 2).reshape([b, h, t])))
}

pub(crate) fn cached_attention<B: Backend>(
    qkv: FloatTensor<B>,
    kept: [FloatTensor<B>; 2],
    seen: usize,
    n_head: usize,
) -> (FloatTensor<B>, [FloatTensor<B>; 2]) {
    let ([q, k, v], scale) = heads(wrap::<B, 3>(qkv), n_head);
    let [b, h, t, c] = k.dims();
    let place = [0..b, 0..h, seen..seen + t, 0..c];
    let [keys, values] = kept;
    let kept =
        [(keys, k), (values, v)].map(|(kept, new)| wrap::<B, 4>(kept).slice_assign(place.clone(), new));
    let [k, v] = kept.each_ref().map(|kept| kept.clone().narrow(2, 0, seen + t));
    let p = softmax(scores(q, k, scale, true), 3);
    let value = to(p, v.dtype()).matmul(v);
    (unwrap(join(value)), kept.map(unwrap))
}

/// With P = exp(scores − logs), o = P·v and a gradient g of o: dv = Pᵀ·g,
/// dS = P ⊙ (g·vᵀ − rowsum(g ⊙ o)), dq = dS·k/√c, dk = dSᵀ·q/√c.
pub(crate) fn attention_backward<B: Backend>(
    qkv: FloatTensor<B>,
    value: FloatTensor<B>,
    logs: FloatTensor<B>,
    gradient: FloatTensor<B>,
    looks: Heads,
) -> FloatTensor<B> {
    let ([q, k, v], scale) = heads(wrap::<B, 3>(qkv), looks.n_head);
    let [b, h, t, c] = q.dims();
    let dtype = q.dtype();
    let split = |x: FloatTensor<B>| wrap::<B, 3>(x).reshape([b, t, h, c]).swap_dims(1, 2);
    let (o, g) = (split(value), split(gradient));
    let logs = wrap::<B, 3>(logs).reshape([b, h, t, 1]);
    let mut dqs = Vec::new();
    let mut dk_dv: Option<[Tensor<B, 4>; 2]> = None;
    // The last block first: it has looked at every key.
    for (start, end, met) in looks.blocks(t, QUERIES).rev() {
        let [q, o, g] = [&q, &o, &g].map(|x| x.clone().narrow(2, start, end - start));
        let [k, v] = [&k, &v].map(|x| x.clone().narrow(2, 0, met));
        let logs = logs.clone().narrow(2, start, end - start);
        let p = (scores(q.clone(), k.clone(), scale, looks.causal) - logs).exp();
        let dv = to(p.clone().transpose(), dtype).matmul(g.clone());
        let row = to(g.clone() * o, DType::F32).sum_dim(3);
        let ds = to(p * (to(g.matmul(v.transpose()), DType::F32) - row), dtype);
        dqs.push(ds.clone().matmul(k).mul_scalar(scale));
        let dk = ds.transpose().matmul(q).mul_scalar(scale);
        let add = |all: Tensor<B, 4>, part: Tensor<B, 4>| {
            let sum = all.clone().narrow(2, 0, met) + part;
            all.slice_assign([0..b, 0..h, 0..met, 0..c], sum)
        };
        dk_dv = Some(match dk_dv {
            None => [dk, dv],
            Some([dks, dvs]) => [add(dks, dk), add(dvs, dv)],
        });
    }
    dqs.reverse();
    let parts = [Tensor::cat(dqs, 2)].into_iter().chain(dk_dv.into_iter().flatten());
    unwrap(Tensor::cat(parts.map(join).collect(), 2))
}

/// 1/√(mean(x²) + ε), `[images, positions, 1]`.
fn inverse_root<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    x.square().mean_dim(2).add_scalar(EPSILON).sqrt().recip()
}

pub(crate) fn rms_norm<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>) -> FloatTensor<B> {
    let x = wrap::<B, 3>(x);
    let r = inverse_root(x.clone());
    unwrap(x * r * wrap::<B, 1>(weight).unsqueeze())
}

/// With n = x·r and y = n·w: dw = Σ g·n, dx = r·(g·w − n·mean(g·w·n)).
pub(crate) fn rms_norm_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (x, g) = (wrap::<B, 3>(x), wrap::<B, 3>(gradient));
    let [b, t, d] = x.dims();
    let r = inverse_root(x.clone());
    let n = x * r.clone();
    let dw = (g.clone() * n.clone()).reshape([b * t, d]).sum_dim(0).reshape([d]);
    let gw = g * wrap::<B, 1>(weight).unsqueeze();
    let mean = (gw.clone() * n.clone()).mean_dim(2); // [images, positions, 1]
    (unwrap((gw - n * mean) * r), unwrap::<B, 1>(dw))
}

pub(crate) fn quick_gelu<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let x = wrap::<B, 2>(x);
    unwrap(x.clone() * sigmoid(x.mul_scalar(SLOPE)))
}

/// With s = sigmoid(1.702x): dx = g·s·(1 + 1.702x·(1 − s)).
pub(crate) fn quick_gelu_backward<B: Backend>(x: FloatTensor<B>, gradient: FloatTensor<B>) -> FloatTensor<B> {
    let x = wrap::<B, 2>(x);
    let s = sigmoid(x.clone().mul_scalar(SLOPE));
    let rest = s.clone().mul_scalar(-SLOPE).add_scalar(SLOPE) * x; // 1.702x·(1 − s)
    unwrap(wrap::<B, 2>(gradient) * s * rest.add_scalar(1.0))
}

pub(crate) fn adam<B: Backend>(
    step: AdamStep,
    parameter: FloatTensor<B>,
    gradient: FloatTensor<B>,
    [first, second]: [FloatTensor<B>; 2],
) -> (FloatTensor<B>, [FloatTensor<B>; 2]) {
    // Element by element, so one dimension stands for all.
    let shape = parameter.shape();
    let flat = |x: FloatTensor<B>| wrap::<B, 1>(B::float_reshape(x, Shape::new([shape.num_elements()])));
    let [p, g, m, v] = [parameter, gradient, first, second].map(flat);
    let ([beta_1, beta_2], [correction_1, correction_2]) = (step.betas, step.corrections());
    let m = m * beta_1 + g.clone() * (1.0 - beta_1);
    let v = v * beta_2 + g.square() * (1.0 - beta_2);
    let root = (v.clone() / correction_2).sqrt() + step.epsilon;
    let p = p - m.clone() / root * (step.rate / correction_1);
    let back = |x: Tensor<B, 1>| B::float_reshape(unwrap(x), shape.clone());
    (back(p), [back(m), back(v)])
}

pub(crate) fn linear<B: Backend>(x: FloatTensor<B>, w: FloatTensor<B>) -> FloatTensor<B> {
    unwrap(wrap::<B, 2>(x).matmul(wrap::<B, 2>(w)))
}

/// dx = g·wᵀ, dw = xᵀ·g.
pub(crate) fn linear_backward<B: Backend>(
    x: FloatTensor<B>,
    w: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (x, w, g) = (wrap::<B, 2>(x), wrap::<B, 2>(w), wrap::<B, 2>(gradient));
    (unwrap(g.clone().matmul(w.transpose())), unwrap(x.transpose().matmul(g)))
}

pub(crate) fn mlp<B: Backend>(
    x: FloatTensor<B>,
    w1: FloatTensor<B>,
    w2: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let u = linear::<B>(x, w1);
    (linear::<B>(quick_gelu::<B>(u.clone()), w2), u)
}

/// With a = gelu(u): dw2 = aᵀ·g, du = gelu'(u) ⊙ g·w2ᵀ, dw1 = xᵀ·du, dx = du·w1ᵀ.
pub(crate) fn mlp_backward<B: Backend>(
    x: FloatTensor<B>,
    u: FloatTensor<B>,
    w1: FloatTensor<B>,
    w2: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let (da, dw2) = linear_backward::<B>(quick_gelu::<B>(u.clone()), w2, gradient);
    let (dx, dw1) = linear_backward::<B>(x, w1, quick_gelu_backward::<B>(u, da));
    [dx, dw1, dw2]
}

/// Logits in f32, `[rows, k]`.
fn logits<B: Backend>(x: &Tensor<B, 2>, w: &Tensor<B, 2>) -> Tensor<B, 2> {
    to(x.clone().matmul(w.clone().transpose()), DType::F32)
}

pub(crate) fn cross_entropy<B: Backend>(
    x: FloatTensor<B>,
    w: FloatTensor<B>,
    targets: IntTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (x, w) = (wrap::<B, 2>(x), wrap::<B, 2>(w));
    let targets = Tensor::<B, 1, Int>::from_primitive(targets).unsqueeze_dim::<2>(1).split(ROWS, 0);
    let of_blocks = x.split(ROWS, 0).into_iter().zip(targets).map(|(x, targets)| {
        let logits = logits(&x, &w);
        let max = logits.clone().max_dim(1);
        let logs = (logits.clone() - max.clone()).exp().sum_dim(1).log() + max; // [rows, 1]
        (logs.clone() - logits.gather(1, targets), logs)
    });
    let (losses, logs): (Vec<_>, Vec<_>) = of_blocks.unzip();
    let all = |blocks| unwrap(Tensor::<B, 2>::cat(blocks, 0).squeeze_dim::<1>(1));
    (all(losses), all(logs))
}

/// With p = softmax: dlogits = g·(p − 1 at the target), dx = dlogits·w, dw = dlogitsᵀ·x.
pub(crate) fn cross_entropy_backward<B: Backend>(
    x: FloatTensor<B>,
    w: FloatTensor<B>,
    targets: IntTensor<B>,
    logs: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let w = wrap::<B, 2>(w);
    let column = |x| wrap::<B, 1>(x).unsqueeze_dim::<2>(1);
    let [xs, logs, gs] =
        [wrap::<B, 2>(x), column(logs), column(gradient)].map(|rows| rows.split(ROWS, 0).into_iter());
    let targets = Tensor::<B, 1, Int>::from_primitive(targets).unsqueeze_dim::<2>(1).split(ROWS, 0);
    let of_blocks = xs.zip(targets).zip(logs.zip(gs)).map(|((x, targets), (logs, g))| {
        let p = (logits(&x, &w) - logs).exp();
        let one = Tensor::full([x.dims()[0], 1], -1.0, &x.device());
        let p = p.scatter(1, targets, one, IndexingUpdateOp::Add);
        let dlogits = to(p * g, x.dtype());
        (dlogits.clone().matmul(w.clone()), dlogits.transpose().matmul(x))
    });
    let (dx, dw): (Vec<_>, Vec<_>) = of_blocks.unzip();
    let dw = dw.into_iter().reduce(|sum, part| sum + part).unwrap_or_else(|| w.zeros_like());
    (unwrap(Tensor::cat(dx, 0)), unwrap(dw))
}

#[cfg(test)]
mod tests {
    use burn::backend::Autodiff;
    use burn::tensor::Distribution;
    use burn_flex::Flex;

    use super::*;
    use crate::reference;

    type Cpu = Flex<f32, i32>;

    fn random<const D: usize>(shape: [usize; D]) -> Tensor<Autodiff<Cpu>, D> {
        Tensor::random(shape, Distribution::Uniform(-2.0, 2.0), &Default::default()).require_grad()
    }

    fn close<const D: usize>(a: FloatTensor<Cpu>, b: Tensor<Cpu, D>) {
        let (a, b) = (wrap::<Cpu, D>(a).into_data(), b.into_data());
        a.assert_approx_eq::<f32>(&b, burn::tensor::Tolerance::absolute(1e-4));
    }

    #[test]
    fn attention_over_several_blocks_is_that_over_one() {
        let t = 2 * QUERIES + 3;
        for causal in [true, false] {
            let heads = Heads { n_head: 2, causal };
            let (qkv, g) = (random([2, t, 3 * 8]), random([2, t, 8]).inner());
            let composed = reference::attention(qkv.clone(), heads);
            let gradients = (composed.clone() * Tensor::from_inner(g.clone())).sum().backward();
            let inner = unwrap(qkv.clone().inner());
            let (value, logs) = attention::<Cpu>(inner.clone(), heads);
            close(value.clone(), composed.inner());
            let gradient = attention_backward::<Cpu>(inner, value, logs, unwrap(g), heads);
            close(gradient, qkv.grad(&gradients).unwrap());
        }
    }

    #[test]
    fn losses_over_several_blocks_are_those_over_one() {
        let rows = 2 * ROWS + 5;
        let (x, w, g) = (random([rows, 3]), random([4, 3]), random([rows]).inner());
        let targets =
            Tensor::<Autodiff<Cpu>, 1, Int>::arange(0..rows as i64, &Default::default()).remainder_scalar(4);
        let composed = reference::cross_entropy(x.clone(), w.clone(), targets.clone());
        let gradients = (composed.clone() * Tensor::from_inner(g.clone())).sum().backward();
        let [of_x, of_w] = [&x, &w].map(|x| unwrap(x.clone().inner()));
        let targets = targets.inner().into_primitive();
        let (losses, logs) = cross_entropy::<Cpu>(of_x.clone(), of_w.clone(), targets.clone());
        close(losses, composed.inner());
        let (dx, dw) = cross_entropy_backward::<Cpu>(of_x, of_w, targets, logs, unwrap(g));
        close(dx, x.grad(&gradients).unwrap());
        // A sum over all rows.
        let scale = 1.0 / rows as f64;
        close(unwrap(wrap::<Cpu, 2>(dw) * scale), w.grad(&gradients).unwrap() * scale);
    }
}
