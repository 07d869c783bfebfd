//! `manifest.json`: the file that makes a directory an artifact.
//!
//! It is written last. A directory without one is not an artifact, whatever else it holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::key::{Key, KeyParts};
use crate::{Digest, Error, Result, canonical_json};

/// The manifest's file name inside an artifact directory.
pub const FILE_NAME: &str = "manifest.json";

/// The version of the manifest's own layout.
pub const FORMAT: u32 = 1;

/// What an artifact is, what it was made from and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this layout: [`FORMAT`].
    pub format: u32,
    /// The name that the pipeline gave the stage that made it, such as `features-untrained`.
    pub name: String,
    /// The name in the store.
    pub key: Key,
    /// The digest of what the artifact holds, volatile files left out. Downstream keys are made
    /// from it, so a re-run with the same output does not run what follows.
    pub content: Digest,
    /// Everything that the key was made from.
    pub made_from: KeyParts,
    /// Where each input came from, by role.
    pub inputs: BTreeMap<String, Origin>,
    /// The path behind each parameter that names a file or folder.
    pub sources: BTreeMap<String, String>,
    /// Headline numbers of the result, for people, in the stage's own order.
    pub results: Vec<(String, Value)>,
    /// Every file of the artifact, sorted by path, this manifest excepted.
    pub files: Vec<FileEntry>,
    /// The program and the machine.
    pub made_by: MadeBy,
    /// When it was started, in seconds since 1970 (UTC).
    pub started: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The largest resident memory of the process that made it, in bytes; 0 where unknown.
    pub peak_memory: u64,
}

/// An input, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The name that the pipeline gave the stage that made it.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// Its content.
    pub content: Digest,
}

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// The path inside the artifact, with `/` between parts.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The BLAKE3 digest of the bytes.
    pub digest: Digest,
    /// Whether the file holds measurements of the run itself, such as seconds a step. Such a
    /// file is kept and checked but is no part of the artifact's content.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub volatile: bool,
}

/// The program and machine that made an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeBy {
    /// The version of igpt.
    pub version: String,
    /// The git commit it was built from; empty where unknown.
    pub commit: String,
    /// Whether the sources differed from that commit.
    pub dirty: bool,
    /// Processor, operating system, threads.
    pub machine: String,
    /// The compute device that was used: `cpu`, `cuda:0`.
    pub device: String,
}

impl Manifest {
    /// Reads and checks the manifest of the artifact at `dir`.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE_NAME);
        let bytes = fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::NoManifest { path: dir.to_path_buf() },
            _ => Error::io("read", &path)(e),
        })?;
        let json = |source| Error::Json { path: path.clone(), source };
        // The version comes first: a layout of another version need not parse at all.
        let value: Value = serde_json::from_slice(&bytes).map_err(json)?;
        let format = |what: &str, found: &Value, known| {
            let found = found.as_u64().and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
            let path = path.clone();
            (found == known).then_some(()).ok_or(Error::Format { path, what: what.into(), found, known })
        };
        format("manifest", &value["format"], FORMAT)?;
        let manifest: Self = serde_json::from_value(value).map_err(json)?;
        let kind = manifest.made_from.kind;
        format(kind.name(), &manifest.made_from.format.into(), kind.format())?;
        Ok(manifest)
    }

    /// Writes the manifest into `dir` and makes it durable.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE_NAME);
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|source| Error::Json { path: path.clone(), source })?;
        text.push('\n');
        crate::fs::write_atomically(&path, text.as_bytes())
    }

    /// The digest of some files as content: paths and digests of those not volatile.
    pub fn content_of(files: &[FileEntry]) -> Digest {
        let kept: Vec<_> = files
            .iter()
            .filter(|file| !file.volatile)
            .map(|file| serde_json::json!([file.path, file.digest]))
            .collect();
        Digest::of(canonical_json(&Value::Array(kept)))
    }
}
