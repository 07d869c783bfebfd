//! Artifacts into plain values.

mod examples;
mod model;
mod picture;
mod predictions;
mod probes;
mod table;

use std::path::Path;

use igpt_artifact::table::classifier::Classifier;
use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::probe::{LowDataRow, Source, read_low_data};
use igpt_artifact::table::tokens::{Tokens, TokensMeta};
use igpt_artifact::{Kind, Manifest};
use igpt_stage::{Context, Task};
use serde_json::Value;

pub(crate) use examples::Examples;
pub(crate) use model::{Curve, Model};
pub(crate) use picture::Picture;
pub(crate) use predictions::Confusion;
pub(crate) use probes::{Probe, Probes};

use crate::Error;
use crate::lineage::Lineage;

/// Everything that the page shows.
pub(crate) struct Run {
    pub(crate) images: Option<(ImagesMeta, Facts)>,
    pub(crate) palette: Option<(usize, Picture, Facts)>,
    pub(crate) tokens: Option<(TokensMeta, Facts)>,
    pub(crate) examples: Option<Examples>,
    pub(crate) model: Option<(Model, Facts)>,
    pub(crate) probe: Option<Probed>,
    pub(crate) samples: Option<(Vec<Picture>, Facts)>,
    pub(crate) classifier: Option<(Classifier, Facts)>,
    pub(crate) comparison: Option<(Vec<Picture>, Facts)>,
    pub(crate) lineage: Lineage,
}

/// What the probe artifact says.
pub(crate) struct Probed {
    pub(crate) probes: Probes,
    /// Labels against predictions of the best layer, on the test split.
    pub(crate) confusion: Confusion,
    /// Probes on few labels; empty where none were asked for.
    pub(crate) low_data: Vec<LowDataRow>,
    pub(crate) facts: Facts,
}

/// A stage's headline numbers, in its own order.
pub(crate) type Facts = Vec<(String, Value)>;

impl Run {
    /// Reads every input that is there.
    pub(crate) fn read(context: &Context<'_>) -> Result<Self, Error> {
        let task = Task::begin(context.progress, "artifacts", context.inputs.len() as u64, "artifacts");
        let input = |kind: Kind| {
            context.inputs.get(kind.name()).map(|input| {
                task.advance(1);
                (input.dir.as_path(), &input.manifest)
            })
        };
        let images = input(Kind::Images).map(with_facts(Images::open)).transpose()?;
        let palette = input(Kind::Palette).map(with_facts(read_palette)).transpose()?;
        let tokens = input(Kind::Tokens).map(with_facts(Tokens::open)).transpose()?;
        let model = input(Kind::Model).map(with_facts(Model::read)).transpose()?;
        let samples = input(Kind::Samples).map(with_facts(read_samples)).transpose()?;
        let classifier = input(Kind::Classifier).map(with_facts(Classifier::open)).transpose()?;
        let comparison = input(Kind::Comparison).map(with_facts(read_comparison)).transpose()?;
        let classes =
            [images.as_ref().map(|i| &i.0.meta.classes), tokens.as_ref().map(|t| &t.0.meta.classes)];
        let classes =
            classes.into_iter().flatten().find(|names| !names.is_empty()).cloned().unwrap_or_default();
        let probe =
            input(Kind::Probe).map(|(dir, manifest)| Probed::read(dir, manifest, &classes)).transpose()?;
        let decoder =
            tokens.as_ref().zip(palette.as_ref()).map(|((tokens, _), ((palette, _), _))| (tokens, palette));
        let examples = match (&images, input(Kind::Images)) {
            (Some((images, _)), Some((dir, _))) => Examples::read(dir, images, decoder, &classes)?,
            _ => None,
        };
        Ok(Self {
            images: images.map(|(images, facts)| (images.meta, facts)),
            palette: palette.map(|((palette, picture), facts)| (palette.len(), picture, facts)),
            tokens: tokens.map(|(tokens, facts)| (tokens.meta, facts)),
            examples,
            model,
            probe,
            samples,
            classifier,
            comparison,
            lineage: Lineage::trace(context.inputs.values())?,
        })
    }
}

impl Probed {
    fn read(dir: &Path, manifest: &Manifest, classes: &[String]) -> Result<Self, Error> {
        let probes = Probes::read(dir)?;
        let best = probes.best(Source::Model);
        let confusion = match best {
            Some(best) => Confusion::read(dir, best, classes)?,
            None => Confusion::default(),
        };
        let low_data = read_low_data(dir)?;
        Ok(Self { probes, confusion, low_data, facts: manifest.results.clone() })
    }
}

/// Pairs what `open` reads with the manifest's headline numbers.
fn with_facts<T, E: Into<Error>>(
    open: impl Fn(&Path) -> Result<T, E>,
) -> impl Fn((&Path, &Manifest)) -> Result<(T, Facts), Error> {
    move |(dir, manifest)| Ok((open(dir).map_err(Into::into)?, manifest.results.clone()))
}

fn read_palette(dir: &Path) -> Result<(Palette, Picture), Error> {
    let k = Palette::open(dir)?;
    let alt = format!("The {} colours of the palette", k.len());
    Ok((k, Picture::read(&dir.join("palette.png"), &alt)?))
}

/// The charts of a comparison; any may be missing, when there was nothing for it.
fn read_comparison(dir: &Path) -> Result<Vec<Picture>, Error> {
    let charts = [
        ("scaling.svg", "Probe accuracy against validation loss, a line for each network"),
        ("depth.svg", "Probe accuracy against depth, a curve for each network"),
        ("objectives.svg", "Accuracy of the autoregressive network beside that of BERT"),
    ];
    let charts = charts.into_iter().map(|(name, alt)| (dir.join(name), alt));
    charts.filter(|(path, _)| path.exists()).map(|(path, alt)| Picture::read_svg(&path, alt)).collect()
}

/// The pictures of a samples artifact; either may be missing, when none were asked for.
fn read_samples(dir: &Path) -> Result<Vec<Picture>, Error> {
    let pictures = [
        ("samples.png", "A grid of images drawn by the network"),
        ("completions.png", "A grid of held-out images completed by the network"),
    ];
    pictures
        .into_iter()
        .map(|(name, alt)| (dir.join(name), alt))
        .filter(|(path, _)| path.exists())
        .map(|(path, alt)| Picture::read(&path, alt))
        .collect()
}
