//! Where images come from.

mod cifar;
pub(crate) mod folder;
mod hf_parquet;
mod idx;
pub(crate) mod imagenet;
mod names;
mod records;
mod stl10;
mod tar;
mod tree;

pub(crate) use cifar::Cifar;
pub(crate) use hf_parquet::{ColumnNames, HfParquet};
pub(crate) use idx::Idx;
pub use idx::IdxError;
pub use imagenet::ImagenetError;
pub(crate) use stl10::Stl10;
pub(crate) use tar::Tar;
pub use tar::TarError;

use std::path::{Path, PathBuf};

use igpt_artifact::{Error as DiskError, Split};
use image::RgbImage;

use crate::Error;

/// A data set of labelled images, in splits of its own.
///
/// Reading has two halves. [`fetch`](Source::fetch) is cheap and in order: it takes bytes off
/// the disk. [`load`](Source::load) is dear and on all cores: it decodes or draws.
pub(crate) trait Source: Sync {
    /// An image as it lies in the source.
    type Raw: Send;

    /// The name of each label; empty if the source does not say.
    fn classes(&self) -> &[String];

    /// The number of images in a split, or `None` if the source has no such split.
    fn rows(&self, split: Split) -> Option<u64>;

    /// The images in `rows` (ascending) of a split, in that order.
    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Self::Raw, Error>> + Send + 'a, Error>;

    /// The memory that a raw image takes, in bytes.
    fn bytes(&self, _raw: &Self::Raw) -> usize {
        0
    }

    /// Decodes or draws an image.
    fn load(&self, raw: Self::Raw) -> Result<Labelled, Error>;

    /// Files that were passed over, if the source is a folder of files.
    fn skipped(&self) -> Option<u64> {
        None
    }
}

/// An image of any size with its label.
#[derive(Debug)]
pub(crate) struct Labelled {
    /// The class index, where known.
    pub(crate) label: Option<i64>,
    /// The pixels.
    pub(crate) image: RgbImage,
}

/// The split that a word in a file's or folder's name stands for.
pub(crate) fn split_named(word: &str) -> Option<Split> {
    match word {
        "train" => Some(Split::Train),
        "validation" | "valid" | "val" => Some(Split::Validation),
        "test" => Some(Split::Test),
        _ => None,
    }
}

/// What lies in a folder, sorted by name, hidden entries left out.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(DiskError::io("list", folder))?;
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut paths: Vec<_> =
        entries.iter().map(std::fs::DirEntry::path).filter(|path| !hidden(path)).collect();
    paths.sort();
    Ok(paths)
}

/// Cuts ascending rows of one long list of files into runs that lie in one file each: the file's
/// index in `lengths`, its first row in the list, and the rows.
pub(crate) fn by_file(lengths: impl IntoIterator<Item = u64>, mut rows: &[u64]) -> Vec<(usize, u64, &[u64])> {
    let mut runs = Vec::new();
    let mut first = 0;
    for (file, length) in lengths.into_iter().enumerate() {
        let (here, rest) = rows.split_at(rows.partition_point(|&row| row < first + length));
        if !here.is_empty() {
            runs.push((file, first, here));
        }
        rows = rest;
        first += length;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_at_file_borders() {
        let runs = by_file([3, 0, 2, 4], &[0, 2, 3, 7]);
        assert_eq!(runs, [(0, 0, &[0, 2][..]), (2, 3, &[3][..]), (3, 5, &[7][..])]);
        assert!(by_file([3, 3], &[]).is_empty());
    }
}
