//! IDX files, as MNIST and its family come in.
//!
//! Training images and labels are `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, test
//! ones `t10k-…`; also with a dot (`train-images.idx3-ubyte`), compressed (`.gz`), and with the
//! name of a data set in front, as in `emnist-letters-train-images-idx3-ubyte.gz` and `…-test-…`.
//! Grey becomes RGB. Labels are taken as they are; `classes.txt`, one name a line, names them.
//! Source: <http://yann.lecun.com/exdb/mnist/>; for EMNIST, whose images lie column by column,
//! <https://www.nist.gov/itl/products-and-services/emnist-dataset>.

mod error;
mod file;
mod find;

pub use error::IdxError;

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::Split;
use image::{Rgb, RgbImage};

use self::file::IdxFile;
use super::names::{check_label, class_names};
use super::{Labelled, Source};
use crate::{Error, Place, Spot};

/// A data set, opened for reading. Labels are held in memory, images are streamed.
#[derive(Debug)]
pub(crate) struct Idx {
    splits: BTreeMap<Split, Images>,
    classes: Vec<String>,
    /// Whether images lie column by column.
    transposed: bool,
}

/// The images of a split and one label each.
#[derive(Debug)]
struct Images {
    file: IdxFile,
    labels: Vec<u8>,
    height: u32,
    width: u32,
}

impl Idx {
    /// Finds the files in `path`, checks their headers and lengths, and reads the labels.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let found = find::find(path)?;
        let classes = class_names(&path.join("classes.txt"), None)?;
        let mut splits = BTreeMap::new();
        for (split, pair) in found.splits {
            splits.insert(split, Images::open(&pair.images, &pair.labels, &classes)?);
        }
        Ok(Self { splits, classes, transposed: found.set.starts_with("emnist") })
    }
}

impl Images {
    fn open(images: &Path, labels: &Path, classes: &[String]) -> Result<Self, Error> {
        let (file, [count, height, width]) = IdxFile::open::<3>(images)?;
        let (label_file, [found]) = IdxFile::open::<1>(labels)?;
        if count != found {
            let (images, labels) = (images.to_path_buf(), labels.to_path_buf());
            return Err(Error::Counts { images, count: count.into(), labels, found: found.into() });
        }
        let mut bytes = vec![0; found as usize];
        label_file.reader()?.read_at(0, &mut bytes)?;
        for (index, &label) in bytes.iter().enumerate() {
            let spot = Spot::Row(index as u64);
            check_label(label.into(), classes, &Place { path: labels.into(), spot })?;
        }
        Ok(Self { file, labels: bytes, height, width })
    }

    fn len(&self) -> usize {
        self.height as usize * self.width as usize
    }
}

/// An image as it lies in the file.
#[derive(Debug)]
pub(crate) struct Grey {
    values: Vec<u8>,
    height: u32,
    width: u32,
    label: u8,
}

impl Source for Idx {
    type Raw = Grey;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        self.splits.get(&split).map(|images| images.labels.len() as u64)
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Grey, Error>> + Send + 'a, Error> {
        let images = self.splits.get(&split);
        let mut opened = images.map(|images| Ok::<_, Error>((images, images.file.reader()?))).transpose()?;
        Ok(rows.iter().map_while(move |&row| {
            let (images, reader) = opened.as_mut()?;
            let mut values = vec![0; images.len()];
            let read = reader.read_at(row * images.len() as u64, &mut values);
            let (height, width, label) = (images.height, images.width, images.labels[row as usize]);
            Some(read.map(|()| Grey { values, height, width, label }))
        }))
    }

    fn bytes(&self, raw: &Grey) -> usize {
        raw.values.len()
    }

    fn load(&self, Grey { values, height, width, label }: Grey) -> Result<Labelled, Error> {
        let image = if self.transposed {
            RgbImage::from_fn(height, width, |x, y| Rgb([values[(x * width + y) as usize]; 3]))
        } else {
            RgbImage::from_fn(width, height, |x, y| Rgb([values[(y * width + x) as usize]; 3]))
        };
        Ok(Labelled { label: Some(label.into()), image })
    }
}
