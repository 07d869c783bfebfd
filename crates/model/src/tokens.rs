//! Palette tokens as the network takes them.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

/// A batch of images: B sequences of T tokens.
#[derive(Clone, Debug)]
pub struct Sequences<B: Backend> {
    /// `[B, T]`.
    pub tokens: Tensor<B, 2, Int>,
    /// For BERT: 1 where a token is hidden from the network, 0 elsewhere, `[B, T]`.
    pub hidden: Option<Tensor<B, 2>>,
}

impl<B: Backend> Sequences<B> {
    /// Sequences of `width` tokens each, one after another; of which nothing is hidden.
    ///
    /// # Panics
    /// If `tokens` does not divide into rows of `width`.
    pub fn new(tokens: &[u16], width: usize, device: &B::Device) -> Self {
        let numbers: Vec<i32> = tokens.iter().copied().map(i32::from).collect();
        Self {
            tokens: Tensor::from_data(TensorData::new(numbers, shape(tokens, width)), device),
            hidden: None,
        }
    }

    /// Hides the tokens at which `hidden` is true.
    ///
    /// # Panics
    /// If there is not one value for each token.
    #[must_use]
    pub fn hiding(mut self, hidden: &[bool]) -> Self {
        let numbers: Vec<f32> = hidden.iter().map(|&hidden| f32::from(u8::from(hidden))).collect();
        let data = TensorData::new(numbers, self.tokens.shape());
        self.hidden = Some(Tensor::from_data(data, &self.tokens.device()));
        self
    }
}

fn shape<T>(values: &[T], width: usize) -> [usize; 2] {
    assert_eq!(values.len() % width, 0, "token rows of unequal length");
    [values.len() / width, width]
}
