//! The probe artifact: how well linear classifiers read the classes from features.
//!
//! | file | one row a |
//! |---|---|
//! | `probe.json` | (the networks that were probed: [`ProbeMeta`]) |
//! | `probes.parquet` | probe and split: [`ProbeRow`] |
//! | `predictions.parquet` | probe on all labels, and test image: [`Prediction`] |
//! | `low_data.parquet` | source and number of labels a class: [`LowDataRow`]; only where asked for |
//! | `subsets.parquet` | image of each random subset: [`SubsetRow`]; only where asked for |

mod low_data;
mod meta;
mod predictions;
mod rows;

pub use low_data::{
    LOW_DATA_FILE, LowDataRow, SUBSETS_FILE, SubsetRow, read_low_data, write_low_data, write_subsets,
};
pub use meta::{Concatenated, Probe, ProbeMeta};
pub use predictions::{PREDICTIONS_FILE, Prediction, PredictionsWriter, predictions_schema};
pub use rows::{PROBES_FILE, ProbeRow, probes_schema, read_probes, write_probes};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The loss charged for an image whose label no train image has, so that no classifier can say it: −ln(1e-15) nats.
pub const UNSEEN_LOSS: f64 = 34.538_776_394_910_684;

/// What a probe looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A layer of the trained network.
    Model,
    /// The same layer of the same network before training.
    Untrained,
    /// The pixels themselves.
    Pixels,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Model, Self::Untrained, Self::Pixels];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Untrained => "untrained",
            Self::Pixels => "pixels",
        }
    }
}

/// A name that is no source.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no source of a probe: use model, untrained or pixels")]
pub struct UnknownSource(String);

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(name: &str) -> Result<Self, UnknownSource> {
        let found = Self::ALL.into_iter().find(|source| source.name() == name);
        found.ok_or_else(|| UnknownSource(name.to_owned()))
    }
}

/// Which probe: what it looks at, and which of the train images it was fitted to.
///
/// In tables the columns `source`, `layer`, `layers`, `labels_per_class` and `subset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProbeId {
    /// A network, or the pixels.
    pub source: Source,
    /// The layer of the network, the centre one where several lie side by side; none for pixels.
    pub layer: Option<u32>,
    /// How many layers lie side by side, 1 for a single one; none for pixels.
    pub layers: Option<u32>,
    /// The random subset of the labelled train images that it was fitted to; none for all of them.
    pub subset: Option<Subset>,
}

/// A random subset of the labelled train images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subset {
    /// Images of each class.
    pub labels_per_class: u32,
    /// Which of the subsets of that size, from 0.
    pub number: u32,
}

impl ProbeId {
    /// The probe on the pixels.
    pub const PIXELS: Self = Self { source: Source::Pixels, layer: None, layers: None, subset: None };

    /// The probe on one layer of a network.
    pub const fn layer(source: Source, layer: u32) -> Self {
        Self { source, layer: Some(layer), layers: Some(1), subset: None }
    }

    /// The same on several layers side by side, of which the layer is the centre.
    #[must_use]
    pub const fn side_by_side(self, layers: u32) -> Self {
        Self { layers: Some(layers), ..self }
    }

    /// The same fitted to a subset.
    #[must_use]
    pub const fn on(self, subset: Subset) -> Self {
        Self { subset: Some(subset), ..self }
    }

    /// Whether it looks at several layers.
    pub fn is_concatenated(&self) -> bool {
        self.layers.is_some_and(|layers| layers > 1)
    }
}

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.name())?;
        match (self.layer, self.layers) {
            (Some(layer), Some(layers)) if layers > 1 => write!(f, " {layers} layers around {layer}")?,
            (Some(layer), _) => write!(f, " layer {layer}")?,
            (None, _) => {}
        }
        match self.subset {
            Some(Subset { labels_per_class, number }) => {
                write!(f, ", {labels_per_class} labels a class, subset {number}")
            }
            None => Ok(()),
        }
    }
}
