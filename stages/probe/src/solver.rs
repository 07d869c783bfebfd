//! Fits the classifier with linfa's L-BFGS.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_logistic::MultiLogisticRegression;
use linfa_logistic::error::Error as LinfaError;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, concatenate};

use crate::softmax::Softmax;

pub(crate) struct Solver {
    pub(crate) max_iterations: u64,
    pub(crate) tolerance: f64,
    pub(crate) round: u64,
    pub(crate) variant: u8,
}

pub(crate) struct Fit {
    pub(crate) model: Softmax,
    pub(crate) iterations: u64,
    pub(crate) converged: bool,
    pub(crate) value: f64,
    pub(crate) norm: f64,
}

impl Solver {
    pub(crate) fn fit(
        &self,
        x: &ArrayView2<'_, f64>,
        targets: &[usize],
        l2: f64,
        start: Softmax,
    ) -> Result<Fit, LinfaError> {
        let n = targets.len() as f64;
        let (mut value, mut norm) = start.objective(x, targets, l2);
        let mut model = start;
        let mut iterations = 0;
        let s = match self.variant { 0 => 1.0, 1 => 1.0 / n.sqrt(), 3 => n.powf(-0.25), _ => 1.0 / n.sqrt() };
        let c = 10.0;
        let xs = if self.variant == 2 {
            concatenate![Axis(1), x.mapv(|v| v * s), Array2::from_elem((x.nrows(), 1), s*c)]
        } else { x.mapv(|v| v * s) };
        while norm > self.tolerance && iterations < self.max_iterations {
            let granted = self.round.min(self.max_iterations - iterations);
            let mut init = model.0.clone();
            let d = init.nrows() - 1;
            init.slice_axis_mut(Axis(0), ndarray::Slice::from(..d)).mapv_inplace(|w| w / s);
            if self.variant == 2 { init.row_mut(d).mapv_inplace(|w| w / s / c); }
            let data = DatasetBase::new(xs.view(), ArrayView1::from(targets));
            let fitted = MultiLogisticRegression::default()
                .with_intercept(self.variant != 2)
                .alpha(l2 * n * s * s)
                .gradient_tolerance(self.tolerance * n * s)
                .max_iterations(granted)
                .initial_params(init)
                .fit(&data)?;
            let mut next = if self.variant == 2 { fitted.params().clone() } else {
                concatenate![Axis(0), fitted.params().view(), fitted.intercept().view().insert_axis(Axis(0))] };
            next.slice_axis_mut(Axis(0), ndarray::Slice::from(..d)).mapv_inplace(|w| w * s);
            if self.variant == 2 { next.row_mut(d).mapv_inplace(|w| w * s * c); }
            let next = Softmax(next);
            let (v, g) = next.objective(x, targets, l2);
            iterations += granted;
            if std::env::var("V").is_ok() { eprintln!("     it {iterations} value {v:.10} norm {g:.3e}"); }
            if !(v < value) { break; }
            (model, value, norm) = (next, v, g);
        }
        Ok(Fit { model, iterations, converged: norm <= self.tolerance, value, norm })
    }
}

#[cfg(test)]
mod bench {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_distr::StandardNormal;
    fn data(n: usize, d: usize, k: usize, decay: f64) -> (Array2<f64>, Vec<usize>) {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut g = |r: usize, c: usize| Array2::from_shape_fn((r, c), |_| rng.sample::<f64, _>(StandardNormal));
        let latent = g(n, d);
        let spectrum = ndarray::Array1::from_iter((0..d).map(|i| ((i + 1) as f64).powf(-decay)));
        let mix = g(d, d) / (d as f64).sqrt();
        let mut x = (&latent * &spectrum).dot(&mix);
        let w = g(d, k) * 2.0 / (d as f64).sqrt();
        let noise = g(n, k);
        let logits = latent.dot(&w) + noise;
        let y = logits.rows().into_iter().map(|r| crate::softmax::most_likely(&r)).collect();
        let xf = x.mapv(|v| v as f32);
        x = crate::scaler::Scaler::fit(&xf.view()).apply(&xf.view());
        (x, y)
    }
    #[test]
    fn variants() {
        for (n, d, decay) in [(4000, 64, 0.5), (4000, 64, 1.5), (4000, 768, 1.0)] {
            let (x, y) = data(n, d, 10, decay);
            for variant in [0, 1, 3, 2] {
                for round in [25, 50, 1000] {
                    let t = std::time::Instant::now();
                    let solver = Solver { max_iterations: 1000, tolerance: 1e-4, round, variant };
                    let mut model = Softmax(Array2::zeros((d + 1, 10)));
                    let mut line = String::new();
                    for l2 in [1.0, 0.1, 0.01, 1e-3, 1e-4] {
                        let t = std::time::Instant::now();
                        let f = solver.fit(&x.view(), &y, l2, model).unwrap();
                        line += &format!(" | {:.7} {}{} {:.0e} {:.2}s", f.value, f.iterations, if f.converged {""} else {"!"}, f.norm, t.elapsed().as_secs_f64());
                        model = f.model;
                    }
                    eprintln!("n{n} d{d} decay{decay} variant {variant} round {round}: {:.2}s {line}", t.elapsed().as_secs_f64());
                }
            }
        }
    }
}
