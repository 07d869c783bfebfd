//! The gradients, hung into Burn's graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::ops::{FloatTensor, IntTensor};

use crate::{Heads, Kernels};

impl<B: Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn multi_head_attention(qkv: FloatTensor<Self>, heads: Heads) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (value, logs) = B::multi_head_attention(qkv.primitive.clone(), heads);
        let kept = logs.clone();
        let value = match Attention.prepare::<C>([qkv.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((qkv.primitive, value.clone(), logs, heads), value),
            OpsKind::UnTracked(prep) => prep.finish(value),
        };
        (value, FloatTensor::<Self>::new(kept))
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let value = B::rms_norm(x.primitive.clone(), weight.primitive.clone());
        let nodes = [x.node.clone(), weight.node.clone()];
        match RmsNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x.primitive, weight.primitive), value),
            OpsKind::UnTracked(prep) => prep.finish(value),
        }
    }

    fn product(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        let value = B::product(x.primitive.clone(), w.primitive.clone());
        match Linear.prepare::<C>([x.node.clone(), w.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x.primitive, w.primitive), value),
            OpsKind::UnTracked(prep) => prep.finish(value),
        }
    }

    fn mlp(x: FloatTensor<Self>, w1: FloatTensor<Self>, w2: FloatTensor<Self>) -> FloatTensor<Self> {
        let (value, u) = B::mlp_and_inner(x.primitive.clone(), w1.primitive.clone(), w2.primitive.clone());
        let nodes = [x.node.clone(), w1.node.clone(), w2.node.clone()];
        match Mlp.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([x.primitive, u, w1.primitive, w2.primitive], value),
            OpsKind::UnTracked(prep) => prep.finish(value),
        }
    }

    fn output_cross_entropy(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (losses, logs) =
            B::output_cross_entropy(x.primitive.clone(), w.primitive.clone(), targets.clone());
        let kept = logs.clone();
        let nodes = [x.node.clone(), w.node.clone()];
        let losses = match CrossEntropy.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x.primitive, w.primitive, targets, logs), losses),
            OpsKind::UnTracked(prep) => prep.finish(losses),
        };
        (losses, FloatTensor::<Self>::new(kept))
    }

    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let value = B::quick_gelu(x.primitive.clone());
        match QuickGelu.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(x.primitive, value),
            OpsKind::UnTracked(prep) => prep.finish(value),
        }
    }
}

#[derive(Debug)]
struct Attention;

impl<B: Kernels> Backward<B, 1> for Attention {
    /// qkv, value, logs, heads.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, Heads);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (qkv, value, logs, heads) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::multi_head_attention_backward(qkv, value, logs, gradient, heads)
        });
    }
}

#[derive(Debug)]
struct RmsNorm;

impl<B: Kernels> Backward<B, 2> for RmsNorm {
    /// x, weight.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight) = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let (dx, dweight) = B::rms_norm_backward(x, weight, gradient);
        register::<B, 2>(ops.parents.map(|node| Some(node?.id)), [dx, dweight], grads);
    }
}

#[derive(Debug)]
struct Linear;

impl<B: Kernels> Backward<B, 2> for Linear {
    /// x, w.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, w) = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let (dx, dw) = B::product_backward(x, w, gradient);
        register::<B, 2>(ops.parents.map(|node| Some(node?.id)), [dx, dw], grads);
    }
}

#[derive(Debug)]
struct Mlp;

impl<B: Kernels> Backward<B, 3> for Mlp {
    /// x, u = x·w1, w1, w2.
    type State = [FloatTensor<B>; 4];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, u, w1, w2] = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let all = B::mlp_backward(x, u, w1, w2, gradient);
        register::<B, 3>(ops.parents.map(|node| Some(node?.id)), all, grads);
    }
}

#[derive(Debug)]
struct CrossEntropy;

impl<B: Kernels> Backward<B, 2> for CrossEntropy {
    /// x, w, targets, logarithms.
    type State = (FloatTensor<B>, FloatTensor<B>, IntTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, w, targets, logs) = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let (dx, dw) = B::output_cross_entropy_backward(x, w, targets, logs, gradient);
        register::<B, 2>(ops.parents.map(|node| Some(node?.id)), [dx, dw], grads);
    }
}

/// Hands gradients to the parents that want one.
fn register<B: Kernels, const N: usize>(
    parents: [Option<NodeId>; N],
    gradients: [FloatTensor<B>; N],
    grads: &mut Gradients,
) {
    for (node, gradient) in parents.into_iter().zip(gradients) {
        if let Some(node) = node {
            grads.register::<B>(node, gradient);
        }
    }
}

#[derive(Debug)]
struct QuickGelu;

impl<B: Kernels> Backward<B, 1> for QuickGelu {
    /// x. Its sigmoid is cheaper to compute again than to keep.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| B::quick_gelu_backward(ops.state, gradient));
    }
}
