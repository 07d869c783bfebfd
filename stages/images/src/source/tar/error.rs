//! What can go wrong with a tar shard.

use std::io;
use std::path::PathBuf;

use igpt_artifact::Explain;

use crate::Place;

/// An error about a tar shard. Every variant about a file in it names that too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// The archive is compressed.
    #[error("{}: a compressed archive", path.display())]
    Compressed {
        /// The shard.
        path: PathBuf,
    },
    /// Some shards say by their name which split they are of, and this one does not.
    #[error("{}: the name says no split, those of other shards do", path.display())]
    NoSplit {
        /// The shard.
        path: PathBuf,
    },
    /// The bytes are no tar archive, or a damaged one.
    #[error("{}{}: not a readable tar archive", path.display(), after.as_ref().map(|name| format!(", after entry {name}")).unwrap_or_default())]
    Read {
        /// The shard.
        path: PathBuf,
        /// The last entry that could be read.
        after: Option<String>,
        /// What the tar library said.
        source: io::Error,
    },
    /// An entry says that it is longer than what is left of the archive.
    #[error("{place}: {bytes} bytes by its header, but the archive ends after {left}")]
    Cut {
        /// The entry.
        place: Place,
        /// Its length.
        bytes: u64,
        /// Bytes that are there.
        left: u64,
    },
    /// The archive lacks the zero block that every tar program writes at the end.
    #[error("{}: the archive ends without its end mark{}", path.display(), after.as_ref().map(|name| format!(", after entry {name}")).unwrap_or_default())]
    NoEnd {
        /// The shard.
        path: PathBuf,
        /// The last entry.
        after: Option<String>,
    },
    /// An entry is a link, a device or the like.
    #[error("{place}: a {kind}, only files and folders are read")]
    Kind {
        /// The entry.
        place: Place,
        /// What it is.
        kind: &'static str,
    },
    /// An entry is refused before it fills the memory.
    #[error("{place}: {bytes} bytes, at most {most} are read of an entry of this kind")]
    Large {
        /// The entry.
        place: Place,
        /// Its length.
        bytes: u64,
        /// The length that is read.
        most: u64,
    },
    /// A sample has two images, or two labels.
    #[error("{place}: a second {what} in this sample")]
    Twice {
        /// The second one.
        place: Place,
        /// `image` or `label`.
        what: &'static str,
    },
    /// A sample has no image.
    #[error("{place}: a sample without an image (jpg, jpeg or png)")]
    NoImage {
        /// The sample's first file.
        place: Place,
    },
    /// A label is no integer.
    #[error("{place}: label `{text}` is no integer")]
    Label {
        /// The label's file.
        place: Place,
        /// What it says, cut to a readable length.
        text: String,
    },
    /// A `json` file cannot be understood.
    #[error("{place}: not a JSON object")]
    Json {
        /// The file.
        place: Place,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A `json` file lacks the label.
    #[error("{place}: no field `{key}`; the fields are {}", found.join(", "))]
    NoField {
        /// The file.
        place: Place,
        /// The parameter `label_key`.
        key: String,
        /// The fields that are there.
        found: Vec<String>,
    },
}

impl TarError {
    pub(super) fn label(place: &Place, text: &[u8]) -> Self {
        let text =
            String::from_utf8_lossy(text).trim().chars().take(40).flat_map(char::escape_debug).collect();
        Self::Label { place: place.clone(), text }
    }
}

impl Explain for TarError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Compressed { .. } => {
                "unpack it to a plain .tar (gunzip FILE): images are read by their position, and JPEG and PNG \
                 files do not get smaller by compression"
            }
            Self::NoSplit { .. } => {
                "lay shards into train/, validation/ and test/, or begin their names with these"
            }
            Self::Read { .. } | Self::Cut { .. } | Self::NoEnd { .. } => {
                "the archive may be truncated: fetch it again"
            }
            Self::Kind { .. } => "write the shard again with the files themselves",
            Self::Large { .. } => "scale the image down first, or write the shard again without this file",
            Self::Twice { .. } | Self::NoImage { .. } => {
                "files of one sample share their name up to the first dot and lie next to each other"
            }
            Self::Label { .. } => {
                "labels are class indices; if they lie in a field of a json file, name it with label_key"
            }
            Self::Json { .. } => "remove label_key to read labels from cls files",
            Self::NoField { .. } => "name the field with the class index with label_key",
        };
        Some(hint.to_owned())
    }
}
