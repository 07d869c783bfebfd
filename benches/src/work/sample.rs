//! Drawing images token after token, with keys and values kept.

use std::path::PathBuf;
use std::time::Instant;

use igpt_kernels::Kernels;
use igpt_model::cache::Cache;
use igpt_model::{Compute, Config, Device, ImageGpt, Sequences, weights};
use igpt_stage::Seed;
use rand::Rng;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;

use super::{Measured, Work};
use crate::error::{Error, Result};
use crate::figure::Prepared;
use crate::inputs::{SEED, take_config, write_model};
use crate::settings::{Place, Settings};

/// So many tokens are drawn before the clock starts.
const WARM_UP: usize = 4;

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
        let mut rng = Seed::new(SEED).named("bench/sample").rng();
        draw(&network, self.sample.images, WARM_UP.min(self.sample.tokens), &mut rng, &device)?;
        let start = Instant::now();
        draw(&network, self.sample.images, self.sample.tokens, &mut rng, &device)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Draws the first `tokens` tokens of `images` images, each by the network's own probabilities.
fn draw<B: Kernels>(
    network: &ImageGpt<B>,
    images: usize,
    tokens: usize,
    rng: &mut impl Rng,
    device: &B::Device,
) -> Result<()> {
    let config = network.config();
    let mut cache = Cache::new(config, images, device);
    let mut previous = None;
    for _ in 0..tokens {
        let logits: Vec<f32> = network.step(previous, &mut cache).into_data().iter().collect();
        let column = logits.chunks_exact(config.k).map(|logits| choose(logits, rng));
        let column: Vec<u16> = column.collect::<Result<_>>()?;
        previous = Some(Sequences::new(&column, 1, device).tokens);
    }
    Ok(())
}

fn choose(logits: &[f32], rng: &mut impl Rng) -> Result<u16> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = logits.iter().map(|logit| (logit - most).exp());
    let chances = WeightedIndex::new(weights).map_err(|e| Error::Setting(format!("logits: {e}")))?;
    Ok(chances.sample(rng) as u16)
}
