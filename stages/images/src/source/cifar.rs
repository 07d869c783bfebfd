//! The binary version of CIFAR-10 and CIFAR-100.
//!
//! A file is a row of records: the label byte (CIFAR-100: coarse label, then fine label), then
//! 1024 red, 1024 green and 1024 blue values of a 32 × 32 image, row by row.
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::Split;
use image::{Rgb, RgbImage};

use super::names::class_names;
use super::records::{self, Record, RecordFile};
use super::{Labelled, Source};
use crate::Error;

const SIDE: u32 = 32;
const PLANE: usize = (SIDE * SIDE) as usize;

/// Which of the two data sets.
#[derive(Debug)]
struct Variant {
    name: &'static str,
    /// The folder that the published archive unpacks to.
    folder: &'static str,
    /// The file of class names, one a line.
    names: &'static str,
    /// Bytes before the pixels; the last of them is the label.
    label_bytes: usize,
    classes: usize,
    split_of: fn(&str) -> Option<Split>,
}

static CIFAR_10: Variant = Variant {
    name: "CIFAR-10",
    folder: "cifar-10-batches-bin",
    names: "batches.meta.txt",
    label_bytes: 1,
    classes: 10,
    split_of: |file| match file {
        "test_batch.bin" => Some(Split::Test),
        _ if file.starts_with("data_batch_") && file.ends_with(".bin") => Some(Split::Train),
        _ => None,
    },
};

static CIFAR_100: Variant = Variant {
    name: "CIFAR-100",
    folder: "cifar-100-binary",
    names: "fine_label_names.txt",
    label_bytes: 2,
    classes: 100,
    split_of: |file| match file {
        "train.bin" => Some(Split::Train),
        "test.bin" => Some(Split::Test),
        _ => None,
    },
};

impl Variant {
    fn record(&self) -> u64 {
        (self.label_bytes + 3 * PLANE) as u64
    }
}

/// CIFAR-10 or CIFAR-100, opened for reading.
#[derive(Debug)]
pub(crate) struct Cifar {
    variant: &'static Variant,
    batches: BTreeMap<Split, Vec<RecordFile>>,
    classes: Vec<String>,
}

impl Cifar {
    /// Finds the files in `path`, or in the folder below it that the published archive makes, and
    /// tells the two data sets apart by the names of the files.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::NotFound { path: path.to_path_buf() });
        }
        let mut found = Vec::new();
        for variant in [&CIFAR_10, &CIFAR_100] {
            for folder in [path.to_path_buf(), path.join(variant.folder)] {
                let batches = batches(&folder, variant)?;
                if !batches.is_empty() {
                    found.push((variant, folder, batches));
                }
            }
        }
        if found.len() > 1 {
            let found =
                found.iter().map(|(variant, folder, _)| format!("{} in {}", variant.name, folder.display()));
            return Err(Error::Ambiguous { path: path.to_path_buf(), found: found.collect() });
        }
        let Some((variant, folder, batches)) = found.pop() else {
            return Err(Error::NoFiles {
                path: path.to_path_buf(),
                wanted: "CIFAR binary files",
                layout: "CIFAR-10 is data_batch_*.bin and test_batch.bin, CIFAR-100 is train.bin and test.bin; \
                         the Python version of CIFAR is not read",
            });
        };
        let classes = class_names(&folder.join(variant.names), Some((variant.classes, variant.name)))?;
        Ok(Self { variant, batches, classes })
    }
}

fn batches(folder: &Path, variant: &Variant) -> Result<BTreeMap<Split, Vec<RecordFile>>, Error> {
    let mut batches = BTreeMap::<_, Vec<_>>::new();
    if !folder.is_dir() {
        return Ok(batches);
    }
    for path in super::list(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(split) = (variant.split_of)(name) else { continue };
        let file = RecordFile::open(path, variant.record(), variant.name)?;
        batches.entry(split).or_default().push(file);
    }
    Ok(batches)
}

impl Source for Cifar {
    type Raw = Record;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        Some(self.batches.get(&split)?.iter().map(RecordFile::records).sum())
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Record, Error>> + Send + 'a, Error> {
        Ok(records::fetch(self.batches.get(&split).map_or(&[], Vec::as_slice), rows))
    }

    fn bytes(&self, raw: &Record) -> usize {
        raw.bytes.len()
    }

    fn load(&self, Record { place, bytes }: Record) -> Result<Labelled, Error> {
        let (labels, planes) = bytes.split_at(self.variant.label_bytes);
        let label = i64::from(labels[self.variant.label_bytes - 1]);
        if label >= self.variant.classes as i64 {
            let expected = format!("0 to {} ({})", self.variant.classes - 1, self.variant.name);
            return Err(Error::Label { place, label, expected });
        }
        let image = RgbImage::from_fn(SIDE, SIDE, |x, y| {
            let at = (y * SIDE + x) as usize;
            Rgb([planes[at], planes[PLANE + at], planes[2 * PLANE + at]])
        });
        Ok(Labelled { label: Some(label), image })
    }
}
