//! `probes.parquet`: how every probe did on every split.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::Split;
use igpt_artifact::table::probe::{PROBES_FILE, Source};
use polars::prelude::{SortMultipleOptions, col};

use super::table::{collect, scan};
use crate::Error;

/// A linear classifier on one layer, or on the pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probe {
    pub(crate) source: Source,
    pub(crate) layer: Option<i64>,
    pub(crate) dims: i64,
    pub(crate) l2: f64,
    pub(crate) iterations: i64,
    pub(crate) scores: BTreeMap<Split, Scores>,
}

/// How a probe did on one split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scores {
    /// In 0..=1.
    pub(crate) accuracy: f64,
    /// Nats per image.
    pub(crate) loss: f64,
    pub(crate) images: i64,
}

/// Every probe, by source and layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes(pub(crate) Vec<Probe>);

impl Probe {
    pub(crate) fn accuracy(&self, split: Split) -> Option<f64> {
        self.scores.get(&split).map(|scores| scores.accuracy)
    }
}

impl Probes {
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(PROBES_FILE);
        let order = ["source", "layer", "split"];
        let query = scan(&path)?.sort(order, SortMultipleOptions::default()).select([
            col("source"),
            col("layer"),
            col("dims"),
            col("l2"),
            col("split"),
            col("accuracy"),
            col("loss"),
            col("images"),
            col("iterations"),
        ]);
        let table = collect(&path, query)?;
        let (sources, splits) = (table.texts("source")?, table.texts("split")?);
        let (layers, dims) = (table.i64s("layer")?, table.i64s("dims")?);
        let (images, iterations) = (table.i64s("images")?, table.i64s("iterations")?);
        let (l2, accuracy, loss) = (table.f64s("l2")?, table.f64s("accuracy")?, table.f64s("loss")?);
        let mut probes: BTreeMap<(Source, Option<i64>), Probe> = BTreeMap::new();
        for row in 0..sources.len() {
            let bad = |message: String| igpt_artifact::Error::table(&path, format!("row {row}: {message}"));
            let source = Source::ALL
                .into_iter()
                .find(|source| source.name() == sources[row])
                .ok_or_else(|| bad(format!("`{}` is no source of a probe", sources[row])))?;
            let split: Split = splits[row].parse().map_err(|e| bad(format!("{e}")))?;
            let scores =
                Scores { accuracy: accuracy[row], loss: loss[row], images: images[row].unwrap_or(0) };
            let probe = probes.entry((source, layers[row])).or_insert_with(|| Probe {
                source,
                layer: layers[row],
                dims: dims[row].unwrap_or(0),
                l2: l2[row],
                iterations: iterations[row].unwrap_or(0),
                scores: BTreeMap::new(),
            });
            probe.scores.insert(split, scores);
        }
        Ok(Self(probes.into_values().collect()))
    }

    /// The probes on one source, by layer.
    pub(crate) fn of(&self, source: Source) -> impl Iterator<Item = &Probe> {
        self.0.iter().filter(move |probe| probe.source == source)
    }

    /// The probe of a source that did best on the validation split; the lowest layer of equals.
    /// Nothing is chosen on test.
    pub(crate) fn best(&self, source: Source) -> Option<&Probe> {
        let validation = |probe: &Probe| probe.accuracy(Split::Validation).unwrap_or(f64::NEG_INFINITY);
        self.of(source).reduce(|best, probe| if validation(probe) > validation(best) { probe } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(layer: i64, validation: f64, test: f64) -> Probe {
        let scores = |accuracy| Scores { accuracy, loss: 1.0, images: 10 };
        let scores = BTreeMap::from([(Split::Validation, scores(validation)), (Split::Test, scores(test))]);
        Probe { source: Source::Model, layer: Some(layer), dims: 4, l2: 0.1, iterations: 3, scores }
    }

    #[test]
    fn the_best_layer_is_chosen_on_validation_alone() {
        let probes =
            Probes(vec![probe(0, 0.3, 0.9), probe(1, 0.6, 0.5), probe(2, 0.6, 0.7), probe(3, 0.1, 0.95)]);
        assert_eq!(probes.best(Source::Model).unwrap().layer, Some(1));
        assert_eq!(probes.best(Source::Untrained), None);
    }
}
