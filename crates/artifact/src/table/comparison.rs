//! The comparison artifact: `comparison.parquet`, many networks in one table.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, StringArray, UInt32Array, UInt64Array};

use super::metrics::write_columns;
use super::model::ModelFacts;
use crate::Result;

/// The table's file in a comparison artifact.
pub const COMPARISON_FILE: &str = "comparison.parquet";

/// A layer of a network, or a network that was fine-tuned.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonRow {
    /// The network, and how far it was trained.
    pub model: ModelFacts,
    /// How it was judged: `probe` or `finetune`.
    pub how: &'static str,
    /// The layer that was probed; none for a fine-tuned network.
    pub layer: Option<u32>,
    /// Whether the layer is the network's best on validation images; a fine-tuned network always is.
    pub best: bool,
    /// Top-1 on validation images, in 0..=1.
    pub validation_accuracy: f64,
    /// Top-1 on test images, in 0..=1.
    pub test_accuracy: f64,
}

/// Writes `comparison.parquet`: model string, objective string, `n_layer` u32, `n_embd` u32, parameters u64,
/// step u64 (nullable), `validation_loss` f64 (nats/token, nullable), how string, layer u32 (nullable), best
/// bool, `validation_accuracy` f64, `test_accuracy` f64.
pub fn write_comparison(artifact: &Path, rows: &[ComparisonRow]) -> Result<()> {
    let texts = |value: fn(&ComparisonRow) -> &str| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(value(row))).collect::<StringArray>())
    };
    let u32s = |value: fn(&ComparisonRow) -> Option<u32>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<UInt32Array>())
    };
    let u64s = |value: fn(&ComparisonRow) -> Option<u64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<UInt64Array>())
    };
    let f64s = |value: fn(&ComparisonRow) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let best: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.best)).collect::<BooleanArray>());
    write_columns(
        &artifact.join(COMPARISON_FILE),
        [
            ("model", texts(|row| &row.model.name)),
            ("objective", texts(|row| &row.model.objective)),
            ("n_layer", u32s(|row| Some(row.model.n_layer as u32))),
            ("n_embd", u32s(|row| Some(row.model.n_embd as u32))),
            ("parameters", u64s(|row| Some(row.model.parameters))),
            ("step", u64s(|row| row.model.step)),
            ("validation_loss", f64s(|row| row.model.validation_loss)),
            ("how", texts(|row| row.how)),
            ("layer", u32s(|row| row.layer)),
            ("best", best),
            ("validation_accuracy", f64s(|row| Some(row.validation_accuracy))),
            ("test_accuracy", f64s(|row| Some(row.test_accuracy))),
        ],
    )
}
