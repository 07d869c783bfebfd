//! Which shards of a folder belong to which split.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use igpt_artifact::Split;

use super::TarError;
use crate::Error;
use crate::source::{list, split_named};

/// The shards of each split, sorted: those in folders named after a split, and those whose own
/// name has a split in it, such as `train-000000.tar` or `imagenet-train-000000.tar`. If no name
/// says a split, all are training images.
pub(super) fn find(path: &Path) -> Result<BTreeMap<Split, Vec<PathBuf>>, Error> {
    if !path.exists() {
        return Err(Error::NotFound { path: path.to_path_buf() });
    }
    if path.is_file() {
        return Ok(BTreeMap::from([(Split::Train, vec![path.to_path_buf()])]));
    }
    let mut splits = BTreeMap::<Split, Vec<PathBuf>>::new();
    let mut unnamed = Vec::new();
    for entry in list(path)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() {
            let Some(split) = split_named(&name) else { continue };
            for file in list(&entry)? {
                if is_shard(&file)? {
                    splits.entry(split).or_default().push(file);
                }
            }
        } else if is_shard(&entry)? {
            match split_in(&name) {
                Some(split) => splits.entry(split).or_default().push(entry),
                None => unnamed.push(entry),
            }
        }
    }
    match (unnamed.first(), splits.is_empty()) {
        (Some(_), true) => return Ok(BTreeMap::from([(Split::Train, unnamed)])),
        (Some(first), false) => return Err(TarError::NoSplit { path: first.clone() }.into()),
        (None, _) => {}
    }
    if !splits.contains_key(&Split::Train) {
        return Err(Error::NoFiles {
            path: path.to_path_buf(),
            wanted: "tar shards of training images",
            layout: "lay shards into train/, validation/ and test/, or name them train-000000.tar, …; \
                     path may also be a single shard",
        });
    }
    Ok(splits)
}

/// Whether a file is a shard by its name. A compressed one is an error, so that it is not missed.
fn is_shard(path: &Path) -> Result<bool, TarError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let compressed = [".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"];
    if compressed.iter().any(|ending| name.ends_with(ending)) {
        return Err(TarError::Compressed { path: path.to_path_buf() });
    }
    Ok(name.ends_with(".tar") && path.is_file())
}

/// The first word of a file's name that is a split's.
fn split_in(name: &str) -> Option<Split> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).find_map(split_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_split() {
        assert_eq!(split_in("train-000000.tar"), Some(Split::Train));
        assert_eq!(split_in("imagenet1k-validation-07.tar"), Some(Split::Validation));
        assert_eq!(split_in("cifar_test_0.tar"), Some(Split::Test));
        assert_eq!(split_in("training-0.tar"), None);
        assert_eq!(split_in("0001.tar"), None);
    }
}
