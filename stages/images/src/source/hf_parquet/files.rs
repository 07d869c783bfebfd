//! Which files of a folder belong to which split.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use igpt_artifact::{Error as DiskError, Split};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::columns::{ColumnNames, Columns};
use crate::Error;
use crate::source::{list, split_named};

/// A Parquet file of images, its footer read.
#[derive(Debug)]
pub(super) struct DataFile {
    pub(super) path: Arc<Path>,
    pub(super) metadata: ArrowReaderMetadata,
    pub(super) columns: Columns,
    pub(super) rows: u64,
}

impl DataFile {
    pub(super) fn open(path: PathBuf, names: &ColumnNames) -> Result<Self, Error> {
        let file = File::open(&path).map_err(DiskError::io("open", &path))?;
        let metadata =
            ArrowReaderMetadata::load(&file, Default::default()).map_err(DiskError::parquet(&path))?;
        let columns = Columns::find(&path, metadata.schema(), names)?;
        let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Self { path: path.into(), metadata, columns, rows })
    }
}

/// The files of each split, sorted: those of `path` itself or else of the one folder in it that
/// has any, which on the hub is `data` or the name of a configuration.
pub(super) fn find(path: &Path) -> Result<BTreeMap<Split, Vec<PathBuf>>, Error> {
    if path.is_file() {
        return Ok(BTreeMap::from([(Split::Train, vec![path.to_path_buf()])]));
    }
    if !path.exists() {
        return Err(Error::NotFound { path: path.to_path_buf() });
    }
    let entries = list(path)?;
    let direct = by_split(&entries);
    if direct.contains_key(&Split::Train) {
        return Ok(direct);
    }
    let mut below = Vec::new();
    for folder in entries.into_iter().filter(|entry| entry.is_dir()) {
        let files = by_split(&list(&folder)?);
        if files.contains_key(&Split::Train) {
            below.push((folder, files));
        }
    }
    match below.pop() {
        Some((_, files)) if below.is_empty() => Ok(files),
        Some(last) => {
            let found =
                below.into_iter().chain([last]).map(|(folder, _)| folder.display().to_string()).collect();
            Err(Error::Ambiguous { path: path.to_path_buf(), found })
        }
        None => Err(Error::NoFiles {
            path: path.to_path_buf(),
            wanted: "train-*.parquet",
            layout: "the files are named as on the Hugging Face hub: train-00000-of-00001.parquet, test-…; \
                     path may also be a single Parquet file",
        }),
    }
}

fn by_split(entries: &[PathBuf]) -> BTreeMap<Split, Vec<PathBuf>> {
    let mut files = BTreeMap::<_, Vec<_>>::new();
    for path in entries.iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")) {
        if let Some(split) = path.file_stem().and_then(|stem| split_of(stem.to_str()?)) {
            files.entry(split).or_default().push(path.clone());
        }
    }
    files
}

fn split_of(stem: &str) -> Option<Split> {
    split_named(stem.split('-').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_split() {
        assert_eq!(split_of("train-00000-of-00001"), Some(Split::Train));
        assert_eq!(split_of("validation"), Some(Split::Validation));
        assert_eq!(split_of("val-0"), Some(Split::Validation));
        assert_eq!(split_of("test-00000-of-00001"), Some(Split::Test));
        assert_eq!(split_of("trained-0"), None);
        assert_eq!(split_of("values"), None);
    }
}
