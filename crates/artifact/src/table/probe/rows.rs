//! `probes.parquet`: one row a probe and split.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;

use super::{ProbeId, Source, Subset};
use crate::table::read::{Columns, cell, read_batches};
use crate::table::write::write_table;
use crate::{Error, Result, Split};

/// The results' file in a probe artifact.
pub const PROBES_FILE: &str = "probes.parquet";

/// How a probe did on one split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeRow {
    /// Which probe.
    pub id: ProbeId,
    /// Values in a feature vector.
    pub dims: u32,
    /// The L2 strength; chosen on the validation split unless the solver was `sgd`.
    pub l2: f64,
    /// The learning rate, chosen on the validation split, where the solver was `sgd`.
    pub learning_rate: Option<f64>,
    /// The split that it was judged on. For a probe on a subset, `train` is the subset.
    pub split: Split,
    /// Share of images whose most likely class is the label (top-1), in 0..=1.
    pub accuracy: f64,
    /// Mean negative log-likelihood of the label, in nats.
    pub loss: f64,
    /// Images that it was judged on.
    pub images: u64,
    /// Iterations of the solver.
    pub iterations: u64,
}

/// The schema of `probes.parquet`.
pub fn probes_schema() -> SchemaRef {
    let field = |name: &str, kind| Field::new(name, kind, false);
    let nullable = |name: &str, kind| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        field("source", DataType::Utf8),
        nullable("layer", DataType::UInt32),
        nullable("layers", DataType::UInt32),
        nullable("labels_per_class", DataType::UInt32),
        nullable("subset", DataType::UInt32),
        field("dims", DataType::UInt32),
        field("l2", DataType::Float64),
        nullable("learning_rate", DataType::Float64),
        field("split", DataType::Utf8),
        field("accuracy", DataType::Float64),
        field("loss", DataType::Float64),
        field("images", DataType::UInt64),
        field("iterations", DataType::UInt64),
    ]))
}

/// Writes `probes.parquet`.
pub fn write_probes(artifact: &Path, rows: &[ProbeRow]) -> Result<()> {
    let path = artifact.join(PROBES_FILE);
    let f64s = |value: fn(&ProbeRow) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let u32s = |value: fn(&ProbeRow) -> Option<u32>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<UInt32Array>())
    };
    let u64s = |value: fn(&ProbeRow) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<UInt64Array>())
    };
    let texts = |value: fn(&ProbeRow) -> &'static str| -> ArrayRef {
        Arc::new(rows.iter().map(|r| Some(value(r))).collect::<StringArray>())
    };
    let columns = vec![
        texts(|r| r.id.source.name()),
        u32s(|r| r.id.layer),
        u32s(|r| r.id.layers),
        u32s(|r| r.id.subset.map(|subset| subset.labels_per_class)),
        u32s(|r| r.id.subset.map(|subset| subset.number)),
        u32s(|r| Some(r.dims)),
        f64s(|r| Some(r.l2)),
        f64s(|r| r.learning_rate),
        texts(|r| r.split.name()),
        f64s(|r| Some(r.accuracy)),
        f64s(|r| Some(r.loss)),
        u64s(|r| r.images),
        u64s(|r| r.iterations),
    ];
    let batch =
        RecordBatch::try_new(probes_schema(), columns).map_err(|e| Error::table(&path, e.to_string()))?;
    write_table(&path, &batch)
}

/// Reads the `probes.parquet` of the probe artifact at `dir`.
///
/// # Errors
/// A table that is missing, damaged or of another schema.
pub fn read_probes(dir: &Path) -> Result<Vec<ProbeRow>> {
    let path = dir.join(PROBES_FILE);
    let mut rows = Vec::new();
    for batch in read_batches(&path)? {
        let columns = Columns { path: &path, batch: &batch? };
        let (sources, splits) = (columns.texts("source")?, columns.splits()?);
        let (layer, layers) =
            (columns.numbers::<UInt32Type>("layer")?, columns.numbers::<UInt32Type>("layers")?);
        let labels_per_class = columns.numbers::<UInt32Type>("labels_per_class")?;
        let subset = columns.numbers::<UInt32Type>("subset")?;
        let dims = columns.numbers::<UInt32Type>("dims")?;
        let l2 = columns.numbers::<Float64Type>("l2")?;
        let learning_rate = columns.numbers::<Float64Type>("learning_rate")?;
        let (accuracy, loss) =
            (columns.numbers::<Float64Type>("accuracy")?, columns.numbers::<Float64Type>("loss")?);
        let (images, iterations) =
            (columns.numbers::<UInt64Type>("images")?, columns.numbers::<UInt64Type>("iterations")?);
        for (row, split) in splits.into_iter().enumerate() {
            let bad = |message: String| Error::table(&path, format!("row {row}: {message}"));
            let source = sources.value(row).parse::<Source>().map_err(|e| bad(format!("{e}")))?;
            let subset = cell(labels_per_class, row)
                .zip(cell(subset, row))
                .map(|(labels_per_class, number)| Subset { labels_per_class, number });
            rows.push(ProbeRow {
                id: ProbeId { source, layer: cell(layer, row), layers: cell(layers, row), subset },
                dims: dims.value(row),
                l2: l2.value(row),
                learning_rate: cell(learning_rate, row),
                split,
                accuracy: accuracy.value(row),
                loss: loss.value(row),
                images: images.value(row),
                iterations: iterations.value(row),
            });
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_kind_come_back() {
        let layer = ProbeId::layer(Source::Model, 3);
        let ids = [
            layer,
            layer.side_by_side(5),
            layer.on(Subset { labels_per_class: 25, number: 4 }),
            ProbeId::PIXELS,
        ];
        let row = |(i, id)| ProbeRow {
            id,
            dims: 8,
            l2: 0.1 + 0.2,
            learning_rate: (i % 2 == 0).then_some(0.3),
            split: Split::ALL[i % 3],
            accuracy: 0.5,
            loss: 1.25,
            images: 1 << 40,
            iterations: 7,
        };
        let rows: Vec<_> = ids.into_iter().enumerate().map(row).collect();
        let dir = tempfile::tempdir().unwrap();
        write_probes(dir.path(), &rows).unwrap();
        assert_eq!(read_probes(dir.path()).unwrap(), rows);
    }

    #[test]
    fn ids_read_well() {
        let layer = ProbeId::layer(Source::Untrained, 3);
        assert_eq!(layer.to_string(), "untrained layer 3");
        assert_eq!(layer.side_by_side(5).to_string(), "untrained 5 layers around 3");
        let few = ProbeId::PIXELS.on(Subset { labels_per_class: 4, number: 0 });
        assert_eq!(few.to_string(), "pixels, 4 labels a class, subset 0");
    }
}
