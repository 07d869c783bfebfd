//! The loss and its gradient, in one pass over the images.
//!
//! A block of rows is read from memory once: its logits, their softmax and its part of the gradient follow
//! while it is in a cache. Products are in f32 and made for few classes (`products`). That alone would not
//! do: f32 logits are off by about 1e-6, and near an optimum a line search compares losses that differ by
//! less. So the logits of the last weights are kept in f64, and a pass adds `x · (W − last W)` to them. As
//! the steps become small, so do the errors of their products.
//!
//! Sums are over fixed tasks and then over these in their order, so nothing depends on the number of threads.

mod likelihood;
mod matrix;
mod products;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use self::likelihood::residuals;
pub(crate) use self::matrix::Matrix;
use self::products::{BLOCK, Column, Panels, add_transposed, product};
use crate::error::Result;
use crate::rows::Rows;

/// Mean loss of classifiers on some images.
pub struct Objective<'a> {
    /// Images × dims.
    x: &'a dyn Rows,
    /// The class of each.
    targets: &'a [usize],
    /// The weights whose logits are kept: classes × (dims + 1).
    at: Array2<f64>,
    /// The logits, block by block, one column a class.
    logits: Vec<Column<f64>>,
}

impl<'a> Objective<'a> {
    /// Of the images x (images × dims) with the class of each.
    pub fn new(x: &'a dyn Rows, targets: &'a [usize], classes: usize) -> Self {
        let blocks = targets.len().div_ceil(BLOCK);
        let at = Array2::zeros((classes, x.dims() + 1));
        Self { x, targets, at, logits: vec![[0.0; BLOCK]; blocks * classes] }
    }

    /// The mean negative log-likelihood at weights w, classes × (dims + 1) with the intercepts last, and its
    /// gradient, of the same shape. It is not finite where w is not or is far too large.
    ///
    /// # Errors
    /// Images that could not be read. What is kept is then good for nothing.
    pub fn evaluate(&mut self, w: &Array2<f64>) -> Result<(f64, Array2<f64>)> {
        let mut step = w - &self.at;
        // Also where one of them is not a number.
        let nearer = squares(&step) < squares(w);
        if !nearer {
            // Far from there zero is nearer, and errors end with what they came from.
            self.at.fill(0.0);
            self.logits.fill([0.0; BLOCK]);
            step.assign(w);
        }
        // The logits are those of the step as it was rounded; the rest comes with the next one.
        weights_mut(&mut step).mapv_inplace(|step| f64::from(step as f32));
        self.at += &step;
        let (loss, gradient) = self.pass(&step)?;
        let images = self.targets.len() as f64;
        Ok((loss / images, gradient / images))
    }

    /// Brings the logits a step further. The loss and its gradient, summed over the images.
    fn pass(&mut self, step: &Array2<f64>) -> Result<(f64, Array2<f64>)> {
        let (classes, dims) = (step.nrows(), step.ncols() - 1);
        let weights: Vec<f32> = weights(step).iter().map(|step| *step as f32).collect();
        let intercepts = step.column(dims).to_vec();
        // The sums of a task are as many numbers as there are weights: with many classes tasks are longer, so
        // that all sums together stay below the images.
        let blocks = (4 * classes).div_ceil(BLOCK).max(8);
        let rows = blocks * BLOCK;
        let arch = Arch::new();
        let (mut loss, mut gradient) = (0.0, Array2::zeros(step.raw_dim()));
        let (mut targets, mut logits) = (self.targets, &mut self.logits[..]);
        self.x.visit(rows, &mut |x| {
            let (of_x, later) = targets.split_at(x.nrows());
            targets = later;
            let blocks_of_x = x.nrows().div_ceil(BLOCK) * classes;
            let (logits_of_x, later) = std::mem::take(&mut logits).split_at_mut(blocks_of_x);
            logits = later;
            let x = x.as_slice().expect("`Rows` gives adjacent rows");
            let parts = x.par_chunks(rows * dims).zip(of_x.par_chunks(rows));
            let parts = parts.zip(logits_of_x.par_chunks_mut(blocks * classes));
            let sums = parts.map(|((x, targets), logits)| {
                let (weights, intercepts) = (&weights[..], &intercepts[..]);
                arch.dispatch(Task { x, dims, targets, weights, intercepts, logits })
            });
            for part in sums.collect::<Vec<_>>() {
                loss += part.loss;
                part.add_to(&mut gradient);
            }
        })?;
        Ok((loss, gradient))
    }
}

/// What stands before the intercepts: classes × dims of classes × (dims + 1).
pub(crate) fn weights(w: &Array2<f64>) -> ArrayView2<'_, f64> {
    w.slice_axis(Axis(1), Slice::from(..-1))
}

/// The same, to change.
pub(crate) fn weights_mut(w: &mut Array2<f64>) -> ArrayViewMut2<'_, f64> {
    w.slice_axis_mut(Axis(1), Slice::from(..-1))
}

fn squares(w: &Array2<f64>) -> f64 {
    w.iter().map(|w| w * w).sum()
}

/// Some rows of a pass.
struct Task<'a> {
    x: &'a [f32],
    dims: usize,
    targets: &'a [usize],
    /// What is added to the weights, classes × dims.
    weights: &'a [f32],
    /// What is added to the intercepts.
    intercepts: &'a [f64],
    logits: &'a mut [Column<f64>],
}

/// What a task finds: sums over its rows.
struct Sums {
    loss: f64,
    /// The gradient by the weights, classes × dims.
    weights: Vec<f32>,
    /// The gradient by the intercepts.
    intercepts: Vec<f64>,
}

impl Sums {
    fn add_to(&self, gradient: &mut Array2<f64>) {
        let weights = self.weights.chunks_exact(gradient.ncols() - 1);
        for ((mut sum, weights), intercept) in
            gradient.rows_mut().into_iter().zip(weights).zip(&self.intercepts)
        {
            sum.iter_mut().zip(weights).for_each(|(sum, part)| *sum += f64::from(*part));
            sum[weights.len()] += intercept;
        }
    }
}

impl WithSimd for Task<'_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let Self { x, dims, targets, weights, intercepts, logits } = self;
        let classes = intercepts.len();
        let panels = Panels::<S>::new(simd, weights, dims);
        let mut columns = vec![[0.0; BLOCK]; classes];
        let mut sums = Sums { loss: 0.0, weights: vec![0.0; weights.len()], intercepts: vec![0.0; classes] };
        let blocks = x.chunks(BLOCK * dims).zip(targets.chunks(BLOCK)).zip(logits.chunks_exact_mut(classes));
        for ((x, targets), logits) in blocks {
            product(simd, x, dims, &panels, &mut columns);
            for ((logits, step), shift) in logits.iter_mut().zip(&columns).zip(intercepts) {
                for (logit, step) in logits.iter_mut().zip(step) {
                    *logit += f64::from(*step) + shift;
                }
            }
            sums.loss += residuals(logits, targets, &mut columns);
            add_transposed(simd, x, dims, &columns, &mut sums.weights);
            for (sum, column) in sums.intercepts.iter_mut().zip(&columns) {
                *sum += column[..targets.len()].iter().map(|p| f64::from(*p)).sum::<f64>();
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Held;
    use crate::softmax::Softmax;
    use igpt_stage::Seed;
    use rand::Rng;

    /// Images that fill neither blocks nor vectors, and as many classes as tiles have shapes.
    const SHAPES: [(usize, usize, usize); 5] =
        [(1, 1, 2), (5, 3, 2), (700, 37, 10), (130, 16, 7), (64, 70, 13)];

    fn problem((images, dims, classes): (usize, usize, usize)) -> (Held, Vec<usize>) {
        let mut rng = Seed::new(0).rng();
        let x = Array2::from_shape_simple_fn((images, dims), || rng.random_range(-1.7..1.7_f32));
        (Held::new(x), (0..images).map(|i| i * 7 % classes).collect())
    }

    fn drawn(dims: usize, classes: usize, scale: f64) -> Array2<f64> {
        let mut rng = Seed::new(1).rng();
        Array2::from_shape_simple_fn((classes, dims + 1), || scale * rng.random_range(-1.0..1.0))
    }

    /// The gradient in f64, of the shape of the weights here.
    fn exact(x: &Held, targets: &[usize], w: &Array2<f64>) -> (f64, Array2<f64>) {
        let x = x.view().mapv(f64::from);
        let (value, gradient) = Softmax(w.t().to_owned()).gradient(&x.view(), targets, 0.0);
        (value, gradient.t().to_owned())
    }

    #[test]
    fn value_and_gradient_are_those_of_f64_wherever_the_weights_came_from() {
        for shape @ (_, dims, classes) in SHAPES {
            let (x, targets) = problem(shape);
            let mut objective = Objective::new(&x, &targets, classes);
            let far = drawn(dims, classes, 1e4);
            let near = drawn(dims, classes, 0.3);
            for w in [&near, &far, &near, &(&near * 1.01), &(&near * 0.0)] {
                let ((value, gradient), (known, by_f64)) =
                    (objective.evaluate(w).unwrap(), exact(&x, &targets, w));
                assert!((value - known).abs() < 2e-6 * known.max(1.0), "{shape:?}: {value}, not {known}");
                let apart = (&gradient - &by_f64).iter().fold(0.0, |most: f64, d| most.max(d.abs()));
                assert!(apart < 2e-6 || w == far, "{shape:?}: {apart}");
            }
        }
    }

    #[test]
    fn small_steps_are_far_more_exact_than_f32() {
        let (x, targets) = problem((700, 37, 10));
        let w = drawn(37, 10, 1.0);
        let mut objective = Objective::new(&x, &targets, 10);
        // The first look is at the weights as f32 rounds them; the second brings the rest.
        objective.evaluate(&w).unwrap();
        let (start, gradient) = objective.evaluate(&w).unwrap();
        let (_, direction) = exact(&x, &targets, &w);
        let slope = -(&gradient * &direction).sum();
        // The loss falls by the slope, to second order, and that is seen in steps of 1e-11 of it.
        let step = 1e-8;
        let (end, _) = objective.evaluate(&(&w - &direction * step)).unwrap();
        let fall = (end - start) / step;
        assert!((fall / slope - 1.0).abs() < 1e-3, "{fall}, not {slope}");
    }

    #[test]
    fn weights_out_of_range_are_no_trap() {
        let (x, targets) = problem((100, 5, 3));
        let mut objective = Objective::new(&x, &targets, 3);
        let w = drawn(5, 3, 0.5);
        let (value, _) = objective.evaluate(&w).unwrap();
        for scale in [1e300, f64::INFINITY, f64::NAN] {
            let (lost, _) = objective.evaluate(&(&w * scale)).unwrap();
            assert!(lost.is_nan() || lost >= value, "{lost}");
            assert_eq!(objective.evaluate(&w).unwrap().0, value);
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (x, targets) = problem((5000, 20, 4));
        let w = drawn(20, 4, 0.5);
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Objective::new(&x, &targets, 4).evaluate(&w).unwrap())
        };
        assert_eq!(of(1), of(3));
    }
}
