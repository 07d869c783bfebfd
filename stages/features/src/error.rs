//! What can go wrong while dumping features.

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
    #[error(
        "the model reads {n_positions} tokens of {model_k} colours, these images are {length} tokens of {tokens_k} colours"
    )]
    Misfit {
        /// Tokens in a sequence of the model.
        n_positions: usize,
        /// Colours of the model.
        model_k: usize,
        /// Tokens in a sequence of the images.
        length: usize,
        /// Colours of the images.
        tokens_k: usize,
    },
    /// A checkpoint that the model does not have.
    #[error("{} has no checkpoint at step {step}", model.display())]
    NoCheckpoint {
        /// The model's directory.
        model: PathBuf,
        /// As asked for.
        step: u64,
    },
    /// A layer that the network does not have.
    #[error("layer {layer} was asked for, the model has layers 0 to {n_layer}")]
    NoSuchLayer {
        /// As asked for.
        layer: usize,
        /// Blocks of the network.
        n_layer: usize,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Misfit { .. } => {
                Some("tokenize the images with the palette and size that the model was trained with".into())
            }
            Self::NoCheckpoint { .. } => Some("name the step under `checkpoints` of `pretrain`".into()),
            Self::NoSuchLayer { .. } => Some("correct `layers`, or leave it out for all of them".into()),
        }
    }
}
