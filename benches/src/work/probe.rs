//! A linear probe: logistic regression on standardised features.

use std::time::Instant;

use igpt_probe::Softmax;
use igpt_probe::rows::Held;
use igpt_probe::solver::{MakeSolver, Problem, by_lbfgs, by_linfa};
use igpt_stage::Seed;
use ndarray::{Array2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

use super::{Measured, Work};
use crate::error::{Error, Result};
use crate::figure::Prepared;
use crate::inputs::SEED;
use crate::raw;
use crate::settings::{Place, Settings};

/// The file of features, images × dims.
const FEATURES: &str = "features.f32";
/// The file of classes.
const CLASSES: &str = "classes.u32";

/// A fit with one strength.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    images: usize,
    dims: usize,
    classes: usize,
    l2: f64,
    tolerance: f64,
    max_iterations: u64,
    solver: MakeSolver,
}

impl Work for Probe {
    const NAME: &'static str = "probe";

    fn take(settings: &mut Settings) -> Result<Self> {
        Ok(Self {
            images: settings.take("images")?,
            dims: settings.take("dims")?,
            classes: settings.take("classes")?,
            l2: settings.take("l2")?,
            tolerance: settings.take("tolerance")?,
            max_iterations: settings.take("max_iterations")?,
            solver: match settings.take_or("solver", "lbfgs".to_owned())?.as_str() {
                "lbfgs" => by_lbfgs,
                "linfa" => by_linfa,
                other => return Err(Error::Setting(format!("there is no solver `{other}`"))),
            },
        })
    }

    fn prepare(&self, place: &Place) -> Result<Prepared> {
        let (x, targets) = self.data();
        raw::write_f32(&place.dir.join(FEATURES), x.into_iter().map(|value| value as f32))?;
        raw::write_u32(&place.dir.join(CLASSES), targets.into_iter().map(|class| class as u32))?;
        Ok(Prepared::default())
    }

    /// Seconds of a fit, and how good it is.
    fn measure(&self, place: &Place) -> Result<Measured> {
        let values = raw::read_f32(&place.dir.join(FEATURES))?;
        let x = Array2::from_shape_vec((self.images, self.dims), values)
            .map_err(|e| Error::Setting(format!("{FEATURES}: {e}")))?;
        let targets = raw::read_u32(&place.dir.join(CLASSES))?.into_iter().map(|class| class as usize);
        let targets: Vec<usize> = targets.collect();
        let Self { max_iterations, tolerance, l2, .. } = *self;
        let x = Held::new(x);
        let problem = Problem { x: &x, targets: &targets, max_iterations, tolerance };
        let start = Instant::now();
        let solver = (self.solver)(problem).map_err(|e| Error::Solver(e.into()))?;
        let fit = solver.fit(l2, Softmax::zeros(self.dims, self.classes)).map_err(Error::Solver)?;
        let value = start.elapsed().as_secs_f64();
        let (objective, _) = fit.model.objective(&x.view(), &targets, l2);
        let note = format!("objective {objective:.7} after {} iterations", fit.iterations);
        Ok(Measured { value, unit: "s", cost: None, note: Some(note) })
    }
}

impl Probe {
    /// Features that are correlated as those of a network are, standardised, and classes that they tell apart
    /// in part: normal clusters in directions of falling deviation, mixed at random.
    fn data(&self) -> (Array2<f64>, Vec<usize>) {
        let Self { images, dims, classes, .. } = *self;
        let mut rng = Seed::new(SEED).named("bench/probe").rng();
        let mut normal =
            |shape: (usize, usize)| Array2::from_shape_simple_fn(shape, || rng.sample(StandardNormal));
        let (mut z, centres, mix): (Array2<f64>, Array2<f64>, Array2<f64>) =
            (normal((images, dims)), normal((classes, dims)), normal((dims, dims)));
        // Every class occurs.
        let targets: Vec<usize> = (0..images).map(|image| image % classes).collect();
        for (mut row, &class) in z.rows_mut().into_iter().zip(&targets) {
            for (dim, (value, centre)) in row.iter_mut().zip(centres.row(class)).enumerate() {
                *value = (*value + 0.2 * centre) / (1.0 + dim as f64);
            }
        }
        let mut x = z.dot(&mix);
        for mut column in x.axis_iter_mut(Axis(1)) {
            let mean = column.sum() / images as f64;
            let deviation = (column.fold(0.0, |sum, v| sum + (v - mean).powi(2)) / images as f64).sqrt();
            column.mapv_inplace(|value| (value - mean) / deviation);
        }
        (x, targets)
    }
}
