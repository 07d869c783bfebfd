//! Which images a step sees: every epoch in another order, known from the seed alone.

use igpt_artifact::table::vectors::Batch;
use igpt_stage::Seed;
use rand::seq::SliceRandom;

use crate::{Error, Result};

/// The order in which training images are seen.
#[derive(Clone, Debug)]
pub struct Order {
    seed: Seed,
    images: usize,
    batch_size: usize,
    epoch: Option<u64>,
    permutation: Vec<usize>,
}

impl Order {
    /// The order for `images` images in batches of `batch_size`. What does not fill a batch at
    /// the end of an epoch is left out of that epoch.
    ///
    /// # Errors
    /// If they do not fill one batch.
    pub fn new(seed: Seed, images: usize, batch_size: usize) -> Result<Self> {
        if images < batch_size {
            return Err(Error::TooFewImages { images, batch_size });
        }
        Ok(Self { seed, images, batch_size, epoch: None, permutation: Vec::new() })
    }

    /// Steps in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.images / self.batch_size) as u64
    }

    /// The images of a step, by row. Any step can be asked for, so a resumed training sees what
    /// an uninterrupted one would have seen.
    pub fn batch(&mut self, step: u64) -> &[usize] {
        let epoch = step / self.steps_per_epoch();
        if self.epoch != Some(epoch) {
            self.permutation = (0..self.images).collect();
            self.permutation.shuffle(&mut self.seed.nth(epoch).rng());
            self.epoch = Some(epoch);
        }
        let start = (step % self.steps_per_epoch()) as usize * self.batch_size;
        &self.permutation[start..start + self.batch_size]
    }
}

/// Keeps at most `limit` rows, chosen by the seed, in their order.
pub fn keep_some(tokens: &mut Batch<u16>, limit: usize, seed: Seed) {
    if tokens.rows() <= limit {
        return;
    }
    let mut rows: Vec<usize> = (0..tokens.rows()).collect();
    rows.shuffle(&mut seed.rng());
    rows.truncate(limit);
    rows.sort_unstable();
    let mut kept = Batch::new(tokens.width);
    for row in rows {
        kept.push(tokens.ids[row], tokens.labels[row], tokens.row(row));
    }
    *tokens = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_sees_every_image_once() {
        let mut order = Order::new(Seed::new(0), 12, 3).unwrap();
        let mut epoch = |n: u64| (n * 4..n * 4 + 4).flat_map(|s| order.batch(s).to_vec()).collect::<Vec<_>>();
        let (first, second) = (epoch(0), epoch(1));
        assert_ne!(first, second);
        for mut seen in [first, second] {
            seen.sort_unstable();
            assert_eq!(seen, (0..12).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_step_can_be_asked_for_out_of_order() {
        let (mut a, mut b) =
            (Order::new(Seed::new(7), 10, 4).unwrap(), Order::new(Seed::new(7), 10, 4).unwrap());
        let in_order: Vec<_> = (0..6).map(|step| a.batch(step).to_vec()).collect();
        for step in [5, 0, 3] {
            assert_eq!(b.batch(step), in_order[step as usize]);
        }
    }

    #[test]
    fn some_rows_are_kept_whole() {
        let mut tokens = Batch::new(2);
        for i in 0..100_u16 {
            tokens.push(u64::from(i), Some(0), &[i, i]);
        }
        keep_some(&mut tokens, 10, Seed::new(0));
        assert_eq!(tokens.rows(), 10);
        assert!(tokens.ids.is_sorted());
        assert!((0..10).all(|i| tokens.row(i) == [tokens.ids[i] as u16; 2]));
    }
}
