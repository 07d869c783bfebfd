//! The stage: which probes there are, and what becomes of them.

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use igpt_artifact::table::features::Features;
use igpt_artifact::table::images::Images;
use igpt_artifact::table::probe::Source;
use igpt_artifact::{Kind, Split};
use igpt_stage::{Context, Input, Stage, Summary, Task};

use crate::error::{Error, Result};
use crate::probe::{Job, Outcome, ProbeId};
use crate::roster::Roster;
use crate::vectors::Column;
use crate::{ProbeParams, output, plot, pool, weights};

/// Fits and judges linear probes.
pub struct ProbeStage;

/// The role of the features of the network before training.
const UNTRAINED: &str = "untrained";

impl Stage for ProbeStage {
    const NAME: &'static str = "probe";
    const ABOUT: &'static str = "logistic regression on every layer's features, and on pixels for comparison";
    const KIND: Kind = Kind::Probe;
    const INPUTS: &'static [Input] = &[
        Input::required(Kind::Features),
        Input::if_named(UNTRAINED, Kind::Features),
        Input::if_present(Kind::Images),
    ];
    type Params = ProbeParams;
    type Error = Error;

    fn run(context: &Context<'_>, params: &ProbeParams) -> Result<Summary> {
        let features = Features::open(context.input(Kind::Features.name()))?;
        let roster = Roster::read(&features, params.limit, context.seed)?;
        let mut jobs = layers(&features, Source::Model);
        if let Some(dir) = context.optional_input(UNTRAINED) {
            jobs.extend(layers(&Features::open(dir)?, Source::Untrained));
        }
        if let Some(dir) = context.optional_input(Kind::Images.name()) {
            jobs.push(pixels(dir)?);
        }

        let task = Task::begin(context.progress, "fitting probes", jobs.len() as u64, "probes");
        // The widest vectors last in the tables go first in time: nothing then waits for them at the end.
        jobs.reverse();
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let mut outcomes = pool::run_all(&jobs, threads, |job| {
            let outcome = job.run(&roster, params)?;
            task.note(&format!("{}: {:.1} % of validation", outcome.id, 100.0 * outcome.validation.accuracy));
            task.advance(1);
            Ok::<_, Error>(outcome)
        })?;
        outcomes.reverse();

        if let Some(message) = unconverged(&outcomes) {
            context.progress.log(&message);
        }
        output::write_scores(context.out, &outcomes, &roster)?;
        output::write_predictions(context.out, &outcomes)?;
        output::write_timing(context.out, &outcomes)?;
        weights::write(context.out, outcomes.iter().map(|outcome| &outcome.linear))?;
        plot::write(context.out, &outcomes)?;
        Ok(output::summary(&outcomes).with("test_images", roster.images(Split::Test).ids.len()))
    }
}

/// A probe for every dumped layer.
fn layers(features: &Features, source: Source) -> Vec<Job> {
    let job = |&layer: &usize| Job {
        id: ProbeId { source, layer: Some(layer as u32) },
        dir: features.dir().to_path_buf(),
        column: Column::Features { layer: layer as u32 },
        dims: features.meta.n_embd,
    };
    features.meta.layers.iter().map(job).collect()
}

fn pixels(dir: &Path) -> Result<Job> {
    let images = Images::open(dir)?;
    Ok(Job {
        id: ProbeId { source: Source::Pixels, layer: None },
        dir: dir.to_path_buf(),
        column: Column::Pixels,
        dims: images.meta.len(),
    })
}

/// One line on the fits that stopped early, where there are any.
fn unconverged(outcomes: &[Outcome]) -> Option<String> {
    let probes = outcomes.iter().filter(|outcome| !outcome.unconverged.is_empty()).count();
    let mut strengths: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.unconverged).collect();
    strengths.sort_by(|a, b| b.total_cmp(a));
    strengths.dedup();
    let strengths: Vec<_> = strengths.iter().map(|l2| format!("{l2:?}")).collect();
    let (total, strengths) = (outcomes.len(), strengths.join(", "));
    (probes > 0).then(|| {
        format!("{probes} of {total} probes have fits that stopped before the tolerance, at l2 = {strengths}")
    })
}
