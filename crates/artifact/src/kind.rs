//! The kinds of artifact, and the version of each one's layout on disk.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an artifact directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Labelled RGB images in splits: [`crate::table::images`].
    Images,
    /// Colours: `palette.parquet`, `kmeans_centers.npy`, `palette.png`: [`crate::table::palette`].
    Palette,
    /// Images as palette indices: [`crate::table::tokens`].
    Tokens,
    /// A network in Hugging Face's ImageGPT layout, with its metrics.
    Model,
    /// Mean-pooled activations by split and layer: [`crate::table::features`].
    Features,
    /// Linear classifiers on features, their accuracy and predictions: [`crate::table::probe`].
    Probe,
    /// A fine-tuned network with a class head, in Hugging Face's layout: [`crate::table::classifier`].
    Classifier,
    /// Drawn and completed images.
    Samples,
    /// Many networks side by side: [`crate::table::comparison`].
    Comparison,
    /// A page that shows a run.
    Report,
}

impl Kind {
    /// Every kind, in the order in which data flows.
    pub const ALL: [Self; 10] = [
        Self::Images,
        Self::Palette,
        Self::Tokens,
        Self::Model,
        Self::Features,
        Self::Probe,
        Self::Classifier,
        Self::Samples,
        Self::Comparison,
        Self::Report,
    ];

    /// The name on disk and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Palette => "palette",
            Self::Tokens => "tokens",
            Self::Model => "model",
            Self::Features => "features",
            Self::Probe => "probe",
            Self::Classifier => "classifier",
            Self::Samples => "samples",
            Self::Comparison => "comparison",
            Self::Report => "report",
        }
    }

    /// The version of this kind's layout. It goes up when a reader of the old one would
    /// misunderstand the new one; results of other versions are then not found any more.
    pub const fn format(self) -> u32 {
        match self {
            // 2: features.json says which network it is of.
            Self::Features => 2,
            // 2: probes on several layers and on subsets of the labels; probe.json.
            Self::Probe => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no kind of artifact.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no kind of artifact")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}
