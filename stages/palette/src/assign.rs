//! The step of k-means that costs: which centre each colour belongs to.
//!
//! Centres are filtered down the tree of colours ([`igpt_colour`]); on the way a whole subtree is
//! given to a centre where no other can be the nearest. What is remembered from the last time makes
//! most of the rest cheap as well: a subtree that stays with its only centre is not entered, and
//! sums change by the colours that move from one centre to another, which are soon few.
//!
//! The answer is that of comparing every colour with every centre in f32, of equally near centres
//! the first. Two centres whose squared distances differ by less than about 1e-7 of them may be
//! taken for each other; this changes the inertia by as little.

use igpt_colour::{Candidates, List};

use crate::tree::{GRAIN, LEAF, Leaf, Subtree, Tree, split_leaves, split_nodes};

/// In place of a label: the colours of a subtree do not all have the same.
const MIXED: u16 = u16::MAX;

/// The pixels that belong to one centre. Sums are integers: exact, and the same in whatever order
/// they are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) pixels: u64,
    /// Red, green and blue.
    pub(crate) rgb: [u64; 3],
    /// Squares of all three together.
    pub(crate) squares: u64,
}

impl Sum {
    fn of(rgb: [u8; 3], pixels: u64) -> Self {
        let rgb = rgb.map(u64::from);
        let squares: u64 = rgb.iter().map(|value| value * value).sum();
        Self { pixels, rgb: rgb.map(|value| value * pixels), squares: squares * pixels }
    }

    // Changes may be below zero, so both wrap; what they are added to does not.

    fn add(&mut self, other: &Self) {
        self.zip(other, u64::wrapping_add);
    }

    fn subtract(&mut self, other: &Self) {
        self.zip(other, u64::wrapping_sub);
    }

    fn zip(&mut self, other: &Self, change: impl Fn(u64, u64) -> u64) {
        self.pixels = change(self.pixels, other.pixels);
        for (value, other) in self.rgb.iter_mut().zip(other.rgb) {
            *value = change(*value, other);
        }
        self.squares = change(self.squares, other.squares);
    }

    /// The mean colour, in units of a byte.
    pub(crate) fn mean(&self) -> [f64; 3] {
        self.rgb.map(|sum| sum as f64 / self.pixels as f64)
    }

    /// The sum of squared distances from a centre. That from the mean is a fraction of integers; what
    /// a centre elsewhere adds is a square. So nothing cancels, and what is exact costs 0.
    pub(crate) fn cost(&self, centre: [f64; 3]) -> f64 {
        if self.pixels == 0 {
            return 0.0;
        }
        let square = |value: u64| u128::from(value) * u128::from(value);
        let spread = u128::from(self.pixels) * u128::from(self.squares)
            - self.rgb.iter().map(|&sum| square(sum)).sum::<u128>();
        let mean = self.mean();
        let shift: f64 = [0, 1, 2].map(|channel| (mean[channel] - centre[channel]).powi(2)).iter().sum();
        spread as f64 / self.pixels as f64 + self.pixels as f64 * shift
    }
}

/// The centre that each colour belongs to, and the sums of each centre.
#[derive(Debug)]
pub(crate) struct Assignment<'a> {
    tree: &'a Tree,
    labels: Vec<[u16; LEAF]>,
    /// The label of all colours of a node, or [`MIXED`]; not kept up below a node that has one.
    owners: Vec<u16>,
    sums: Vec<Sum>,
}

impl<'a> Assignment<'a> {
    /// Gives each colour to the nearest of these centres, in units of a byte.
    pub(crate) fn new(tree: &'a Tree, centres: &[[f64; 3]]) -> Self {
        let mut sums = vec![Sum::default(); centres.len()];
        if let (Some(root), Some(first)) = (tree.root(), sums.first_mut()) {
            for (leaf, counts) in root.leaves.iter().zip(root.counts) {
                (0..LEAF).for_each(|i| first.add(&Sum::of(leaf.colour(i), counts[i])));
            }
        }
        let mut assignment =
            Self { tree, labels: vec![[0; LEAF]; tree.leaves()], owners: vec![0; tree.nodes()], sums };
        assignment.update(centres);
        assignment
    }

    /// The same for as many other centres.
    pub(crate) fn update(&mut self, centres: &[[f64; 3]]) {
        let Some(root) = self.tree.root() else { return };
        let (candidates, all) = Candidates::new(centres.iter().map(|centre| centre.map(|v| v as f32)));
        let mut walk = Walk { candidates, changes: vec![Sum::default(); centres.len()] };
        walk.down(root, &mut self.labels, &mut self.owners, all);
        self.sums.iter_mut().zip(&walk.changes).for_each(|(sum, change)| sum.add(change));
    }

    /// The sums of each centre.
    pub(crate) fn sums(&self) -> &[Sum] {
        &self.sums
    }

    /// The sum over all pixels of the squared distance from their centre.
    pub(crate) fn cost(&self, centres: &[[f64; 3]]) -> f64 {
        self.sums.iter().zip(centres).map(|(sum, &centre)| sum.cost(centre)).sum()
    }

    /// Every colour with its count and its label.
    pub(crate) fn colours(&self) -> impl Iterator<Item = ([u8; 3], u64, usize)> {
        let leaves = self.tree.root().into_iter().flat_map(|root| root.leaves.iter().zip(root.counts));
        leaves
            .zip(&self.labels)
            .flat_map(|((leaf, counts), labels)| {
                (0..LEAF).map(|i| (leaf.colour(i), counts[i], usize::from(labels[i])))
            })
            .filter(|(_, count, _)| *count > 0)
    }
}

/// A walk down a subtree.
struct Walk {
    candidates: Candidates,
    /// What was added to the sums of each centre so far.
    changes: Vec<Sum>,
}

impl Walk {
    /// Brings a subtree up to date, whose colours have their nearest centre in `list`.
    fn down(&mut self, subtree: Subtree<'_>, labels: &mut [[u16; LEAF]], owners: &mut [u16], list: List) {
        let list = self.candidates.narrow(list, subtree.bounds());
        let only = self.candidates.only(list).map(|label| label as u16);
        if let Some(label) = only {
            if owners[0] != label {
                owners[0] = label;
                for (i, labels) in labels.iter_mut().enumerate() {
                    self.relabel(&subtree.leaves[i], &subtree.counts[i], labels, [label; LEAF]);
                }
            }
        } else if let Some(halves) = subtree.halves() {
            self.halves(halves, labels, owners, list);
        } else {
            owners[0] = MIXED;
            let nearest = self.candidates.nearest(list, &subtree.leaves[0].rgb);
            self.relabel(&subtree.leaves[0], &subtree.counts[0], &mut labels[0], nearest);
        }
        self.candidates.drop_from(list);
    }

    fn halves(
        &mut self,
        (first, second): (Subtree<'_>, Subtree<'_>),
        labels: &mut [[u16; LEAF]],
        owners: &mut [u16],
        list: List,
    ) {
        let leaves = labels.len();
        let (first_labels, second_labels) = split_leaves(labels);
        let (own, first_owners, second_owners) = split_nodes(owners);
        let owner = std::mem::replace(own, MIXED);
        if owner != MIXED {
            (first_owners[0], second_owners[0]) = (owner, owner);
        }
        if leaves <= GRAIN {
            self.down(first, first_labels, first_owners, list);
            self.down(second, second_labels, second_owners, list);
            return;
        }
        let (candidates, forked) = self.candidates.fork(list);
        let mut other = Self { candidates, changes: vec![Sum::default(); self.changes.len()] };
        rayon::join(
            || self.down(first, first_labels, first_owners, list),
            || other.down(second, second_labels, second_owners, forked),
        );
        self.changes.iter_mut().zip(&other.changes).for_each(|(sum, change)| sum.add(change));
    }

    fn relabel(&mut self, leaf: &Leaf, counts: &[u64; LEAF], labels: &mut [u16; LEAF], new: [u16; LEAF]) {
        let old = std::mem::replace(labels, new);
        if old == new {
            return;
        }
        for i in (0..LEAF).filter(|&i| old[i] != new[i]) {
            let moved = Sum::of(leaf.colour(i), counts[i]);
            self.changes[usize::from(old[i])].subtract(&moved);
            self.changes[usize::from(new[i])].add(&moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colours, Histogram};
    use igpt_stage::Seed;
    use rand::Rng;

    /// Colours of several kinds: anywhere, in clouds, on a coarse grid where ties are, and few.
    fn colours(rng: &mut impl Rng, kind: usize, n: usize) -> Colours {
        let mut histogram = Histogram::default();
        let clouds: [[u8; 3]; 5] = rng.random();
        for _ in 0..n {
            let rgb: [u8; 3] = match kind {
                0 => rng.random(),
                1 => clouds[rng.random_range(0..5)].map(|v| v.saturating_add(rng.random_range(0..30))),
                2 => rng.random::<[u8; 3]>().map(|v| v / 16 * 16),
                _ => [rng.random_range(0..3); 3],
            };
            histogram.add_times(rgb, rng.random_range(1..9));
        }
        histogram.colours()
    }

    /// The nearest centre by looking at all of them.
    fn nearest(rgb: [u8; 3], centres: &[[f64; 3]]) -> usize {
        let squared = |centre: &[f64; 3]| -> f32 {
            let [r, g, b] = [0, 1, 2].map(|c| f32::from(rgb[c]) - centre[c] as f32);
            r * r + g * g + b * b
        };
        let mut best = 0;
        for label in 1..centres.len() {
            if squared(&centres[label]) < squared(&centres[best]) {
                best = label;
            }
        }
        best
    }

    fn check(assignment: &Assignment<'_>, centres: &[[f64; 3]]) {
        let mut sums = vec![Sum::default(); centres.len()];
        let mut cost = 0.0;
        for (rgb, count, label) in assignment.colours() {
            assert_eq!(label, nearest(rgb, centres), "{rgb:?}");
            sums[label].add(&Sum::of(rgb, count));
            let squared = |c: usize| (f64::from(rgb[c]) - centres[label][c]).powi(2);
            cost += count as f64 * [0, 1, 2].map(squared).iter().sum::<f64>();
        }
        assert_eq!(assignment.sums(), sums);
        assert!((assignment.cost(centres) - cost).abs() <= 1e-9 * cost, "{cost}");
    }

    #[test]
    fn agrees_with_looking_at_every_centre() {
        let mut rng = Seed::new(1).rng();
        for round in 0..32 {
            let colours = colours(&mut rng, round % 4, [1, 70, 3000, 20_000][round / 4 % 4]);
            let k = [1, 2, 9, 60][rng.random_range(0..4)];
            let mut any = |_| match rng.random_range(0..3) {
                0 => colours.rgb()[rng.random_range(0..colours.len())].map(f64::from),
                1 => [f64::from(rng.random_range(0..16) * 16); 3],
                _ => std::array::from_fn(|_| rng.random_range(0.0..=255.0)),
            };
            let mut centres: Vec<[f64; 3]> = (0..k).map(&mut any).collect();
            let mut assignment = Assignment::new(colours.tree(), &centres);
            check(&assignment, &centres);
            // Moved as Lloyd does, moved anywhere, and left where they are.
            for step in 0..6 {
                for (centre, sum) in centres.iter_mut().zip(assignment.sums()) {
                    match (step, sum.pixels) {
                        (0..3, 1..) => *centre = sum.mean(),
                        (3, _) => *centre = any(0),
                        _ => {}
                    }
                }
                assignment.update(&centres);
                check(&assignment, &centres);
            }
        }
    }

    #[test]
    fn costs_of_what_is_exact_are_zero() {
        let sum = Sum::of([7, 0, 251], 3);
        assert_eq!((sum.mean(), sum.cost([7.0, 0.0, 251.0])), ([7.0, 0.0, 251.0], 0.0));
        assert_eq!(sum.cost([9.0, 0.0, 250.0]), 15.0);
        assert_eq!(Sum::default().cost([1.0; 3]), 0.0);
    }
}
