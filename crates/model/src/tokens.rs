//! Palette tokens as tensors.

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
