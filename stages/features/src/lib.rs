//! Stage `features`: what the inner layers make of every image, as Parquet.
//!
//! One pass over the images takes the features of all layers (section 3.4 of the paper): the
//! normed input of a block's attention, averaged over positions. Images stream through; memory
//! does not grow with their number.

mod dump;
mod error;
mod params;

pub use error::Error;
pub use params::FeaturesParams;

use igpt_artifact::table::features::FeaturesMeta;
use igpt_artifact::table::metrics::{Metric, read_metrics};
use igpt_artifact::table::model::ModelFacts;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Kind, Split};
use igpt_model::{Config, Device, weights};
use igpt_stage::{Context, Input, Stage, Summary};

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
        check_fit(config, &tokens)?;
        let layers = params.layers.clone().unwrap_or_else(|| (0..=config.n_layer).collect());
        if let Some(&layer) = layers.iter().find(|&&layer| layer > config.n_layer) {
            return Err(Error::NoSuchLayer { layer, n_layer: config.n_layer });
        }

        let mut meta = FeaturesMeta {
            model: facts(context, config, params.checkpoint)?,
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

/// What is known of the network: its sizes, and what its training curve says of it.
fn facts(context: &Context<'_>, config: Config, checkpoint: Option<u64>) -> Result<ModelFacts, Error> {
    let model = &context.inputs["model"];
    let metrics = read_metrics(&model.dir)?;
    let step = checkpoint.or_else(|| metrics.last().map(|metric| metric.step));
    let at_step = |metric: &&Metric| metric.split == Split::Validation && Some(metric.step) == step;
    let validation = metrics.iter().find(at_step);
    Ok(ModelFacts {
        name: model.manifest.name.clone(),
        n_layer: config.n_layer,
        n_embd: config.n_embd,
        n_head: config.n_head,
        n_positions: config.n_positions,
        k: config.k,
        parameters: config.parameters() as u64,
        objective: config.objective.name().to_owned(),
        step,
        validation_loss: validation.map(|metric| metric.loss),
    })
}

/// A network can only look at sequences of its own length and palette.
fn check_fit(config: Config, tokens: &Tokens) -> Result<(), Error> {
    if config.n_positions == tokens.meta.len() && config.k == tokens.meta.k {
        return Ok(());
    }
    Err(Error::Misfit {
        n_positions: config.n_positions,
        model_k: config.k,
        length: tokens.meta.len(),
        tokens_k: tokens.meta.k,
    })
}
