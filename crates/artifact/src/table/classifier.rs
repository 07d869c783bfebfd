//! The classifier artifact: a model directory with a class head, and `metrics.parquet`, how it did on the way.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow::datatypes::{Float64Type, UInt64Type};
use serde::{Deserialize, Serialize};

use super::metrics::{METRICS_FILE, bits, write_columns};
use super::model::ModelFacts;
use super::probe::{PREDICTIONS_FILE, Prediction};
use super::read::{Columns, read_batches};
use super::{read_json, write_json};
use crate::{Result, Split};

/// How a classifier did on a split. Checkpoints hold it as JSON, with floats as their bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassifierMetric {
    /// Optimiser steps taken.
    pub step: u64,
    /// What it was judged on.
    pub split: Split,
    /// Share of images whose most likely class is the label (top-1), in 0..=1.
    #[serde(with = "bits")]
    pub accuracy: f64,
    /// Mean negative log-likelihood of the label, in nats.
    #[serde(with = "bits")]
    pub class_loss: f64,
    /// Generative loss, in nats per token.
    #[serde(with = "bits")]
    pub loss: f64,
}

/// A classifier artifact, as far as its tables go.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    /// The network that was fine-tuned, as it was before.
    pub model: ModelFacts,
    /// How it did on the way.
    pub curve: Vec<ClassifierMetric>,
}

impl Classifier {
    const FILE: &str = "classifier.json";

    /// Reads the artifact at `dir`.
    ///
    /// # Errors
    /// A file that is missing, damaged or of another schema.
    pub fn open(dir: &Path) -> Result<Self> {
        Ok(Self { model: read_json(&dir.join(Self::FILE))?, curve: read_curve(&dir.join(METRICS_FILE))? })
    }

    /// Writes `classifier.json` and `metrics.parquet` into an artifact directory.
    pub fn write(&self, artifact: &Path) -> Result<()> {
        write_json(&artifact.join(Self::FILE), &self.model)?;
        write_curve(artifact, &self.curve)
    }
}

fn read_curve(path: &Path) -> Result<Vec<ClassifierMetric>> {
    let mut curve = Vec::new();
    for batch in read_batches(path)? {
        let columns = Columns { path, batch: &batch? };
        let (splits, steps) = (columns.splits()?, columns.numbers::<UInt64Type>("step")?);
        let f64s = |name| columns.numbers::<Float64Type>(name);
        let (accuracy, class_loss, loss) = (f64s("accuracy")?, f64s("class_loss")?, f64s("loss")?);
        curve.extend(splits.into_iter().enumerate().map(|(row, split)| ClassifierMetric {
            step: steps.value(row),
            split,
            accuracy: accuracy.value(row),
            class_loss: class_loss.value(row),
            loss: loss.value(row),
        }));
    }
    Ok(curve)
}

/// Writes `predictions.parquet`: what the classifier says of each test image, as `image_id` u64, label i64,
/// predicted i64, confidence f64 (the probability given to `predicted`).
pub fn write_class_predictions(artifact: &Path, rows: &[Prediction]) -> Result<()> {
    let i64s = |value: fn(&Prediction) -> i64| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Int64Array>())
    };
    write_columns(
        &artifact.join(PREDICTIONS_FILE),
        [
            ("image_id", Arc::new(rows.iter().map(|row| row.image_id).collect::<UInt64Array>()) as ArrayRef),
            ("label", i64s(|row| row.label)),
            ("predicted", i64s(|row| row.predicted)),
            ("confidence", Arc::new(rows.iter().map(|row| row.confidence).collect::<Float64Array>())),
        ],
    )
}

/// `metrics.parquet`: step u64, split string, accuracy f64, `class_loss` f64 (nats), loss f64
/// (nats/token). The row on test is of the network that was kept.
fn write_curve(artifact: &Path, rows: &[ClassifierMetric]) -> Result<()> {
    let f64s = |value: fn(&ClassifierMetric) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let splits: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.split.name())).collect::<StringArray>());
    write_columns(
        &artifact.join(METRICS_FILE),
        [
            ("step", Arc::new(rows.iter().map(|row| row.step).collect::<UInt64Array>()) as ArrayRef),
            ("split", splits),
            ("accuracy", f64s(|row| row.accuracy)),
            ("class_loss", f64s(|row| row.class_loss)),
            ("loss", f64s(|row| row.loss)),
        ],
    )
}
