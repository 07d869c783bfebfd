//! Keys and values of the positions so far, so that sampling looks at each position once.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::Config;

/// The cache of a whole network. Room for every position is taken once.
#[derive(Debug)]
pub struct Cache<B: Backend> {
    layers: Vec<LayerCache<B>>,
    batch: usize,
    len: usize,
    device: B::Device,
}

/// The cache of one block: `[B, h, n_positions, d / h]` each.
#[derive(Debug)]
pub struct LayerCache<B: Backend> {
    keys: Option<Tensor<B, 4>>,
    values: Option<Tensor<B, 4>>,
}

impl<B: Backend> Cache<B> {
    /// An empty cache for `batch` images.
    pub fn new(config: Config, batch: usize, device: &B::Device) -> Self {
        let shape = [batch, config.n_head, config.n_positions, config.head_dim()];
        let empty = || Some(Tensor::zeros(shape, device));
        let layers = (0..config.n_layer).map(|_| LayerCache { keys: empty(), values: empty() }).collect();
        Self { layers, batch, len: 0, device: device.clone() }
    }

    /// Images in the batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Positions seen.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no position has been seen.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn device(&self) -> &B::Device {
        &self.device
    }

    pub(crate) fn layers_mut(&mut self) -> impl Iterator<Item = &mut LayerCache<B>> {
        self.layers.iter_mut()
    }

    pub(crate) fn advance(&mut self) {
        self.len += 1;
    }
}

impl<B: Backend> LayerCache<B> {
    /// Puts the key and value of one position, `[B, h, 1, d / h]` each, and gives back those of
    /// every position so far.
    pub(crate) fn append(
        &mut self,
        key: Tensor<B, 4>,
        value: Tensor<B, 4>,
        position: usize,
    ) -> (Tensor<B, 4>, Tensor<B, 4>) {
        (put(&mut self.keys, key, position), put(&mut self.values, value, position))
    }
}

fn put<B: Backend>(all: &mut Option<Tensor<B, 4>>, one: Tensor<B, 4>, position: usize) -> Tensor<B, 4> {
    let [b, h, _, head_dim] = one.dims();
    // Taken out, so that the backend owns the only reference and can write in place.
    let filled = match all.take() {
        Some(all) => all.slice_assign([0..b, 0..h, position..position + 1, 0..head_dim], one),
        None => one,
    };
    let seen = filled.clone().narrow(2, 0, position + 1);
    *all = Some(filled);
    seen
}
