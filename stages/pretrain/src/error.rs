//! What can go wrong in this stage.

use igpt_artifact::Explain;

/// An error of this stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// The network or its device.
    #[error(transparent)]
    Model(#[from] igpt_model::Error),
    /// Training.
    #[error(transparent)]
    Train(#[from] igpt_train::Error),
    /// The augmentation does not fit the images.
    #[error("{0}")]
    Augment(String),
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Train(e) => e.hint(),
            Self::Augment(_) => Some("lower `augment.pad`".into()),
        }
    }
}
