//! The distinct colours of a set of images, with how often each occurs.

use std::fmt;

use rayon::prelude::*;

use crate::tree::Tree;

/// The number of RGB colours.
const ALL: usize = 1 << 24;

/// Colours with the same red.
const PLANE: usize = 1 << 16;

/// Counters that are filled side by side at most: each may take 64 MiB.
const MAX_PARTS: usize = 8;

/// Fewer pixels than this are not worth another thread.
const MIN_PIXELS: usize = 1 << 15;

/// Counts every one of the 2²⁴ RGB colours. Threads fill counters of their own, which are added
/// up at the end: sums of integers, so the result is the same however many there are. Only the
/// pages with colours in them become resident.
#[derive(Default)]
pub struct Histogram {
    parts: Vec<Vec<u32>>,
    /// The largest count that a counter of `parts` can have reached.
    reached: u32,
    /// What no longer fits into 32 bits.
    carried: Vec<u64>,
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").finish_non_exhaustive()
    }
}

impl Histogram {
    /// Counts pixels, given as RGB bytes, on all threads. Bytes after the last whole pixel are
    /// left out.
    pub fn add(&mut self, pixels: &[u8]) {
        let (pixels, _) = pixels.as_chunks();
        // So many that a counter of 32 bits cannot overflow.
        for pixels in pixels.chunks(1 << 30) {
            self.add_some(pixels);
        }
    }

    fn add_some(&mut self, pixels: &[[u8; 3]]) {
        let threads = rayon::current_num_threads().min(MAX_PARTS);
        let share = pixels.len().div_ceil(threads).max(MIN_PIXELS);
        self.make_room(share as u32);
        let shares = pixels.len().div_ceil(share);
        while self.parts.len() < shares {
            self.parts.push(vec![0; ALL]);
        }
        self.parts.par_iter_mut().zip(pixels.par_chunks(share)).for_each(|(counts, pixels)| {
            for &rgb in pixels {
                counts[index(rgb)] += 1;
            }
        });
    }

    /// Counts one colour `times` times.
    pub fn add_times(&mut self, rgb: [u8; 3], times: u64) {
        self.carried()[index(rgb)] += times;
    }

    /// Makes sure that every counter can take `more`.
    fn make_room(&mut self, more: u32) {
        self.reached = self.reached.checked_add(more).unwrap_or_else(|| {
            for part in std::mem::take(&mut self.parts) {
                self.carried().iter_mut().zip(part).for_each(|(sum, count)| *sum += u64::from(count));
            }
            more
        });
    }

    fn carried(&mut self) -> &mut [u64] {
        if self.carried.is_empty() {
            self.carried = vec![0; ALL];
        }
        &mut self.carried
    }

    /// The colours that occur, in ascending RGB order.
    pub fn colours(&self) -> Colours {
        let planes: Vec<_> = (0..ALL / PLANE).into_par_iter().map(|red| self.plane(red)).collect();
        Colours::new(planes.concat())
    }

    /// The colours of one red that occur, with their counts.
    fn plane(&self, red: usize) -> Vec<([u8; 3], u64)> {
        let range = red * PLANE..(red + 1) * PLANE;
        let mut counts = self.carried.get(range.clone()).map_or_else(|| vec![0; PLANE], <[u64]>::to_vec);
        for part in &self.parts {
            counts.iter_mut().zip(&part[range.clone()]).for_each(|(sum, &count)| *sum += u64::from(count));
        }
        let rgb = |i: usize| [red as u8, (i >> 8) as u8, i as u8];
        counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, &n)| (rgb(i), n)).collect()
    }
}

fn index([r, g, b]: [u8; 3]) -> usize {
    u32::from_be_bytes([0, r, g, b]) as usize
}

/// Distinct colours, each with its count, and the tree that k-means walks.
#[derive(Clone, Debug)]
pub struct Colours {
    rgb: Vec<[u8; 3]>,
    counts: Vec<u64>,
    pixels: u64,
    tree: Tree,
}

impl Colours {
    /// Colours in ascending order.
    fn new(colours: Vec<([u8; 3], u64)>) -> Self {
        let tree = Tree::new(&colours);
        let (rgb, counts): (Vec<_>, Vec<_>) = colours.into_iter().unzip();
        Self { pixels: counts.iter().sum(), rgb, counts, tree }
    }

    /// The number of distinct colours.
    pub fn len(&self) -> usize {
        self.rgb.len()
    }

    /// Whether there are no colours.
    pub fn is_empty(&self) -> bool {
        self.rgb.is_empty()
    }

    /// The number of pixels: the sum of all counts.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// The colours as bytes.
    pub fn rgb(&self) -> &[[u8; 3]] {
        &self.rgb
    }

    /// How often each colour occurs.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_sorted_with_their_counts() {
        let mut histogram = Histogram::default();
        histogram.add(&[255, 0, 1, 0, 255, 1, 255, 0, 1, 9]);
        histogram.add_times([0, 0, 0], 5);
        let colours = histogram.colours();
        assert_eq!(colours.rgb(), [[0, 0, 0], [0, 255, 1], [255, 0, 1]]);
        assert_eq!(colours.counts(), [5, 1, 2]);
        assert_eq!((colours.len(), colours.pixels()), (3, 8));
        assert!(Histogram::default().colours().is_empty());
    }

    #[test]
    fn threads_count_the_same() {
        let n = 5 * MIN_PIXELS as u32 + 7;
        let pixels: Vec<u8> = (0..n).flat_map(|i| [(i % 5) as u8, 0, (i * i % 251) as u8]).collect();
        let count = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut histogram = Histogram::default();
            pool.install(|| (0..2).for_each(|_| histogram.add(&pixels)));
            let colours = histogram.colours();
            (colours.rgb().to_vec(), colours.counts().to_vec(), histogram.parts.len())
        };
        let (rgb, counts, parts) = count(1);
        assert_eq!((counts.iter().sum::<u64>(), parts), (2 * u64::from(n), 1));
        assert_eq!(count(3), (rgb, counts, 3));
    }

    #[test]
    fn counters_do_not_overflow() {
        let mut histogram = Histogram::default();
        histogram.add(&[1, 2, 3]);
        histogram.parts[0][index([1, 2, 3])] = u32::MAX;
        histogram.reached = u32::MAX;
        histogram.add(&[1, 2, 3, 1, 2, 3]);
        assert_eq!(histogram.colours().counts(), [(1 << 32) + 1]);
    }
}
