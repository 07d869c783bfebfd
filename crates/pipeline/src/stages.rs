//! The stages that a program knows.

use igpt_artifact::Digest;
use igpt_stage::Definition;

/// Stages by name, each with the digest of its source code.
#[derive(Clone, Default)]
pub struct Stages(Vec<(Definition, Digest)>);

impl Stages {
    /// A list of stages, in the order in which they are shown.
    pub fn new(stages: Vec<(Definition, Digest)>) -> Self {
        Self(stages)
    }

    /// The stage with this name.
    pub fn get(&self, name: &str) -> Option<&(Definition, Digest)> {
        self.0.iter().find(|(stage, _)| stage.name == name)
    }

    /// Every stage.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.0.iter().map(|(stage, _)| stage)
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|stage| stage.name)
    }
}
