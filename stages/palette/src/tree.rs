//! Colours in a tree of boxes, as k-means walks it.
//!
//! A box is halved across its longest side until [`LEAF`] colours are left. Halves are whole
//! leaves, so the shape of the tree follows from the number of leaves alone: nothing points
//! anywhere, what belongs to a subtree is one slice of each array, and threads share arrays by
//! splitting them.

use igpt_colour::Bounds;

/// Colours in a leaf.
pub(crate) const LEAF: usize = 64;

/// A subtree of more leaves than this is work for two threads.
pub(crate) const GRAIN: usize = 256;

/// The colours of a leaf, one array a channel.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) rgb: [[u8; LEAF]; 3],
}

impl Leaf {
    pub(crate) fn colour(&self, i: usize) -> [u8; 3] {
        [self.rgb[0][i], self.rgb[1][i], self.rgb[2][i]]
    }
}

/// All colours. Copies of one of them, counted 0 times, fill up the last leaf.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    leaves: Vec<Leaf>,
    counts: Vec<[u64; LEAF]>,
    /// A node, then the nodes of its first half, then those of its second.
    bounds: Vec<Bounds>,
}

impl Tree {
    /// Arranges different colours, each with its count.
    pub(crate) fn new(colours: &[([u8; 3], u64)]) -> Self {
        let mut items: Vec<_> = (0..).zip(colours).map(|(i, &(rgb, _))| Item::new(rgb, i)).collect();
        if let Some(&(last, _)) = colours.last() {
            items.resize(items.len().next_multiple_of(LEAF), Item::new(last, items.len() as u32));
        }
        let mut bounds = vec![Bounds::NONE; nodes(items.len() / LEAF)];
        if !items.is_empty() {
            arrange(&mut items, &mut bounds);
        }
        let (leaves, _) = items.as_chunks::<LEAF>();
        let count = |item: Item| colours.get(item.index()).map_or(0, |&(_, count)| count);
        Self {
            counts: leaves.iter().map(|items| items.map(count)).collect(),
            leaves: leaves
                .iter()
                .map(|items| Leaf { rgb: [0, 1, 2].map(|channel| items.map(|item| item.value(channel))) })
                .collect(),
            bounds,
        }
    }

    /// The number of leaves.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves.len()
    }

    /// The number of nodes, leaves among them.
    pub(crate) fn nodes(&self) -> usize {
        self.bounds.len()
    }

    /// The whole tree, unless it has no colours.
    pub(crate) fn root(&self) -> Option<Subtree<'_>> {
        let whole = Subtree { leaves: &self.leaves, counts: &self.counts, bounds: &self.bounds };
        (!self.leaves.is_empty()).then_some(whole)
    }
}

/// A node with all that lies below it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subtree<'a> {
    pub(crate) leaves: &'a [Leaf],
    pub(crate) counts: &'a [[u64; LEAF]],
    bounds: &'a [Bounds],
}

impl Subtree<'_> {
    /// The smallest box around its colours.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds[0]
    }

    /// The number of its nodes, leaves among them.
    pub(crate) fn nodes(&self) -> usize {
        self.bounds.len()
    }

    /// Both halves, or `None` for a leaf.
    pub(crate) fn halves(self) -> Option<(Self, Self)> {
        if self.leaves.len() == 1 {
            return None;
        }
        let first = first_half(self.leaves.len());
        let (leaves, counts) = (self.leaves.split_at(first), self.counts.split_at(first));
        let bounds = self.bounds[1..].split_at(nodes(first));
        Some((
            Self { leaves: leaves.0, counts: counts.0, bounds: bounds.0 },
            Self { leaves: leaves.1, counts: counts.1, bounds: bounds.1 },
        ))
    }
}

/// Splits what a subtree has for each of its leaves.
pub(crate) fn split_leaves<T>(leaves: &mut [T]) -> (&mut [T], &mut [T]) {
    leaves.split_at_mut(first_half(leaves.len()))
}

/// Splits what a subtree has for each of its nodes: its own, and those of both halves.
pub(crate) fn split_nodes<T>(all: &mut [T]) -> (&mut T, &mut [T], &mut [T]) {
    let leaves = all.len().div_ceil(2);
    let (own, rest) = all.split_first_mut().expect("a subtree has at least one node");
    let (first, second) = rest.split_at_mut(nodes(first_half(leaves)));
    (own, first, second)
}

/// Does two things, on two threads if there is enough to do for a subtree of so many leaves.
pub(crate) fn both<A: Send, B: Send>(
    leaves: usize,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    if leaves > GRAIN { rayon::join(a, b) } else { (a(), b()) }
}

fn first_half(leaves: usize) -> usize {
    leaves.div_ceil(2)
}

fn nodes(leaves: usize) -> usize {
    (2 * leaves).saturating_sub(1)
}

/// A colour and its index in one number, so that sorting moves little. Ordered by colour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item(u64);

impl Item {
    fn new([r, g, b]: [u8; 3], index: u32) -> Self {
        Self(u64::from(u32::from_be_bytes([0, r, g, b])) << 32 | u64::from(index))
    }

    fn value(self, channel: usize) -> u8 {
        (self.0 >> (48 - 8 * channel)) as u8
    }

    fn rgb(self) -> [u8; 3] {
        [0, 1, 2].map(|channel| self.value(channel))
    }

    fn index(self) -> usize {
        self.0 as u32 as usize
    }
}

/// Sorts a subtree's colours into its leaves.
fn arrange(items: &mut [Item], bounds: &mut [Bounds]) {
    let around = items.iter().fold(Bounds::NONE, |bounds, item| bounds.with(item.rgb()));
    bounds[0] = around;
    let leaves = items.len() / LEAF;
    if leaves == 1 {
        // Neighbours are close, so sums over a leaf stay close as well.
        items.sort_unstable();
        return;
    }
    let channel = around.longest();
    let middle = first_half(leaves) * LEAF;
    // Ties are broken, so that the tree is the same whatever the algorithm does with equal values.
    items.select_nth_unstable_by_key(middle, |item| (item.value(channel), item.0));
    let (first, second) = items.split_at_mut(middle);
    let (_, first_bounds, second_bounds) = split_nodes(bounds);
    both(leaves, || arrange(first, first_bounds), || arrange(second, second_bounds));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subtree: Subtree<'_>, seen: &mut Vec<([u8; 3], u64)>) {
        let colours = |leaf: &Leaf| (0..LEAF).map(|i| leaf.colour(i)).collect::<Vec<_>>();
        let all = subtree.leaves.iter().flat_map(colours);
        assert_eq!(*subtree.bounds(), all.fold(Bounds::NONE, Bounds::with));
        match subtree.halves() {
            Some((first, second)) => {
                check(first, seen);
                check(second, seen);
            }
            None => {
                let all = colours(&subtree.leaves[0]).into_iter().zip(subtree.counts[0]);
                seen.extend(all.filter(|(_, count)| *count > 0));
            }
        }
    }

    #[test]
    fn every_colour_is_in_one_leaf_and_in_the_boxes_above() {
        for n in [1, LEAF, LEAF + 1, 3 * LEAF, 20_000_u32 as usize] {
            let mut colours: Vec<_> = (0..n as u32)
                .map(|i| (i.wrapping_mul(2_654_435_761).to_le_bytes(), u64::from(i % 7 + 1)))
                .map(|([r, g, b, _], count)| ([r, g, b], count))
                .collect();
            colours.sort_unstable();
            let tree = Tree::new(&colours);
            assert_eq!(tree.nodes(), 2 * tree.leaves() - 1);
            let mut seen = Vec::new();
            check(tree.root().unwrap(), &mut seen);
            seen.sort_unstable();
            assert!(seen == colours, "{n}");
        }
        assert!(Tree::new(&[]).root().is_none());
    }

    #[test]
    fn arrays_are_split_as_the_tree_is() {
        let mut all: Vec<_> = (0..9).collect();
        let (own, first, second) = split_nodes(&mut all);
        assert_eq!((*own, &*first, &*second), (0, &[1, 2, 3, 4, 5][..], &[6, 7, 8][..]));
        let (first, second) = split_leaves(&mut all[..5]);
        assert_eq!((first.len(), second.len()), (3, 2));
    }
}
