//! What a stage is given, and what it gives back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use igpt_artifact::Manifest;
use serde_json::Value;

use crate::{Progress, Seed};

/// An input artifact, there and checked.
#[derive(Clone, Debug)]
pub struct InputArtifact {
    /// Its directory.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

/// Everything that a running stage may use.
pub struct Context<'a> {
    /// The input artifacts by role. Required ones are there.
    pub inputs: BTreeMap<String, InputArtifact>,
    /// The directory to write into; empty at the start, published when the stage succeeds.
    pub out: &'a Path,
    /// A directory that survives a kill and is given again to the next run with the same key;
    /// for checkpoints.
    pub scratch: &'a Path,
    /// The pipeline's seed.
    pub seed: Seed,
    /// The compute device that was asked for: `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: &'a str,
    /// Who listens.
    pub progress: &'a dyn Progress,
}

impl Context<'_> {
    /// The directory of an input.
    ///
    /// # Panics
    /// If the stage asks for a role that it has not declared as required; the runner sees to it
    /// that declared ones are there.
    pub fn input(&self, role: &str) -> &Path {
        self.optional_input(role).unwrap_or_else(|| panic!("the stage does not require an input `{role}`"))
    }

    /// The inputs of a role that takes several, in the order in which the pipeline names them.
    pub fn inputs_of<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a InputArtifact> {
        let of_role = move |name: &str| name.strip_prefix(role).is_some_and(|rest| rest.starts_with('.'));
        self.inputs.iter().filter(move |(name, _)| of_role(name)).map(|(_, input)| input)
    }

    /// The directory of an input that need not be there.
    pub fn optional_input(&self, role: &str) -> Option<&Path> {
        self.inputs.get(role).map(|input| input.dir.as_path())
    }
}

/// What a stage says of its result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Headline numbers, in the order in which they are shown.
    pub results: Vec<(String, Value)>,
    /// Paths, inside the artifact, of files that measure the run itself (seconds, speed). They
    /// differ between equal runs and are no part of the artifact's content.
    pub volatile: Vec<String>,
    /// The device that was used, where the stage computes on one.
    pub device: Option<String>,
}

impl Summary {
    /// Adds a headline number.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.results.push((name.to_owned(), value.into()));
        self
    }

    /// Says that a file measures the run itself.
    #[must_use]
    pub fn volatile(mut self, path: &str) -> Self {
        self.volatile.push(path.to_owned());
        self
    }

    /// Says which device was used.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }
}
