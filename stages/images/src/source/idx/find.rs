//! Which files of a folder are which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use igpt_artifact::Split;

use crate::Error;
use crate::source::list;

const LAYOUT: &str = "the files are train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with \
                      t10k, as they are or with .gz";

/// The files of one data set.
#[derive(Debug)]
pub(super) struct Found {
    /// What stands before `train-…` in the names, such as `emnist-letters-`; mostly nothing.
    pub(super) set: String,
    pub(super) splits: BTreeMap<Split, Pair>,
}

/// The two files of a split.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) images: PathBuf,
    pub(super) labels: PathBuf,
}

/// Finds the files of the one data set in the folder `path`.
pub(super) fn find(path: &Path) -> Result<Found, Error> {
    if !path.exists() {
        return Err(Error::NotFound { path: path.to_path_buf() });
    }
    let none = |wanted| Error::NoFiles { path: path.to_path_buf(), wanted, layout: LAYOUT };
    if !path.is_dir() {
        return Err(none("folder"));
    }
    let mut sets = BTreeMap::<String, BTreeMap<_, PathBuf>>::new();
    for file in list(path)?.into_iter().filter(|file| file.is_file()) {
        let Some(name) = file.file_name().and_then(|name| Name::parse(name.to_str()?)) else { continue };
        let files = sets.entry(name.set.to_owned()).or_default();
        // Sorted by name, a file comes before its compressed self and is preferred.
        files.entry((name.split, name.holds)).or_insert(file);
    }
    // Without images for training there is nothing to choose from.
    sets.retain(|_, files| files.contains_key(&(Split::Train, Holds::Images)));
    let Some((set, mut files)) = sets.pop_last() else { return Err(none("train-images-idx3-ubyte")) };
    if !sets.is_empty() {
        let found = sets.into_keys().chain([set]).map(|set| format!("{set}*")).collect();
        return Err(Error::Ambiguous { path: path.to_path_buf(), found });
    }
    let mut splits = BTreeMap::new();
    for (split, wanted) in
        [(Split::Train, "train-labels-idx1-ubyte"), (Split::Test, "t10k-labels-idx1-ubyte")]
    {
        let Some(images) = files.remove(&(split, Holds::Images)) else { continue };
        let labels = files.remove(&(split, Holds::Labels)).ok_or_else(|| none(wanted))?;
        splits.insert(split, Pair { images, labels });
    }
    Ok(Found { set, splits })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    Images,
    Labels,
}

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    set: &'a str,
    split: Split,
    holds: Holds,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let endings = [("-images", "idx3-ubyte", Holds::Images), ("-labels", "idx1-ubyte", Holds::Labels)];
        let (stem, holds) = endings.into_iter().find_map(|(word, ending, holds)| {
            let stem = name.strip_suffix(ending)?.strip_suffix(['-', '.'])?;
            Some((stem.strip_suffix(word)?, holds))
        })?;
        let splits = [("train", Split::Train), ("t10k", Split::Test), ("test", Split::Test)];
        let (set, split) =
            splits.into_iter().find_map(|(word, split)| Some((stem.strip_suffix(word)?, split)))?;
        (set.is_empty() || set.ends_with('-')).then_some(Self { set, split, holds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_set_split_and_content() {
        let parse = |name| Name::parse(name).map(|n| (n.set, n.split, n.holds));
        let train = |set, holds| Some((set, Split::Train, holds));
        assert_eq!(parse("train-images-idx3-ubyte"), train("", Holds::Images));
        assert_eq!(parse("train-images.idx3-ubyte.gz"), train("", Holds::Images));
        assert_eq!(parse("train-labels.idx1-ubyte"), train("", Holds::Labels));
        assert_eq!(parse("t10k-labels-idx1-ubyte.gz"), Some(("", Split::Test, Holds::Labels)));
        let emnist = "emnist-letters-test-images-idx3-ubyte.gz";
        assert_eq!(parse(emnist), Some(("emnist-letters-", Split::Test, Holds::Images)));
        for other in [
            "train-images-idx1-ubyte",
            "train-labels",
            "retrain-images-idx3-ubyte",
            "train-images-idx3-ubyte.zip",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
