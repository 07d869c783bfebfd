//! Training curves: `metrics.parquet` of a model artifact, and its volatile twin `timing.parquet`.
//!
//! `metrics.parquet` holds what the training computed, `timing.parquet` how fast this machine was.
//! The seconds are kept apart because two equal trainings never take equally long, and the
//! artifact's content should be the same.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{Float64Type, UInt64Type};
use serde::{Deserialize, Serialize};

use super::read::{Columns, read_batches};
use super::write::write_table;
use crate::{Error, Result, Split};

/// The curve's file in a model artifact.
pub const METRICS_FILE: &str = "metrics.parquet";

/// The volatile file of seconds in a model artifact.
pub const TIMING_FILE: &str = "timing.parquet";

/// One measured loss.
///
/// Checkpoints hold it as JSON, with floats as their bits: a decimal may come back with another
/// last digit, and a resumed training must end with the bytes of an uninterrupted one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Optimiser steps taken.
    pub step: u64,
    /// What the loss was measured on. Training loss is the mean since the last row.
    pub split: Split,
    /// Mean negative log-likelihood of the next token, in nats per token.
    #[serde(with = "bits")]
    pub loss: f64,
    /// The learning rate of the last step.
    #[serde(with = "bits")]
    pub learning_rate: f64,
    /// Tokens trained on so far.
    pub tokens: u64,
}

/// How long training took up to a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Optimiser steps taken.
    pub step: u64,
    /// Seconds of work since step 0, time before a kill counted in.
    pub seconds: f64,
    /// Tokens a second since the last row.
    pub tokens_per_second: f64,
}

/// Writes `metrics.parquet`: step u64, split string, loss f64 (nats/token), `bits_per_pixel` f64,
/// `learning_rate` f64, tokens u64.
pub fn write_metrics(artifact: &Path, rows: &[Metric]) -> Result<()> {
    let f64s = |value: fn(&Metric) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let u64s =
        |value: fn(&Metric) -> u64| -> ArrayRef { Arc::new(rows.iter().map(value).collect::<UInt64Array>()) };
    let splits: ArrayRef = Arc::new(rows.iter().map(|m| Some(m.split.name())).collect::<StringArray>());
    write_columns(
        &artifact.join(METRICS_FILE),
        [
            ("step", u64s(|m| m.step)),
            ("split", splits),
            ("loss", f64s(|m| m.loss)),
            ("bits_per_pixel", f64s(|m| bits_per_pixel(m.loss))),
            ("learning_rate", f64s(|m| m.learning_rate)),
            ("tokens", u64s(|m| m.tokens)),
        ],
    )
}

/// Reads the `metrics.parquet` of the model artifact at `dir`; empty where it has none, as imported
/// weights have.
pub fn read_metrics(dir: &Path) -> Result<Vec<Metric>> {
    let path = dir.join(METRICS_FILE);
    let mut metrics = Vec::new();
    if !path.exists() {
        return Ok(metrics);
    }
    for batch in read_batches(&path)? {
        let columns = Columns { path: &path, batch: &batch? };
        let splits = columns.splits()?;
        let (steps, tokens) =
            (columns.numbers::<UInt64Type>("step")?, columns.numbers::<UInt64Type>("tokens")?);
        let [losses, rates] = ["loss", "learning_rate"].map(|name| columns.numbers::<Float64Type>(name));
        let (losses, rates) = (losses?, rates?);
        metrics.extend(splits.into_iter().enumerate().map(|(row, split)| Metric {
            step: steps.value(row),
            split,
            loss: losses.value(row),
            learning_rate: rates.value(row),
            tokens: tokens.value(row),
        }));
    }
    Ok(metrics)
}

/// Writes `timing.parquet`: step u64, seconds f64, `tokens_per_second` f64.
pub fn write_timing(artifact: &Path, rows: &[Timing]) -> Result<()> {
    write_columns(
        &artifact.join(TIMING_FILE),
        [
            ("step", Arc::new(rows.iter().map(|t| t.step).collect::<UInt64Array>()) as ArrayRef),
            ("seconds", Arc::new(rows.iter().map(|t| t.seconds).collect::<Float64Array>())),
            (
                "tokens_per_second",
                Arc::new(rows.iter().map(|t| t.tokens_per_second).collect::<Float64Array>()),
            ),
        ],
    )
}

/// One token stands for one pixel, so nats per token over ln 2 are bits per pixel.
pub fn bits_per_pixel(nats_per_token: f64) -> f64 {
    nats_per_token / std::f64::consts::LN_2
}

/// Writes a table of non-null columns of one length.
pub(crate) fn write_columns<const N: usize>(path: &Path, columns: [(&str, ArrayRef); N]) -> Result<()> {
    let nullable = columns.into_iter().map(|(name, array)| {
        let has_nulls = array.null_count() > 0;
        (name, array, has_nulls)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(nullable)
        .map_err(|e| Error::table(path, format!("columns that do not fit: {e}")))?;
    write_table(path, &batch)
}

/// Floats as their bits, for serde's `with`.
pub(crate) mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_metrics(dir.path()).unwrap(), []);
        let row = |step, split, loss| Metric { step, split, loss, learning_rate: 0.1, tokens: 7 * step };
        let rows = [row(0, Split::Validation, 1.5), row(3, Split::Train, 0.1 + 0.2)];
        write_metrics(dir.path(), &rows).unwrap();
        assert_eq!(read_metrics(dir.path()).unwrap(), rows);
    }
}
