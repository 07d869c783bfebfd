//! The gradients, hung into Burn's graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::ops::FloatTensor;

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
        for (node, gradient) in ops.parents.into_iter().zip([dx, dweight]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
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
