//! Palette tokens as tensors.

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

/// Token rows as a tensor `[rows, width]`.
///
/// # Panics
/// If `tokens` does not divide into rows of `width`.
pub fn tensor<B: Backend>(tokens: &[u16], width: usize, device: &B::Device) -> Tensor<B, 2, Int> {
    assert_eq!(tokens.len() % width, 0, "token rows of unequal length");
    let numbers: Vec<i32> = tokens.iter().copied().map(i32::from).collect();
    Tensor::from_data(TensorData::new(numbers, [tokens.len() / width, width]), device)
}

/// Some of the rows of a batch of `width` tokens a row: `[rows, width]`.
///
/// # Panics
/// If the batch has not so many rows.
pub fn rows<B: Backend>(
    batch: &[u16],
    width: usize,
    rows: Range<usize>,
    device: &B::Device,
) -> Tensor<B, 2, Int> {
    tensor(&batch[rows.start * width..rows.end * width], width, device)
}
