//! The binary version of STL-10.
//!
//! `train_X.bin`, `test_X.bin` and `unlabeled_X.bin` are rows of images of 96 × 96 pixels: all
//! red values, then green, then blue, each channel column by column. `train_y.bin` and
//! `test_y.bin` hold one byte an image, the classes 1 to 10; labels here are 0 to 9.
//! `class_names.txt` names them. The fold indices are for the supervised protocol and not read.
//! Source: <https://cs.stanford.edu/~acoates/stl10/>.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::{Error as DiskError, Split};
use image::{Rgb, RgbImage};

use super::names::class_names;
use super::records::{self, Record, RecordFile};
use super::{Labelled, Source};
use crate::params::Part;
use crate::{Error, Place, Spot};

const SIDE: u32 = 96;
const PLANE: usize = (SIDE * SIDE) as usize;
const CLASSES: u8 = 10;
const NAME: &str = "STL-10";
/// The folder that the published archive unpacks to.
const FOLDER: &str = "stl10_binary";

/// STL-10, opened for reading. Labels are held in memory, images are read by position.
#[derive(Debug)]
pub(crate) struct Stl10 {
    splits: BTreeMap<Split, Images>,
    classes: Vec<String>,
}

/// The images of a split.
#[derive(Debug, Default)]
struct Images {
    files: Vec<RecordFile>,
    /// Labels of the first images, 0 to 9. The images after them have none.
    labels: Vec<u8>,
}

impl Stl10 {
    /// Opens the files in `path`, or in the folder below it that the published archive makes.
    /// Only files of the wanted `part` of the training images need to be there.
    pub(crate) fn open(path: &Path, part: Part) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::NotFound { path: path.to_path_buf() });
        }
        let below = path.join(FOLDER);
        let folder = if below.is_dir() { &below } else { path };
        let mut train = Images::default();
        if part != Part::Unlabeled {
            train.add_labelled(folder, "train_X.bin", "train_y.bin")?;
        }
        if part != Part::Labeled {
            train.add(folder, "unlabeled_X.bin")?;
        }
        let mut splits = BTreeMap::from([(Split::Train, train)]);
        if folder.join("test_X.bin").exists() {
            let mut test = Images::default();
            test.add_labelled(folder, "test_X.bin", "test_y.bin")?;
            splits.insert(Split::Test, test);
        }
        let expected = Some((usize::from(CLASSES), NAME));
        Ok(Self { splits, classes: class_names(&folder.join("class_names.txt"), expected)? })
    }
}

impl Images {
    /// Adds a file of images and returns their number.
    fn add(&mut self, folder: &Path, images: &'static str) -> Result<u64, Error> {
        let path = existing(folder, images)?;
        let file = RecordFile::open(path, (3 * PLANE) as u64, NAME)?;
        let records = file.records();
        self.files.push(file);
        Ok(records)
    }

    fn add_labelled(
        &mut self,
        folder: &Path,
        images: &'static str,
        labels: &'static str,
    ) -> Result<(), Error> {
        let count = self.add(folder, images)?;
        let path = existing(folder, labels)?;
        // Looked at before it is read: a large file in its place must not fill the memory.
        let found = std::fs::metadata(&path).map_err(DiskError::io("look at", &path))?.len();
        if found != count {
            let images = folder.join(images);
            return Err(Error::Counts { images, count, labels: path, found });
        }
        let bytes = std::fs::read(&path).map_err(DiskError::io("read", &path))?;
        for (index, byte) in bytes.into_iter().enumerate() {
            if !(1..=CLASSES).contains(&byte) {
                let index = index as u64;
                let place = Place { path: path.into(), spot: Spot::Record { index, offset: index } };
                let expected = format!("1 to {CLASSES} ({NAME})");
                return Err(Error::Label { place, label: byte.into(), expected });
            }
            self.labels.push(byte - 1);
        }
        Ok(())
    }
}

fn existing(folder: &Path, file: &'static str) -> Result<std::path::PathBuf, Error> {
    let path = folder.join(file);
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::NoFiles {
        path: folder.to_path_buf(),
        wanted: file,
        layout: "STL-10 is train_X.bin, train_y.bin, test_X.bin, test_y.bin and unlabeled_X.bin; \
                 the parameter part says which of the training images are used; the MATLAB version \
                 is not read",
    })
}

impl Source for Stl10 {
    type Raw = (Record, Option<u8>);

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        Some(self.splits.get(&split)?.files.iter().map(RecordFile::records).sum())
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Self::Raw, Error>> + Send + 'a, Error> {
        let (files, labels) = self
            .splits
            .get(&split)
            .map_or((&[][..], &[][..]), |images| (images.files.as_slice(), images.labels.as_slice()));
        let labels = rows.iter().map(|&row| labels.get(row as usize).copied());
        Ok(records::fetch(files, rows).zip(labels).map(|(record, label)| Ok((record?, label))))
    }

    fn bytes(&self, (record, _): &Self::Raw) -> usize {
        record.bytes.len()
    }

    fn load(&self, (Record { bytes, .. }, label): Self::Raw) -> Result<Labelled, Error> {
        let image = RgbImage::from_fn(SIDE, SIDE, |x, y| {
            let at = (x * SIDE + y) as usize;
            Rgb([bytes[at], bytes[PLANE + at], bytes[2 * PLANE + at]])
        });
        Ok(Labelled { label: label.map(i64::from), image })
    }
}
