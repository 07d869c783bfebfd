//! Matrix products over strided slices: a checked front for the gemm crate.

/// A matrix that lies in a slice.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// From one row to the next.
    pub(crate) row_stride: usize,
    /// From one column to the next.
    pub(crate) column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `columns` adjacent values, `stride` apart.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The i-th row of a matrix whose columns are adjacent.
    #[inline(always)]
    pub(crate) fn row(self, i: usize) -> &'a [f32] {
        debug_assert_eq!(self.column_stride, 1);
        &self.data[i * self.row_stride..][..self.columns]
    }

    /// The rows from `start` to before `end`.
    #[inline(always)]
    pub(crate) fn slice(self, start: usize, end: usize) -> Self {
        Self { data: &self.data[start * self.row_stride..], rows: end - start, ..self }
    }

    /// The transpose, without moving anything.
    pub(crate) fn t(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Whether a product replaces what is there or is added to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    Replace,
    Add,
}

/// `out` = or += `factor`·a·b, where `out` has adjacent columns and rows `stride` apart.
///
/// # Panics
/// If the shapes do not fit each other or a slice is too short.
pub(crate) fn product(out: &mut [f32], stride: usize, how: Into, factor: f32, a: Matrix<'_>, b: Matrix<'_>) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert_eq!(k, b.rows, "inner dimensions differ");
    if m == 0 || n == 0 {
        return;
    }
    assert!(n <= stride && last(m, n, stride, 1) < out.len(), "the product does not fit its place");
    for matrix in [a, b].iter().filter(|matrix| matrix.rows * matrix.columns > 0) {
        let last = last(matrix.rows, matrix.columns, matrix.row_stride, matrix.column_stride);
        assert!(last < matrix.data.len(), "a factor is longer than its slice");
    }
    let (keep, alpha) = match how {
        Into::Replace => (false, 0.0),
        Into::Add => (true, 1.0),
    };
    let signed = |stride: usize| stride as isize;
    // SAFETY: gemm reads a[i·rs + j·cs] and b likewise and writes out[i·stride + j], for i and j below
    // the sizes given to it. The largest of these indices were just checked to lie inside the
    // slices, strides are not negative, so all others lie inside too; `out` is borrowed mutably and
    // cannot overlap the factors, and n ≤ stride keeps its rows apart.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            signed(stride),
            keep,
            a.data.as_ptr(),
            signed(a.column_stride),
            signed(a.row_stride),
            b.data.as_ptr(),
            signed(b.column_stride),
            signed(b.row_stride),
            alpha,
            factor,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The index of the last value of a matrix that is not empty.
fn last(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    (rows - 1) * row_stride + (columns - 1) * column_stride
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_transposes_and_sums() {
        // a = [1 2; 3 4] with a gap after each row, b = [5 6; 7 8].
        let a = [1.0, 2.0, 9.0, 3.0, 4.0];
        let b = [5.0, 6.0, 7.0, 8.0];
        let (a, b) = (Matrix::new(&a, 2, 2, 3), Matrix::new(&b, 2, 2, 2));
        let mut out = [1.0; 5];
        product(&mut out, 3, Into::Replace, 1.0, a, b);
        assert_eq!(out, [19.0, 22.0, 1.0, 43.0, 50.0]);
        product(&mut out, 3, Into::Add, 2.0, a.t(), b);
        assert_eq!(out, [19.0 + 52.0, 22.0 + 60.0, 1.0, 43.0 + 76.0, 50.0 + 88.0]);
    }

    #[test]
    #[should_panic(expected = "longer than its slice")]
    fn short_slices_are_caught() {
        let a = Matrix::new(&[1.0, 2.0, 3.0], 2, 2, 2);
        product(&mut [0.0; 4], 2, Into::Replace, 1.0, a, Matrix::new(&[0.0; 4], 2, 2, 2));
    }
}
