//! Matrices in panels: as many columns as two vectors have lanes, row after row.

use pulp::Simd;

use super::gemm::Matrix;
use super::tile::{Pair, pairs, pairs_mut, store};

/// Panels of a matrix, one after another: `[panels, rows, width]`. What goes beyond the last column is zero.
pub(super) struct Panels {
    numbers: Vec<f32>,
    rows: usize,
    width: usize,
}

impl Panels {
    /// Zeros for so many columns and rows.
    pub(super) fn new(columns: usize, rows: usize, width: usize) -> Self {
        Self { numbers: vec![0.0; columns.next_multiple_of(width) * rows], rows, width }
    }

    /// Makes every number zero.
    pub(super) fn clear(&mut self) {
        self.numbers.fill(0.0);
    }

    /// The first rows become those of a matrix.
    pub(super) fn pack(&mut self, matrix: Matrix<'_>) {
        let panels = self.numbers.chunks_exact_mut(self.rows * self.width);
        for (panel, first) in panels.zip((0..matrix.columns).step_by(self.width)) {
            let columns = self.width.min(matrix.columns - first);
            for (i, place) in panel.chunks_exact_mut(self.width).take(matrix.rows).enumerate() {
                place[..columns].copy_from_slice(&matrix.row(i)[first..first + columns]);
            }
        }
    }

    /// The columns become the rows of a matrix, times a factor.
    pub(super) fn pack_transposed(&mut self, matrix: Matrix<'_>, factor: f32) {
        let panels = self.numbers.chunks_exact_mut(self.rows * self.width);
        for (panel, first) in panels.zip((0..matrix.rows).step_by(self.width)) {
            let rows = matrix.slice(first, matrix.rows.min(first + self.width));
            for (column, places) in panel.chunks_exact_mut(self.width).enumerate() {
                let numbers = rows.data[column..].iter().step_by(rows.row_stride);
                places[..rows.rows].iter_mut().zip(numbers).for_each(|(place, x)| *place = x * factor);
            }
        }
    }

    /// The rows of a panel.
    #[inline(always)]
    pub(super) fn panel<S: Simd>(&self, i: usize) -> &[Pair<S>] {
        let size = self.rows * self.width;
        pairs::<S>(&self.numbers[i * size..][..size])
    }

    /// The same, to change.
    #[inline(always)]
    pub(super) fn panel_mut<S: Simd>(&mut self, i: usize) -> &mut [Pair<S>] {
        let size = self.rows * self.width;
        pairs_mut::<S>(&mut self.numbers[i * size..][..size])
    }

    /// Writes the first `columns` of the first `rows`, times a factor, to where each row has its place.
    #[inline(always)]
    pub(super) fn unpack<S: Simd>(
        &self,
        simd: S,
        [rows, columns]: [usize; 2],
        factor: f32,
        out: &mut [f32],
        place: impl Fn(usize) -> usize,
    ) {
        let factor = simd.splat_f32s(factor);
        for (panel, first) in (0..columns).step_by(self.width).enumerate() {
            let columns = self.width.min(columns - first);
            for (i, pair) in self.panel::<S>(panel)[..rows].iter().enumerate() {
                let pair = [simd.mul_f32s(pair[0], factor), simd.mul_f32s(pair[1], factor)];
                store(simd, pair, &mut out[place(i) + first..][..columns]);
            }
        }
    }
}
