//! What drawing asks for: one position after another, with as many rows as there are images.

use burn::tensor::Tensor;
use burn::tensor::ops::FloatTensor;

use crate::{Kernels, unwrap, wrap};

/// Weights in the order in which their backend multiplies few rows by them.
#[derive(Clone, Debug)]
pub struct Packed<B: Kernels> {
    weights: FloatTensor<B>,
    outer: usize,
}

impl<B: Kernels> Packed<B> {
    /// Packs weights `[inner, outer]`.
    pub fn new(weights: Tensor<B, 2>) -> Self {
        let [_, outer] = weights.dims();
        Self { weights: B::pack(unwrap(weights)), outer }
    }

    /// x·w: `[rows, inner]` to `[rows, outer]`, x in the precision of the weights. On a CPU a row does not
    /// depend on those beside it, to the last bit.
    pub fn product(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        wrap(B::packed_product(unwrap(x), self.weights.clone(), self.outer))
    }
}

/// The keys and values of the positions so far, in one block of the network.
#[derive(Debug)]
pub struct KeysValues<B: Kernels> {
    n_head: usize,
    positions: usize,
    seen: usize,
    /// None before the first position; and while the backend adds to them: it then holds the only reference
    /// and need not copy them.
    kept: Option<[FloatTensor<B>; 2]>,
}

/// Positions in a block. Room is a multiple of it, so that a backend can keep keys in blocks.
pub(crate) const BLOCK: usize = 16;

impl<B: Kernels> KeysValues<B> {
    /// Room for so many positions, of which none has been seen. Memory is taken once, when the first comes.
    pub fn new(n_head: usize, positions: usize) -> Self {
        Self { n_head, positions, seen: 0, kept: None }
    }

    /// Positions seen.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Causal [`attention`](crate::attention) of new positions over those seen and themselves, which are seen
    /// from then on: `qkv` `[images, new, 3d]` to `[images, new, d]`.
    ///
    /// # Panics
    /// If there is no room for them, or images or widths are not those of the positions before.
    pub fn attend(&mut self, qkv: Tensor<B, 3>) -> Tensor<B, 3> {
        let [images, new, d3] = qkv.dims();
        assert!(self.seen + new <= self.positions, "no room for {new} positions after {}", self.seen);
        let kept = self.kept.take().unwrap_or_else(|| {
            let room = self.positions.next_multiple_of(BLOCK);
            let shape = [images, self.n_head, room, d3 / 3 / self.n_head];
            [0, 1].map(|_| unwrap(Tensor::<B, 4>::zeros(shape, (&qkv.device(), qkv.dtype()))))
        });
        let (value, kept) = B::cached_attention(unwrap(qkv), kept, self.seen, self.n_head);
        self.kept = Some(kept);
        self.seen += new;
        wrap(value)
    }
}
