//! What can go wrong while fine-tuning.

use igpt_artifact::{Explain, Split};

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
    /// No labelled image in a split that needs them.
    #[error("no labelled {split} images")]
    NoLabels {
        /// The split.
        split: Split,
    },
    /// A label that is no class index.
    #[error("{split} image {image_id}: label {label} is no class, 0 to {most} are")]
    Label {
        /// The split.
        split: Split,
        /// The image.
        image_id: u64,
        /// Its label.
        label: i64,
        /// The highest class that is allowed.
        most: i64,
    },
    /// Nothing to tell apart.
    #[error("the {images} labelled train images are all of one class")]
    OneClass {
        /// How many.
        images: usize,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Artifact(e) => return e.hint(),
            Self::Model(e) => return e.hint(),
            Self::Train(e) => return e.hint(),
            Self::Augment(_) => "lower `augment.pad`",
            Self::NoLabels { .. } => "fine-tuning needs classes: take a data set that has them",
            Self::Label { .. } => "classes are counted from 0: the data set may be damaged",
            Self::OneClass { .. } => "raise `limit`, or take a data set with more classes",
        };
        Some(hint.to_owned())
    }
}
