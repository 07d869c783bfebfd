//! Reads one layer of features, or the pixels, of one split.

use std::path::Path;

use igpt_artifact::{Error as ArtifactError, Split};
use ndarray::Array2;
use polars::prelude::*;

use crate::error::{Error, Result};

/// Where vectors lie in an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// One layer of a features artifact.
    Features {
        /// The layer.
        layer: u32,
    },
    /// The pixels of an images artifact, scaled from bytes to [-1, 1].
    Pixels,
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Features { .. } => "features",
            Self::Pixels => "pixels",
        }
    }

    /// Compares the width of the stored rows with the expected one.
    pub(crate) fn check_width(self, path: &Path, width: usize, expected: usize) -> Result<()> {
        if width == expected {
            return Ok(());
        }
        let message = format!("{width} values a row in `{}`, expected {expected}", self.name());
        Err(ArtifactError::table(path, message).into())
    }
}

/// A byte in [-1, 1].
pub(crate) fn scale_pixel(byte: f32) -> f32 {
    byte / 127.5 - 1.0
}

/// The ids and labels of one split, in the order of the files.
pub(crate) fn read_labels(artifact: &Path, split: Split, column: Column) -> Result<Vec<(u64, Option<i64>)>> {
    let path = split.dir(artifact);
    let read = || -> PolarsResult<_> {
        let table = scan(&path, column)?.select([col("image_id"), col("label")]).collect()?;
        let ids = table.column("image_id")?.u64()?;
        let labels = table.column("label")?.i64()?;
        Ok(ids.iter().flatten().zip(labels.iter()).collect())
    };
    read().map_err(|source| Error::Read { path: path.clone(), column: "label", source })
}

/// The ids of one split and a row of values for each: images × `dims`.
pub(crate) fn read_vectors(
    artifact: &Path,
    split: Split,
    column: Column,
    dims: usize,
) -> Result<(Vec<u64>, Array2<f32>)> {
    let path = split.dir(artifact);
    let failed = |source| Error::Read { path: path.clone(), column: column.name(), source };
    let read = || -> PolarsResult<_> {
        let table = scan(&path, column)?.select([col("image_id"), col(column.name())]).collect()?;
        let ids: Vec<u64> = table.column("image_id")?.u64()?.iter().flatten().collect();
        let lists = table.column(column.name())?.array()?;
        let width = lists.width();
        let values = lists.rechunk().get_inner().cast(&DataType::Float32)?;
        // Nulls, which the schema forbids, fall out here and are missed below.
        let values: Vec<f32> = values.f32()?.iter().flatten().collect();
        Ok((ids, width, values))
    };
    let (ids, width, mut values) = read().map_err(failed)?;
    column.check_width(&path, width, dims)?;
    if column == Column::Pixels {
        values.iter_mut().for_each(|value| *value = scale_pixel(*value));
    }
    let rows = ids.len();
    let matrix = Array2::from_shape_vec((rows, dims), values).map_err(|_| {
        let message = format!("nulls in `{}` or `image_id`", column.name());
        ArtifactError::table(&path, message)
    })?;
    Ok((ids, matrix))
}

/// A lazy scan of a split. The folders `layer=…` below it are hive partitions, so a filter on the layer
/// opens that layer's files and no other.
fn scan(split: &Path, column: Column) -> PolarsResult<LazyFrame> {
    let args = ScanArgsParquet {
        hive_options: HiveOptions { try_parse_dates: false, ..HiveOptions::new_enabled() },
        // A path is a path: `[` in a user's folder name is no pattern.
        glob: false,
        ..ScanArgsParquet::default()
    };
    let table = LazyFrame::scan_parquet(PlRefPath::try_from_path(split)?, args)?;
    Ok(match column {
        Column::Features { layer } => table.filter(col("layer").eq(lit(layer))),
        Column::Pixels => table,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_artifact::table::features::{Features, FeaturesMeta};
    use igpt_artifact::table::images::{Images, ImagesMeta};

    #[test]
    fn one_layer_of_many_parts_and_labels_that_may_be_missing() {
        let dir = tempfile::Builder::new().prefix("a[b]*").tempdir().unwrap();
        let meta = FeaturesMeta { n_embd: 2, ..Default::default() };
        for layer in [0, 1, 10] {
            let mut writer = Features::writer::<f32>(dir.path(), Split::Train, layer, &meta);
            for id in 0..70_000_u64 {
                writer.push(id, (id % 2 == 0).then_some(id as i64), &[id as f32, layer as f32]).unwrap();
            }
            writer.finish().unwrap();
        }
        let column = Column::Features { layer: 1 };
        let (ids, values) = read_vectors(dir.path(), Split::Train, column, 2).unwrap();
        assert!(ids.iter().copied().eq(0..70_000));
        assert_eq!(values.row(69_999).to_vec(), [69_999.0, 1.0]);
        let labels = read_labels(dir.path(), Split::Train, column).unwrap();
        assert_eq!(labels[..3], [(0, Some(0)), (1, None), (2, Some(2))]);
        let error = read_vectors(dir.path(), Split::Train, column, 3).unwrap_err().to_string();
        assert!(error.contains("split=train: 2 values a row in `features`, expected 3"), "{error}");
    }

    #[test]
    fn pixels_run_from_minus_one_to_one() {
        let dir = tempfile::tempdir().unwrap();
        let meta = ImagesMeta { height: 1, width: 1, ..Default::default() };
        let mut writer = Images::writer(dir.path(), Split::Test, &meta);
        writer.push(3, Some(0), &[0, 255, 51]).unwrap();
        writer.finish().unwrap();
        let (ids, values) = read_vectors(dir.path(), Split::Test, Column::Pixels, 3).unwrap();
        assert_eq!((ids, values.into_raw_vec_and_offset().0), (vec![3], vec![-1.0, 1.0, -0.6]));
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Split::Train.dir(dir.path()).join("layer=0");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("part-00000.parquet"), b"PAR1 and no more").unwrap();
        let error = read_labels(dir.path(), Split::Train, Column::Features { layer: 0 }).unwrap_err();
        assert!(error.to_string().contains("split=train: cannot read `label`"), "{error}");
    }
}
