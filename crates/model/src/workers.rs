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
        let part = |i| work(cut(images, parts, i));
        let done = self.share(parts, |mine| mine.map(part).collect::<Vec<_>>());
        done.into_iter().flatten().collect()
    }

    /// The same, all added up: neighbours first, then neighbouring sums, each where both were computed if they were
    /// on one thread. So the order of the additions does not depend on the threads either. None without an image.
    ///
    /// # Panics
    /// As `work` and `add` do.
    pub fn sum<T: Send>(
        &self,
        images: usize,
        work: impl Fn(Range<usize>) -> T + Sync,
        add: impl Fn(T, T) -> T + Sync,
    ) -> Option<T> {
        let parts = self.parts.min(images);
        let done = self.share(parts, |mine| {
            let mut sums = Sums::default();
            for i in mine {
                sums.push(i..i + 1, work(cut(images, parts, i)), &add);
            }
            sums
        });
        let mut all = Sums::default();
        done.into_iter().flat_map(|sums| sums.0).for_each(|(parts, sum)| all.push(parts, sum, &add));
        all.0.into_iter().map(|(_, sum)| sum).reduce(add)
    }

    /// Deals parts out, to each thread some that follow each other; what it makes of them, in their order.
    fn share<T: Send>(&self, parts: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
        let pools = self.pools.len();
        if pools == 0 {
            return vec![work(0..parts)];
        }
        let work = &work;
        std::thread::scope(|scope| {
            let run =
                |(i, pool)| scope.spawn(move || ThreadPool::install(pool, || work(cut(parts, pools, i))));
            let running: Vec<_> = self.pools.iter().enumerate().map(run).collect();
            let done = running.into_iter().map(|thread| thread.join());
            done.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }
}

/// The i-th of so many about equal parts of `all`.
fn cut(all: usize, parts: usize, i: usize) -> Range<usize> {
    i * all / parts..(i + 1) * all / parts
}

/// Sums of parts that follow each other, with the parts in each. Two of the same number are added up as soon as
/// together they begin at a multiple of twice that number: as in a binary counter, so whoever adds them arrives
/// at the same sums.
struct Sums<T>(Vec<(Range<usize>, T)>);

impl<T> Default for Sums<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Sums<T> {
    fn push(&mut self, mut parts: Range<usize>, mut sum: T, add: impl Fn(T, T) -> T) {
        let fits = |(before, _): &mut (Range<usize>, T), parts: &Range<usize>| {
            before.end == parts.start
                && before.len() == parts.len()
                && before.start.is_multiple_of(2 * parts.len())
        };
        while let Some((before, left)) = self.0.pop_if(|before| fits(before, &parts)) {
            parts.start = before.start;
            sum = add(left, sum);
        }
        self.0.push((parts, sum));
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
    fn sums_are_the_same_whatever_the_threads() {
        let written = |threads, images| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let workers = pool.install(|| Workers::new(Device::Cpu, 8).unwrap());
            workers.sum(images, |part| format!("{}", part.start), |a, b| format!("({a}+{b})"))
        };
        assert_eq!(written(1, 0), None);
        for (images, sum) in [(1, "0"), (2, "(0+1)"), (3, "((0+1)+2)"), (8, "((0+2)+(4+6))")] {
            for threads in [1, 2, 3, 4, 9] {
                assert_eq!(written(threads, images).as_deref(), Some(sum), "{threads} threads");
            }
        }
    }

    #[test]
    fn a_gpu_takes_the_batch_whole() {
        let parts = Workers::new(Device::Cuda(0), 64).unwrap().map(64, |part| (part.start, part.end));
        assert_eq!(parts, [(0, 64)]);
    }
}
