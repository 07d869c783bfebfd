//! Steps of training: gradients of a batch, then Adam.

use std::time::Instant;

use burn::backend::Autodiff;
use igpt_kernels::Kernels;
use igpt_model::cost::Training;
use igpt_model::{Compute, Config, Device, ImageGpt, Precision};
use igpt_stage::Seed;
use igpt_train::{How, Rows, Trainer};

use super::{Measured, Work};
use crate::error::{Error, Result};
use crate::inputs::{SEED, random_tokens, take_config};
use crate::settings::{Place, Settings};
use crate::summary::median;

/// A training of a few steps on one batch of random tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Train {
    config: Config,
    batch_size: usize,
    precision: Precision,
    recompute: bool,
    warm_up: usize,
    steps: usize,
}

impl Work for Train {
    const NAME: &'static str = "train";

    fn take(settings: &mut Settings) -> Result<Self> {
        Ok(Self {
            config: take_config(settings)?,
            batch_size: settings.take("batch_size")?,
            precision: settings.take_or("precision", Precision::F32)?,
            recompute: settings.take_or("recompute", false)?,
            warm_up: settings.take("warm_up")?,
            steps: settings.take("steps")?,
        })
    }

    /// Tokens a second of the median step; the cost is that of a token.
    fn measure(&self, place: &Place) -> Result<Measured> {
        let device = Device::choose(&place.device)?;
        let tokens = (self.batch_size * self.config.n_positions) as f64;
        let seconds = device.run(Steps { train: *self, device })?;
        let Self { batch_size, precision, recompute, .. } = *self;
        let training = Training { batch_size, accumulate: 1, recompute, precision };
        let cost = Some(self.config.step_flops(training) / tokens);
        Ok(Measured { value: tokens / median(&seconds), unit: "tokens/s", cost, note: None })
    }
}

struct Steps {
    train: Train,
    device: Device,
}

impl Compute for Steps {
    type Output = Result<Vec<f64>>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<Vec<f64>> {
        let Train { config, batch_size, precision, recompute, warm_up, steps } = self.train;
        let rows = Rows::of(&random_tokens(config, batch_size), 0..batch_size);
        let network = ImageGpt::<Autodiff<B>>::new(config, Seed::new(SEED).named("bench/weights"), &device)
            .with_precision(precision);
        let how = How { accumulate: 1, clip: None, recompute };
        let mut trainer = Trainer::<B, _>::new(network, how, self.device, batch_size, &device)?;
        let mut step = || {
            let start = Instant::now();
            trainer.step(&rows, 1e-3);
            // A GPU is still at work when the step returns.
            B::sync(&device).map_err(|e| Error::Device(format!("{e:?}")))?;
            Ok(start.elapsed().as_secs_f64())
        };
        let seconds: Vec<f64> = (0..warm_up + steps).map(|_| step()).collect::<Result<_>>()?;
        Ok(seconds[warm_up..].to_vec())
    }
}
