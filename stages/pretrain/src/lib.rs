//! Stage `pretrain`: trains Image GPT to predict each pixel from those before it, or hidden pixels from all
//! others.
//!
//! The recipe is the paper's (appendix B): Adam with β = (0.9, 0.95), linear warm-up, then cosine
//! to zero, no dropout, no weight decay. The artifact is a Hugging Face ImageGPT directory with the
//! training curve beside it.
//!
//! - [`params`]: what can be set;
//! - [`train`]: the loop;
//! - [`snapshots`]: networks kept on the way.

mod error;
pub mod params;
pub mod snapshots;
pub mod train;

pub use error::Error;
pub use params::{Preset, PretrainParams};

use std::time::Duration;

use igpt_artifact::table::metrics;
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Kind, Split};
use igpt_model::cost::Training;
use igpt_model::{Device, Objective, processor};
use igpt_stage::{Amount, Context, Forecast, Input, InputFacts, Stage, Summary};
use igpt_train::order::keep_some;

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

    fn forecast(params: &PretrainParams, inputs: &InputFacts) -> Forecast {
        let (Some(n_positions), Some(k)) = (inputs.get("tokens", "n_positions"), inputs.get("tokens", "k"))
        else {
            return Forecast::default();
        };
        let config = params.config(n_positions as usize, k as usize);
        let training = Training {
            batch_size: params.batch_size,
            accumulate: params.accumulate,
            recompute: params.recompute,
            precision: params.precision,
        };
        let flops = config.step_flops(training);
        Forecast::default()
            .fact("n_layer", config.n_layer as u64)
            .fact("n_embd", config.n_embd as u64)
            .fact("n_head", config.n_head as u64)
            .fact("n_positions", n_positions)
            .fact("k", k)
            .figure("parameters", Amount::Count(config.parameters() as u64))
            .figure("tokens an image", Amount::Count(n_positions))
            .figure("tokens in all", Amount::Count(params.steps * params.batch_size as u64 * n_positions))
            .figure("a step", Amount::Flops(flops))
            .figure("in all", Amount::Flops(flops * params.steps as f64))
            .figure("memory", Amount::Bytes(config.training_bytes(training)))
    }

    fn run(context: &Context<'_>, params: &PretrainParams) -> Result<Summary, Error> {
        let tokens = Tokens::open(context.input("tokens"))?;
        let palette = Palette::open(context.input("palette"))?;
        let train = tokens.read_all(Split::Train)?;
        let mut validation = tokens.read_all(Split::Validation)?;
        let mut test = tokens.read_all(Split::Test)?;
        keep_some(&mut validation, params.validation_images, context.seed.named("pretrain/validation"));
        keep_some(&mut test, params.test_images, context.seed.named("pretrain/test"));
        let fits = params.augment.check(tokens.meta.height, tokens.meta.width);
        fits.map_err(|invalid| Error::Augment(invalid.message))?;

        let config = params.config(tokens.meta.len(), tokens.meta.k);
        let device = Device::choose(context.device)?;
        let history = device.run(train::Training {
            context,
            params,
            config,
            image_width: tokens.meta.width,
            train: &train,
            validation: &validation,
            test: &test,
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
        for split in Split::ALL {
            if let Some(loss) = history.last_loss(split) {
                summary = summary.with(&format!("{split}_loss"), loss);
            }
        }
        // What BERT says of hidden pixels, each by itself, adds up to no likelihood of the image.
        if let (Objective::Autoregressive, Some(loss)) = (params.objective, history.last_loss(Split::Test)) {
            summary = summary.with("test_bits_per_pixel", metrics::bits_per_pixel(loss));
        }
        Ok(summary)
    }
}
