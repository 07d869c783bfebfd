//! What can go wrong with files, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that touches a disk.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Advice that goes with an error but is not part of its message.
pub trait Explain: std::error::Error {
    /// What the user can do, when there is something.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// An error about something on disk. Every variant names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The action, as a verb phrase that fits after "cannot".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A Parquet file is damaged or is not Parquet.
    #[error("{}: not a readable Parquet file", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the Parquet library said.
        source: parquet::errors::ParquetError,
    },
    /// A table has another shape than its schema says.
    #[error("{}: {message}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        message: String,
    },
    /// A picture could not be drawn.
    #[error("cannot draw {}", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// What the image library said.
        source: image::ImageError,
    },
    /// A JSON file of an artifact cannot be understood.
    #[error("{}: not valid", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A directory without a manifest is not an artifact.
    #[error("{}: no artifact here (no manifest.json)", path.display())]
    NoManifest {
        /// The directory.
        path: PathBuf,
    },
    /// The artifact was written in a format that this program does not read.
    #[error("{}: {what} format {found}, this program reads {known}", path.display())]
    Format {
        /// The manifest.
        path: PathBuf,
        /// What has the version: "manifest" or a kind of artifact.
        what: String,
        /// The version found.
        found: u32,
        /// The version that this program reads and writes.
        known: u32,
    },
    /// A path cannot be stored in a manifest or used as a name.
    #[error("{}: {message}", path.display())]
    Name {
        /// The offending path.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    /// Wraps an operating-system error: `.map_err(Error::io("write", path))`.
    pub fn io(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { doing, path, source }
    }

    /// Wraps a Parquet error; one that is an I/O error underneath is reported as such, so that
    /// a full disk reads as a full disk.
    pub fn parquet(path: impl AsRef<Path>) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| match source {
            parquet::errors::ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(source) => Self::Io { doing: "read or write", path, source: *source },
                Err(inner) => Self::Parquet { path, source: parquet::errors::ParquetError::External(inner) },
            },
            source => Self::Parquet { path, source },
        }
    }

    /// A table of another shape than expected.
    pub fn table(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Table { path: path.as_ref().to_path_buf(), message: message.into() }
    }
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => io_hint(source),
            Self::Parquet { .. } => {
                Some("the file may be truncated or of another kind: fetch or write it again".into())
            }
            Self::NoManifest { .. } => {
                Some("the stage that makes it has not finished: `igpt status` says why".into())
            }
            Self::Format { .. } => Some("run the stage again with this version of igpt".into()),
            Self::Table { .. } | Self::Picture { .. } | Self::Json { .. } | Self::Name { .. } => None,
        }
    }
}

/// What to do about an operating-system error, for the few kinds where advice helps.
pub fn io_hint(error: &io::Error) -> Option<String> {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space and run again; nothing half-written was published"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only: name a writable folder with --artifacts"
        }
        io::ErrorKind::PermissionDenied => {
            "permission is missing: check the owner and mode, or name another folder with --artifacts"
        }
        io::ErrorKind::NotFound => "check the path and the name",
        _ => return None,
    };
    Some(hint.into())
}
