//! What can go wrong with a data set, and what to do about it.

use std::path::PathBuf;

use igpt_artifact::{Explain, Split};

use crate::{IdxError, ImagenetError, Place, SourceKind, TarError};

/// An error about a data set. Every variant about a file names it, and the image in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Writing the artifact, or opening a file, failed.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// An IDX file cannot be read.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// A tar shard cannot be read.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// ImageNet's class map or labels make no sense.
    #[error(transparent)]
    Imagenet(#[from] ImagenetError),
    /// The parameter `path` is missing.
    #[error("source {source_kind} reads data from disk and needs a path")]
    NoPath {
        /// The source that was asked for.
        source_kind: SourceKind,
    },
    /// The data set is not there.
    #[error("{}: no such file or folder", path.display())]
    NotFound {
        /// What `path` says.
        path: PathBuf,
    },
    /// The folder holds no data of this kind.
    #[error("{}: no {wanted} here", path.display())]
    NoFiles {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// How the data should lie.
        layout: &'static str,
    },
    /// The folder holds more than one data set.
    #[error("{}: several data sets: {}", path.display(), found.join(", "))]
    Ambiguous {
        /// The folder.
        path: PathBuf,
        /// What lies in it.
        found: Vec<String>,
    },
    /// A Parquet file has other columns than a data set of images.
    #[error("{}: {message}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// What was expected, and the columns that are there.
        message: String,
        /// The parameter that names the column.
        param: &'static str,
    },
    /// Rows of a Parquet file cannot be read.
    #[error("{place}: the Parquet data cannot be read from here on")]
    Rows {
        /// The first row that could not be read.
        place: Place,
        /// What the Parquet library said.
        source: arrow::error::ArrowError,
    },
    /// A row has no image in it.
    #[error("{place}: no image bytes{}", file.as_ref().map(|f| format!(", only the file name {f}")).unwrap_or_default())]
    NoBytes {
        /// The row.
        place: Place,
        /// The file that the row names instead, if it does.
        file: Option<String>,
    },
    /// The bytes are no JPEG or PNG, or a damaged one.
    #[error("{place}: not a readable JPEG or PNG image")]
    Decode {
        /// The image.
        place: Place,
        /// What the decoder said.
        source: image::ImageError,
    },
    /// The image ends before its data does.
    #[error("{place}: truncated JPEG: {bytes} bytes without an end-of-image marker")]
    Truncated {
        /// The image.
        place: Place,
        /// Its length.
        bytes: usize,
    },
    /// The image has no pixels.
    #[error("{place}: image of zero size: {width} × {height} pixels")]
    ZeroSize {
        /// The image.
        place: Place,
        /// Columns of pixels.
        width: u32,
        /// Rows of pixels.
        height: u32,
    },
    /// The image is refused before it fills the memory.
    #[error("{place}: image too large: {width} × {height} pixels, at most 64 million are read")]
    TooLarge {
        /// The image.
        place: Place,
        /// Columns of pixels.
        width: u32,
        /// Rows of pixels.
        height: u32,
    },
    /// A label is no class index.
    #[error("{place}: label {label} out of range, expected {expected}")]
    Label {
        /// The image.
        place: Place,
        /// The label found.
        label: i64,
        /// The labels that make sense.
        expected: String,
    },
    /// A file of records is cut short or of another kind.
    #[error(
        "{}: {bytes} bytes, expected a multiple of {record} (one {format} image); the last record, at byte {}, is incomplete",
        path.display(), bytes / record * record
    )]
    RecordSize {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// Bytes in a record.
        record: u64,
        /// The format that it was taken for.
        format: &'static str,
    },
    /// A file of images and the file of their labels do not belong together.
    #[error("{}: {count} images, but {found} labels in {}", images.display(), labels.display())]
    Counts {
        /// The file of images.
        images: PathBuf,
        /// Images in it.
        count: u64,
        /// The file of labels.
        labels: PathBuf,
        /// Labels in it.
        found: u64,
    },
    /// A file of class names does not fit the data set.
    #[error("{}, line {line}: {found} class names, {format} has {expected}", path.display())]
    ClassNames {
        /// The file.
        path: PathBuf,
        /// Its last line that holds a name, counted from 1.
        line: usize,
        /// Names found.
        found: usize,
        /// Names expected.
        expected: usize,
        /// The data set.
        format: &'static str,
    },
    /// A class folder that the training images do not have.
    #[error("{}: no class `{class}` among the training images", path.display())]
    UnknownClass {
        /// The folder.
        path: PathBuf,
        /// Its name.
        class: String,
    },
    /// No image is left for a split.
    #[error("no {split} images: {why}")]
    EmptySplit {
        /// The split.
        split: Split,
        /// Why it is empty.
        why: String,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Artifact(e) => return e.hint(),
            Self::Idx(e) => return e.hint(),
            Self::Tar(e) => return e.hint(),
            Self::Imagenet(e) => return e.hint(),
            Self::NoPath { .. } => "set path to the folder of the data",
            Self::NotFound { .. } => {
                "check the parameter path; a relative one is taken from the folder of the pipeline file"
            }
            Self::NoFiles { layout, .. } => layout,
            Self::Ambiguous { .. } => "set path to the folder of one of them, or move the others elsewhere",
            Self::Column { param, .. } => return Some(format!("name the column with {param}")),
            Self::Rows { .. } => "the file may be truncated: fetch it again",
            Self::NoBytes { .. } => {
                "write the data set with embedded images, or read the files with source: folder"
            }
            Self::Decode { .. } | Self::Truncated { .. } => "fetch the data again, or remove this image",
            Self::ZeroSize { .. } => "remove this image",
            Self::TooLarge { .. } => "scale it down first",
            Self::Label { label: -1, .. } => {
                "−1 marks images without a label: use a split that has labels, or write null"
            }
            Self::Label { .. } => "the file may be of another data set, or damaged",
            Self::RecordSize { .. } => "the file may be truncated: fetch it again",
            Self::Counts { .. } => {
                "one of the files may be truncated or of another data set: fetch both again"
            }
            Self::ClassNames { .. } => "the file may be of another data set: fetch it again",
            Self::UnknownClass { .. } => "every class needs a folder below train, even for test",
            Self::EmptySplit { split: Split::Train, .. } => "hold out a smaller share, or give more images",
            Self::EmptySplit { split: Split::Validation, .. } => {
                "hold out a larger share with validation, raise limit, or set validation to 0 to do without"
            }
            Self::EmptySplit { split: Split::Test, .. } => {
                "add a test split, or hold out a share with test_share"
            }
        };
        Some(hint.to_owned())
    }
}
