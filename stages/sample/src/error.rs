//! What can go wrong while drawing.

use std::path::PathBuf;

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
    /// The network was trained on other sequences.
    #[error("the model draws {n_positions} tokens of {model_k} colours, the palette or the images differ")]
    Misfit {
        /// Tokens in a sequence of the model.
        n_positions: usize,
        /// Colours of the model.
        model_k: usize,
    },
    /// A picture could not be written.
    #[error("cannot write {}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// Why.
        source: image::ImageError,
    },
    /// A network that has not learnt to say what comes next.
    #[error("the model was trained with the objective `{objective}`: it cannot draw pixel after pixel")]
    NotAutoregressive {
        /// Its objective.
        objective: &'static str,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Misfit { .. } => {
                Some("give `sample` the palette and tokens that the model was trained on".into())
            }
            Self::NotAutoregressive { .. } => Some("leave `sample` out for this model".into()),
            Self::Picture { source: image::ImageError::IoError(e), .. } => igpt_artifact::io_hint(e),
            Self::Picture { .. } => None,
        }
    }
}
