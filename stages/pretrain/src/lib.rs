//! Stage `pretrain`: trains Image GPT to predict each pixel from those before it.
//!
//! The recipe is the paper's (appendix B): Adam with β = (0.9, 0.95), linear warm-up, then cosine
//! to zero, no dropout, no weight decay. The artifact is a Hugging Face ImageGPT directory with the
//! training curve beside it.
//!
//! - [`params`]: what can be set;
//! - [`schedule`]: the learning rate of a step;
//! - [`batches`]: which images a step sees;
//! - [`gradient`]: its loss and gradient, on all threads;
//! - [`train`]: the loop;
//! - [`checkpoint`]: what a killed training goes on from.

pub mod batches;
pub mod checkpoint;
mod error;
pub mod gradient;
pub mod params;
pub mod schedule;
pub mod train;

pub use error::Error;
pub use params::PretrainParams;

use std::time::Duration;

use igpt_artifact::table::metrics;
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Kind, Split};
use igpt_model::{Config, Device, processor};
use igpt_stage::{Context, Input, Stage, Summary};

/// Work that a kill may cost.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct PretrainStage;

impl Stage for PretrainStage {
    const NAME: &'static str = "pretrain";
    const ABOUT: &'static str = "train Image GPT to predict the next token";
    const KIND: Kind = Kind::Model;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Tokens), Input::required(Kind::Palette)];
    type Params = PretrainParams;
    type Error = Error;

    fn run(context: &Context<'_>, params: &PretrainParams) -> Result<Summary, Error> {
        let tokens = Tokens::open(context.input("tokens"))?;
        let palette = Palette::open(context.input("palette"))?;
        let train = tokens.read_all(Split::Train)?;
        let mut validation = tokens.read_all(Split::Validation)?;
        batches::keep_some(&mut validation, params.validation_images, context.seed);
        if train.rows() < params.batch_size {
            return Err(Error::TooFewImages { images: train.rows(), batch_size: params.batch_size });
        }

        let config = Config {
            n_layer: params.n_layer,
            n_embd: params.n_embd,
            n_head: params.n_head,
            n_positions: tokens.meta.len(),
            k: tokens.meta.k,
            ..Config::default()
        };
        let device = Device::choose(context.device)?;
        let history = device.run(train::Training {
            context,
            params,
            config,
            train: &train,
            validation: &validation,
            checkpoint_every: CHECKPOINT_EVERY,
            device,
        })?;

        processor::write(&palette, tokens.meta.height, tokens.meta.width, context.out)?;
        metrics::write_metrics(context.out, &history.metrics)?;
        metrics::write_timing(context.out, &history.timings)?;

        let mut summary = Summary::default()
            .with("parameters", config.parameters())
            .with("steps", params.steps)
            .with("tokens", history.tokens())
            .volatile(metrics::TIMING_FILE)
            .device(device.to_string());
        for (split, name) in [(Split::Train, "train_loss"), (Split::Validation, "validation_loss")] {
            if let Some(loss) = history.last_loss(split) {
                summary = summary.with(name, loss);
            }
        }
        if let Some(loss) = history.last_loss(Split::Validation) {
            summary = summary.with("validation_bits_per_pixel", metrics::bits_per_pixel(loss));
        }
        Ok(summary)
    }
}
