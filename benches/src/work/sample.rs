//! Drawing images token after token, with keys and values kept.

use std::path::PathBuf;
use std::time::Instant;

use igpt_kernels::Kernels;
use igpt_model::{Compute, Config, Decoder, Device, weights};
use igpt_sample::{Choice, Drawing, draw};
use igpt_stage::Seed;

use super::{Measured, Work};
use crate::error::{Error, Result};
use crate::figure::Prepared;
use crate::inputs::{SEED, take_config, write_model};
use crate::settings::{Place, Settings};

/// So many tokens are drawn before the clock starts.
const WARM_UP: usize = 4;

/// Each token by the network's own probabilities.
const CHOICE: Choice = Choice { temperature: 1.0, top_k: None };

/// The first tokens of some images.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    config: Config,
    images: usize,
    tokens: usize,
}

impl Work for Sample {
    const NAME: &'static str = "sample";

    fn take(settings: &mut Settings) -> Result<Self> {
        let (config, images) = (take_config(settings)?, settings.take("images")?);
        let tokens = settings.take("tokens")?;
        if tokens > config.n_positions {
            let message = format!("tokens {tokens}: an image has {}", config.n_positions);
            return Err(Error::Setting(message));
        }
        Ok(Self { config, images, tokens })
    }

    fn prepare(&self, place: &Place) -> Result<Prepared> {
        write_model(self.config, place)?;
        Ok(Prepared::default())
    }

    /// Tokens a second, over all images.
    fn measure(&self, place: &Place) -> Result<Measured> {
        let device = Device::choose(&place.device)?;
        let seconds = device.run(Timed { sample: *self, model: place.dir.join("model") })?;
        let value = (self.images * self.tokens) as f64 / seconds;
        Ok(Measured { value, unit: "tokens/s", ..Measured::default() })
    }
}

struct Timed {
    sample: Sample,
    model: PathBuf,
}

impl Compute for Timed {
    type Output = Result<f64>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<f64> {
        let network = weights::read::<B>(&self.model, &device)?;
        let decoder = Decoder::new(&network);
        let seed = Seed::new(SEED).named("bench/sample");
        let run = |tokens| {
            let drawing = |i| Drawing { tokens: Vec::new(), rng: seed.nth(i as u64).rng() };
            let mut images: Vec<_> = (0..self.sample.images).map(drawing).collect();
            draw(&decoder, &mut images, tokens, CHOICE, &device, |_| ());
        };
        run(WARM_UP.min(self.sample.tokens));
        let start = Instant::now();
        run(self.sample.tokens);
        Ok(start.elapsed().as_secs_f64())
    }
}
