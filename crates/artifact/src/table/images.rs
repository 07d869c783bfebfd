//! The images artifact: `images.json` and `split=…/part-….parquet` with a `pixels` column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::vectors::{Reader, Writer};
use super::write::{read_json, write_json};
use crate::{Error, Result, Split};

/// What all images of a data set share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagesMeta {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// The name of each label, where the source knows one.
    pub classes: Vec<String>,
    /// Images in each split.
    pub rows: BTreeMap<Split, u64>,
}

impl ImagesMeta {
    const FILE: &str = "images.json";

    /// Values in a `pixels` row: height × width × 3, row-major RGB.
    pub fn len(&self) -> usize {
        self.height * self.width * 3
    }

    /// Whether the images have no pixels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes `images.json` into an artifact directory.
    pub fn write(&self, artifact: &Path) -> Result<()> {
        write_json(&artifact.join(Self::FILE), self)
    }
}

/// An images artifact, opened for reading.
#[derive(Clone, Debug)]
pub struct Images {
    dir: PathBuf,
    /// What all its images share.
    pub meta: ImagesMeta,
}

impl Images {
    /// Opens the artifact at `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        let meta = read_json(&dir.join(ImagesMeta::FILE))?;
        Ok(Self { dir: dir.to_path_buf(), meta })
    }

    /// Streams a split, `batch_rows` images at a time; pixels are height × width × 3 bytes.
    pub fn read(&self, split: Split, batch_rows: usize) -> Result<Reader<u8>> {
        let dir = split.dir(&self.dir);
        let reader = Reader::open(&dir, batch_rows)?;
        if reader.width() == self.meta.len() {
            Ok(reader)
        } else {
            let message = format!("{} values a row, images.json says {}", reader.width(), self.meta.len());
            Err(Error::table(dir, message))
        }
    }

    /// A writer for one split of a new artifact at `dir`.
    pub fn writer(dir: &Path, split: Split, meta: &ImagesMeta) -> Writer<u8> {
        Writer::create(&split.dir(dir), meta.len())
    }
}
