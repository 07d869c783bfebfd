//! Independent passes of a network, side by side.
//!
//! At small widths the matrix products of one batch are too small to be worth sharing among
//! threads; whole parts of the batch are not. Each part runs on threads of its own. The parts are
//! fixed, so no result depends on how many threads there are.

use std::ops::Range;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{Device, Result};

/// Parts of a batch on a CPU, at most.
const PARTS: usize = 4;

/// Threads that compute the parts of a batch.
#[derive(Debug)]
pub struct Workers {
    parts: usize,
    /// Empty where one part is computed on the calling thread.
    pools: Vec<ThreadPool>,
}

impl Workers {
    /// Workers for batches of `batch_size` images, with all threads of the current pool.
    ///
    /// A GPU takes the whole batch as one part: it has its own ways of sharing work.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(device: Device, batch_size: usize) -> Result<Self> {
        let parts = match device {
            Device::Cpu => PARTS.min(batch_size).max(1),
            Device::Cuda(_) => 1,
        };
        let threads = rayon::current_num_threads();
        let workers = if parts == 1 { 0 } else { threads.min(parts) };
        let pool = |_| ThreadPoolBuilder::new().num_threads(threads / workers.max(1)).build();
        Ok(Self { parts, pools: (0..workers).map(pool).collect::<Result<_, _>>()? })
    }

    /// Cuts `images` into parts and does `work` on each; what comes out, in the order of the parts.
    /// Parts without an image are left out.
    ///
    /// # Panics
    /// As `work` does.
    pub fn map<T: Send>(&self, images: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
        let parts = self.parts.min(images);
        let part = |i: usize| work(i * images / parts..(i + 1) * images / parts);
        if self.pools.is_empty() {
            return (0..parts).map(part).collect();
        }
        let share = |first: usize| {
            let mine = (first..parts).step_by(self.pools.len());
            self.pools[first].install(|| mine.map(|i| (i, part(i))).collect::<Vec<_>>())
        };
        let share = &share;
        let mut done: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> =
                (0..self.pools.len()).map(|first| scope.spawn(move || share(first))).collect();
            running
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        done.sort_by_key(|(i, _)| *i);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_batch_in_order_whatever_the_threads() {
        let parts = |threads, images| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Workers::new(Device::Cpu, 8).unwrap().map(images, |part| part))
        };
        for images in [0, 1, 3, 8, 31] {
            let alone = parts(1, images);
            assert_eq!(alone.iter().cloned().flatten().collect::<Vec<_>>(), (0..images).collect::<Vec<_>>());
            assert!(alone.iter().all(|part| !part.is_empty()));
            for threads in [2, 3, 9] {
                assert_eq!(parts(threads, images), alone);
            }
        }
    }

    #[test]
    fn a_gpu_takes_the_batch_whole() {
        let parts = Workers::new(Device::Cuda(0), 64).unwrap().map(64, |part| (part.start, part.end));
        assert_eq!(parts, [(0, 64)]);
    }
}
