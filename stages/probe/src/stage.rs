//! The stage: which probes there are, and what becomes of them.

use std::num::NonZeroUsize;
use std::thread;

use igpt_artifact::table::features::Features;
use igpt_artifact::table::probe::{ProbeMeta, Source, Subset, write_low_data, write_subsets};
use igpt_artifact::{Kind, Split};
use igpt_stage::{Context, Input, Stage, Summary, Task};

use crate::budget::Budget;
use crate::concat::Window;
use crate::error::{Error, Result};
use crate::job::{Job, Outcome};
use crate::roster::Roster;
use crate::{ProbeParams, concat, low_data, output, plot, pool, weights};

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
        let untrained = context.optional_input(UNTRAINED).map(Features::open).transpose()?;
        let roster = Roster::read(&features, params.limit, context.seed)?;
        let mut jobs = layers(&features, Source::Model);
        if let Some(untrained) = &untrained {
            jobs.extend(layers(untrained, Source::Untrained));
        }
        if let Some(images) = context.optional_input(Kind::Images.name()) {
            jobs.push(Job::pixels(images)?);
        }

        // The widest vectors last in the tables go first in time: nothing then waits for them at the end.
        let round: Vec<_> = jobs.iter().rev().map(|job| (job.clone(), &roster)).collect();
        let mut outcomes = fit(context, params, "fitting probes", &round)?;
        outcomes.reverse();

        let best = output::best(&outcomes, Source::Model).map(|best| best.id);
        let windows = best.map(|best| concat::windows(&features.meta.layers, best, &params.concat));
        let windows = windows.unwrap_or_default();
        log_cut(context, &windows);
        let wanted = params.low_data.as_ref();
        let subsets = wanted.map(|wanted| low_data::draw(&roster, wanted, context.seed, context.progress));
        let subsets = subsets.unwrap_or_default();
        let wide = concat::jobs(&features, &windows).into_iter().map(|job| (job, &roster));
        let round: Vec<_> = wide.chain(few_labels(&jobs, &subsets, &outcomes)).collect();
        if !round.is_empty() {
            outcomes.extend(fit(context, params, "fitting further probes", &round)?);
        }

        if let Some(message) = unconverged(&outcomes) {
            context.progress.log(&message);
        }
        let low_data = low_data::summarize(&outcomes);
        if wanted.is_some() {
            write_low_data(context.out, &low_data)?;
            write_subsets(context.out, &low_data::rows(&subsets))?;
        }
        let meta = ProbeMeta {
            model: features.meta.model,
            untrained: untrained.map(|untrained| untrained.meta.model),
            concatenated: concat::described(&windows),
        };
        meta.write(context.out)?;
        output::write_scores(context.out, &outcomes)?;
        output::write_predictions(context.out, &outcomes)?;
        output::write_timing(context.out, &outcomes)?;
        let full = outcomes.iter().filter(|outcome| outcome.is_full());
        weights::write(context.out, full.map(|outcome| &outcome.linear))?;
        plot::write(context.out, &outcomes)?;
        let summary = output::summary(&outcomes, &windows, &low_data);
        Ok(summary.with("test_images", roster.images(Split::Test).ids.len()))
    }
}

/// Fits probes side by side; results come in the order of the jobs.
fn fit(
    context: &Context<'_>,
    params: &ProbeParams,
    task: &str,
    jobs: &[(Job, &Roster)],
) -> Result<Vec<Outcome>> {
    let task = Task::begin(context.progress, task, jobs.len() as u64, "probes");
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let budget = Budget::new(params.memory << 20);
    pool::run_all(jobs, threads, |(job, roster)| {
        let outcome = job.run(roster, params, &budget, context.seed)?;
        task.note(&format!("{}: {:.1} % of validation", outcome.id, 100.0 * outcome.validation.accuracy));
        task.advance(1);
        Ok(outcome)
    })
}

/// A probe for every dumped layer.
fn layers(features: &Features, source: Source) -> Vec<Job> {
    features.meta.layers.iter().map(|&layer| Job::layer(features, source, layer as u32)).collect()
}

/// Says which windows reach over an end of the network.
fn log_cut(context: &Context<'_>, windows: &[Window]) {
    for Window { asked, layers, .. } in windows.iter().filter(|w| w.layers.len() < w.asked as usize) {
        let message = format!("concat: of {asked} layers around the best one only {layers:?} exist");
        context.progress.log(&message);
    }
}

/// For every source the probe that did best with all labels, once for each subset.
fn few_labels<'a>(
    jobs: &'a [Job],
    subsets: &'a [(Subset, Roster)],
    outcomes: &'a [Outcome],
) -> impl Iterator<Item = (Job, &'a Roster)> {
    let best = |source| jobs.iter().find(|job| Some(job.id) == output::best(outcomes, source).map(|o| o.id));
    Source::ALL.into_iter().filter_map(best).flat_map(move |job| {
        subsets.iter().map(move |(subset, roster)| (Job { id: job.id.on(*subset), ..job.clone() }, roster))
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
