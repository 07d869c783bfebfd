//! Stage `features`: what the inner layers make of every image, as Parquet.
//!
//! One pass over the images takes the features of all layers (section 3.4 of the paper): the
//! normed input of a block's attention, averaged over positions. Images stream through; memory
//! does not grow with their number. Files are read and written beside the computation.

mod dump;
mod error;
mod files;
mod params;

pub use error::Error;
pub use params::{Dtype, FeaturesParams};

use igpt_artifact::table::features::FeaturesMeta;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Kind, Split};
use igpt_model::{Config, Device, facts, weights};
use igpt_stage::{Amount, Context, Forecast, Input, InputFacts, Stage, Summary};

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct FeaturesStage;

impl Stage for FeaturesStage {
    const NAME: &'static str = "features";
    const ABOUT: &'static str = "dump the mean-pooled features of every layer";
    const KIND: Kind = Kind::Features;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Model), Input::required(Kind::Tokens)];
    type Params = FeaturesParams;
    type Error = Error;

    fn forecast(params: &FeaturesParams, inputs: &InputFacts) -> Forecast {
        let Some(config) = facts::expected(inputs) else { return Forecast::default() };
        let layers = params.layers.as_ref().map_or(config.n_layer + 1, Vec::len) as u64;
        let train = inputs.get("tokens", "train").map(|rows| rows.min(params.limit.unwrap_or(rows)));
        let others = inputs.get("tokens", "validation").zip(inputs.get("tokens", "test"));
        let images = train.zip(others).map(|(train, (validation, test))| train + validation + test);
        let mut forecast = Forecast::default()
            .fact("n_embd", config.n_embd as u64)
            .fact("layers", layers)
            .figure("an image", Amount::Flops(config.forward_flops()))
            .figure("memory", Amount::Bytes(config.feature_bytes(params.batch_size)));
        if let Some(images) = images {
            let bytes = images as f64 * layers as f64 * (config.n_embd * params.dtype.bytes()) as f64;
            forecast = forecast
                .figure("images", Amount::Count(images))
                .figure("in all", Amount::Flops(images as f64 * config.forward_flops()))
                .figure("on disk", Amount::Bytes(bytes));
        }
        forecast
    }

    fn run(context: &Context<'_>, params: &FeaturesParams) -> Result<Summary, Error> {
        let model = context.input("model");
        let weights = match params.checkpoint {
            None => model.to_path_buf(),
            Some(step) => weights::checkpoint_dir(model, step),
        };
        if let Some(step) = params.checkpoint.filter(|_| !weights.exists()) {
            return Err(Error::NoCheckpoint { model: model.to_path_buf(), step });
        }
        let config = Config::open(&weights)?;
        let tokens = Tokens::open(context.input("tokens"))?;
        config.check_fit(&tokens.meta)?;
        let layers = params.layers.clone().unwrap_or_else(|| (0..=config.n_layer).collect());
        if let Some(&layer) = layers.iter().find(|&&layer| layer > config.n_layer) {
            return Err(Error::NoSuchLayer { layer, n_layer: config.n_layer });
        }

        let mut meta = FeaturesMeta {
            model: facts::of(&context.inputs["model"], config, params.checkpoint)?,
            n_layer: config.n_layer,
            n_embd: config.n_embd,
            layers,
            tap: params.tap.name().to_owned(),
            classes: tokens.meta.classes.clone(),
            rows: tokens.meta.rows.clone(),
        };
        if let (Some(limit), Some(rows)) = (params.limit, meta.rows.get_mut(&Split::Train)) {
            *rows = (*rows).min(limit);
        }
        let device = Device::choose(context.device)?;
        device.run(dump::Dump {
            context,
            params,
            weights: &weights,
            tokens: &tokens,
            meta: &meta,
            device,
        })?;
        meta.write(context.out)?;
        let images: u64 = meta.rows.values().sum();
        Ok(Summary::default()
            .with("images", images)
            .with("layers", meta.layers.len())
            .with("dims", meta.n_embd)
            .device(device.to_string()))
    }
}
