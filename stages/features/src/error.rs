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
    /// A feature beyond what f16 holds.
    #[error("layer {layer}, image {image_id}: a feature of {value:e} does not fit into f16")]
    TooLarge {
        /// The layer.
        layer: usize,
        /// The image.
        image_id: u64,
        /// The feature.
        value: f32,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::NoCheckpoint { .. } => Some("name the step under `checkpoints` of `pretrain`".into()),
            Self::TooLarge { .. } => Some("dump f32: leave `dtype` out".into()),
            Self::NoSuchLayer { .. } => Some("correct `layers`, or leave it out for all of them".into()),
        }
    }
}
