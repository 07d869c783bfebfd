//! Probes and classifiers into rows of one table.

use std::collections::BTreeMap;

use igpt_artifact::table::classifier::Classifier;
use igpt_artifact::table::comparison::ComparisonRow;
use igpt_artifact::table::model::ModelFacts;
use igpt_artifact::table::probe::{Probe, ProbeRow, Source};
use igpt_artifact::{Kind, Split};
use igpt_stage::Context;

use crate::Error;

/// Every layer of every network, then every fine-tuned network, in the order of the inputs.
pub(crate) fn rows(context: &Context<'_>) -> Result<Vec<ComparisonRow>, Error> {
    let mut rows = Vec::new();
    for input in context.inputs_of(Kind::Probe.name()) {
        let probe = Probe::open(&input.dir)?;
        rows.extend(layers(&probe.meta.model, &probe.rows()?));
    }
    for input in context.inputs_of(Kind::Classifier.name()) {
        let Classifier { model, curve } = Classifier::open(&input.dir)?;
        let test = curve.iter().find(|row| row.split == Split::Test);
        let kept = test.and_then(|test| {
            let validation = |row: &&_| row_is(row, Split::Validation, test.step);
            Some((curve.iter().find(validation)?, test))
        });
        if let Some((validation, test)) = kept {
            rows.push(ComparisonRow {
                model,
                how: "finetune",
                layer: None,
                best: true,
                validation_accuracy: validation.accuracy,
                test_accuracy: test.accuracy,
            });
        }
    }
    Ok(rows)
}

fn row_is(row: &igpt_artifact::table::classifier::ClassifierMetric, split: Split, step: u64) -> bool {
    row.split == split && row.step == step
}

/// The single layers of a network, ascending, the best by validation marked: of equals the one with the lower
/// loss, then the one nearer to the input, as the probe stage chooses.
fn layers(model: &ModelFacts, rows: &[ProbeRow]) -> Vec<ComparisonRow> {
    let mut by_layer: BTreeMap<u32, BTreeMap<Split, &ProbeRow>> = BTreeMap::new();
    for row in rows {
        let plain = row.id.source == Source::Model && row.id.subset.is_none() && !row.id.is_concatenated();
        if let (true, Some(layer)) = (plain, row.id.layer) {
            by_layer.entry(layer).or_default().insert(row.split, row);
        }
    }
    let judged = by_layer.into_iter().filter_map(|(layer, splits)| {
        Some((layer, *splits.get(&Split::Validation)?, *splits.get(&Split::Test)?))
    });
    let judged: Vec<_> = judged.collect();
    let better =
        |a: &ProbeRow, b: &ProbeRow| a.accuracy > b.accuracy || (a.accuracy == b.accuracy && a.loss < b.loss);
    let best = judged.iter().reduce(|best, new| if better(new.1, best.1) { new } else { best });
    let best = best.map(|(layer, ..)| *layer);
    judged
        .iter()
        .map(|&(layer, validation, test)| ComparisonRow {
            model: model.clone(),
            how: "probe",
            layer: Some(layer),
            best: best == Some(layer),
            validation_accuracy: validation.accuracy,
            test_accuracy: test.accuracy,
        })
        .collect()
}
