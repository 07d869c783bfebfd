//! From a source to the artifact.

use std::collections::BTreeMap;

use igpt_artifact::Split;
use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_stage::{Context, Summary, Task, stream};
use rayon::prelude::*;

use crate::crop::Crops;
use crate::fit::Fitter;
use crate::source::{Labelled, Source};
use crate::split::{Chosen, plan};
use crate::{Error, ImagesParams};

/// Rows that are decoded together, in parallel.
const CHUNK_ROWS: usize = 512;
/// Images in a chunk at least, however many rows each of them becomes.
const CHUNK_IMAGES: usize = 16;
/// A chunk of large files ends earlier: at so many encoded bytes.
const CHUNK_BYTES: usize = 32 << 20;
/// Ids that are set apart for each image where images have crops; decimal, so that a person can
/// read the two parts of an id.
const CROP_IDS: u64 = 1000;

/// Writes a source's images and says what was written.
pub(crate) fn run<S: Source>(
    context: &Context<'_>,
    params: &ImagesParams,
    source: &S,
) -> Result<Summary, Error> {
    let plan = plan(|split| source.rows(split), params, context.seed)?;
    let crops = Crops::new(params, context.seed);
    let ids = if crops.is_some() { CROP_IDS } else { 1 };
    let mut meta = ImagesMeta {
        height: params.size,
        width: params.size,
        classes: source.classes().to_vec(),
        rows: BTreeMap::new(),
    };
    let mut summary = Summary::default();
    for (split, chosen) in &plan {
        let crops = crops.as_ref().filter(|_| *split == Split::Train);
        let writing = Writing { context, source, meta: &meta, split: *split, crops, ids };
        let rows = writing.write(chosen)?;
        meta.rows.insert(*split, rows);
        summary = summary.with(split.name(), rows);
    }
    meta.write(context.out)?;
    if params.crops > 0 {
        summary = summary.with("crops", params.crops);
    }
    if let Some(skipped) = source.skipped().filter(|&skipped| skipped > 0) {
        context.progress.log(&format!("skipped {skipped} files that are no JPEG or PNG in a class folder"));
        summary = summary.with("skipped", skipped);
    }
    Ok(summary.with("classes", meta.classes.len()).with("size", params.size))
}

/// One split on its way to disk.
struct Writing<'a, S> {
    context: &'a Context<'a>,
    source: &'a S,
    meta: &'a ImagesMeta,
    split: Split,
    /// Random crops in place of the central square.
    crops: Option<&'a Crops>,
    /// Ids that each image takes up.
    ids: u64,
}

impl<S: Source> Writing<'_, S> {
    fn write(&self, chosen: &Chosen) -> Result<u64, Error> {
        let total = chosen.rows.len() as u64;
        let task = Task::begin(self.context.progress, &format!("{} images", self.split), total, "images");
        let mut writer = Images::writer(self.context.out, self.split, self.meta);
        let places = chosen.rows.iter().map(|row| chosen.first_id + row);
        let images = places.zip(self.source.fetch(chosen.from, &chosen.rows)?);
        let chunks = Chunks {
            images,
            bytes: |raw: &S::Raw| self.source.bytes(raw),
            most: (CHUNK_ROWS / self.crops.map_or(1, Crops::count)).max(CHUNK_IMAGES),
        };
        let fit = |chunk: Vec<(u64, S::Raw)>| {
            let fitted: Vec<Result<_, Error>> = chunk
                .into_par_iter()
                .map_init(
                    || Fitter::new(self.meta.width),
                    |fitter, (place, raw)| {
                        let Labelled { label, image } = self.source.load(raw)?;
                        Ok((place, label, self.views(fitter, place, image)))
                    },
                )
                .collect();
            task.advance(fitted.len() as u64);
            Ok(fitted)
        };
        stream(chunks, fit, |fitted| {
            // In order, so that of several bad images the first is reported, whatever thread met it.
            for image in fitted {
                let (place, label, views) = image?;
                for (view, pixels) in views {
                    writer.push(place * self.ids + view, label, &pixels)?;
                }
            }
            Ok(())
        })?;
        Ok(writer.finish()?)
    }

    /// What is written of an image: its central square (view 0), or its crops (1, 2 …).
    fn views(&self, fitter: &mut Fitter, place: u64, image: image::RgbImage) -> Vec<(u64, Vec<u8>)> {
        let Some(crops) = self.crops else { return vec![(0, fitter.fit(image))] };
        let squares = crops.squares(place, image.width(), image.height());
        (1..).zip(squares.map(|square| fitter.cut(&image, square))).collect()
    }
}

/// Images gathered into chunks, with their places.
struct Chunks<I, B> {
    images: I,
    /// The memory that an image takes.
    bytes: B,
    /// Images in a chunk at most.
    most: usize,
}

impl<R, I, B> Iterator for Chunks<I, B>
where
    I: Iterator<Item = (u64, Result<R, Error>)>,
    B: Fn(&R) -> usize,
{
    type Item = Result<Vec<(u64, R)>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        while chunk.len() < self.most && bytes < CHUNK_BYTES {
            let Some((place, raw)) = self.images.next() else { break };
            match raw {
                Ok(raw) => {
                    bytes += (self.bytes)(&raw);
                    chunk.push((place, raw));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        (!chunk.is_empty()).then_some(Ok(chunk))
    }
}
