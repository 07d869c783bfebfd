//! From a source to the artifact.

use std::collections::BTreeMap;

use igpt_artifact::Split;
use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_stage::{Context, Summary, Task};
use rayon::prelude::*;

use crate::fit::Fitter;
use crate::source::{Labelled, Source};
use crate::split::{Chosen, plan};
use crate::{Error, ImagesParams};

/// Images that are decoded together, in parallel.
const CHUNK_ROWS: usize = 512;
/// A chunk of large files ends earlier: at so many encoded bytes.
const CHUNK_BYTES: usize = 32 << 20;

/// Writes a source's images and says what was written.
pub(crate) fn run<S: Source>(
    context: &Context<'_>,
    params: &ImagesParams,
    source: &S,
) -> Result<Summary, Error> {
    let plan = plan(|split| source.rows(split), params, context.seed)?;
    let mut meta = ImagesMeta {
        height: params.size,
        width: params.size,
        classes: source.classes().to_vec(),
        rows: BTreeMap::new(),
    };
    let mut summary = Summary::default();
    for (split, chosen) in &plan {
        let rows = write_split(context, source, &meta, *split, chosen)?;
        meta.rows.insert(*split, rows);
        summary = summary.with(split.name(), rows);
    }
    meta.write(context.out)?;
    if let Some(skipped) = source.skipped().filter(|&skipped| skipped > 0) {
        context.progress.log(&format!("skipped {skipped} files that are no JPEG or PNG in a class folder"));
        summary = summary.with("skipped", skipped);
    }
    Ok(summary.with("classes", meta.classes.len()).with("size", params.size))
}

fn write_split<S: Source>(
    context: &Context<'_>,
    source: &S,
    meta: &ImagesMeta,
    split: Split,
    chosen: &Chosen,
) -> Result<u64, Error> {
    let task = Task::begin(context.progress, &format!("{split} images"), chosen.rows.len() as u64, "images");
    let mut writer = Images::writer(context.out, split, meta);
    let mut rows = chosen.rows.iter();
    let mut incoming = source.fetch(chosen.from, &chosen.rows)?;
    loop {
        let chunk = next_chunk(source, &mut incoming)?;
        if chunk.is_empty() {
            return Ok(writer.finish()?);
        }
        let fitted: Vec<Result<_, Error>> = chunk
            .into_par_iter()
            .map_init(
                || Fitter::new(meta.width),
                |fitter, raw| {
                    let Labelled { label, image } = source.load(raw)?;
                    Ok((label, fitter.fit(image)))
                },
            )
            .collect();
        // In order, so that of several bad images the first is reported, whatever thread met it.
        task.advance(fitted.len() as u64);
        for (fitted, row) in fitted.into_iter().zip(rows.by_ref()) {
            let (label, pixels) = fitted?;
            writer.push(chosen.first_id + row, label, &pixels)?;
        }
    }
}

fn next_chunk<S: Source>(
    source: &S,
    incoming: &mut impl Iterator<Item = Result<S::Raw, Error>>,
) -> Result<Vec<S::Raw>, Error> {
    let mut chunk = Vec::new();
    let mut bytes = 0;
    while chunk.len() < CHUNK_ROWS && bytes < CHUNK_BYTES {
        let Some(raw) = incoming.next().transpose()? else { break };
        bytes += source.bytes(&raw);
        chunk.push(raw);
    }
    Ok(chunk)
}
