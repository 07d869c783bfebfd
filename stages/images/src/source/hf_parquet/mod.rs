//! Data sets of images as Parquet files, as on the Hugging Face hub.
//!
//! A file holds a column of images (`struct<bytes: binary, path: string>`, the encoded file) and
//! a column of class indices. Source: the `Image` and `ClassLabel` features of the `datasets`
//! library, <https://huggingface.co/docs/datasets/image_dataset>.

mod columns;
mod files;
mod rows;

pub(crate) use columns::ColumnNames;

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::Split;

use self::columns::class_names;
use self::files::DataFile;
use self::rows::Rows;
use super::names::check_label;
use super::{Labelled, Source, by_file};
use crate::decode::decode;
use crate::{Error, Place};

/// A data set, opened for reading. Footers are held in memory, rows are streamed.
#[derive(Debug)]
pub(crate) struct HfParquet {
    files: BTreeMap<Split, Vec<DataFile>>,
    classes: Vec<String>,
}

impl HfParquet {
    /// Opens the files of a folder, or a single file as training images.
    pub(crate) fn open(path: &Path, names: &ColumnNames) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for (split, paths) in files::find(path)? {
            let opened =
                paths.into_iter().map(|path| DataFile::open(path, names)).collect::<Result<Vec<_>, _>>()?;
            files.insert(split, opened);
        }
        let classes = files
            .get(&Split::Train)
            .and_then(|files| files.first())
            .map(|file| class_names(file.metadata.schema(), &file.columns))
            .unwrap_or_default();
        Ok(Self { files, classes })
    }
}

/// A row: an image file in memory, and its class index.
#[derive(Debug)]
pub(crate) struct Row {
    place: Place,
    bytes: Vec<u8>,
    label: Option<i64>,
}

impl Source for HfParquet {
    type Raw = Row;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        Some(self.files.get(&split)?.iter().map(|file| file.rows).sum())
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Row, Error>> + Send + 'a, Error> {
        let files = self.files.get(&split).map_or(&[][..], Vec::as_slice);
        let runs = by_file(files.iter().map(|file| file.rows), rows);
        Ok(Rows::new(
            runs.into_iter()
                .map(move |(file, first, rows)| (&files[file], rows.iter().map(|row| row - first).collect())),
        ))
    }

    fn bytes(&self, raw: &Row) -> usize {
        raw.bytes.len()
    }

    fn load(&self, Row { place, bytes, label }: Row) -> Result<Labelled, Error> {
        label.map_or(Ok(()), |label| check_label(label, &self.classes, &place))?;
        Ok(Labelled { label, image: decode(&bytes, &place)? })
    }
}
