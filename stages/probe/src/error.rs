//! What can go wrong, and what to do about it.

use std::path::PathBuf;

use igpt_artifact::table::probe::ProbeId;
use igpt_artifact::{Explain, Split};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why probes could not be fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of an input or of the output.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// A table that polars cannot read.
    #[error("{}: cannot read `{column}`", path.display())]
    Read {
        /// The folder of Parquet files.
        path: PathBuf,
        /// The column that was asked for.
        column: &'static str,
        /// What polars said.
        source: polars::error::PolarsError,
    },
    /// A features artifact without layers.
    #[error("{}: features.json names no layer", path.display())]
    NoLayers {
        /// The artifact.
        path: PathBuf,
    },
    /// A split without labelled images.
    #[error("no labelled image in the {split} split")]
    NoImages {
        /// The split.
        split: Split,
    },
    /// Nothing to tell apart.
    #[error("{images} labelled images of class {class} alone in the train split: a probe needs two classes")]
    OneClass {
        /// The only label.
        class: i64,
        /// How many images have it.
        images: usize,
    },
    /// An image that the features know and another source does not.
    #[error("{probe}: image {image_id} of the {split} split is missing")]
    MissingImage {
        /// The probe whose source lacks it.
        probe: ProbeId,
        /// The split.
        split: Split,
        /// The image.
        image_id: u64,
    },
    /// A feature that is infinite or not a number.
    #[error("{probe}: image {image_id} of the {split} split has a value that is not finite")]
    NotFinite {
        /// The probe whose source has it.
        probe: ProbeId,
        /// The split.
        split: Split,
        /// The image.
        image_id: u64,
    },
    /// The solver gave up.
    #[error("{probe}: logistic regression with l2 = {l2} failed")]
    Solver {
        /// The probe.
        probe: ProbeId,
        /// The L2 strength.
        l2: f64,
        /// What the solver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No learning rate led anywhere.
    #[error("{probe}: with every learning rate the weights grew without end")]
    Diverged {
        /// The probe.
        probe: ProbeId,
    },
    /// The weights could not be written.
    #[error("cannot write {}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What safetensors said.
        source: safetensors::SafeTensorError,
    },
    /// The plot could not be drawn.
    #[error("cannot draw the depth plot: {message}")]
    Plot {
        /// What plotters said.
        message: String,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Artifact(error) => return error.hint(),
            Self::Read { .. } => "the file may be damaged: run the stage that made it again with --force",
            Self::NoLayers { .. } => "give the stage `features` at least one layer",
            Self::NoImages { .. } => {
                "a probe is fitted on train, chosen on validation and judged on test: all three need labels"
            }
            Self::OneClass { .. } => "use a labelled data set, or raise `limit`",
            Self::MissingImage { .. } => "make features and images from the same data set",
            Self::NotFinite { .. } => "the network has diverged: train it with a lower learning rate",
            Self::Solver { .. } => "leave this strength out of `l2`, or set `standardize: true`",
            Self::Diverged { .. } => "give lower ones in `sgd.learning_rates`, or set `standardize: true`",
            Self::Weights { .. } | Self::Plot { .. } => return None,
        };
        Some(hint.into())
    }
}
