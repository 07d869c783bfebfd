//! ImageNet (ILSVRC 2012) as its archives unpack.
//!
//! `train/n01440764/*.JPEG` is one folder a class; `val` is either laid out the same way, or flat,
//! `val/ILSVRC2012_val_00000001.JPEG`, with labels in a file (`val_labels`). As in the paper
//! `val` is the test split, and validation images are a share of the training images (4% there).
//! Classes are numbered in the order of the class map (`class_map`), which also names them, or
//! else in the order of their folders. `test`, which has no labels, is not read.
//! Source: <https://image-net.org/challenges/LSVRC/2012/>.

mod class_map;
mod error;
mod val_labels;

pub use error::ImagenetError;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use igpt_artifact::Split;

use self::class_map::ClassMap;
use self::val_labels::ValLabels;
use super::list;
use super::tree::{ImageFile, Listing, Tree, is_image};
use crate::Error;

/// Lists the images below `path`, the folder that holds `train` and `val`.
pub(crate) fn open(
    path: &Path,
    class_map: Option<&Path>,
    val_labels: Option<&Path>,
) -> Result<Listing, Error> {
    if !path.exists() {
        return Err(Error::NotFound { path: path.to_path_buf() });
    }
    let none = || Error::NoFiles {
        path: path.to_path_buf(),
        wanted: "train/<class>/*.JPEG",
        layout: "path is the folder that holds train and val, such as ILSVRC/Data/CLS-LOC; unpack the \
                 archive of each class into its own folder",
    };
    let root = path.join("train");
    if !root.is_dir() {
        return Err(none());
    }
    let Entries { folders, files } = entries(&root)?;
    let map = match class_map {
        Some(file) => ClassMap::read(file)?,
        None => ClassMap::of_folders(&folders),
    };
    let mut train = Tree { skipped: files.len() as u64, ..Tree::default() };
    add_folders(&mut train, &folders, &map, class_map)?;
    if train.images.is_empty() {
        return Err(none());
    }
    let mut images = BTreeMap::from([(Split::Train, train.images)]);
    let mut skipped = train.skipped;
    let root = path.join("val");
    if root.is_dir() {
        let val = val(&root, &map, class_map, val_labels)?;
        images.insert(Split::Test, val.images);
        skipped += val.skipped;
    }
    Ok(Listing { classes: map.names, images, skipped })
}

/// What lies in a folder.
struct Entries {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

fn entries(folder: &Path) -> Result<Entries, Error> {
    let (folders, files) = list(folder)?.into_iter().partition(|path| path.is_dir());
    Ok(Entries { folders, files })
}

fn add_folders(
    tree: &mut Tree,
    folders: &[PathBuf],
    map: &ClassMap,
    class_map: Option<&Path>,
) -> Result<(), Error> {
    let class_of = map.index();
    for path in folders {
        let class = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(&index) = class_of.get(class.as_ref()) else {
            let (path, class) = (path.clone(), class.into_owned());
            return Err(match class_map {
                Some(map) => ImagenetError::Unmapped { path, class, map: map.to_path_buf() }.into(),
                None => Error::UnknownClass { path, class },
            });
        };
        tree.add_class(index, path)?;
    }
    Ok(())
}

/// The official validation images, in class folders or flat.
fn val(
    root: &Path,
    map: &ClassMap,
    class_map: Option<&Path>,
    val_labels: Option<&Path>,
) -> Result<Tree, Error> {
    let Entries { folders, files } = entries(root)?;
    let (images, other): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| is_image(path));
    let mut tree = Tree::default();
    let Some(labels_path) = val_labels else {
        if folders.is_empty() && !images.is_empty() {
            return Err(ImagenetError::NoLabels { path: root.to_path_buf() }.into());
        }
        tree.skipped = (images.len() + other.len()) as u64;
        add_folders(&mut tree, &folders, map, class_map)?;
        return Ok(tree);
    };
    if !folders.is_empty() {
        return Err(ImagenetError::LabelsTwice { path: root.to_path_buf() }.into());
    }
    let labels = ValLabels::read(labels_path, map)?;
    tree.skipped = other.len() as u64;
    for path in images {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some(class) = labels.of(&stem) else {
            return Err(ImagenetError::NoLabel { path, labels: labels_path.to_path_buf() }.into());
        };
        tree.images.push(ImageFile { path, class });
    }
    Ok(tree)
}

impl ClassMap {
    /// The classes of the folders, in their order and with their names.
    fn of_folders(folders: &[PathBuf]) -> Self {
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let synsets: Vec<_> = folders.iter().map(name).collect();
        Self { names: synsets.clone(), synsets, numbered: false }
    }

    /// The place of each class, by its synset.
    fn index(&self) -> HashMap<&str, usize> {
        self.synsets.iter().enumerate().map(|(i, synset)| (synset.as_str(), i)).collect()
    }
}
