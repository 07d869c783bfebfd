//! Where k-means starts: greedy k-means++.
//!
//! Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding" (2007): each centre
//! is a pixel drawn with probability proportional to its squared distance from the centres so
//! far. The greedy variant, also named there, draws a few and keeps the one that lowers the
//! inertia most.
//!
//! Centres are colours here, so every squared distance is a whole number and every sum is exact.
//! A new centre matters only to colours that are closer to it than to all others: a subtree is
//! left alone if its box is at least as far away as any of its colours is from a centre.

use std::sync::atomic::{AtomicU64, Ordering};

use igpt_stage::Seed;
use pulp::{Arch, Simd, WithSimd};
use rand::Rng;
use rayon::prelude::*;

use crate::Colours;
use crate::tree::{LEAF, Leaf, Subtree, Tree, both, split_leaves, split_nodes};

/// The squared distance while there is no centre: farther than any colour is from another. So the
/// first centre is drawn like all others, and in proportion to pixels alone.
const FAR: u32 = 3 * 255 * 255 + 1;

/// Draws `k` different colours as centres.
///
/// # Panics
/// If there are fewer than `k` colours.
pub fn plus_plus(colours: &Colours, k: usize, seed: Seed) -> Vec<[u8; 3]> {
    assert!(k <= colours.len(), "{k} centres of {} colours", colours.len());
    let mut rng = seed.rng();
    let mut state = State::new(colours.tree());
    let mut centres = Vec::with_capacity(k);
    while centres.len() < k {
        let trials = if centres.is_empty() { 1 } else { 2 + (k as f64).ln() as usize };
        let candidates = state.draw((0..trials).map(|_| rng.random()));
        let gains: Vec<_> = candidates.par_iter().map(|&rgb| state.gain(rgb)).collect();
        // Of equally good ones the first.
        let best = (1..trials).fold(0, |best, i| if gains[i] > gains[best] { i } else { best });
        state.approach(candidates[best]);
        centres.push(candidates[best]);
    }
    centres
}

/// How far each colour is from the nearest centre so far. A colour's mass is its squared distance
/// times its pixels: what it adds to the inertia.
struct State<'a> {
    root: Option<Subtree<'a>>,
    arch: Arch,
    /// The squared distance of each colour.
    distances: Vec<[u32; LEAF]>,
    /// The largest squared distance below each node.
    reach: Vec<u32>,
    /// The mass of all colours with one red and one green.
    masses: Vec<AtomicU64>,
}

impl<'a> State<'a> {
    fn new(tree: &'a Tree) -> Self {
        let mut masses = vec![0; 1 << 16];
        for (leaf, counts) in tree.root().iter().flat_map(|root| root.leaves.iter().zip(root.counts)) {
            for i in 0..LEAF {
                masses[row(leaf.colour(i))] += u64::from(FAR) * counts[i];
            }
        }
        Self {
            root: tree.root(),
            arch: Arch::new(),
            distances: vec![[FAR; LEAF]; tree.leaves()],
            reach: vec![FAR; tree.nodes()],
            masses: masses.into_iter().map(AtomicU64::new).collect(),
        }
    }

    /// For each share in 0..1, the colour up to which this share of the whole mass lies, in
    /// ascending RGB order.
    fn draw(&self, shares: impl Iterator<Item = f64>) -> Vec<[u8; 3]> {
        let masses: Vec<_> = self.masses.iter().map(|mass| mass.load(Ordering::Relaxed)).collect();
        let planes: Vec<u64> = masses.chunks(1 << 8).map(|rows| rows.iter().sum()).collect();
        let total: u64 = planes.iter().sum();
        let draw = |share: f64| {
            let place = ((share * total as f64) as u64).min(total.saturating_sub(1));
            let (red, place) = find(&planes, place);
            let (green, place) = find(&masses[red << 8..(red + 1) << 8], place);
            let mut blues = [0; 1 << 8];
            if let Some(root) = self.root {
                add_blues(root, &self.distances, [red as u8, green as u8], &mut blues);
            }
            [red as u8, green as u8, find(&blues, place).0 as u8]
        };
        shares.map(draw).collect()
    }

    /// How much the inertia would fall with this colour as a further centre.
    fn gain(&self, rgb: [u8; 3]) -> u64 {
        let gain = Gain { arch: self.arch, rgb };
        self.root.map_or(0, |root| gain.below(root, &self.distances, &self.reach))
    }

    /// Takes this colour as a further centre.
    fn approach(&mut self, rgb: [u8; 3]) {
        let approach = Approach { arch: self.arch, rgb, masses: &self.masses };
        if let Some(root) = self.root {
            approach.below(root, &mut self.distances, &mut self.reach);
        }
    }
}

/// The index among `masses` in which a place lies, and the place in it.
fn find(masses: &[u64], mut place: u64) -> (usize, u64) {
    for (i, &mass) in masses.iter().enumerate() {
        if place < mass {
            return (i, place);
        }
        place -= mass;
    }
    (masses.len() - 1, 0)
}

fn row([r, g, _]: [u8; 3]) -> usize {
    usize::from(r) << 8 | usize::from(g)
}

/// Adds the masses of a subtree's colours with this red and green, by blue.
fn add_blues(subtree: Subtree<'_>, distances: &[[u32; LEAF]], [r, g]: [u8; 2], blues: &mut [u64; 256]) {
    let inside = |channel: usize, value: u8| {
        (subtree.bounds().low[channel]..=subtree.bounds().high[channel]).contains(&value)
    };
    if !inside(0, r) || !inside(1, g) {
        return;
    }
    if let Some((first, second)) = subtree.halves() {
        let (first_distances, second_distances) = distances.split_at(first.leaves.len());
        add_blues(first, first_distances, [r, g], blues);
        add_blues(second, second_distances, [r, g], blues);
        return;
    }
    let (leaf, counts) = (&subtree.leaves[0], &subtree.counts[0]);
    for i in (0..LEAF).filter(|&i| leaf.rgb[0][i] == r && leaf.rgb[1][i] == g) {
        blues[usize::from(leaf.rgb[2][i])] += u64::from(distances[0][i]) * counts[i];
    }
}

/// Sums up what a centre would gain.
#[derive(Clone, Copy)]
struct Gain {
    arch: Arch,
    rgb: [u8; 3],
}

impl Gain {
    fn below(self, subtree: Subtree<'_>, distances: &[[u32; LEAF]], reach: &[u32]) -> u64 {
        if subtree.bounds().squared_distance(self.rgb) >= reach[0] {
            return 0;
        }
        let Some((first, second)) = subtree.halves() else {
            let (leaf, counts) = (&subtree.leaves[0], &subtree.counts[0]);
            return self.arch.dispatch(LeafGain { leaf, counts, distances: &distances[0], rgb: self.rgb });
        };
        let (first_distances, second_distances) = distances.split_at(first.leaves.len());
        let (first_reach, second_reach) = reach[1..].split_at(first.nodes());
        let (a, b) = both(
            subtree.leaves.len(),
            || self.below(first, first_distances, first_reach),
            || self.below(second, second_distances, second_reach),
        );
        a + b
    }
}

/// Brings distances and what follows from them up to date.
#[derive(Clone, Copy)]
struct Approach<'a> {
    arch: Arch,
    rgb: [u8; 3],
    masses: &'a [AtomicU64],
}

impl Approach<'_> {
    fn below(self, subtree: Subtree<'_>, distances: &mut [[u32; LEAF]], reach: &mut [u32]) {
        if subtree.bounds().squared_distance(self.rgb) >= reach[0] {
            return;
        }
        let Some((first, second)) = subtree.halves() else {
            reach[0] = self.leaf(&subtree.leaves[0], &subtree.counts[0], &mut distances[0]);
            return;
        };
        let (first_distances, second_distances) = split_leaves(distances);
        let (own, first_reach, second_reach) = split_nodes(reach);
        both(
            subtree.leaves.len(),
            || self.below(first, first_distances, first_reach),
            || self.below(second, second_distances, second_reach),
        );
        *own = first_reach[0].max(second_reach[0]);
    }

    /// Returns the largest distance that is left.
    fn leaf(self, leaf: &Leaf, counts: &[u64; LEAF], distances: &mut [u32; LEAF]) -> u32 {
        let closer = self.arch.dispatch(Closer { leaf, distances, rgb: self.rgb });
        for i in (0..LEAF).filter(|&i| closer[i] > 0) {
            distances[i] -= closer[i];
            // Threads may meet in a row; whole numbers come out the same in any order.
            self.masses[row(leaf.colour(i))].fetch_sub(u64::from(closer[i]) * counts[i], Ordering::Relaxed);
        }
        distances.iter().copied().fold(0, u32::max)
    }
}

/// By how much each squared distance in a leaf falls with another centre.
struct Closer<'a> {
    leaf: &'a Leaf,
    distances: &'a [u32; LEAF],
    rgb: [u8; 3],
}

impl WithSimd for Closer<'_> {
    type Output = [u32; LEAF];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [u32; LEAF] {
        let Self { leaf, distances, rgb } = self;
        let mut closer = [0; LEAF];
        for i in 0..LEAF {
            let r = i32::from(leaf.rgb[0][i]) - i32::from(rgb[0]);
            let g = i32::from(leaf.rgb[1][i]) - i32::from(rgb[1]);
            let b = i32::from(leaf.rgb[2][i]) - i32::from(rgb[2]);
            let squared = (r * r + g * g + b * b) as u32;
            closer[i] = distances[i].max(squared) - squared;
        }
        closer
    }
}

/// By how much a leaf's mass falls with another centre.
struct LeafGain<'a> {
    leaf: &'a Leaf,
    counts: &'a [u64; LEAF],
    distances: &'a [u32; LEAF],
    rgb: [u8; 3],
}

impl WithSimd for LeafGain<'_> {
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u64 {
        let Self { leaf, counts, distances, rgb } = self;
        let closer = Closer { leaf, distances, rgb }.with_simd(simd);
        let mut gain = 0;
        for i in 0..LEAF {
            gain += u64::from(closer[i]) * counts[i];
        }
        gain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    fn colours(n: u32) -> Colours {
        let mut histogram = Histogram::default();
        for i in 0..n {
            let [_, r, g, b] = i.wrapping_mul(2_654_435_761).to_be_bytes();
            histogram.add_times([r, g, b], u64::from(i % 7 + 1));
        }
        histogram.colours()
    }

    fn squared(a: [u8; 3], b: [u8; 3]) -> u64 {
        a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(b)).pow(2)).sum()
    }

    /// The same from the definition: every colour in order, every centre.
    fn by_definition(colours: &Colours, k: usize, seed: Seed) -> Vec<[u8; 3]> {
        let mut rng = seed.rng();
        let all = || colours.rgb().iter().zip(colours.counts());
        let distance = |rgb: [u8; 3], centres: &[[u8; 3]]| {
            centres.iter().map(|&centre| squared(rgb, centre)).fold(u64::from(FAR), u64::min)
        };
        let inertia = |centres: &[[u8; 3]]| all().map(|(&rgb, n)| n * distance(rgb, centres)).sum::<u64>();
        let mut centres = vec![];
        while centres.len() < k {
            let total = inertia(&centres);
            let mut best = (u64::MAX, [0; 3]);
            for _ in 0..if centres.is_empty() { 1 } else { 2 + (k as f64).ln() as usize } {
                let mut place = (rng.random::<f64>() * total as f64) as u64;
                let mass = |(&rgb, n): (&[u8; 3], &u64)| (rgb, n * distance(rgb, &centres));
                let (rgb, _) = all()
                    .map(mass)
                    .find(|(_, mass)| {
                        let found = place < *mass;
                        place = place.saturating_sub(*mass);
                        found
                    })
                    .unwrap();
                let left = inertia(&[&centres[..], &[rgb]].concat());
                if left < best.0 {
                    best = (left, rgb);
                }
            }
            centres.push(best.1);
        }
        centres
    }

    #[test]
    fn draws_and_choices_are_those_of_the_definition() {
        for (n, k, seed) in [(5, 3, 1), (700, 40, 2), (3000, 17, 3)] {
            let (colours, seed) = (colours(n), Seed::new(seed));
            assert_eq!(plus_plus(&colours, k, seed), by_definition(&colours, k, seed));
        }
    }

    #[test]
    fn all_colours_are_drawn_when_there_are_no_more() {
        let colours = colours(200);
        let mut centres = plus_plus(&colours, colours.len(), Seed::new(1));
        centres.sort_unstable();
        assert_eq!(centres, colours.rgb());
    }

    #[test]
    fn draws_follow_the_masses_and_skip_what_has_none() {
        assert_eq!([0, 1, 2, 3, 4].map(|place| find(&[0, 2, 0, 3, 0], place).0), [1, 1, 3, 3, 3]);
        let mut histogram = Histogram::default();
        for (rgb, times) in [([0, 0, 9], 1), ([0, 0, 12], 1), ([0, 200, 0], 2), ([3, 0, 0], 4)] {
            histogram.add_times(rgb, times);
        }
        let colours = histogram.colours();
        let mut state = State::new(colours.tree());
        let shares = [0.0, 0.13, 0.26, 0.51, 0.99, 1.0];
        let expected = [[0, 0, 9], [0, 0, 12], [0, 200, 0], [3, 0, 0], [3, 0, 0], [3, 0, 0]];
        assert_eq!(state.draw(shares.into_iter()), expected);
        // Now [0, 0, 9] has 0, [0, 0, 12] has 9, [0, 200, 0] 80,162 and [3, 0, 0] 360.
        state.approach([0, 0, 9]);
        let total = f64::from(9 + 80_162 + 360);
        let drawn = state.draw([0.0, 8.9 / total, 9.1 / total, 1.0 - 1.0 / total].into_iter());
        assert_eq!(drawn, [[0, 0, 12], [0, 0, 12], [0, 200, 0], [3, 0, 0]]);
        assert_eq!(state.gain([0, 0, 12]), 9);
        assert_eq!(state.gain([0, 200, 0]), 80_162);
    }
}
