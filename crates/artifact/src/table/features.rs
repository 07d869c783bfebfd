//! The features artifact: `features.json` and `split=…/layer=…/part-….parquet` with a
//! `features` column of f32 or f16. Every file has one schema and width, so one hive scan reads them all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::model::ModelFacts;
use super::vectors::{Cell, Reader, Writer};
use super::write::{read_json, write_json};
use crate::{Result, Split};

/// What all feature files of one dump share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturesMeta {
    /// The network that was run.
    pub model: ModelFacts,
    /// Blocks in the network. Layer l in 0..n_layer is the input of block l; layer n_layer is
    /// the output of the final norm.
    pub n_layer: usize,
    /// Values in a row.
    pub n_embd: usize,
    /// The layers that were dumped, ascending.
    pub layers: Vec<usize>,
    /// What was averaged over positions: `attn_norm` or `residual`.
    pub tap: String,
    /// The name of each label, where the source knows one.
    pub classes: Vec<String>,
    /// Images in each split.
    pub rows: BTreeMap<Split, u64>,
}

impl FeaturesMeta {
    const FILE: &str = "features.json";

    /// Writes `features.json` into an artifact directory.
    pub fn write(&self, artifact: &Path) -> Result<()> {
        write_json(&artifact.join(Self::FILE), self)
    }
}

/// The folder of one layer of one split: `split=train/layer=3`.
pub fn layer_dir(artifact: &Path, split: Split, layer: usize) -> PathBuf {
    split.dir(artifact).join(format!("layer={layer}"))
}

/// A features artifact, opened for reading.
#[derive(Clone, Debug)]
pub struct Features {
    dir: PathBuf,
    /// What all its files share.
    pub meta: FeaturesMeta,
}

impl Features {
    /// Opens the artifact at `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        let meta = read_json(&dir.join(FeaturesMeta::FILE))?;
        Ok(Self { dir: dir.to_path_buf(), meta })
    }

    /// Its directory, for a hive scan.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Streams one layer of a split, `batch_rows` images at a time; as f32 also where f16 is stored.
    pub fn read(&self, split: Split, layer: usize, batch_rows: usize) -> Result<Reader<f32>> {
        Reader::open(&layer_dir(&self.dir, split, layer), batch_rows)
    }

    /// A writer for one layer of one split of a new artifact at `dir`, of f32 or f16.
    pub fn writer<T: Cell>(dir: &Path, split: Split, layer: usize, meta: &FeaturesMeta) -> Writer<T> {
        Writer::create(&layer_dir(dir, split, layer), meta.n_embd)
    }
}
