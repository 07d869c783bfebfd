//! Gradient descent with momentum and a cosine schedule.

use std::f64::consts::PI;

use ndarray::{Array2, ArrayView2};

use crate::softmax::Softmax;

/// What all learning rates share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// The share of the last step that the next one keeps.
    pub(super) momentum: f64,
    /// The strength, behind the scaler.
    pub(super) l2: f64,
    /// Steps in all.
    pub(super) steps: u64,
}

impl Schedule {
    /// What a learning rate is multiplied by at a step: half a cosine from 1 to 0.
    fn share(&self, step: u64) -> f64 {
        0.5 * (1.0 + (PI * step as f64 / self.steps as f64).cos())
    }
}

/// A classifier on its way.
#[derive(Clone, Debug)]
pub(super) struct Descent {
    /// The learning rate of the first step.
    pub(super) rate: f64,
    pub(super) model: Softmax,
    /// Gradients summed up, older ones less: of the shape of the weights.
    velocity: Array2<f64>,
}

impl Descent {
    /// Begins with weights of 0, from which the objective, being convex, leads to the same optimum as from
    /// anywhere.
    pub(super) fn new(rate: f64, dims: usize, classes: usize) -> Self {
        let zero = Array2::zeros((dims + 1, classes));
        Self { rate, model: Softmax(zero.clone()), velocity: zero }
    }

    /// `v ← momentum · v + gradient; W ← W − rate · v` on a batch of images × dims.
    pub(super) fn step(
        &mut self,
        x: &ArrayView2<'_, f64>,
        targets: &[usize],
        schedule: &Schedule,
        step: u64,
    ) {
        let (_, gradient) = self.model.gradient(x, targets, schedule.l2);
        self.velocity *= schedule.momentum;
        self.velocity += &gradient;
        self.model.0.scaled_add(-self.rate * schedule.share(step), &self.velocity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Held;
    use crate::solver::{Problem, by_lbfgs};
    use igpt_stage::Seed;
    use rand::Rng;

    #[test]
    fn the_rate_falls_from_its_value_to_nothing() {
        let schedule = Schedule { momentum: 0.9, l2: 0.0, steps: 4 };
        assert_eq!([0, 2, 4].map(|step| (schedule.share(step) * 1e9).round()), [1e9, 5e8, 0.0]);
    }

    #[test]
    fn two_steps_are_those_of_the_formula() {
        let x = ndarray::array![[1.0], [-2.0]];
        let schedule = Schedule { momentum: 0.5, l2: 0.0, steps: u64::MAX };
        let mut descent = Descent::new(0.1, 1, 2);
        descent.step(&x.view(), &[0, 1], &schedule, 0);
        // Even odds: the gradient of the weight of class 0 is (1 · −0.5 + −2 · 0.5) / 2.
        assert!((descent.model.0[[0, 0]] - 0.075).abs() < 1e-12);
        let (_, second) = descent.model.gradient(&x.view(), &[0, 1], 0.0);
        let expected = 0.075 - 0.1 * (0.5 * -0.75 + second[[0, 0]]);
        descent.step(&x.view(), &[0, 1], &schedule, 1);
        assert!((descent.model.0[[0, 0]] - expected).abs() < 1e-12);
    }

    #[test]
    fn an_easy_problem_ends_where_lbfgs_ends() {
        let mut rng = Seed::new(0).rng();
        let x = Array2::from_shape_fn((400, 5), |_| 3_f32.sqrt() * rng.random_range(-1.0..1.0_f32));
        let targets: Vec<usize> =
            x.rows().into_iter().map(|row| usize::from(row[0] + 0.8 * row[1] * row[2] > 0.2)).collect();
        let l2 = 0.01;
        let held = Held::new(x.clone());
        let problem = Problem { x: &held, targets: &targets, max_iterations: 500, tolerance: 1e-9 };
        let start = Softmax(Array2::zeros((6, 2)));
        let best =
            by_lbfgs(problem).unwrap().fit(l2, start).unwrap().model.objective(&x.view(), &targets, l2).0;

        let schedule = Schedule { momentum: 0.9, l2, steps: 40 * 4 };
        let mut descent = Descent::new(0.1, 5, 2);
        for step in 0..schedule.steps {
            let from = step as usize % 4 * 100;
            let batch = x.slice_axis(ndarray::Axis(0), ndarray::Slice::from(from..from + 100));
            descent.step(&batch.mapv(f64::from).view(), &targets[from..from + 100], &schedule, step);
        }
        let reached = descent.model.objective(&x.view(), &targets, l2).0;
        assert!(reached >= best && reached < 1.01 * best, "{reached} against {best}");
    }
}
