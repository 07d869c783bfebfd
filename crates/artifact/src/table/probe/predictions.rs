//! `predictions.parquet`: one row a probe and test image, for the probes that are fitted to all labels.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::ProbeId;
use crate::table::TableWriter;
use crate::{Error, Result};

/// The predictions' file in a probe artifact.
pub const PREDICTIONS_FILE: &str = "predictions.parquet";

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

/// The schema of `predictions.parquet`.
pub fn predictions_schema() -> SchemaRef {
    let field = |name: &str, kind| Field::new(name, kind, matches!(name, "layer" | "layers"));
    Arc::new(Schema::new(vec![
        field("source", DataType::Utf8),
        field("layer", DataType::UInt32),
        field("layers", DataType::UInt32),
        field("image_id", DataType::UInt64),
        field("label", DataType::Int64),
        field("predicted", DataType::Int64),
        field("confidence", DataType::Float64),
    ]))
}

/// Writes `predictions.parquet`, one probe after another.
pub struct PredictionsWriter {
    path: PathBuf,
    writer: TableWriter,
}

impl PredictionsWriter {
    /// Creates the table in a new artifact.
    pub fn create(artifact: &Path) -> Result<Self> {
        let path = artifact.join(PREDICTIONS_FILE);
        let writer = TableWriter::create(&path, predictions_schema())?;
        Ok(Self { path, writer })
    }

    /// Appends what one probe said. The table has no column for subsets: probes that are fitted to one
    /// do not belong in it.
    pub fn write(&mut self, id: ProbeId, rows: &[Prediction]) -> Result<()> {
        let i64s = |value: fn(&Prediction) -> i64| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<Int64Array>())
        };
        let same = |value: Option<u32>| -> ArrayRef {
            Arc::new(rows.iter().map(|_| value).collect::<UInt32Array>())
        };
        let columns = vec![
            Arc::new(rows.iter().map(|_| Some(id.source.name())).collect::<StringArray>()) as ArrayRef,
            same(id.layer),
            same(id.layers),
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
