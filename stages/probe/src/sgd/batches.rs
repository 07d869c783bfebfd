//! Rows in an order that is random enough, from a buffer of fixed size.
//!
//! The buffer is kept full from the stream, and every row of a batch is drawn from it at random. It holds
//! `capacity` rows however many come by; where all rows fit in, the order is a uniform shuffle.

use ndarray::Array2;
use rand::Rng;

use crate::error::Result;
use crate::stream::Block;

/// Batches of rows, images × dims, with the class of each.
pub(super) struct Batches<I, R> {
    blocks: std::iter::Fuse<I>,
    /// The block that is being read, and the next row in it.
    block: Option<(Array2<f32>, Vec<usize>, usize)>,
    dims: usize,
    capacity: usize,
    batch_size: usize,
    rng: R,
    /// The buffer: rows one after another, and their classes.
    rows: Vec<f32>,
    targets: Vec<usize>,
}

impl<'a, I: Iterator<Item = Result<Block<'a>>>, R: Rng> Batches<I, R> {
    /// Batches of `batch_size` rows, the last one with what is left.
    pub(super) fn new(blocks: I, dims: usize, capacity: usize, batch_size: usize, rng: R) -> Self {
        Self {
            blocks: blocks.fuse(),
            block: None,
            dims,
            capacity,
            batch_size,
            rng,
            rows: Vec::with_capacity(capacity * dims),
            targets: Vec::with_capacity(capacity),
        }
    }

    /// Rows that are held now.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.targets.len() + self.block.as_ref().map_or(0, |(x, ..)| x.nrows())
    }

    fn refill(&mut self) -> Result<()> {
        while self.targets.len() < self.capacity {
            match &mut self.block {
                Some((x, targets, next)) if *next < targets.len() => {
                    self.rows.extend(x.row(*next));
                    self.targets.push(targets[*next]);
                    *next += 1;
                }
                _ => match self.blocks.next().transpose()? {
                    // Every train label is a class by construction, so none is dropped here.
                    Some(block) => {
                        self.block = Some((block.x, block.targets.iter().flatten().copied().collect(), 0));
                    }
                    None => {
                        self.block = None;
                        return Ok(());
                    }
                },
            }
        }
        Ok(())
    }

    /// Takes a row out of the buffer; the last one takes its place.
    fn take(&mut self, out: &mut Vec<f32>) -> usize {
        let (at, last) = (self.rng.random_range(0..self.targets.len()), self.targets.len() - 1);
        out.extend(&self.rows[at * self.dims..(at + 1) * self.dims]);
        self.rows.copy_within(last * self.dims.., at * self.dims);
        self.rows.truncate(last * self.dims);
        self.targets.swap_remove(at)
    }

    fn batch(&mut self) -> Result<Option<(Array2<f32>, Vec<usize>)>> {
        let (mut values, mut targets) = (Vec::with_capacity(self.batch_size * self.dims), Vec::new());
        while targets.len() < self.batch_size {
            self.refill()?;
            if self.targets.is_empty() {
                break;
            }
            targets.push(self.take(&mut values));
        }
        if targets.is_empty() {
            return Ok(None);
        }
        let x = Array2::from_shape_vec((targets.len(), self.dims), values);
        Ok(Some((x.expect("every row has `dims` values"), targets)))
    }
}

impl<'a, I: Iterator<Item = Result<Block<'a>>>, R: Rng> Iterator for Batches<I, R> {
    type Item = Result<(Array2<f32>, Vec<usize>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_stage::Seed;
    use std::cell::Cell;

    const BLOCK: usize = 16;

    /// Rows `[i, i]` of class i mod 3, in blocks of 16; counts the rows that were asked for.
    fn blocks<'a>(
        targets: &'a [Option<usize>],
        asked: &'a Cell<usize>,
    ) -> impl Iterator<Item = Result<Block<'a>>> {
        (0..targets.len().div_ceil(BLOCK)).map(move |i| {
            let rows = first_rows(targets.len(), i * BLOCK);
            asked.set(asked.get() + rows);
            let x = Array2::from_shape_fn((rows, 2), |(row, _)| (i * BLOCK + row) as f32);
            Ok(Block { first: i * BLOCK, x, targets: &targets[i * BLOCK..i * BLOCK + rows] })
        })
    }

    fn first_rows(all: usize, from: usize) -> usize {
        BLOCK.min(all - from)
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_images() {
        const CAPACITY: usize = 50;
        for images in [10, 1_000, 100_000] {
            let targets: Vec<_> = (0..images).map(|i| Some(i % 3)).collect();
            let asked = Cell::new(0);
            let mut batches = Batches::new(blocks(&targets, &asked), 2, CAPACITY, 7, Seed::new(0).rng());
            let mut given = 0;
            while let Some(batch) = batches.next() {
                given += batch.unwrap().1.len();
                assert!(batches.held() <= CAPACITY + BLOCK);
                // Nothing is read before there is room for it.
                assert!(asked.get() <= given + CAPACITY + BLOCK, "{} for {given}", asked.get());
            }
            assert_eq!((given, asked.get()), (images, images));
            assert!(batches.rows.capacity() <= 2 * CAPACITY + 2 * BLOCK);
        }
    }

    #[test]
    fn every_row_comes_once_with_its_class_in_an_order_of_the_seed() {
        let targets: Vec<_> = (0..1000).map(|i| Some(i % 3)).collect();
        let order = |capacity, seed| -> Vec<usize> {
            let asked = Cell::new(0);
            let batches = Batches::new(blocks(&targets, &asked), 2, capacity, 64, Seed::new(seed).rng());
            let batches: Vec<_> = batches.map(Result::unwrap).collect();
            assert!(batches[..15].iter().all(|batch| batch.1.len() == 64) && batches[15].1.len() == 40);
            let rows = batches.iter().flat_map(|(x, targets)| x.rows().into_iter().zip(targets));
            rows.inspect(|(row, target)| assert!(row[0] == row[1] && row[0] as usize % 3 == **target))
                .map(|(row, _)| row[0] as usize)
                .collect()
        };
        for capacity in [1, 100, 1000] {
            let once = order(capacity, 1);
            let mut sorted = once.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..1000));
            assert_eq!(order(capacity, 1), once);
            assert_eq!(order(capacity, 2) == once, capacity == 1, "a buffer of one row shuffles nothing");
        }
        // A full buffer mixes the whole: the first batch comes from everywhere.
        assert!(order(1000, 1)[..64].iter().any(|row| *row > 900));
        assert!(order(100, 1)[..64].iter().all(|row| *row < 100 + 64));
    }
}
