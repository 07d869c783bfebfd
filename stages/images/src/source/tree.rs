//! Image files below a folder, and data sets of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use igpt_artifact::{Error as DiskError, Split};

use super::{Labelled, Source, list};
use crate::decode::decode;
use crate::{Error, Place, Spot};

/// A file and its class.
#[derive(Clone, Debug)]
pub(crate) struct ImageFile {
    pub(super) path: PathBuf,
    pub(super) class: usize,
}

impl ImageFile {
    /// Reads and decodes the file. The thread that decodes it reads it, so none wait in memory.
    pub(super) fn load(self) -> Result<Labelled, Error> {
        let bytes = std::fs::read(&self.path).map_err(DiskError::io("read", &self.path))?;
        let image = decode(&bytes, &Place { path: self.path.into(), spot: Spot::Whole })?;
        Ok(Labelled { label: Some(self.class as i64), image })
    }
}

/// Image files as they are found.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) images: Vec<ImageFile>,
    /// Files that were passed over: no image by their name, or in no class folder.
    pub(super) skipped: u64,
}

impl Tree {
    /// Adds the images in `folder` and below it, sorted by name, as images of one class.
    pub(super) fn add_class(&mut self, class: usize, folder: &Path) -> Result<(), Error> {
        for path in list(folder)? {
            if path.is_dir() {
                self.add_class(class, &path)?;
            } else if is_image(&path) {
                self.images.push(ImageFile { path, class });
            } else {
                self.skipped += 1;
            }
        }
        Ok(())
    }
}

/// A data set of image files, listed: only paths are held in memory.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(super) classes: Vec<String>,
    pub(super) images: BTreeMap<Split, Vec<ImageFile>>,
    /// Files that were passed over in all splits.
    pub(super) skipped: u64,
}

impl Source for Listing {
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
    ) -> Result<impl Iterator<Item = Result<ImageFile, Error>> + Send + 'a, Error> {
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

/// Whether a file's name says that it is an image: `.jpg`, `.jpeg` or `.png` in any case, which
/// takes in the `.JPEG` of ImageNet.
pub(super) fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}
