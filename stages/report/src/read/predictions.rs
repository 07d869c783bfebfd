//! `predictions.parquet`: which class was taken for which.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::table::probe::PREDICTIONS_FILE;
use polars::prelude::{SortMultipleOptions, col, len, lit};

use super::probes::Probe;
use super::table::{collect, scan};
use crate::Error;
use crate::view::class_name;

/// Images of the test split, counted by label and prediction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Confusion {
    /// The classes that occur, in the order of their labels.
    pub(crate) classes: Vec<String>,
    /// `counts[label][predicted]`, by position in `classes`.
    pub(crate) counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Counts what one probe said.
    pub(crate) fn read(dir: &Path, probe: &Probe, names: &[String]) -> Result<Self, Error> {
        let path = dir.join(PREDICTIONS_FILE);
        let is = |name: &str, value: Option<i64>| match value {
            Some(value) => col(name).eq(lit(value)),
            None => col(name).is_null(),
        };
        let layers = is("layer", probe.layer).and(is("layers", probe.layers));
        let query = scan(&path)?
            .filter(col("source").eq(lit(probe.source.name())).and(layers))
            .group_by([col("label"), col("predicted")])
            .agg([len().alias("images")])
            .sort(["label", "predicted"], SortMultipleOptions::default());
        let table = collect(&path, query)?;
        let images = table.i64s("images")?;
        let pairs = table.i64s("label")?.into_iter().zip(table.i64s("predicted")?).zip(images);
        let cells: Vec<(i64, i64, u64)> = pairs
            .filter_map(|((label, predicted), images)| {
                Some((label?, predicted?, u64::try_from(images?).ok()?))
            })
            .collect();
        Ok(Self::count(&cells, names))
    }

    fn count(cells: &[(i64, i64, u64)], names: &[String]) -> Self {
        let mut place: BTreeMap<i64, usize> = cells.iter().flat_map(|c| [(c.0, 0), (c.1, 0)]).collect();
        place.values_mut().enumerate().for_each(|(i, place)| *place = i);
        let mut counts = vec![vec![0; place.len()]; place.len()];
        for (label, predicted, images) in cells {
            counts[place[label]][place[predicted]] += images;
        }
        let classes = place.keys().map(|&label| class_name(Some(label), names)).collect();
        Self { classes, counts }
    }

    /// Images with this label.
    pub(crate) fn images(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// The share of images with this label that were recognised; 0 where there are none.
    pub(crate) fn recall(&self, class: usize) -> f64 {
        self.counts[class][class] as f64 / self.images(class).max(1) as f64
    }

    /// The mistakes (label, predicted, images), most frequent first.
    pub(crate) fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let mut mistakes: Vec<_> = self
            .counts
            .iter()
            .enumerate()
            .flat_map(|(label, row)| row.iter().enumerate().map(move |(predicted, &n)| (label, predicted, n)))
            .filter(|&(label, predicted, n)| label != predicted && n > 0)
            .collect();
        mistakes.sort_by_key(|&(label, predicted, n)| (std::cmp::Reverse(n), label, predicted));
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_label_with_names_where_known() {
        let names = ["cat".to_owned(), "dog".to_owned()];
        let confusion = Confusion::count(&[(0, 0, 3), (0, 5, 1), (1, 0, 2), (1, 5, 4)], &names);
        assert_eq!(confusion.classes, ["cat", "dog", "class 5"]);
        assert_eq!(confusion.counts, [[3, 0, 1], [2, 0, 4], [0, 0, 0]]);
        assert_eq!((confusion.images(0), confusion.recall(0)), (4, 0.75));
        assert_eq!((confusion.images(2), confusion.recall(2)), (0, 0.0));
        assert_eq!(confusion.mistakes(), [(1, 2, 4), (1, 0, 2), (0, 2, 1)]);
    }
}
