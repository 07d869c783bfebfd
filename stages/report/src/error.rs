//! What can go wrong while a page is made.

use std::path::PathBuf;

use igpt_artifact::Explain;
use polars::error::PolarsError;

/// An error of the report stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline has none of the artifacts that a page can show.
    #[error("there is no artifact to report on")]
    NothingToShow,
    /// An artifact cannot be read, or the page cannot be written.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// A table cannot be queried.
    #[error("{}: the query failed", path.display())]
    Query {
        /// The Parquet file.
        path: PathBuf,
        /// What polars said.
        source: PolarsError,
    },
    /// A picture is no PNG, or cannot be encoded as one.
    #[error("{}: not a usable picture", path.display())]
    Picture {
        /// The picture, or the folder of the images that it was to show.
        path: PathBuf,
        /// What the image library said.
        source: image::ImageError,
    },
    /// A chart that does not say how large it is.
    #[error("{}: not a chart with a size", path.display())]
    Svg {
        /// The file.
        path: PathBuf,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NothingToShow => {
                Some("give the pipeline a stage that the page can show, such as `probe` or `sample`".into())
            }
            Self::Artifact(e) => e.hint(),
            Self::Query { .. } | Self::Picture { .. } | Self::Svg { .. } => {
                Some("the file may be damaged: run the stage that makes it again with --force".into())
            }
        }
    }
}
