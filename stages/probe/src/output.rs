//! Writes the tables, and says which layer is best.

use std::path::Path;

use igpt_artifact::table::probe::{LowDataRow, PredictionsWriter, ProbeId, ProbeRow, Source, write_probes};
use igpt_artifact::table::write_json;
use igpt_artifact::{Result, Split};
use igpt_stage::Summary;
use serde::Serialize;

use crate::concat::Window;
use crate::job::Outcome;

/// The volatile file of seconds in a probe artifact.
pub(crate) const TIMING_FILE: &str = "timing.json";

/// Writes `probes.parquet`: for every probe a row on each split.
pub(crate) fn write_scores(artifact: &Path, outcomes: &[Outcome]) -> Result<()> {
    let row = |outcome: &Outcome, split: Split| ProbeRow {
        id: outcome.id,
        dims: outcome.dims as u32,
        l2: outcome.l2,
        learning_rate: outcome.learning_rate,
        split,
        accuracy: outcome.score(split).accuracy,
        loss: outcome.score(split).loss,
        images: outcome.score(split).images,
        iterations: outcome.iterations,
    };
    let rows: Vec<_> =
        outcomes.iter().flat_map(|outcome| Split::ALL.map(|split| row(outcome, split))).collect();
    write_probes(artifact, &rows)
}

/// Writes `predictions.parquet`.
pub(crate) fn write_predictions(artifact: &Path, outcomes: &[Outcome]) -> Result<()> {
    let mut writer = PredictionsWriter::create(artifact)?;
    for outcome in outcomes.iter().filter(|outcome| outcome.is_full()) {
        writer.write(outcome.id, &outcome.predictions)?;
    }
    writer.finish()
}

/// Writes `timing.json`: wall-clock seconds of each probe, reading included. Probes run side by side,
/// so the seconds add up to more than the stage took.
pub(crate) fn write_timing(artifact: &Path, outcomes: &[Outcome]) -> Result<()> {
    #[derive(Serialize)]
    struct Timing {
        #[serde(flatten)]
        id: ProbeId,
        seconds: f64,
    }
    let rows: Vec<_> =
        outcomes.iter().map(|outcome| Timing { id: outcome.id, seconds: outcome.seconds }).collect();
    write_json(&artifact.join(TIMING_FILE), &rows)
}

/// The single layer of a source that does best on the validation split; of equals the one nearer to the
/// input.
pub(crate) fn best(outcomes: &[Outcome], source: Source) -> Option<&Outcome> {
    outcomes
        .iter()
        .filter(|outcome| outcome.id.source == source && outcome.is_plain())
        .reduce(|best, outcome| if outcome.validation.beats(&best.validation) { outcome } else { best })
}

/// The headline numbers. Layers are chosen on the validation split; accuracies are on the test split.
pub(crate) fn summary(outcomes: &[Outcome], windows: &[Window], low_data: &[LowDataRow]) -> Summary {
    let mut summary = Summary::default();
    if let Some(model) = best(outcomes, Source::Model) {
        summary = summary.with("best_layer", model.id.layer).with("l2", model.l2);
        if let Some(rate) = model.learning_rate {
            summary = summary.with("learning_rate", rate);
        }
        summary = summary
            .with("validation_accuracy", model.validation.accuracy)
            .with("test_accuracy", model.test.accuracy);
    }
    if let Some(untrained) = best(outcomes, Source::Untrained) {
        summary = summary
            .with("untrained_best_layer", untrained.id.layer)
            .with("untrained_test_accuracy", untrained.test.accuracy);
    }
    if let Some(pixels) = best(outcomes, Source::Pixels) {
        summary = summary.with("pixels_test_accuracy", pixels.test.accuracy);
    }
    for Window { asked, id, .. } in windows {
        if let Some(outcome) = outcomes.iter().find(|outcome| outcome.id == *id) {
            summary = summary.with(&format!("concat{asked}_test_accuracy"), outcome.test.accuracy);
        }
    }
    for row in low_data {
        let source = match row.source {
            Source::Model => String::new(),
            other => format!("{}_", other.name()),
        };
        summary = summary.with(&format!("{source}low_data_{}", row.labels_per_class), percent(row));
    }
    summary.volatile(TIMING_FILE)
}

/// `73.2 ± 1.5`: mean and sample standard deviation of test accuracy, in percent.
fn percent(row: &LowDataRow) -> String {
    let mean = 100.0 * row.mean;
    row.deviation.map_or_else(|| format!("{mean:.1}"), |d| format!("{mean:.1} ± {:.1}", 100.0 * d))
}
