//! A square matrix times few columns, with the products of the objective.

use ndarray::{Array2, ArrayView2};
use pulp::{Arch, Simd, WithSimd};

use super::products::{BLOCK, Panels, add_transposed, product};

/// A matrix m of f32, rows adjacent.
#[derive(Clone, Debug)]
pub(crate) struct Matrix(Array2<f32>);

impl Matrix {
    /// Rounds a square matrix to f32.
    pub(crate) fn new(m: &ArrayView2<'_, f64>) -> Self {
        debug_assert!(m.is_square());
        Self(Array2::from_shape_fn(m.raw_dim(), |at| m[at] as f32))
    }

    /// Every row v of `vectors` becomes m·v.
    pub(crate) fn times(&self, vectors: &ArrayView2<'_, f64>) -> Array2<f64> {
        self.dispatch(vectors, false)
    }

    /// Every row v of `vectors` becomes mᵀ·v.
    pub(crate) fn transposed_times(&self, vectors: &ArrayView2<'_, f64>) -> Array2<f64> {
        self.dispatch(vectors, true)
    }

    fn dispatch(&self, vectors: &ArrayView2<'_, f64>, transposed: bool) -> Array2<f64> {
        let m = self.0.as_slice().expect("rows are adjacent");
        let mut out = vectors.mapv(|v| v as f32).as_standard_layout().into_owned();
        let columns = out.as_slice_mut().expect("it was just laid out so");
        Arch::new().dispatch(Times { m, dims: self.0.ncols(), transposed, vectors: columns });
        out.mapv(f64::from)
    }
}

struct Times<'a> {
    m: &'a [f32],
    dims: usize,
    transposed: bool,
    /// Replaced by their products.
    vectors: &'a mut [f32],
}

impl WithSimd for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { m, dims, transposed, vectors } = self;
        let blocks = || m.chunks(BLOCK * dims).zip((0..dims).step_by(BLOCK));
        let mut columns = vec![[0.0; BLOCK]; vectors.len() / dims];
        if transposed {
            let mut sums = vec![0.0; vectors.len()];
            for (m, first) in blocks() {
                let rows = m.len() / dims;
                for (column, v) in columns.iter_mut().zip(vectors.chunks_exact(dims)) {
                    column[..rows].copy_from_slice(&v[first..first + rows]);
                }
                add_transposed(simd, m, dims, &columns, &mut sums);
            }
            vectors.copy_from_slice(&sums);
        } else {
            let panels = Panels::<S>::new(simd, vectors, dims);
            for (m, first) in blocks() {
                let rows = m.len() / dims;
                product(simd, m, dims, &panels, &mut columns);
                for (column, v) in columns.iter().zip(vectors.chunks_exact_mut(dims)) {
                    v[first..first + rows].copy_from_slice(&column[..rows]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_f64() {
        for dims in [1, 7, 64, 75, 130] {
            let m = Array2::from_shape_fn((dims, dims), |(i, j)| ((3 * i + 5 * j) % 17) as f64 - 8.0);
            let v = Array2::from_shape_fn((4, dims), |(i, j)| ((7 * i + j) % 5) as f64 - 2.0);
            let matrix = Matrix::new(&m.view());
            assert_eq!(matrix.times(&v.view()), v.dot(&m.t()), "{dims}");
            assert_eq!(matrix.transposed_times(&v.view()), v.dot(&m), "{dims}");
        }
    }
}
