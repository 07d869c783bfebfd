//! Tar shards of images and labels, as WebDataset writes them.
//!
//! Consecutive files with the same key, the path up to the first dot of the file name, are one
//! sample: `n01/000017.jpg`, `n01/000017.cls`. The image is `jpg`, `jpeg` or `png`; the label is the
//! integer in `cls`, or with `label_key` a field of the object in `json`. A sample without that
//! file has no label. `classes.txt` beside the shards, one name a line, names the classes.
//! Source: <https://github.com/webdataset/webdataset>, section on the format; POSIX.1 `pax`.
//!
//! Opening reads the headers of every shard and keeps where each sample lies, about 100 bytes a
//! sample. Images are then read by position; nothing is unpacked to disk.

mod error;
mod index;
mod members;
mod shards;

pub use error::TarError;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use igpt_artifact::{Error as DiskError, Split};
use rayon::prelude::*;

use self::index::{Sample, Span};
use super::names::{check_label, class_names};
use super::{Labelled, Source, by_file};
use crate::decode::decode;
use crate::{Error, Place, Spot};

/// Shards, indexed.
#[derive(Debug)]
pub(crate) struct Tar {
    shards: BTreeMap<Split, Vec<Shard>>,
    classes: Vec<String>,
    label_key: Option<String>,
    /// The extension of the files that labels are read from.
    label_file: &'static str,
}

#[derive(Debug)]
struct Shard {
    path: Arc<Path>,
    samples: Vec<Sample>,
}

impl Tar {
    /// Finds and indexes the shards of a folder, or a single shard as training images.
    pub(crate) fn open(path: &Path, label_key: Option<&str>) -> Result<Self, Error> {
        let label_file = if label_key.is_some() { "json" } else { "cls" };
        let mut shards = BTreeMap::new();
        for (split, paths) in shards::find(path)? {
            // In order, so that of several bad shards the first is reported.
            let indexed: Vec<Result<_, Error>> = paths
                .into_par_iter()
                .map(|path| Ok(Shard { samples: index::index(&path, label_file)?, path: path.into() }))
                .collect();
            shards.insert(split, indexed.into_iter().collect::<Result<_, _>>()?);
        }
        let classes = class_names(&path.join("classes.txt"), None)?;
        Ok(Self { shards, classes, label_key: label_key.map(Into::into), label_file })
    }

    fn label(&self, text: &[u8], place: &Place) -> Result<Option<i64>, Error> {
        let label = match &self.label_key {
            None => Some(integer(text).ok_or_else(|| TarError::label(place, text))?),
            Some(key) => from_json(text, key, place)?,
        };
        label.map_or(Ok(()), |label| check_label(label, &self.classes, place))?;
        Ok(label)
    }
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// The integer under `key`; `null` is an image without a label.
fn from_json(text: &[u8], key: &str, place: &Place) -> Result<Option<i64>, TarError> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(text).map_err(|source| TarError::Json { place: place.clone(), source })?;
    let value = object.get(key).ok_or_else(|| TarError::NoField {
        place: place.clone(),
        key: key.to_owned(),
        found: object.keys().cloned().collect(),
    })?;
    match value {
        serde_json::Value::Null => Ok(None),
        value => value.as_i64().map(Some).ok_or_else(|| TarError::label(place, value.to_string().as_bytes())),
    }
}

/// A sample as it lies in its shard.
#[derive(Debug)]
pub(crate) struct Packed {
    image: (Place, Vec<u8>),
    label: Option<(Place, Vec<u8>)>,
}

impl Source for Tar {
    type Raw = Packed;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        Some(self.shards.get(&split)?.iter().map(|shard| shard.samples.len() as u64).sum())
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Packed, Error>> + Send + 'a, Error> {
        let shards = self.shards.get(&split).map_or(&[][..], Vec::as_slice);
        let places = by_file(shards.iter().map(|shard| shard.samples.len() as u64), rows)
            .into_iter()
            .flat_map(move |(shard, first, rows)| {
                let Shard { path, samples } = &shards[shard];
                rows.iter().map(move |row| (path, &samples[(row - first) as usize]))
            });
        let mut open: Option<(&Path, File)> = None;
        Ok(places.map(move |(path, sample)| {
            let file = match &mut open {
                Some((current, file)) if *current == path.as_ref() => file,
                _ => &mut open.insert((path, File::open(path).map_err(DiskError::io("open", path))?)).1,
            };
            let mut read = |name: &str, span: &Span| {
                let mut bytes = vec![0; span.bytes as usize];
                file.seek(SeekFrom::Start(span.offset))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(DiskError::io("read", path))?;
                Ok::<_, Error>((Place { path: path.clone(), spot: Spot::Entry(name.into()) }, bytes))
            };
            let image = read(&sample.name, &sample.image)?;
            let label = match &sample.label {
                Some(span) => {
                    let (key, _) = index::key(&sample.name);
                    Some(read(&format!("{key}.{}", self.label_file), span)?)
                }
                None => None,
            };
            Ok(Packed { image, label })
        }))
    }

    fn bytes(&self, raw: &Packed) -> usize {
        raw.image.1.len()
    }

    fn load(&self, Packed { image: (place, bytes), label }: Packed) -> Result<Labelled, Error> {
        let label = match label {
            Some((place, text)) => self.label(&text, &place)?,
            None => None,
        };
        Ok(Labelled { label, image: decode(&bytes, &place)? })
    }
}
