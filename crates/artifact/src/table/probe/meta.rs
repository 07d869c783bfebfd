//! `probe.json`: which networks were probed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::rows::{ProbeRow, read_probes};
use crate::Result;
use crate::table::model::ModelFacts;
use crate::table::{read_json, write_json};

/// What the tables of a probe artifact do not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeMeta {
    /// The network of the source `model`, as its features describe it. With it a plot of accuracy
    /// against validation loss needs nothing but probe artifacts.
    pub model: ModelFacts,
    /// The network of the source `untrained`, where there is one.
    pub untrained: Option<ModelFacts>,
    /// What the probes on several layers looked at.
    pub concatenated: Vec<Concatenated>,
}

/// Layers whose features lie side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenated {
    /// The centre: the best single layer.
    pub layer: u32,
    /// The layers, in the order in which their features lie side by side.
    pub layers: Vec<u32>,
}

impl ProbeMeta {
    const FILE: &str = "probe.json";

    /// Writes `probe.json` into an artifact directory.
    pub fn write(&self, artifact: &Path) -> Result<()> {
        write_json(&artifact.join(Self::FILE), self)
    }
}

/// A probe artifact, opened for reading.
#[derive(Clone, Debug)]
pub struct Probe {
    dir: PathBuf,
    /// Which networks were probed.
    pub meta: ProbeMeta,
}

impl Probe {
    /// Opens the artifact at `dir`.
    ///
    /// # Errors
    /// A `probe.json` that is missing or is none.
    pub fn open(dir: &Path) -> Result<Self> {
        Ok(Self { meta: read_json(&dir.join(ProbeMeta::FILE))?, dir: dir.to_path_buf() })
    }

    /// Every row of `probes.parquet`: three a probe, one a split.
    ///
    /// # Errors
    /// A table that is missing, damaged or of another schema.
    pub fn rows(&self) -> Result<Vec<ProbeRow>> {
        read_probes(&self.dir)
    }
}
