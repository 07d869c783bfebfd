//! What can go wrong while a palette is made.

use std::path::PathBuf;

use igpt_artifact::Explain;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no palette.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Files could not be read or written.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// There is nothing to make a palette of.
    #[error("{}: the training split has no pixels", dir.display())]
    NoPixels {
        /// The images artifact.
        dir: PathBuf,
    },
    /// k-means cannot find more centres than there are points.
    #[error("k is {k}, but the training images have only {colours} distinct colours")]
    TooFewColours {
        /// The palette size that was asked for.
        k: usize,
        /// The number of distinct colours in the training split.
        colours: usize,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(error) => error.hint(),
            Self::NoPixels { .. } => Some("give the images stage a source with training images".into()),
            Self::TooFewColours { colours: ..2, .. } => {
                Some("use images with at least two colours, or more of them".into())
            }
            Self::TooFewColours { colours, .. } => {
                Some(format!("lower `k` to at most {colours}, or use more images"))
            }
        }
    }
}
