//! The stage itself.

use igpt_artifact::table::images::Images;
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::vectors::Batch;
use igpt_artifact::{Kind, Split};
use igpt_stage::{Amount, Context, Forecast, Input, InputFacts, Stage, Summary, Task, stream};

use crate::{Colours, Error, Histogram, PaletteParams, Result, kmeans, quality};

/// Images that are read at a time.
const BATCH: usize = 1024;

/// Finds the palette of the training images.
///
/// Reads an images artifact; writes `palette.parquet`, `kmeans_centers.npy` and `palette.png`.
/// Only the training split shapes the palette; the validation split is measured.
#[derive(Clone, Copy, Debug)]
pub struct PaletteStage;

impl Stage for PaletteStage {
    const NAME: &'static str = "palette";
    const ABOUT: &'static str = "finds the k colours that serve the training images best (k-means)";
    const KIND: Kind = Kind::Palette;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Images)];
    type Params = PaletteParams;
    type Error = Error;

    fn forecast(params: &PaletteParams, _: &InputFacts) -> Forecast {
        Forecast::default().fact("k", params.k as u64).figure("colours", Amount::Count(params.k as u64))
    }

    fn run(context: &Context<'_>, params: &PaletteParams) -> Result<Summary> {
        let dir = context.input(Kind::Images.name());
        let images = Images::open(dir)?;
        let train = count(context, &images, Split::Train)?;
        if train.is_empty() {
            return Err(Error::NoPixels { dir: dir.to_path_buf() });
        }
        let found = kmeans::fit(&train, params, context.seed.named("palette/k-means"), context.progress)?;
        let palette = Palette::new(found.centres);
        palette.write(context.out)?;

        let mut summary = Summary::default()
            .with("colours", palette.len())
            .with("train_pixels", train.pixels())
            .with("unique_colours", train.len())
            .with("inertia", found.inertia)
            .with("inertia_rgb255", found.inertia * 127.5 * 127.5)
            .with("restart", found.restart + 1)
            .with("iterations", found.iterations)
            .with("train_psnr_db", quality::psnr_db(&train, &palette));
        if images.meta.rows.contains_key(&Split::Validation) {
            let validation = count(context, &images, Split::Validation)?;
            summary = summary.with("validation_psnr_db", quality::psnr_db(&validation, &palette));
        }
        Ok(summary)
    }
}

fn count(context: &Context<'_>, images: &Images, split: Split) -> Result<Colours> {
    let reader = images.read(split, BATCH)?;
    let task = Task::begin(context.progress, &format!("count {split} colours"), reader.rows(), "images");
    let mut histogram = Histogram::default();
    let count = |batch: Batch<u8>| {
        histogram.add(&batch.values);
        task.advance(batch.rows() as u64);
        Ok(())
    };
    stream(reader, count, |()| Ok(()))?;
    Ok(histogram.colours())
}
