//! Products of many rows with few columns: x·wᵀ, and xᵀ·p.
//!
//! General matrix products pad the few columns (as many as there are classes) to the width of their tile
//! and copy the rows into an order of their own. Here the rows are read where they lie, and vectors run along
//! the features, of which there are many: nothing is padded but the end of a row.

use std::array::from_fn;

use pulp::Simd;

/// Rows whose products are there at a time: few enough to be in a cache when they are read again.
pub(super) const BLOCK: usize = 64;

/// One number for every row of a block.
pub(super) type Column<T> = [T; BLOCK];

/// Rows and classes in a tile of x·wᵀ: their sums, the rows and a class fill the 16 registers of AVX2.
const TILE: [usize; 2] = [4, 3];

/// Vectors and classes in a tile of xᵀ·p.
const TILE_T: [usize; 2] = [2, 6];

/// Weights in the order in which tiles read them.
pub(super) struct Panels<S: Simd>(Vec<Panel<S>>);

/// A vector of each of a few classes, then the next.
enum Panel<S: Simd> {
    One(Vec<[S::f32s; 1]>),
    Two(Vec<[S::f32s; 2]>),
    Three(Vec<[S::f32s; 3]>),
}

impl<S: Simd> Panels<S> {
    /// Of classes × dims.
    #[inline(always)]
    pub(super) fn new(simd: S, w: &[f32], dims: usize) -> Self {
        let panel = |classes: &[f32]| match classes.len() / dims {
            1 => Panel::One(pack(simd, classes, dims)),
            2 => Panel::Two(pack(simd, classes, dims)),
            _ => Panel::Three(pack(simd, classes, dims)),
        };
        Self(groups(w.len() / dims, TILE[1]).map(|(from, to)| panel(&w[from * dims..to * dims])).collect())
    }
}

/// Classes in groups of about the same size, none above `most`: their bounds.
#[inline(always)]
fn groups(classes: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let groups = classes.div_ceil(most);
    (0..groups).map(move |i| (i * classes / groups, (i + 1) * classes / groups))
}

#[inline(always)]
fn pack<S: Simd, const C: usize>(simd: S, classes: &[f32], dims: usize) -> Vec<[S::f32s; C]> {
    let mut panel = Vec::with_capacity(dims.div_ceil(S::F32_LANES));
    for first in (0..dims).step_by(S::F32_LANES) {
        let last = dims.min(first + S::F32_LANES);
        panel.push(from_fn(|c| simd.partial_load_f32s(&classes[c * dims + first..c * dims + last])));
    }
    panel
}

/// x·wᵀ of at most [`BLOCK`] rows, one column a class.
#[inline(always)]
pub(super) fn product<S: Simd>(simd: S, x: &[f32], dims: usize, panels: &Panels<S>, out: &mut [Column<f32>]) {
    for (tile, rows) in x.chunks(TILE[0] * dims).enumerate() {
        let last = rows.len() / dims - 1;
        // A short tile repeats its last row.
        let rows: [&[f32]; TILE[0]] = from_fn(|i| &rows[i.min(last) * dims..][..dims]);
        let mut class = 0;
        for panel in &panels.0 {
            let out = &mut out[class..];
            class += match panel {
                Panel::One(panel) => tile_into(simd, rows, panel, tile * TILE[0], out),
                Panel::Two(panel) => tile_into(simd, rows, panel, tile * TILE[0], out),
                Panel::Three(panel) => tile_into(simd, rows, panel, tile * TILE[0], out),
            };
        }
    }
}

/// Computes a tile; returns how many classes it has.
#[inline(always)]
fn tile_into<S: Simd, const C: usize>(
    simd: S,
    rows: [&[f32]; TILE[0]],
    panel: &[[S::f32s; C]],
    first: usize,
    out: &mut [Column<f32>],
) -> usize {
    let mut sums = [[simd.splat_f32s(0.0); C]; TILE[0]];
    let [(a, a_end), (b, b_end), (c, c_end), (d, d_end)] = rows.map(|row| S::as_simd_f32s(row));
    for ((((w, a), b), c), d) in panel.iter().zip(a).zip(b).zip(c).zip(d) {
        accumulate(simd, &mut sums, [*a, *b, *c, *d], w);
    }
    if let Some(w) = panel.get(a.len()) {
        let ends = [a_end, b_end, c_end, d_end].map(|end| simd.partial_load_f32s(end));
        accumulate(simd, &mut sums, ends, w);
    }
    for (i, sums) in sums.iter().enumerate() {
        for (column, sum) in out.iter_mut().zip(sums) {
            column[first + i] = simd.reduce_sum_f32s(*sum);
        }
    }
    C
}

#[inline(always)]
fn accumulate<S: Simd, const C: usize>(
    simd: S,
    sums: &mut [[S::f32s; C]; TILE[0]],
    x: [S::f32s; TILE[0]],
    w: &[S::f32s; C],
) {
    for (sums, x) in sums.iter_mut().zip(x) {
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = simd.mul_add_e_f32s(x, *w, *sum);
        }
    }
}

/// Adds xᵀ·p of at most [`BLOCK`] rows to `out`, classes × dims; p has one column a class.
#[inline(always)]
pub(super) fn add_transposed<S: Simd>(simd: S, x: &[f32], dims: usize, p: &[Column<f32>], out: &mut [f32]) {
    for first in (0..dims).step_by(TILE_T[0] * S::F32_LANES) {
        for (from, to) in groups(p.len(), TILE_T[1]) {
            let (p, out) = (&p[from..to], &mut out[from * dims..to * dims]);
            match p.len() {
                1 => tile_transposed::<S, 1>(simd, x, dims, first, p, out),
                2 => tile_transposed::<S, 2>(simd, x, dims, first, p, out),
                3 => tile_transposed::<S, 3>(simd, x, dims, first, p, out),
                4 => tile_transposed::<S, 4>(simd, x, dims, first, p, out),
                5 => tile_transposed::<S, 5>(simd, x, dims, first, p, out),
                _ => tile_transposed::<S, 6>(simd, x, dims, first, p, out),
            }
        }
    }
}

#[inline(always)]
fn tile_transposed<S: Simd, const C: usize>(
    simd: S,
    x: &[f32],
    dims: usize,
    first: usize,
    p: &[Column<f32>],
    out: &mut [f32],
) {
    let width = TILE_T[0] * S::F32_LANES;
    let p: [&Column<f32>; C] = from_fn(|c| &p[c]);
    let mut sums = [[simd.splat_f32s(0.0); TILE_T[0]]; C];
    let rows = (x.len() / dims).min(BLOCK);
    if first + width <= dims {
        for (r, row) in x[first..].chunks(dims).take(rows).enumerate() {
            let (vectors, _) = S::as_simd_f32s(&row[..width]);
            accumulate_transposed(simd, &mut sums, from_fn(|c| p[c][r]), [vectors[0], vectors[1]]);
        }
    } else {
        for (r, row) in x.chunks(dims).take(rows).enumerate() {
            let [left, right] = halves::<S>(&row[first..]);
            let vectors = [simd.partial_load_f32s(left), simd.partial_load_f32s(right)];
            accumulate_transposed(simd, &mut sums, from_fn(|c| p[c][r]), vectors);
        }
    }
    for (out, [left, right]) in out.chunks_exact_mut(dims).zip(sums) {
        let out = &mut out[first..dims.min(first + width)];
        let (near, far) = out.split_at_mut(S::F32_LANES.min(out.len()));
        for (place, sum) in [(near, left), (far, right)] {
            let sum = simd.add_f32s(simd.partial_load_f32s(place), sum);
            simd.partial_store_f32s(place, sum);
        }
    }
}

/// The first vector of what may be shorter, and the rest.
#[inline(always)]
fn halves<S: Simd>(end: &[f32]) -> [&[f32]; 2] {
    let (left, right) = end.split_at(S::F32_LANES.min(end.len()));
    [left, right]
}

#[inline(always)]
fn accumulate_transposed<S: Simd, const C: usize>(
    simd: S,
    sums: &mut [[S::f32s; TILE_T[0]]; C],
    p: [f32; C],
    x: [S::f32s; TILE_T[0]],
) {
    for (sums, p) in sums.iter_mut().zip(p) {
        let p = simd.splat_f32s(p);
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum = simd.mul_add_e_f32s(p, x, *sum);
        }
    }
}
