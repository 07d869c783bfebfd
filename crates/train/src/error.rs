//! What can go wrong while training.

use std::path::PathBuf;

use igpt_artifact::Explain;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// The network or its device.
    #[error(transparent)]
    Model(#[from] igpt_model::Error),
    /// Not even one batch.
    #[error("{images} training images do not fill a batch of {batch_size}")]
    TooFewImages {
        /// Images in the training split.
        images: usize,
        /// Images in a batch.
        batch_size: usize,
    },
    /// The loss is no number any more.
    #[error("the loss is {loss} at step {step}: training has diverged")]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// A checkpoint could not be written or read.
    #[error("cannot {doing} the checkpoint {}", path.display())]
    Checkpoint {
        /// "write" or "read".
        doing: &'static str,
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: burn::record::RecorderError,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::TooFewImages { .. } => Some("lower `batch_size` or ask `images` for more".into()),
            Self::Diverged { .. } => Some("lower `learning_rate`, lengthen the warm-up or set `clip`".into()),
            Self::Checkpoint { .. } => Some("is the disk full? Delete the folder to start over".into()),
        }
    }
}
