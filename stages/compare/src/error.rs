//! What can go wrong while comparing.

use igpt_artifact::Explain;

/// An error of this stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// A picture could not be drawn.
    #[error("cannot draw {file}: {message}")]
    Plot {
        /// The picture.
        file: &'static str,
        /// Why.
        message: String,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Plot { .. } => None,
        }
    }
}
