//! The innermost loop of attention: a few rows of one matrix times a panel of another, summed in registers.
//!
//! A panel is as wide as two vectors. Matrices are brought into panels once for each head, so that the loop reads
//! them in one direction; the other factor is read where it lies.

use std::array::from_fn;

use pulp::Simd;

use super::gemm::Matrix;

/// Rows in a tile. With two vectors each, one of the panel's pair and the factor, they fill the 16 registers
/// of AVX2.
pub(super) const ROWS: usize = 6;

/// One row of a panel, or of a tile.
pub(super) type Pair<S> = [<S as Simd>::f32s; 2];

/// The columns of a panel.
pub(super) const fn width<S: Simd>() -> usize {
    2 * S::F32_LANES
}

/// Numbers as rows of a panel.
#[inline(always)]
pub(super) fn pairs<S: Simd>(numbers: &[f32]) -> &[Pair<S>] {
    S::as_simd_f32s(numbers).0.as_chunks().0
}

/// The same, to change.
#[inline(always)]
pub(super) fn pairs_mut<S: Simd>(numbers: &mut [f32]) -> &mut [Pair<S>] {
    S::as_mut_simd_f32s(numbers).0.as_chunks_mut().0
}

/// Does the same with both vectors of a pair.
#[inline(always)]
pub(super) fn each<S: Simd>([left, right]: Pair<S>, f: impl Fn(S::f32s) -> S::f32s) -> Pair<S> {
    [f(left), f(right)]
}

/// Adds both vectors of a pair.
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.add_f32s(a[0], b[0]), simd.add_f32s(a[1], b[1])]
}

/// Writes a pair to a place that may be shorter than a panel is wide.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, [left, right]: Pair<S>, place: &mut [f32]) {
    let (first, rest) = place.split_at_mut(S::F32_LANES.min(place.len()));
    simd.partial_store_f32s(first, left);
    simd.partial_store_f32s(rest, right);
}

/// a·panel, row by row into `put`.
#[inline(always)]
pub(super) fn product<S: Simd>(simd: S, a: Matrix<'_>, panel: &[Pair<S>], put: impl FnMut(usize, Pair<S>)) {
    by_tiles(simd, a, false, a.rows, panel, put);
}

/// aᵀ·panel, row by row into `put`.
#[inline(always)]
pub(super) fn product_transposed<S: Simd>(
    simd: S,
    a: Matrix<'_>,
    panel: &[Pair<S>],
    put: impl FnMut(usize, Pair<S>),
) {
    by_tiles(simd, a, true, a.columns, panel, put);
}

#[inline(always)]
fn by_tiles<S: Simd>(
    simd: S,
    a: Matrix<'_>,
    transposed: bool,
    rows: usize,
    panel: &[Pair<S>],
    mut put: impl FnMut(usize, Pair<S>),
) {
    let mut first = 0;
    macro_rules! tile {
        ($rows:expr) => {
            for (i, sum) in tile::<S, { $rows }>(simd, a, transposed, first, panel).into_iter().enumerate() {
                put(first + i, sum);
            }
        };
    }
    while first + ROWS <= rows {
        tile!(ROWS);
        first += ROWS;
    }
    match rows - first {
        1 => tile!(1),
        2 => tile!(2),
        3 => tile!(3),
        4 => tile!(4),
        5 => tile!(5),
        _ => (),
    }
}

/// R rows of the product, from row `first`.
#[inline(always)]
fn tile<S: Simd, const R: usize>(
    simd: S,
    a: Matrix<'_>,
    transposed: bool,
    first: usize,
    panel: &[Pair<S>],
) -> [Pair<S>; R] {
    let mut sums = [[simd.splat_f32s(0.0); 2]; R];
    if transposed {
        for (row, pair) in a.data[first..].chunks(a.row_stride).zip(panel) {
            let factors = row.first_chunk().expect("a row has the columns that were asked for");
            accumulate(simd, &mut sums, *factors, pair);
        }
    } else {
        // The loop is too short to check indices in it, and the compiler does not see that they are sound.
        let rows: [&[f32]; R] = from_fn(|i| &a.data[(first + i) * a.row_stride..][..panel.len()]);
        for (p, pair) in panel.iter().enumerate() {
            // SAFETY: p is below the length of the panel, which is that of every row.
            #[allow(unsafe_code)]
            accumulate(simd, &mut sums, from_fn(|i| unsafe { *rows[i].get_unchecked(p) }), pair);
        }
    }
    sums
}

/// Adds a column of factors times a row of a panel.
#[inline(always)]
fn accumulate<S: Simd, const R: usize>(
    simd: S,
    sums: &mut [Pair<S>; R],
    factors: [f32; R],
    [left, right]: &Pair<S>,
) {
    for (sum, factor) in sums.iter_mut().zip(factors) {
        let factor = simd.splat_f32s(factor);
        sum[0] = simd.mul_add_e_f32s(factor, *left, sum[0]);
        sum[1] = simd.mul_add_e_f32s(factor, *right, sum[1]);
    }
}
