//! What is known of a network, for the tables that its features and scores end up in.

use igpt_artifact::Split;
use igpt_artifact::table::metrics::{Metric, read_metrics};
use igpt_artifact::table::model::ModelFacts;
use igpt_stage::{InputArtifact, InputFacts};

use crate::{Config, Result};

/// The sizes of a model artifact's network, and what its training curve says of it, at its end or at a
/// checkpoint.
pub fn of(model: &InputArtifact, config: Config, checkpoint: Option<u64>) -> Result<ModelFacts> {
    let metrics = read_metrics(&model.dir)?;
    let step = checkpoint.or_else(|| metrics.last().map(|metric| metric.step));
    let at_step = |metric: &&Metric| metric.split == Split::Validation && Some(metric.step) == step;
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
        validation_loss: metrics.iter().find(at_step).map(|metric| metric.loss),
    })
}

/// The network that an input `model` will have, as far as a forecast can tell: none where its sizes are not known
/// before it is made or read.
pub fn expected(inputs: &InputFacts) -> Option<Config> {
    let size = |name| inputs.get("model", name).map(|value| value as usize);
    Some(Config {
        n_layer: size("n_layer")?,
        n_embd: size("n_embd")?,
        n_head: size("n_head")?,
        n_positions: size("n_positions")?,
        k: size("k")?,
        ..Config::default()
    })
}
