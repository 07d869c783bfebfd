//! Probes that were given few labels: `low_data.parquet` sums them up, `subsets.parquet` says which images
//! they were given, so that anyone can fit the same classifier.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{Float64Type, UInt32Type};

use super::{Source, Subset};
use crate::table::metrics::write_columns;
use crate::table::read::{Columns, cell, read_batches};
use crate::{Error, Result};

/// The summary's file in a probe artifact.
pub const LOW_DATA_FILE: &str = "low_data.parquet";

/// The file of the subsets' images in a probe artifact.
pub const SUBSETS_FILE: &str = "subsets.parquet";

/// How the probes of one source did with one number of labels a class, over all subsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowDataRow {
    /// What they looked at.
    pub source: Source,
    /// The layer, for a network: the best one with all labels.
    pub layer: Option<u32>,
    /// Labelled train images of each class.
    pub labels_per_class: u32,
    /// How many subsets were drawn.
    pub subsets: u32,
    /// Mean test accuracy, in 0..=1.
    pub mean: f64,
    /// Sample standard deviation of the test accuracy; none of a single subset.
    pub deviation: Option<f64>,
}

/// An image of a subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubsetRow {
    /// The subset.
    pub subset: Subset,
    /// The image.
    pub image_id: u64,
}

/// Writes `low_data.parquet`: source string, layer u32 (nullable), `labels_per_class` u32, subsets u32,
/// mean f64, deviation f64 (nullable).
pub fn write_low_data(artifact: &Path, rows: &[LowDataRow]) -> Result<()> {
    let u32s = |value: fn(&LowDataRow) -> Option<u32>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<UInt32Array>())
    };
    let f64s = |value: fn(&LowDataRow) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let sources: ArrayRef = Arc::new(rows.iter().map(|r| Some(r.source.name())).collect::<StringArray>());
    write_columns(
        &artifact.join(LOW_DATA_FILE),
        [
            ("source", sources),
            ("layer", u32s(|r| r.layer)),
            ("labels_per_class", u32s(|r| Some(r.labels_per_class))),
            ("subsets", u32s(|r| Some(r.subsets))),
            ("mean", f64s(|r| Some(r.mean))),
            ("deviation", f64s(|r| r.deviation)),
        ],
    )
}

/// Reads the `low_data.parquet` of the probe artifact at `dir`; empty where it has none.
///
/// # Errors
/// A table that is damaged or of another schema.
pub fn read_low_data(dir: &Path) -> Result<Vec<LowDataRow>> {
    let path = dir.join(LOW_DATA_FILE);
    let mut rows = Vec::new();
    if !path.exists() {
        return Ok(rows);
    }
    for batch in read_batches(&path)? {
        let columns = Columns { path: &path, batch: &batch? };
        let sources = columns.texts("source")?;
        let [layer, labels_per_class, subsets] =
            ["layer", "labels_per_class", "subsets"].map(|name| columns.numbers::<UInt32Type>(name));
        let [mean, deviation] = ["mean", "deviation"].map(|name| columns.numbers::<Float64Type>(name));
        let (layer, labels_per_class, subsets) = (layer?, labels_per_class?, subsets?);
        let (mean, deviation) = (mean?, deviation?);
        for row in 0..columns.batch.num_rows() {
            let source = sources.value(row).parse::<Source>();
            rows.push(LowDataRow {
                source: source.map_err(|e| Error::table(&path, format!("row {row}: {e}")))?,
                layer: cell(layer, row),
                labels_per_class: labels_per_class.value(row),
                subsets: subsets.value(row),
                mean: mean.value(row),
                deviation: cell(deviation, row),
            });
        }
    }
    Ok(rows)
}

/// Writes `subsets.parquet`: `labels_per_class` u32, subset u32, `image_id` u64.
pub fn write_subsets(artifact: &Path, rows: &[SubsetRow]) -> Result<()> {
    let u32s = |value: fn(&Subset) -> u32| -> ArrayRef {
        Arc::new(rows.iter().map(|r| value(&r.subset)).collect::<UInt32Array>())
    };
    let ids: ArrayRef = Arc::new(rows.iter().map(|r| r.image_id).collect::<UInt64Array>());
    write_columns(
        &artifact.join(SUBSETS_FILE),
        [
            ("labels_per_class", u32s(|subset| subset.labels_per_class)),
            ("subset", u32s(|subset| subset.number)),
            ("image_id", ids),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_low_data(dir.path()).unwrap(), []);
        let row = |source, layer, deviation| LowDataRow {
            source,
            layer,
            labels_per_class: 4,
            subsets: 5,
            mean: 0.732,
            deviation,
        };
        let rows = [row(Source::Model, Some(3), Some(0.015)), row(Source::Pixels, None, None)];
        write_low_data(dir.path(), &rows).unwrap();
        assert_eq!(read_low_data(dir.path()).unwrap(), rows);
    }
}
