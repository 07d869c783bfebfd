//! The pass over the images.

use std::ops::Range;
use std::path::Path;

use burn::tensor::Tensor;
use igpt_artifact::Split;
use igpt_artifact::table::features::FeaturesMeta;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::table::vectors::Batch;
use igpt_kernels::Kernels;
use igpt_model::{Compute, Device, Hide, ImageGpt, Objective, Sequences, Workers, weights};
use igpt_stage::{Context, Seed, Task, stream};
use rand::seq::index;

use crate::files::{Computed, Files};
use crate::{Error, FeaturesParams};

/// A dump, ready to run on any backend.
pub struct Dump<'a> {
    pub context: &'a Context<'a>,
    pub params: &'a FeaturesParams,
    /// The model directory, or that of a checkpoint in it.
    pub weights: &'a Path,
    pub tokens: &'a Tokens,
    pub meta: &'a FeaturesMeta,
    /// Where it runs.
    pub device: Device,
}

impl Compute for Dump<'_> {
    type Output = Result<(), Error>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<(), Error> {
        let Self { context, params, tokens, meta, .. } = self;
        let network = weights::read::<B>(self.weights, &device)?;
        let workers = Workers::new(self.device, params.batch_size)?;
        let bert = network.config().objective == Objective::Bert && params.masks > 0;
        let probability = params.mask_probability;
        let hide = bert.then(|| Hide { probability, seed: context.seed.named("features/hidden") });
        let task = Task::begin(context.progress, "features", meta.rows.values().sum(), "images");
        for (&split, &rows) in &meta.rows {
            let mut chosen = Chosen::new(tokens.meta.rows[&split], rows, split, context.seed);
            let mut files = Files::create(context.out, split, meta, params.dtype);
            let batches = tokens.read(split, params.batch_size)?.map(|batch| Ok(chosen.keep(batch?)));
            let compute = |batch: Batch<u16>| {
                let parts = workers.map(batch.rows(), |part| {
                    let features = passes(&network, &batch, part, params, &hide, &device);
                    let values = |&layer: &usize| features[layer].to_data().iter::<f32>().collect::<Vec<_>>();
                    meta.layers.iter().map(values).collect::<Vec<_>>()
                });
                task.advance(batch.rows() as u64);
                Ok(Computed { ids: batch.ids, labels: batch.labels, parts })
            };
            // Files are read and written beside the computation.
            stream(batches, compute, |computed| files.write(computed))?;
            files.finish()?;
        }
        Ok(())
    }
}

/// The features of some images of a batch by layer, `[images, d]` each: of one pass, or for BERT averaged over
/// passes with one mask each, which for a linear classifier on them is to average its logits. (The paper lets
/// the masks' predictions vote.)
fn passes<B: Kernels>(
    network: &ImageGpt<B>,
    batch: &Batch<u16>,
    images: Range<usize>,
    params: &FeaturesParams,
    hide: &Option<Hide>,
    device: &B::Device,
) -> Vec<Tensor<B, 2>> {
    let values = &batch.values[images.start * batch.width..images.end * batch.width];
    let sequences = Sequences::<B>::new(values, batch.width, device);
    let Some(hide) = hide else { return network.features(&sequences, params.tap) };
    let pass = |mask| {
        let of_image = |&id: &u64| hide.nth(mask).draw(id, batch.width);
        let hidden: Vec<bool> = batch.ids[images.clone()].iter().flat_map(of_image).collect();
        network.features(&sequences.clone().hiding(&hidden), params.tap)
    };
    let add = |sum: Vec<Tensor<B, 2>>, pass: Vec<Tensor<B, 2>>| {
        sum.into_iter().zip(pass).map(|(sum, x)| sum + x).collect()
    };
    let sum = (0..params.masks).map(pass).reduce(add).unwrap_or_default();
    sum.into_iter().map(|sum| sum.div_scalar(params.masks as f64)).collect()
}

/// The rows of a split that are dumped: all, or some that the seed chooses.
struct Chosen {
    rows: Option<std::iter::Peekable<std::vec::IntoIter<usize>>>,
    next: usize,
}

impl Chosen {
    fn new(all: u64, wanted: u64, split: Split, seed: Seed) -> Self {
        let rows = (wanted < all).then(|| {
            let mut rng = seed.named(&format!("features/limit/{split}")).rng();
            let mut rows = index::sample(&mut rng, all as usize, wanted as usize).into_vec();
            rows.sort_unstable();
            rows.into_iter().peekable()
        });
        Self { rows, next: 0 }
    }

    fn keep(&mut self, batch: Batch<u16>) -> Batch<u16> {
        let first = self.next;
        self.next += batch.rows();
        let Some(rows) = &mut self.rows else { return batch };
        let mut kept = Batch::new(batch.width);
        while let Some(row) = rows.next_if(|&row| row < first + batch.rows()) {
            let i = row - first;
            kept.push(batch.ids[i], batch.labels[i], batch.row(i));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_keeps_so_many_rows_in_order() {
        let mut chosen = Chosen::new(100, 30, Split::Train, Seed::new(3));
        let mut ids = Vec::new();
        for start in (0..100).step_by(7) {
            let mut batch = Batch::new(1);
            (start..(start + 7).min(100)).for_each(|i| batch.push(i, None, &[i as u16]));
            ids.extend(chosen.keep(batch).ids);
        }
        assert_eq!(ids.len(), 30);
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
