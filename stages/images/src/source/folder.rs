//! A folder tree of JPEG and PNG files, one folder a class.
//!
//! Either `train/<class>/…`, with `test/<class>/…` and `validation/<class>/…` (or `val`) where
//! there are such splits, or just `<class>/…`. Classes are numbered in the order of their names.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::Split;

use super::tree::{ImageFile, Tree};
use super::{Labelled, Source, list};
use crate::Error;

/// A folder tree, listed. Only names are held in memory.
#[derive(Debug)]
pub(crate) struct Folder {
    classes: Vec<String>,
    images: BTreeMap<Split, Vec<ImageFile>>,
    skipped: u64,
}

/// The names that a split's folder may have.
const FOLDERS: [(Split, &[&str]); 3] = [
    (Split::Train, &["train"]),
    (Split::Validation, &["validation", "val", "valid"]),
    (Split::Test, &["test"]),
];

impl Folder {
    /// Lists the tree below `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::NotFound { path: path.to_path_buf() });
        }
        let roots: Vec<_> = if path.join("train").is_dir() {
            let below = |name: &&str| Some(path.join(name)).filter(|folder| folder.is_dir());
            FOLDERS
                .iter()
                .filter_map(|(split, names)| Some((*split, names.iter().find_map(below)?)))
                .collect()
        } else {
            vec![(Split::Train, path.to_path_buf())]
        };
        let mut folder = Self { classes: Vec::new(), images: BTreeMap::new(), skipped: 0 };
        for (split, root) in roots {
            folder.add_split(split, &root)?;
        }
        if folder.images.get(&Split::Train).is_none_or(Vec::is_empty) {
            return Err(Error::NoFiles {
                path: path.to_path_buf(),
                wanted: "JPEG or PNG files in class folders",
                layout: "lay them out as train/<class>/*.png and test/<class>/*.png, or as <class>/*.png",
            });
        }
        Ok(folder)
    }

    /// Training comes first: it says which classes there are.
    fn add_split(&mut self, split: Split, root: &Path) -> Result<(), Error> {
        let mut tree = Tree::default();
        for path in if root.is_dir() { list(root)? } else { Vec::new() } {
            if !path.is_dir() {
                tree.skipped += 1;
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let class = match self.classes.iter().position(|class| *class == name) {
                Some(class) => class,
                None if split == Split::Train => {
                    self.classes.push(name);
                    self.classes.len() - 1
                }
                None => return Err(Error::UnknownClass { path, class: name }),
            };
            tree.add_class(class, &path)?;
        }
        self.skipped += tree.skipped;
        self.images.insert(split, tree.images);
        Ok(())
    }
}

impl Source for Folder {
    type Raw = ImageFile;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        self.images.get(&split).map(|images| images.len() as u64)
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<ImageFile, Error>> + 'a, Error> {
        let images = self.images.get(&split).map_or(&[][..], Vec::as_slice);
        Ok(rows.iter().map(|&row| Ok(images[row as usize].clone())))
    }

    fn load(&self, file: ImageFile) -> Result<Labelled, Error> {
        file.load()
    }

    fn skipped(&self) -> Option<u64> {
        Some(self.skipped)
    }
}
