//! Which centres may be the nearest of a colour in a box.

use std::fmt;

use pulp::{Arch, Simd, WithSimd};

use crate::{Bounds, LANES};

/// How much farther, in squared bytes, a centre has to be before it is left out.
///
/// Squared distances are at most 3·255² and are rounded to within 0.06 in f32, and so are the three
/// that decide here and the two that a caller may compare afterwards. Half a squared byte covers all
/// of them. It keeps hardly any centre too many: the border between two centres that are 16 apart
/// becomes a 64th of a byte wide.
const MARGIN: f32 = 0.5;

/// Some centres, one array a channel. Lanes that are not in use are infinitely far away.
#[derive(Clone, Copy)]
struct Block {
    at: [[f32; LANES]; 3],
    label: [u32; LANES],
}

impl Block {
    const EMPTY: Self = Self { at: [[f32::INFINITY; LANES]; 3], label: [u32::MAX; LANES] };

    fn set(&mut self, lane: usize, at: [f32; 3], label: u32) {
        for (lanes, value) in self.at.iter_mut().zip(at) {
            lanes[lane] = value;
        }
        self.label[lane] = label;
    }
}

/// A stack of lists of centres, each a part of the one that it was narrowed from.
///
/// Lists keep the order of the centres, so "the first of equally near ones" means the same in all.
#[derive(Clone)]
pub struct Candidates {
    blocks: Vec<Block>,
    arch: Arch,
}

/// A list in [`Candidates`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    first: usize,
    centres: usize,
}

impl List {
    /// The number of centres.
    pub fn len(self) -> usize {
        self.centres
    }

    /// Whether there are none, which only a list of no centres is narrowed to.
    pub fn is_empty(self) -> bool {
        self.centres == 0
    }

    fn blocks(self) -> std::ops::Range<usize> {
        self.first..self.first + self.centres.div_ceil(LANES)
    }
}

impl fmt::Debug for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates").finish_non_exhaustive()
    }
}

impl Candidates {
    /// A stack of one list with all centres, labelled by their places. Values lie in 0..=255.
    pub fn new(centres: impl IntoIterator<Item = [f32; 3]>) -> (Self, List) {
        let mut blocks = Vec::new();
        let mut len = 0;
        for (label, centre) in (0_u32..).zip(centres) {
            if len % LANES == 0 {
                blocks.push(Block::EMPTY);
            }
            if let Some(block) = blocks.last_mut() {
                block.set(len % LANES, centre, label);
            }
            len += 1;
        }
        (Self { blocks, arch: Arch::new() }, List { first: 0, centres: len })
    }

    /// A stack of this list alone, for another thread.
    pub fn fork(&self, list: List) -> (Self, List) {
        let blocks = self.blocks[list.blocks()].to_vec();
        (Self { blocks, arch: self.arch }, List { first: 0, ..list })
    }

    /// The centres of `list` that may be the nearest of some colour within the bounds, as a new list
    /// on top of the stack.
    pub fn narrow(&mut self, list: List, bounds: &Bounds) -> List {
        let first = self.blocks.len();
        let arch = self.arch;
        let centres = arch.dispatch(Narrow { blocks: &mut self.blocks, list, bounds });
        List { first, centres }
    }

    /// Takes a list, and all that were narrowed after it, off the stack.
    pub fn drop_from(&mut self, list: List) {
        self.blocks.truncate(list.first);
    }

    /// The label of the only centre of a list.
    pub fn only(&self, list: List) -> Option<usize> {
        (list.centres == 1).then(|| self.blocks[list.first].label[0] as usize)
    }

    /// The labels of a list, ascending.
    pub fn labels(&self, list: List) -> impl Iterator<Item = usize> {
        let lanes = self.blocks[list.blocks()].iter().flat_map(|block| block.label);
        lanes.take(list.centres).map(|label| label as usize)
    }

    /// The label of the nearest centre of each colour by squared distance in f32; of equally near
    /// ones the first. `N` is a multiple of [`LANES`].
    pub fn nearest<const N: usize>(&self, list: List, colours: &[[u8; N]; 3]) -> [u16; N] {
        const { assert!(N.is_multiple_of(LANES)) };
        self.arch.dispatch(Nearest { blocks: &self.blocks[list.blocks()], list, colours })
    }
}

// Operations are types of their own: the closures that pulp takes as well are not always compiled
// into the function that has the vectors. Their loops run over lanes by index for the same reason.

struct Narrow<'a> {
    blocks: &'a mut Vec<Block>,
    list: List,
    bounds: &'a Bounds,
}

impl WithSimd for Narrow<'_> {
    type Output = usize;

    /// A centre z is out if even the corner of the box that lies farthest towards it, as seen from
    /// the centre nearest to the middle, is closer to that one: then all of the box is. The
    /// difference of the two squared distances is linear, so at that corner it is the difference
    /// in the middle less the sides of the box times how far the two centres are apart.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        let Self { blocks, list, bounds } = self;
        let mut middle = [0.0; 3];
        let mut side = [0.0; 3];
        for channel in 0..3 {
            let (low, high) = (f32::from(bounds.low[channel]), f32::from(bounds.high[channel]));
            middle[channel] = (low + high) / 2.0;
            side[channel] = high - low;
        }
        let (near, distance) = nearest_to(middle, &blocks[list.blocks()]);
        let limit = distance + MARGIN;
        let mut centres = 0;
        let mut out = Block::EMPTY;
        for i in list.blocks() {
            let block = blocks[i];
            let [reds, greens, blues] = &block.at;
            let distances = distances(middle, &block);
            let mut kept = 0;
            for lane in 0..LANES {
                let reach = side[0] * (reds[lane] - near[0]).abs()
                    + side[1] * (greens[lane] - near[1]).abs()
                    + side[2] * (blues[lane] - near[2]).abs();
                // False for empty lanes, where it is not a number.
                kept |= u32::from(distances[lane] - reach <= limit) << lane;
            }
            while kept != 0 {
                let lane = kept.trailing_zeros() as usize % LANES;
                kept &= kept - 1;
                let at = [reds[lane], greens[lane], blues[lane]];
                out.set(centres % LANES, at, block.label[lane]);
                centres += 1;
                if centres % LANES == 0 {
                    blocks.push(std::mem::replace(&mut out, Block::EMPTY));
                }
            }
        }
        if centres % LANES > 0 {
            blocks.push(out);
        }
        centres
    }
}

#[inline(always)]
fn distances([r, g, b]: [f32; 3], block: &Block) -> [f32; LANES] {
    let [reds, greens, blues] = &block.at;
    let mut distances = [0.0; LANES];
    for lane in 0..LANES {
        let [r, g, b] = [reds[lane] - r, greens[lane] - g, blues[lane] - b];
        distances[lane] = r * r + g * g + b * b;
    }
    distances
}

/// The centre nearest to a place, and its squared distance.
#[inline(always)]
fn nearest_to(place: [f32; 3], blocks: &[Block]) -> ([f32; 3], f32) {
    let [mut r, mut g, mut b] = [[0.0; LANES]; 3];
    let mut distance = [f32::INFINITY; LANES];
    for block in blocks {
        let [reds, greens, blues] = &block.at;
        let found = distances(place, block);
        for lane in 0..LANES {
            let closer = found[lane] < distance[lane];
            distance[lane] = if closer { found[lane] } else { distance[lane] };
            r[lane] = if closer { reds[lane] } else { r[lane] };
            g[lane] = if closer { greens[lane] } else { g[lane] };
            b[lane] = if closer { blues[lane] } else { b[lane] };
        }
    }
    let mut best = ([0.0; 3], f32::INFINITY);
    for lane in 0..LANES {
        if distance[lane] < best.1 {
            best = ([r[lane], g[lane], b[lane]], distance[lane]);
        }
    }
    best
}

struct Nearest<'a, const N: usize> {
    blocks: &'a [Block],
    list: List,
    colours: &'a [[u8; N]; 3],
}

impl<const N: usize> WithSimd for Nearest<'_, N> {
    type Output = [u16; N];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [u16; N] {
        let mut labels = [0; N];
        let [reds, greens, blues] = self.colours;
        let (reds, greens, blues) = (reds.as_chunks().0, greens.as_chunks().0, blues.as_chunks().0);
        let out: &mut [[u16; LANES]] = labels.as_chunks_mut().0;
        for i in 0..N / LANES {
            let (r, g, b) = (floats(&reds[i]), floats(&greens[i]), floats(&blues[i]));
            let mut best = [0; LANES];
            let mut distance = [f32::INFINITY; LANES];
            let mut left = self.list.centres;
            for block in self.blocks {
                for j in 0..left.min(LANES) {
                    let [x, y, z] = [block.at[0][j], block.at[1][j], block.at[2][j]];
                    for lane in 0..LANES {
                        let [r, g, b] = [r[lane] - x, g[lane] - y, b[lane] - z];
                        let found = r * r + g * g + b * b;
                        // Selections rather than a branch: this becomes a compare and two blends.
                        let closer = found < distance[lane];
                        best[lane] = if closer { block.label[j] } else { best[lane] };
                        distance[lane] = if closer { found } else { distance[lane] };
                    }
                }
                left = left.saturating_sub(LANES);
            }
            for (label, best) in out[i].iter_mut().zip(best) {
                *label = best as u16;
            }
        }
        labels
    }
}

#[inline(always)]
fn floats(bytes: &[u8; LANES]) -> [f32; LANES] {
    let mut floats = [0.0; LANES];
    for lane in 0..LANES {
        floats[lane] = f32::from(bytes[lane]);
    }
    floats
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn squared(rgb: [u8; 3], centre: [f32; 3]) -> f32 {
        let [r, g, b] = [0, 1, 2].map(|channel| f32::from(rgb[channel]) - centre[channel]);
        r * r + g * g + b * b
    }

    fn nearest(rgb: [u8; 3], centres: &[[f32; 3]]) -> usize {
        let mut best = 0;
        for (label, &centre) in centres.iter().enumerate() {
            if squared(rgb, centre) < squared(rgb, centres[best]) {
                best = label;
            }
        }
        best
    }

    /// Centres of several kinds: anywhere, close together, equal, and on colours, where ties are.
    fn centres(rng: &mut impl Rng, k: usize) -> Vec<[f32; 3]> {
        let kind = rng.random_range(0..4);
        let middle: [f32; 3] = rng.random();
        let mut centres: Vec<[f32; 3]> = (0..k)
            .map(|_| match kind {
                0 => std::array::from_fn(|_| rng.random_range(0.0..=255.0)),
                1 => middle.map(|m| 20.0 + 200.0 * m + rng.random_range(-9.0..9.0)),
                2 => std::array::from_fn(|_| f32::from(rng.random_range(0..5_u8) * 60)),
                _ => std::array::from_fn(|_| f32::from(rng.random::<u8>() / 8 * 8)),
            })
            .collect();
        centres[k - 1] = centres[k / 2];
        centres
    }

    #[test]
    fn nothing_that_is_nearest_is_left_out() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for round in 0..600 {
            let k = [1, 2, 7, 8, 9, 40, 300][round % 7];
            let centres = centres(&mut rng, k);
            let (mut candidates, all) = Candidates::new(centres.iter().copied());
            assert_eq!(candidates.labels(all).collect::<Vec<_>>(), (0..k).collect::<Vec<_>>());
            // A box, and a box in it.
            let low: [u8; 3] = rng.random();
            let size = rng.random_range(0..60);
            let outer = Bounds { low, high: low.map(|v| v.saturating_add(size)) };
            let high = outer.high;
            let inner = Bounds { low, high: [0, 1, 2].map(|c| low[c] + (high[c] - low[c]) / 2) };
            let list = candidates.narrow(all, &outer);
            let shorter = candidates.narrow(list, &inner);
            assert!(!shorter.is_empty() && shorter.len() <= list.len() && list.len() <= k);
            for (bounds, list) in [(outer, list), (inner, shorter)] {
                let colours: [[u8; 24]; 3] = std::array::from_fn(|channel| {
                    let range = bounds.low[channel]..=bounds.high[channel];
                    std::array::from_fn(|_| rng.random_range(range.clone()))
                });
                let found = candidates.nearest(list, &colours);
                for (i, &label) in found.iter().enumerate() {
                    let rgb = [colours[0][i], colours[1][i], colours[2][i]];
                    assert_eq!(usize::from(label), nearest(rgb, &centres), "round {round}, {rgb:?}");
                }
                if let Some(only) = candidates.only(list) {
                    assert!(found.iter().all(|&label| usize::from(label) == only));
                }
            }
            let (fork, forked) = candidates.fork(shorter);
            assert!(fork.labels(forked).eq(candidates.labels(shorter)));
            candidates.drop_from(list);
            assert_eq!(candidates.blocks.len(), k.div_ceil(LANES));
        }
    }

    #[test]
    fn far_centres_are_left_out() {
        let grid = (0..512).map(|i| [i / 64, i / 8 % 8, i % 8].map(|v| v as f32 * 32.0 + 16.0));
        let (mut candidates, all) = Candidates::new(grid);
        let one = candidates.narrow(all, &Bounds { low: [5, 40, 70], high: [20, 50, 90] });
        assert_eq!(candidates.only(one), Some(10));
        // Around a corner of eight cells.
        let eight = candidates.narrow(all, &Bounds { low: [30; 3], high: [34; 3] });
        assert_eq!(candidates.labels(eight).collect::<Vec<_>>(), [0, 1, 8, 9, 64, 65, 72, 73]);
        assert!(candidates.narrow(all, &Bounds::ALL).len() > 500);
    }
}
