//! The model artifact: the network's shape, its training curve and its speed.

use std::path::Path;

use igpt_artifact::Split;
use igpt_artifact::table::metrics::{METRICS_FILE, TIMING_FILE};
use igpt_artifact::table::read_json;
use polars::prelude::{SortMultipleOptions, col, lit};
use serde::Deserialize;

use super::table::{collect, scan};
use crate::Error;

/// The network's shape: the part of Hugging Face's `config.json` that people ask for.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) n_layer: u64,
    pub(crate) n_embd: u64,
    pub(crate) n_head: u64,
    pub(crate) n_positions: u64,
    /// Colours and the start token.
    pub(crate) vocab_size: u64,
}

/// A trained network, as far as the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) config: Config,
    pub(crate) train: Curve,
    pub(crate) validation: Curve,
    /// Seconds of training and tokens a second over all of it; none where they were not kept.
    pub(crate) speed: Option<(f64, f64)>,
}

/// A loss over the course of training, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curve(pub(crate) Vec<Point>);

/// One measured loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) step: u64,
    /// Tokens trained on so far.
    pub(crate) tokens: f64,
    /// Nats per token.
    pub(crate) loss: f64,
    pub(crate) bits_per_pixel: f64,
}

impl Model {
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let config: Config = read_json(&dir.join("config.json"))?;
        let [train, validation] = [Split::Train, Split::Validation].map(|split| Curve::read(dir, split));
        let (train, validation) = (train?, validation?);
        let tokens =
            [&train, &validation].iter().filter_map(|c| c.last()).map(|p| p.tokens).fold(0.0, f64::max);
        let speed = read_seconds(&dir.join(TIMING_FILE))?
            .filter(|&seconds| seconds > 0.0 && tokens > 0.0)
            .map(|seconds| (seconds, tokens / seconds));
        Ok(Self { config, train, validation, speed })
    }
}

impl Curve {
    fn read(dir: &Path, split: Split) -> Result<Self, Error> {
        let path = dir.join(METRICS_FILE);
        // Imported weights come without a curve.
        if !path.exists() {
            return Ok(Self::default());
        }
        let query = scan(&path)?
            .filter(col("split").eq(lit(split.name())))
            .sort(["step"], SortMultipleOptions::default())
            .select([col("step"), col("tokens"), col("loss"), col("bits_per_pixel")]);
        let table = collect(&path, query)?;
        let (steps, tokens) = (table.i64s("step")?, table.f64s("tokens")?);
        let (loss, bits) = (table.f64s("loss")?, table.f64s("bits_per_pixel")?);
        let points = steps.iter().enumerate().map(|(i, step)| Point {
            step: step.and_then(|step| u64::try_from(step).ok()).unwrap_or(0),
            tokens: tokens[i],
            loss: loss[i],
            bits_per_pixel: bits[i],
        });
        Ok(Self(points.collect()))
    }

    /// The loss at the end of training.
    pub(crate) fn last(&self) -> Option<Point> {
        self.0.last().copied()
    }
}

/// The last time in `timing.parquet`.
fn read_seconds(path: &Path) -> Result<Option<f64>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let table = collect(path, scan(path)?.select([col("seconds").max()]))?;
    Ok(table.f64s("seconds")?.first().copied().filter(|seconds| seconds.is_finite()))
}
