//! The stage itself.

use igpt_artifact::table::images::Images;
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::{Tokens, TokensMeta};
use igpt_artifact::table::vectors::Batch;
use igpt_artifact::{Error, Kind, Result};
use igpt_stage::{Context, Forecast, Input, InputFacts, Stage, Summary, Task, stream};

use crate::{Lookup, Tally, TokenizeParams};

/// Images that are read at a time.
const BATCH: usize = 1024;

/// Turns every image of every split into palette indices, in raster order.
///
/// Reads an images and a palette artifact; writes `tokens.json` and
/// `split=…/part-….parquet` with one row an image, in the order of the images.
#[derive(Clone, Copy, Debug)]
pub struct TokenizeStage;

impl Stage for TokenizeStage {
    const NAME: &'static str = "tokenize";
    const ABOUT: &'static str = "turns every pixel into the index of its nearest palette colour";
    const KIND: Kind = Kind::Tokens;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Images), Input::required(Kind::Palette)];
    type Params = TokenizeParams;
    // Only files can go wrong here.
    type Error = Error;

    fn forecast(_: &TokenizeParams, inputs: &InputFacts) -> Forecast {
        let of_images = |name| inputs.get(Kind::Images.name(), name);
        let mut forecast = Forecast::default()
            .fact("n_positions", of_images("size").map(|size| size * size))
            .fact("k", inputs.get(Kind::Palette.name(), "k"));
        for split in ["train", "validation", "test"] {
            forecast = forecast.fact(split, of_images(split));
        }
        forecast
    }

    fn run(context: &Context<'_>, _: &TokenizeParams) -> Result<Summary> {
        let images = Images::open(context.input(Kind::Images.name()))?;
        let palette = Palette::open(context.input(Kind::Palette.name()))?;
        let lookup = Lookup::new(&palette);
        let mut meta = TokensMeta {
            height: images.meta.height,
            width: images.meta.width,
            k: palette.len(),
            classes: images.meta.classes.clone(),
            rows: Default::default(),
        };
        let total = images.meta.rows.values().sum();
        let task = Task::begin(context.progress, "tokenize", total, "images");
        let mut used = vec![false; palette.len()];
        let mut tokens = 0;
        let mut per_split = Vec::new();
        for &split in images.meta.rows.keys() {
            let mut tally = Tally::new(&palette);
            let mut writer = Tokens::writer(context.out, split, &meta);
            let width = meta.len();
            stream(
                images.read(split, BATCH)?,
                |batch| {
                    let coded = encode(&lookup, batch, width, &mut tally);
                    task.advance(coded.rows() as u64);
                    Ok(coded)
                },
                |coded| writer.extend(&coded),
            )?;
            meta.rows.insert(split, writer.finish()?);
            used.iter_mut().zip(tally.counts()).for_each(|(used, &count)| *used |= count > 0);
            tokens += tally.tokens();
            per_split.push((split, tally.psnr_db()));
        }
        meta.write(context.out)?;

        let mut summary = Summary::default()
            .with("tokens", tokens)
            .with("colours", palette.len())
            .with("used_colours", used.iter().filter(|used| **used).count());
        for (split, psnr) in per_split {
            summary = summary
                .with(&format!("{split}_images"), meta.rows[&split])
                .with(&format!("{split}_psnr_db"), psnr);
        }
        Ok(summary)
    }
}

fn encode(lookup: &Lookup, images: Batch<u8>, width: usize, tally: &mut Tally) -> Batch<u16> {
    let pixels = images.values.as_chunks().0;
    let values = lookup.encode(pixels);
    tally.add(pixels, &values);
    Batch { ids: images.ids, labels: images.labels, values, width }
}
