//! Attention in blocks of queries.
//!
//! Where a position does not see those after it, a block of queries only meets the keys up to its last
//! position, so about half of the products are not done. No positions × positions matrix is kept: the
//! backward pass computes the softmax again from the logarithms of its denominators (as FlashAttention does, Dao
//! et al. 2022).
//!
//! Exponentials are powers of two: the factor log2(e) goes into the keys together with 1/√c.

mod backward;
mod forward;

pub(crate) use backward::backward;
pub(crate) use forward::forward;

use std::f32::consts::LOG2_E;

use super::gemm::Matrix;
use crate::Heads;

/// The sizes of one image.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) positions: usize,
    /// d: all heads together.
    pub(crate) width: usize,
    pub(crate) heads: Heads,
}

impl Sizes {
    fn head_dim(self) -> usize {
        self.width / self.heads.n_head
    }

    /// 1/√c.
    fn scale(self) -> f32 {
        (self.head_dim() as f32).powf(-0.5)
    }

    /// What makes 2ˣ of q·k the exponential of the score.
    fn scale_of_keys(self) -> f32 {
        self.scale() * LOG2_E
    }

    /// Every block of so many queries: its first and last + 1 position, and how many keys it meets.
    fn blocks(self, queries: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        self.heads.blocks(self.positions, queries)
    }

    /// How many keys a position sees: those before it and its own, or all.
    fn seen(self, position: usize) -> usize {
        self.heads.seen(position, self.positions)
    }

    /// One head's part of a `[positions, 3d]` image: 0 queries, 1 keys, 2 values.
    fn part(self, qkv: &[f32], which: usize, head: usize) -> Matrix<'_> {
        self.columns(qkv, 3 * self.width, which * self.width + head * self.head_dim())
    }

    /// One head's part of a `[positions, d]` image.
    fn head(self, x: &[f32], head: usize) -> Matrix<'_> {
        self.columns(x, self.width, head * self.head_dim())
    }

    fn columns(self, x: &[f32], stride: usize, first: usize) -> Matrix<'_> {
        Matrix::new(&x[first..], self.positions, self.head_dim(), stride)
    }
}
