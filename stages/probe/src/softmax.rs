//! The classifier: softmax regression, what it says, and what it costs.

use igpt_artifact::table::probe::UNSEEN_LOSS;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Slice, Zip};
use rayon::prelude::*;

/// A linear classifier with probabilities: weights of shape (dims + 1) × classes, the last row of which holds
/// the intercepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax(pub(crate) Array2<f64>);

/// How a classifier does on some images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    /// Share of images whose most likely class is the label, in 0..=1.
    pub(crate) accuracy: f64,
    /// Mean negative log-likelihood of the label, in nats.
    pub(crate) loss: f64,
    /// The images.
    pub(crate) images: u64,
}

/// A score in the making, over images that come by in blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    hits: u64,
    loss: f64,
    images: u64,
}

impl Tally {
    /// Counts some more images: log-probabilities (images × classes) and the true classes. A label without
    /// a class counts as wrong.
    pub(crate) fn add(&mut self, log_p: &ArrayView2<'_, f64>, targets: &[Option<usize>]) {
        Zip::from(log_p.rows()).and(targets).for_each(|row, target| match *target {
            Some(class) => {
                self.hits += u64::from(most_likely(&row) == class);
                self.loss -= row[class];
            }
            None => self.loss += UNSEEN_LOSS,
        });
        self.images += targets.len() as u64;
    }

    /// The score so far.
    pub(crate) fn score(&self) -> Score {
        let images = self.images as f64;
        Score { accuracy: self.hits as f64 / images, loss: self.loss / images, images: self.images }
    }
}

impl Score {
    /// Whether this score is better: by accuracy, then by loss.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        self.accuracy > other.accuracy || (self.accuracy == other.accuracy && self.loss < other.loss)
    }

    /// Whether this score is worse by accuracy and by loss.
    pub(crate) fn is_worse(&self, other: &Self) -> bool {
        self.accuracy < other.accuracy && self.loss > other.loss
    }
}

impl Softmax {
    /// The classifier that finds every class equally likely: where fits start.
    pub fn zeros(dims: usize, classes: usize) -> Self {
        Self(Array2::zeros((dims + 1, classes)))
    }

    /// The weights without the intercepts: dims × classes.
    pub(crate) fn weights(&self) -> ArrayView2<'_, f64> {
        self.0.slice_axis(Axis(0), Slice::from(..-1))
    }

    /// One intercept a class.
    pub(crate) fn intercepts(&self) -> ArrayView1<'_, f64> {
        self.0.row(self.0.nrows() - 1)
    }

    /// Log-probabilities, images × classes.
    pub(crate) fn log_probabilities(&self, x: &ArrayView2<'_, f64>) -> Array2<f64> {
        let mut log_p = x.dot(&self.weights()) + self.intercepts();
        for mut row in log_p.rows_mut() {
            let max = row.fold(f64::NEG_INFINITY, |max, &logit| max.max(logit));
            let log_sum = max + row.fold(0.0, |sum, logit| sum + (logit - max).exp()).ln();
            row -= log_sum;
        }
        log_p
    }

    /// Log-probabilities of vectors in f32, images × classes: computed in f64, some rows at a time.
    pub(crate) fn judge(&self, x: &ArrayView2<'_, f32>) -> Array2<f64> {
        let classes = self.0.ncols();
        let mut log_p = Array2::zeros((x.nrows(), classes));
        let places = log_p.as_slice_mut().expect("it was just made").par_chunks_mut(ROWS * classes);
        places.zip(blocks(x)).for_each(|(place, x)| {
            let log_p = self.log_probabilities(&x.mapv(f64::from).view());
            place.iter_mut().zip(&log_p).for_each(|(place, log_p)| *place = *log_p);
        });
        log_p
    }

    /// The value of `mean NLL + l2/2 · ‖W‖²` and its gradient, of the shape of the weights and
    /// intercepts.
    pub(crate) fn gradient(&self, x: &ArrayView2<'_, f64>, targets: &[usize], l2: f64) -> (f64, Array2<f64>) {
        self.penalised(self.sums(x, targets), targets.len(), l2)
    }

    /// The value of the objective, `mean NLL + l2/2 · ‖W‖²` over the images `x` (images × dims) of the
    /// classes `targets`, and the Euclidean norm of its gradient. All in f64.
    pub fn objective(&self, x: &ArrayView2<'_, f32>, targets: &[usize], l2: f64) -> (f64, f64) {
        let parts = blocks(x).zip(targets.par_chunks(ROWS));
        let parts: Vec<_> = parts.map(|(x, targets)| self.sums(&x.mapv(f64::from).view(), targets)).collect();
        let none = (0.0, Array2::zeros(self.0.raw_dim()));
        let sums = parts.into_iter().fold(none, |sum, part| (sum.0 + part.0, sum.1 + part.1));
        let (value, gradient) = self.penalised(sums, targets.len(), l2);
        (value, gradient.fold(0.0, |sum, g| sum + g * g).sqrt())
    }

    /// The sum of the losses, and its gradient.
    fn sums(&self, x: &ArrayView2<'_, f64>, targets: &[usize]) -> (f64, Array2<f64>) {
        let mut log_p = self.log_probabilities(x);
        let nll: f64 = targets.iter().enumerate().map(|(row, &class)| -log_p[[row, class]]).sum();
        log_p.mapv_inplace(f64::exp);
        let mut residual = log_p;
        targets.iter().enumerate().for_each(|(row, &class)| residual[[row, class]] -= 1.0);
        let mut gradient = Array2::zeros(self.0.raw_dim());
        let (mut weights, mut intercepts) = gradient.view_mut().split_at(Axis(0), x.ncols());
        general_mat_mul(1.0, &x.t(), &residual, 0.0, &mut weights);
        intercepts.row_mut(0).assign(&residual.sum_axis(Axis(0)));
        (nll, gradient)
    }

    /// The mean of sums over images, and the penalty.
    fn penalised(&self, sums: (f64, Array2<f64>), images: usize, l2: f64) -> (f64, Array2<f64>) {
        let (nll, mut gradient) = sums;
        let weights = self.weights();
        gradient /= images as f64;
        gradient.slice_axis_mut(Axis(0), Slice::from(..-1)).scaled_add(l2, &weights);
        (nll / images as f64 + l2 / 2.0 * weights.fold(0.0, |sum, w| sum + w * w), gradient)
    }
}

/// Rows that are brought to f64 at a time.
const ROWS: usize = 1024;

/// So many rows at a time.
fn blocks<'a>(x: &'a ArrayView2<'_, f32>) -> impl IndexedParallelIterator<Item = ArrayView2<'a, f32>> {
    let blocks = (0..x.nrows().div_ceil(ROWS)).into_par_iter();
    blocks.map(|i| x.slice_axis(Axis(0), Slice::from(i * ROWS..x.nrows().min((i + 1) * ROWS))))
}

/// The class of the highest value; the first of equals.
pub(crate) fn most_likely(row: &ArrayView1<'_, f64>) -> usize {
    let mut best = 0;
    for (class, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn probabilities_survive_huge_logits() {
        let model = Softmax(array![[1.0, 0.0], [0.0, 0.0]]);
        let log_p = model.log_probabilities(&array![[1000.0], [-1000.0], [0.0]].view());
        assert_eq!(log_p, array![[0.0, -1000.0], [-1000.0, 0.0], [-2_f64.ln(), -2_f64.ln()]]);
    }

    #[test]
    fn the_gradient_is_that_of_the_value() {
        let x = array![[0.3_f32, -1.0], [2.0, 0.5], [-0.7, 1.5], [0.1, 0.2]];
        let targets = [0, 2, 1, 2];
        let at = array![[0.2, -0.1, 0.4], [0.3, 0.0, -0.6], [0.1, -0.2, 0.05]];
        let value = |w: &Array2<f64>| Softmax(w.clone()).objective(&x.view(), &targets, 0.3).0;
        let step = 1e-6;
        let squares: f64 = (0..9)
            .map(|i| {
                let (mut up, mut down) = (at.clone(), at.clone());
                up[[i / 3, i % 3]] += step;
                down[[i / 3, i % 3]] -= step;
                ((value(&up) - value(&down)) / (2.0 * step)).powi(2)
            })
            .sum();
        let (_, norm) = Softmax(at.clone()).objective(&x.view(), &targets, 0.3);
        assert!((norm - squares.sqrt()).abs() < 1e-8, "{norm} {}", squares.sqrt());
    }

    #[test]
    fn unseen_labels_are_wrong_and_dear_and_ties_go_to_the_first() {
        let log_p = array![[-0.5, -0.5], [-0.1, -2.0]];
        let score = |targets: &[_]| {
            let mut tally = Tally::default();
            tally.add(&log_p.view(), targets);
            tally.score()
        };
        let Score { accuracy, loss, images } = score(&[Some(0), None]);
        assert_eq!((accuracy, images), (0.5, 2));
        assert!((loss - (0.5 + UNSEEN_LOSS) / 2.0).abs() < 1e-12);
        assert!((UNSEEN_LOSS + 1e-15_f64.ln()).abs() < 1e-12);
        assert_eq!(score(&[Some(1), Some(0)]).accuracy, 0.5);
    }
}
