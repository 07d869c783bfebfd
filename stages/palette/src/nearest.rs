//! The inner loop of k-means: the nearest centre of every colour.
//!
//! Distances are f32 differences squared, so two centres whose squared distances to a colour
//! differ by less than about 1e-7 may be taken for each other. This changes the inertia by as
//! little, and f32 has twice the lanes of f64.

use rayon::prelude::*;

use crate::Colours;

/// Colours in a unit of parallel work. Fixed, so that sums over chunks, added in order, do not
/// depend on the number of threads.
pub(crate) const CHUNK: usize = 1 << 13;

/// Colours that are compared with a centre at a time: as many as stay in registers with their
/// best distance and label on the 16 vector registers of every x86-64.
const LANES: usize = 8;

/// The nearest centre of each colour and the squared distance to it.
#[derive(Debug)]
pub(crate) struct Nearest {
    pub(crate) labels: Vec<u16>,
    pub(crate) distances: Vec<f32>,
}

impl Nearest {
    /// Finds the nearest of `centres` for every colour; of equally near ones the first.
    pub(crate) fn of(colours: &Colours, centres: &[[f32; 3]]) -> Self {
        let mut nearest = Self { labels: vec![0; colours.len()], distances: vec![0.0; colours.len()] };
        nearest.update(colours, centres);
        nearest
    }

    /// The same for other centres, in the memory at hand.
    pub(crate) fn update(&mut self, colours: &Colours, centres: &[[f32; 3]]) {
        let chunks = self.labels.par_chunks_mut(CHUNK).zip(self.distances.par_chunks_mut(CHUNK));
        chunks.enumerate().for_each(|(chunk, (labels, distances))| {
            let mut start = chunk * CHUNK;
            for (labels, distances) in labels.chunks_mut(LANES).zip(distances.chunks_mut(LANES)) {
                let block = colours.channels().map(|channel| {
                    let mut lanes = [0.0; LANES];
                    lanes[..labels.len()].copy_from_slice(&channel[start..start + labels.len()]);
                    lanes
                });
                let (best, found) = nearest_of_block(&block, centres);
                labels.iter_mut().zip(best).for_each(|(label, best)| *label = best as u16);
                distances.copy_from_slice(&found[..distances.len()]);
                start += LANES;
            }
        });
    }

    /// The sum over all pixels of the squared distance to the nearest centre.
    pub(crate) fn inertia(&self, colours: &Colours) -> f64 {
        let chunks = self.distances.par_chunks(CHUNK).zip(colours.weights().par_chunks(CHUNK));
        let sums: Vec<f64> = chunks
            .map(|(distances, weights)| distances.iter().zip(weights).map(|(&d, w)| f64::from(d) * w).sum())
            .collect();
        sums.iter().sum()
    }
}

/// Squared distance.
#[inline]
pub(crate) fn squared(a: [f32; 3], b: [f32; 3]) -> f32 {
    let [r, g, b] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    r * r + g * g + b * b
}

#[inline]
fn nearest_of_block(block: &[[f32; LANES]; 3], centres: &[[f32; 3]]) -> ([u32; LANES], [f32; LANES]) {
    let mut best = [0; LANES];
    let mut distance = [f32::INFINITY; LANES];
    for (label, &centre) in (0_u32..).zip(centres) {
        for lane in 0..LANES {
            let found = squared([block[0][lane], block[1][lane], block[2][lane]], centre);
            // Selections rather than a branch: this becomes a compare and two blends.
            let closer = found < distance[lane];
            best[lane] = if closer { label } else { best[lane] };
            distance[lane] = if closer { found } else { distance[lane] };
        }
    }
    (best, distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    #[test]
    fn agrees_with_one_at_a_time() {
        let mut histogram = Histogram::default();
        // More than a chunk, and not a whole number of blocks.
        for i in 0..CHUNK as u32 + 13 {
            let [_, r, g, b] = (i.wrapping_mul(2_654_435_761)).to_be_bytes();
            histogram.add_times([r, g, b], u64::from(i % 5 + 1));
        }
        let colours = histogram.colours();
        // The first two centres are the same: the first wins.
        let centres: Vec<_> = [0, 0, 40, 999, 3000, 8000].map(|i| colours.point(i)).into();
        let nearest = Nearest::of(&colours, &centres);
        let mut inertia = 0.0;
        for (i, weight) in colours.weights().iter().enumerate() {
            let distances: Vec<_> = centres.iter().map(|&c| squared(colours.point(i), c)).collect();
            let label = usize::from(nearest.labels[i]);
            assert!(distances[..label].iter().all(|&d| d > distances[label]));
            assert!(distances[label..].iter().all(|&d| d >= distances[label]));
            assert_eq!(nearest.distances[i], distances[label]);
            inertia += weight * f64::from(distances[label]);
        }
        assert!((nearest.inertia(&colours) / inertia - 1.0).abs() < 1e-12);
    }
}
