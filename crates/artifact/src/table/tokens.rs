//! The tokens artifact: `tokens.json` and `split=…/part-….parquet` with a `tokens` column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::vectors::{Batch, Reader, Writer};
use super::write::{read_json, write_json};
use crate::{Error, Result, Split};

/// What all sequences of a data set share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensMeta {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Colours in the palette; tokens are 0..k.
    pub k: usize,
    /// The name of each label, where the source knows one.
    pub classes: Vec<String>,
    /// Images in each split.
    pub rows: BTreeMap<Split, u64>,
}

impl TokensMeta {
    const FILE: &str = "tokens.json";

    /// Tokens in a sequence: one a pixel, in raster order.
    pub fn len(&self) -> usize {
        self.height * self.width
    }

    /// Whether the images have no pixels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes `tokens.json` into an artifact directory.
    pub fn write(&self, artifact: &Path) -> Result<()> {
        write_json(&artifact.join(Self::FILE), self)
    }
}

/// A tokens artifact, opened for reading.
#[derive(Clone, Debug)]
pub struct Tokens {
    dir: PathBuf,
    /// What all its sequences share.
    pub meta: TokensMeta,
}

impl Tokens {
    /// Opens the artifact at `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        let meta = read_json(&dir.join(TokensMeta::FILE))?;
        Ok(Self { dir: dir.to_path_buf(), meta })
    }

    /// Streams a split, `batch_rows` sequences at a time. Every token is checked to be below k.
    pub fn read(&self, split: Split, batch_rows: usize) -> Result<TokenReader> {
        let dir = split.dir(&self.dir);
        let reader = Reader::open(&dir, batch_rows)?;
        if reader.width() == self.meta.len() {
            Ok(TokenReader { dir, k: self.meta.k, reader })
        } else {
            let message = format!("{} tokens a row, tokens.json says {}", reader.width(), self.meta.len());
            Err(Error::table(dir, message))
        }
    }

    /// A whole split at once.
    pub fn read_all(&self, split: Split) -> Result<Batch<u16>> {
        let mut all = Batch::new(self.meta.len());
        for batch in self.read(split, 4096)? {
            let batch = batch?;
            all.ids.extend(batch.ids);
            all.labels.extend(batch.labels);
            all.values.extend(batch.values);
        }
        Ok(all)
    }

    /// A writer for one split of a new artifact at `dir`.
    pub fn writer(dir: &Path, split: Split, meta: &TokensMeta) -> Writer<u16> {
        Writer::create(&split.dir(dir), meta.len())
    }
}

/// Streams sequences whose tokens are known to be in the palette.
pub struct TokenReader {
    dir: PathBuf,
    k: usize,
    reader: Reader<u16>,
}

impl TokenReader {
    /// Rows in the split.
    pub fn rows(&self) -> u64 {
        self.reader.rows()
    }
}

impl Iterator for TokenReader {
    type Item = Result<Batch<u16>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.reader.next()?.and_then(|batch| {
            match batch.values.iter().position(|&token| usize::from(token) >= self.k) {
                None => Ok(batch),
                Some(at) => Err(Error::table(
                    &self.dir,
                    format!(
                        "image_id {}: token {} at position {}, the palette has {} colours",
                        batch.ids[at / batch.width],
                        batch.values[at],
                        at % batch.width,
                        self.k
                    ),
                )),
            }
        }))
    }
}
