//! Stage `sample`: images that the network draws, alone or from an upper half.
//!
//! Unconditional samples start from nothing; completions are given the upper half of a test image
//! that the network has not seen. Each image has a random stream of its own, so what is drawn does
//! not depend on how many are drawn together.

mod batches;
mod choose;
mod draw;
mod error;
mod params;
mod picture;

pub use choose::Choice;
pub use draw::{Drawing, draw};
pub use error::Error;
pub use params::SampleParams;

use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::table::vectors::{Batch, Writer};
use igpt_artifact::{Kind, Split};
use igpt_model::{Config, Device, Objective};
use igpt_stage::{Context, Input, Stage, Summary};
use rand::seq::index;

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct SampleStage;

impl Stage for SampleStage {
    const NAME: &'static str = "sample";
    const ABOUT: &'static str = "draw images and complete upper halves";
    const KIND: Kind = Kind::Samples;
    const INPUTS: &'static [Input] =
        &[Input::required(Kind::Model), Input::required(Kind::Palette), Input::required(Kind::Tokens)];
    type Params = SampleParams;
    type Error = Error;

    fn run(context: &Context<'_>, params: &SampleParams) -> Result<Summary, Error> {
        let tokens = Tokens::open(context.input("tokens"))?;
        let palette = Palette::open(context.input("palette"))?;
        let config = Config::open(context.input("model"))?;
        if config.n_positions != tokens.meta.len() || config.k != tokens.meta.k || config.k != palette.len() {
            return Err(Error::Misfit { n_positions: config.n_positions, model_k: config.k });
        }
        if config.objective != Objective::Autoregressive {
            return Err(Error::NotAutoregressive { objective: config.objective.name() });
        }
        let originals = held_out(&tokens, params.completions, context)?;
        let device = Device::choose(context.device)?;
        let drawn = device.run(batches::Draw { context, params, config, originals: &originals })?;

        write(context, "unconditional", &drawn.samples)?;
        write(context, "completion", &drawn.completions)?;
        let painter = picture::Painter { palette: &palette, width: tokens.meta.width, zoom: params.zoom };
        painter.samples(&drawn.samples, &context.out.join("samples.png"))?;
        let path = context.out.join("completions.png");
        painter.completions(&originals, &drawn.completions, drawn.given, &path)?;
        Ok(Summary::default()
            .with("samples", drawn.samples.rows())
            .with("completed_images", originals.rows())
            .with("temperature", params.temperature)
            .device(device.to_string()))
    }
}

/// Test images to complete, chosen by the seed.
fn held_out(tokens: &Tokens, wanted: usize, context: &Context<'_>) -> Result<Batch<u16>, Error> {
    let all = tokens.read(Split::Test, 256)?.rows() as usize;
    let mut rng = context.seed.named("sample/originals").rng();
    let mut chosen = index::sample(&mut rng, all, wanted.min(all)).into_vec();
    chosen.sort_unstable();
    let mut originals = Batch::new(tokens.meta.len());
    let mut first = 0;
    for batch in tokens.read(Split::Test, 256)? {
        let batch = batch?;
        for &row in chosen.iter().filter(|&&row| (first..first + batch.rows()).contains(&row)) {
            let i = row - first;
            originals.push(batch.ids[i], batch.labels[i], batch.row(i));
        }
        first += batch.rows();
    }
    Ok(originals)
}

/// The drawn tokens as a table: `kind=unconditional/part-00000.parquet`.
fn write(context: &Context<'_>, kind: &str, drawn: &Batch<u16>) -> Result<(), Error> {
    let mut writer = Writer::create(&context.out.join(format!("kind={kind}")), drawn.width);
    writer.extend(drawn)?;
    writer.finish()?;
    Ok(())
}
