//! A batch before it is on a device.

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use igpt_artifact::table::vectors::Batch;
use igpt_model::{Hide, Sequences};
use igpt_stage::Seed;

use crate::{Augment, Examples};

/// Images of one batch, one after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Tokens of an image.
    pub width: usize,
    /// Tokens.
    pub tokens: Vec<u16>,
    /// For BERT, whether each is hidden.
    pub hidden: Option<Vec<bool>>,
    /// The class of each image, for a classifier.
    pub classes: Option<Vec<usize>>,
}

impl Rows {
    /// Some images of a table, by row.
    pub fn of(tokens: &Batch<u16>, rows: impl IntoIterator<Item = usize>) -> Self {
        let values = rows.into_iter().flat_map(|row| tokens.row(row)).copied().collect();
        Self { width: tokens.width, tokens: values, ..Self::default() }
    }

    /// How many images.
    pub fn images(&self) -> usize {
        self.tokens.len() / self.width
    }

    /// Changes every image, `image_width` pixels wide, at random.
    #[must_use]
    pub fn augment(mut self, augment: Augment, image_width: usize, seed: Seed) -> Self {
        let images = self.tokens.chunks_exact(self.width).zip(0..);
        self.tokens = images.flat_map(|(row, i)| augment.apply(row, image_width, seed.nth(i))).collect();
        self
    }

    /// Hides pixels of every image; `id` numbers the images.
    #[must_use]
    pub fn hide(mut self, hide: Hide, id: impl Fn(usize) -> u64) -> Self {
        self.hidden = Some((0..self.images()).flat_map(|i| hide.draw(id(i), self.width)).collect());
        self
    }

    /// Some of the images, on a device.
    pub fn part<B: Backend>(&self, images: Range<usize>, device: &B::Device) -> Examples<B> {
        let tokens = images.start * self.width..images.end * self.width;
        let sequences = Sequences::new(&self.tokens[tokens.clone()], self.width, device);
        let classes = self.classes.as_ref().map(|classes| {
            let numbers: Vec<i32> = classes[images].iter().map(|&class| class as i32).collect();
            let count = numbers.len();
            Tensor::from_data(TensorData::new(numbers, [count]), device)
        });
        Examples {
            sequences: match &self.hidden {
                Some(hidden) => sequences.hiding(&hidden[tokens]),
                None => sequences,
            },
            classes,
        }
    }
}
