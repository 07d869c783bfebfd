//! What can go wrong with an IDX file.

use std::io;
use std::path::PathBuf;

use igpt_artifact::Explain;

/// An error about an IDX file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// The file is of another kind.
    #[error(
        "{}: not an IDX file of bytes in {rank} dimensions: it begins {}, expected {}",
        path.display(), hex(found), hex(&[0, 0, 8, *rank])
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// Its first four bytes, or fewer if it is shorter.
        found: Vec<u8>,
        /// Dimensions expected: 3 for images, 1 for labels.
        rank: u8,
    },
    /// The file ends within its header.
    #[error("{}: {found} bytes, less than the header of {header} bytes", path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
        /// Its length, unpacked.
        found: usize,
        /// The length of the header alone.
        header: u64,
    },
    /// The file ends early.
    #[error("{}: {found} bytes, its header ({}) says {expected}", path.display(), times(dims))]
    Short {
        /// The file.
        path: PathBuf,
        /// Its length, unpacked.
        found: u64,
        /// The length that its header says.
        expected: u64,
        /// The dimensions that its header says.
        dims: Vec<u32>,
    },
    /// The file goes on after its last value.
    #[error("{}: more than the {expected} bytes that its header ({}) says", path.display(), times(dims))]
    Long {
        /// The file.
        path: PathBuf,
        /// The length that its header says.
        expected: u64,
        /// The dimensions that its header says.
        dims: Vec<u32>,
    },
    /// A compressed file cannot be unpacked.
    #[error("{}: damaged gzip data", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decompressor said.
        source: io::Error,
    },
}

impl Explain for IdxError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Magic { .. } => {
                "IDX files begin 00 00, the type (08 for bytes) and the number of dimensions; images and \
                 labels may be exchanged, or this is another format"
            }
            Self::NoHeader { .. } | Self::Short { .. } | Self::Gzip { .. } => {
                "the file may be truncated: fetch it again"
            }
            Self::Long { .. } => "the file may be damaged: fetch it again",
        };
        Some(hint.to_owned())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn times(dims: &[u32]) -> String {
    dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}
