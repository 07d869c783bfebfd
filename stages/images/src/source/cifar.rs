//! The binary version of CIFAR-10 and CIFAR-100.
//!
//! A file is a row of records: the label byte (CIFAR-100: coarse label, then fine label), then
//! 1024 red, 1024 green and 1024 blue values of a 32 × 32 image, row by row.
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use igpt_artifact::{Error as DiskError, Split};
use image::{Rgb, RgbImage};

use super::{Labelled, Source, by_file};
use crate::{Error, Place, Spot};

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

/// A file of records.
#[derive(Debug)]
struct Batch {
    path: Arc<Path>,
    records: u64,
}

/// CIFAR-10 or CIFAR-100, opened for reading.
#[derive(Debug)]
pub(crate) struct Cifar {
    variant: &'static Variant,
    batches: BTreeMap<Split, Vec<Batch>>,
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
        Ok(Self { variant, batches, classes: class_names(&folder, variant)? })
    }
}

fn batches(folder: &Path, variant: &Variant) -> Result<BTreeMap<Split, Vec<Batch>>, Error> {
    let mut batches = BTreeMap::<_, Vec<_>>::new();
    if !folder.is_dir() {
        return Ok(batches);
    }
    for path in super::list(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(split) = (variant.split_of)(name) else { continue };
        let bytes = std::fs::metadata(&path).map_err(DiskError::io("look at", &path))?.len();
        let record = variant.record();
        if bytes % record != 0 {
            return Err(Error::RecordSize { path, bytes, record, format: variant.name });
        }
        batches.entry(split).or_default().push(Batch { path: path.into(), records: bytes / record });
    }
    Ok(batches)
}

/// The names beside the data; none if the file is not there.
fn class_names(folder: &Path, variant: &Variant) -> Result<Vec<String>, Error> {
    let path = folder.join(variant.names);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path).map_err(DiskError::io("read", &path))?;
    let lines: Vec<_> = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    if lines.len() != variant.classes {
        let line = lines.last().map_or(1, |(line, _)| *line);
        let (found, expected, format) = (lines.len(), variant.classes, variant.name);
        return Err(Error::ClassNames { path, line, found, expected, format });
    }
    Ok(lines.into_iter().map(|(_, name)| name.to_owned()).collect())
}

/// One record as it lies in the file.
pub(crate) struct Record {
    place: Place,
    bytes: Vec<u8>,
}

impl Source for Cifar {
    type Raw = Record;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        Some(self.batches.get(&split)?.iter().map(|batch| batch.records).sum())
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Record, Error>> + 'a, Error> {
        let batches = self.batches.get(&split).map_or(&[][..], Vec::as_slice);
        let mut open: Option<(&Path, File)> = None;
        let places = by_file(batches.iter().map(|batch| batch.records), rows).into_iter().flat_map(
            move |(file, first, rows)| rows.iter().map(move |row| (&batches[file].path, row - first)),
        );
        Ok(places.map(move |(path, index)| {
            let file = match &mut open {
                Some((current, file)) if *current == path.as_ref() => file,
                _ => &mut open.insert((path, File::open(path).map_err(DiskError::io("open", path))?)).1,
            };
            let offset = index * self.variant.record();
            let mut bytes = vec![0; self.variant.label_bytes + 3 * PLANE];
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(DiskError::io("read", path))?;
            Ok(Record { place: Place { path: path.clone(), spot: Spot::Record { index, offset } }, bytes })
        }))
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
