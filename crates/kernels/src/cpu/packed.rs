//! Products of few rows with weights.
//!
//! Where drawing takes one position at a time, every weight is read for as many rows as there are images: the
//! memory that it comes from is the limit, not arithmetic. So weights are laid out once in the order in
//! which they are met, in panels of columns, and each thread reads panels of its own. A value of the
//! product is one sum over `inner`, in order, whatever rows lie beside it and whoever computes it.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::prefetch::prefetch;

/// Columns of a panel: one row of it is a cache line.
pub(crate) const PANEL: usize = 16;

/// Rows of x that are taken through all panels at a time: more would leave the second-level cache.
const ROWS: usize = 64;

/// Panels in a task: enough to outweigh handing it out.
const TASK: usize = 4;

/// Weights `[inner, outer]` in panels, `[panels, inner, PANEL]`; the last one is filled up with zeros.
pub(crate) fn pack(w: &[f32], inner: usize, outer: usize) -> Vec<f32> {
    let mut packed = vec![0.0; outer.div_ceil(PANEL) * inner * PANEL];
    packed.par_chunks_exact_mut(inner * PANEL).enumerate().for_each(|(i, panel)| {
        let columns = i * PANEL..outer.min((i + 1) * PANEL);
        for (to, from) in panel.as_chunks_mut::<PANEL>().0.iter_mut().zip(w.chunks_exact(outer)) {
            to[..columns.len()].copy_from_slice(&from[columns.clone()]);
        }
    });
    packed
}

/// Rows x of `inner` values times packed weights: rows of `outer` values.
pub(crate) fn product(x: &[f32], packed: &[f32], inner: usize, outer: usize) -> Vec<f32> {
    let rows = x.len() / inner;
    let mut y = vec![0.0; rows * outer];
    let mut products = vec![0.0; outer.div_ceil(PANEL) * rows.min(ROWS) * PANEL];
    let arch = pulp::Arch::new();
    for (y, x) in y.chunks_mut(ROWS * outer).zip(x.chunks(ROWS * inner)) {
        let of_panel = x.len() / inner * PANEL;
        // Every panel's product lies on its own, so that threads need not share rows of y.
        products
            .par_chunks_exact_mut(of_panel)
            .zip(packed.par_chunks_exact(inner * PANEL))
            .with_min_len(TASK)
            .for_each(|(y, panel)| arch.dispatch(Product { y, x, panel, inner }));
        for (i, product) in products.chunks_exact(of_panel).take(outer.div_ceil(PANEL)).enumerate() {
            let columns = i * PANEL..outer.min((i + 1) * PANEL);
            for (y, values) in y.chunks_exact_mut(outer).zip(product.as_chunks::<PANEL>().0) {
                y[columns.clone()].copy_from_slice(&values[..columns.len()]);
            }
        }
    }
    y
}

/// Rows x times one panel, `[inner, PANEL]`: rows y of [`PANEL`] values.
struct Product<'a> {
    y: &'a mut [f32],
    x: &'a [f32],
    panel: &'a [f32],
    inner: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.rows::<S, 1>(simd),
            8 => self.rows::<S, 2>(simd),
            4 => self.rows::<S, 4>(simd),
            _ => self.rows::<S, PANEL>(simd),
        }
    }
}

impl Product<'_> {
    /// A row of the panel is `V` vectors. Rows of x that meet it while it is in registers make eight sums or so,
    /// as many as a processor adds to at a time.
    #[inline(always)]
    fn rows<S: Simd, const V: usize>(self, simd: S) {
        let Self { mut y, mut x, panel, inner } = self;
        let panel = S::as_simd_f32s(panel).0.as_chunks::<V>().0;
        macro_rules! tile {
            ($rows:expr) => {{
                let (of_tile, later) = y.split_at_mut($rows * PANEL);
                tile::<S, V, { $rows }>(simd, of_tile, &x[..$rows * inner], panel);
                (y, x) = (later, &x[$rows * inner..]);
            }};
        }
        while !x.is_empty() {
            match x.len() / inner {
                8.. if V == 1 => tile!(8),
                4.. => tile!(4),
                3 => tile!(3),
                2 => tile!(2),
                _ => tile!(1),
            }
        }
    }
}

/// `R` rows at once.
#[inline(always)]
fn tile<S: Simd, const V: usize, const R: usize>(simd: S, y: &mut [f32], x: &[f32], panel: &[[S::f32s; V]]) {
    let x: [&[f32]; R] = std::array::from_fn(|row| &x[row * panel.len()..][..panel.len()]);
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for (i, weights) in panel.iter().enumerate() {
        prefetch(weights);
        for (sums, x) in sums.iter_mut().zip(x) {
            // The loop is too short to check indices in it, and the compiler does not see that they are sound.
            // SAFETY: i is below the length of the panel, which is that of every row.
            #[allow(unsafe_code)]
            let x = simd.splat_f32s(unsafe { *x.get_unchecked(i) });
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_e_f32s(x, *weight, *sum);
            }
        }
    }
    S::as_mut_simd_f32s(y).0.copy_from_slice(sums.as_flattened());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, so that sums are exact.
    fn numbers(n: usize, step: usize) -> Vec<f32> {
        (0..n).map(|i| (i * step % 7) as f32 - 3.0).collect()
    }

    #[test]
    fn products_are_exact_and_rows_do_not_meet() {
        for (rows, inner, outer) in
            [(1, 1, 1), (2, 3, 16), (3, 5, 17), (8, 40, 50), (13, 7, 20), (131, 9, 33)]
        {
            let (x, w) = (numbers(rows * inner, 3), numbers(inner * outer, 5));
            let y = product(&x, &pack(&w, inner, outer), inner, outer);
            for (i, y) in y.iter().enumerate() {
                let (row, column) = (i / outer, i % outer);
                let wanted: f32 = (0..inner).map(|j| x[row * inner + j] * w[j * outer + column]).sum();
                assert_eq!(*y, wanted, "{rows} × {inner} × {outer} at {row}, {column}");
            }
        }
    }

    #[test]
    fn a_row_is_the_same_beside_any_others() {
        let x: Vec<f32> = (0..15 * 50).map(|i| (i as f32).sin()).collect();
        let packed = pack(&(0..50 * 20).map(|i| (i as f32).cos()).collect::<Vec<_>>(), 50, 20);
        let all = product(&x, &packed, 50, 20);
        for (x, y) in x.chunks_exact(50).zip(all.chunks_exact(20)) {
            assert_eq!(product(x, &packed, 50, 20), y);
        }
    }
}
