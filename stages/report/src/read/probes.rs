//! `probes.parquet`: how every probe on all labels did on every split. Probes on few labels are summed up in
//! a table of their own.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::Split;
use igpt_artifact::table::probe::{PROBES_FILE, Source};
use polars::prelude::{SortMultipleOptions, col};

use super::table::{collect, scan};
use crate::Error;

/// A linear classifier on one layer, on several side by side, or on the pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probe {
    pub(crate) source: Source,
    /// The centre one of several.
    pub(crate) layer: Option<i64>,
    /// How many layers it looks at.
    pub(crate) layers: Option<i64>,
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

/// Every probe, by source, number of layers and layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes(pub(crate) Vec<Probe>);

impl Probe {
    pub(crate) fn accuracy(&self, split: Split) -> Option<f64> {
        self.scores.get(&split).map(|scores| scores.accuracy)
    }

    /// Whether it looks at several layers.
    pub(crate) fn is_concatenated(&self) -> bool {
        self.layers.is_some_and(|layers| layers > 1)
    }
}

impl Probes {
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(PROBES_FILE);
        let all_labels = scan(&path)?.filter(col("labels_per_class").is_null());
        let order = ["source", "layers", "layer", "split"];
        let query = all_labels.sort(order, SortMultipleOptions::default()).select([
            col("source"),
            col("layer"),
            col("layers"),
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
        let (layer, layers, dims) = (table.i64s("layer")?, table.i64s("layers")?, table.i64s("dims")?);
        let (images, iterations) = (table.i64s("images")?, table.i64s("iterations")?);
        let (l2, accuracy, loss) = (table.f64s("l2")?, table.f64s("accuracy")?, table.f64s("loss")?);
        let mut probes: BTreeMap<(Source, Option<i64>, Option<i64>), Probe> = BTreeMap::new();
        for row in 0..sources.len() {
            let bad = |message: String| igpt_artifact::Error::table(&path, format!("row {row}: {message}"));
            let source: Source = sources[row].parse().map_err(|e| bad(format!("{e}")))?;
            let split: Split = splits[row].parse().map_err(|e| bad(format!("{e}")))?;
            let scores =
                Scores { accuracy: accuracy[row], loss: loss[row], images: images[row].unwrap_or(0) };
            let probe = probes.entry((source, layers[row], layer[row])).or_insert_with(|| Probe {
                source,
                layer: layer[row],
                layers: layers[row],
                dims: dims[row].unwrap_or(0),
                l2: l2[row],
                iterations: iterations[row].unwrap_or(0),
                scores: BTreeMap::new(),
            });
            probe.scores.insert(split, scores);
        }
        Ok(Self(probes.into_values().collect()))
    }

    /// The probes on single layers of one source, by layer, or the one on pixels.
    pub(crate) fn of(&self, source: Source) -> impl Iterator<Item = &Probe> {
        self.0.iter().filter(move |probe| probe.source == source && !probe.is_concatenated())
    }

    /// The single layer of a source that did best on the validation split; the lowest layer of equals.
    /// Nothing is chosen on test.
    pub(crate) fn best(&self, source: Source) -> Option<&Probe> {
        best_of(self.of(source))
    }

    /// The layers side by side that did best on the validation split; the fewest of equals.
    pub(crate) fn best_concatenated(&self, source: Source) -> Option<&Probe> {
        best_of(self.0.iter().filter(|probe| probe.source == source && probe.is_concatenated()))
    }
}

fn best_of<'a>(mut probes: impl Iterator<Item = &'a Probe>) -> Option<&'a Probe> {
    let validation = |probe: &Probe| probe.accuracy(Split::Validation).unwrap_or(f64::NEG_INFINITY);
    let first = probes.next()?;
    Some(probes.fold(first, |best, probe| if validation(probe) > validation(best) { probe } else { best }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(layer: i64, validation: f64, test: f64) -> Probe {
        let scores = |accuracy| Scores { accuracy, loss: 1.0, images: 10 };
        let scores = BTreeMap::from([(Split::Validation, scores(validation)), (Split::Test, scores(test))]);
        Probe {
            source: Source::Model,
            layer: Some(layer),
            layers: Some(1),
            dims: 4,
            l2: 0.1,
            iterations: 3,
            scores,
        }
    }

    #[test]
    fn the_best_layer_is_chosen_on_validation_alone() {
        let probes =
            Probes(vec![probe(0, 0.3, 0.9), probe(1, 0.6, 0.5), probe(2, 0.6, 0.7), probe(3, 0.1, 0.95)]);
        assert_eq!(probes.best(Source::Model).unwrap().layer, Some(1));
        assert_eq!(probes.best(Source::Untrained), None);
        assert_eq!(probes.best_concatenated(Source::Model), None);
        let wide = |layers| Probe { layers: Some(layers), ..probe(1, 0.7, 0.4) };
        let probes = Probes(vec![probe(0, 0.6, 0.9), wide(3), wide(5)]);
        assert_eq!(probes.best(Source::Model).unwrap().layer, Some(0));
        assert_eq!(probes.best_concatenated(Source::Model).unwrap().layers, Some(3));
    }
}
