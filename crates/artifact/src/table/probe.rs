//! The probe artifact: `probes.parquet`, one row a probe and split, and `predictions.parquet`,
//! one row a probe and test image.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use super::write::{TableWriter, write_table};
use crate::{Error, Result, Split};

/// The results' file in a probe artifact.
pub const PROBES_FILE: &str = "probes.parquet";

/// The predictions' file in a probe artifact.
pub const PREDICTIONS_FILE: &str = "predictions.parquet";

/// What a probe looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A layer of the trained network.
    Model,
    /// The same layer of the same network before training.
    Untrained,
    /// The pixels themselves.
    Pixels,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Model, Self::Untrained, Self::Pixels];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Untrained => "untrained",
            Self::Pixels => "pixels",
        }
    }
}

/// How a probe did on one split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeRow {
    /// What it looked at.
    pub source: Source,
    /// The layer, for a network.
    pub layer: Option<u32>,
    /// Values in a feature vector.
    pub dims: u32,
    /// The L2 strength, chosen on the validation split.
    pub l2: f64,
    /// The split that it was judged on.
    pub split: Split,
    /// Share of images whose most likely class is the label (top-1), in 0..=1.
    pub accuracy: f64,
    /// Mean negative log-likelihood of the label, in nats.
    pub loss: f64,
    /// Images in the split.
    pub images: u64,
    /// Iterations of the solver.
    pub iterations: u64,
}

/// What a probe said of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The image.
    pub image_id: u64,
    /// Its class.
    pub label: i64,
    /// The class that the probe finds most likely.
    pub predicted: i64,
    /// The probability that the probe gives to `predicted`.
    pub confidence: f64,
}

fn field(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, name == "layer")
}

/// The schema of `probes.parquet`.
pub fn probes_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        field("source", DataType::Utf8),
        field("layer", DataType::UInt32),
        field("dims", DataType::UInt32),
        field("l2", DataType::Float64),
        field("split", DataType::Utf8),
        field("accuracy", DataType::Float64),
        field("loss", DataType::Float64),
        field("images", DataType::UInt64),
        field("iterations", DataType::UInt64),
    ]))
}

/// The schema of `predictions.parquet`.
pub fn predictions_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        field("source", DataType::Utf8),
        field("layer", DataType::UInt32),
        field("image_id", DataType::UInt64),
        field("label", DataType::Int64),
        field("predicted", DataType::Int64),
        field("confidence", DataType::Float64),
    ]))
}

/// Writes `probes.parquet`.
pub fn write_probes(artifact: &Path, rows: &[ProbeRow]) -> Result<()> {
    let path = artifact.join(PROBES_FILE);
    let f64s = |value: fn(&ProbeRow) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let u64s = |value: fn(&ProbeRow) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<UInt64Array>())
    };
    let texts = |value: fn(&ProbeRow) -> &'static str| -> ArrayRef {
        Arc::new(rows.iter().map(|r| Some(value(r))).collect::<StringArray>())
    };
    let columns = vec![
        texts(|r| r.source.name()),
        Arc::new(rows.iter().map(|r| r.layer).collect::<UInt32Array>()) as ArrayRef,
        Arc::new(rows.iter().map(|r| r.dims).collect::<UInt32Array>()),
        f64s(|r| r.l2),
        texts(|r| r.split.name()),
        f64s(|r| r.accuracy),
        f64s(|r| r.loss),
        u64s(|r| r.images),
        u64s(|r| r.iterations),
    ];
    let batch =
        RecordBatch::try_new(probes_schema(), columns).map_err(|e| Error::table(&path, e.to_string()))?;
    write_table(&path, &batch)
}

/// Writes `predictions.parquet`, one probe after another.
pub struct PredictionsWriter {
    path: std::path::PathBuf,
    writer: TableWriter,
}

impl PredictionsWriter {
    /// Creates the table in a new artifact.
    pub fn create(artifact: &Path) -> Result<Self> {
        let path = artifact.join(PREDICTIONS_FILE);
        let writer = TableWriter::create(&path, predictions_schema())?;
        Ok(Self { path, writer })
    }

    /// Appends what one probe said.
    pub fn write(&mut self, source: Source, layer: Option<u32>, rows: &[Prediction]) -> Result<()> {
        let i64s = |value: fn(&Prediction) -> i64| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<Int64Array>())
        };
        let columns = vec![
            Arc::new(rows.iter().map(|_| Some(source.name())).collect::<StringArray>()) as ArrayRef,
            Arc::new(rows.iter().map(|_| layer).collect::<UInt32Array>()),
            Arc::new(rows.iter().map(|r| r.image_id).collect::<UInt64Array>()),
            i64s(|r| r.label),
            i64s(|r| r.predicted),
            Arc::new(rows.iter().map(|r| r.confidence).collect::<Float64Array>()),
        ];
        let batch = RecordBatch::try_new(predictions_schema(), columns)
            .map_err(|e| Error::table(&self.path, e.to_string()))?;
        self.writer.write(&batch)
    }

    /// Closes the file.
    pub fn finish(self) -> Result<()> {
        self.writer.finish()
    }
}
