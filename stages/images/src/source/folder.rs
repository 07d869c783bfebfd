//! A folder tree of JPEG and PNG files, one folder a class.
//!
//! Either `train/<class>/…`, with `test/<class>/…` and `validation/<class>/…` (or `val`) where
//! there are such splits, or just `<class>/…`. Classes are numbered in the order of their names.

use std::path::Path;

use igpt_artifact::Split;

use super::list;
use super::tree::{Listing, Tree};
use crate::Error;

/// The names that a split's folder may have.
const FOLDERS: [(Split, &[&str]); 3] = [
    (Split::Train, &["train"]),
    (Split::Validation, &["validation", "val", "valid"]),
    (Split::Test, &["test"]),
];

/// Lists the tree below `path`.
pub(crate) fn open(path: &Path) -> Result<Listing, Error> {
    if !path.exists() {
        return Err(Error::NotFound { path: path.to_path_buf() });
    }
    let roots: Vec<_> = if path.join("train").is_dir() {
        let below = |name: &&str| Some(path.join(name)).filter(|folder| folder.is_dir());
        FOLDERS.iter().filter_map(|(split, names)| Some((*split, names.iter().find_map(below)?))).collect()
    } else {
        vec![(Split::Train, path.to_path_buf())]
    };
    let mut listing = Listing::default();
    for (split, root) in roots {
        add_split(&mut listing, split, &root)?;
    }
    if listing.images.get(&Split::Train).is_none_or(Vec::is_empty) {
        return Err(Error::NoFiles {
            path: path.to_path_buf(),
            wanted: "JPEG or PNG files in class folders",
            layout: "lay them out as train/<class>/*.png and test/<class>/*.png, or as <class>/*.png",
        });
    }
    Ok(listing)
}

/// Training comes first: it says which classes there are.
fn add_split(listing: &mut Listing, split: Split, root: &Path) -> Result<(), Error> {
    let mut tree = Tree::default();
    for path in if root.is_dir() { list(root)? } else { Vec::new() } {
        if !path.is_dir() {
            tree.skipped += 1;
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let class = match listing.classes.iter().position(|class| *class == name) {
            Some(class) => class,
            None if split == Split::Train => {
                listing.classes.push(name);
                listing.classes.len() - 1
            }
            None => return Err(Error::UnknownClass { path, class: name }),
        };
        tree.add_class(class, &path)?;
    }
    listing.skipped += tree.skipped;
    listing.images.insert(split, tree.images);
    Ok(())
}
