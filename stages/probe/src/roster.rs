//! Which images every probe sees: the labelled images of the features artifact.
//!
//! Ids and labels are read once, and every source is then brought into this order. So all probes are
//! fitted and judged on the same images even where the pixels' artifact holds more of them.

use std::collections::HashMap;
use std::sync::Arc;

use igpt_artifact::Split;
use igpt_artifact::table::features::Features;
use igpt_artifact::table::probe::ProbeId;
use igpt_stage::Seed;
use ndarray::{Array2, Axis};

use crate::error::{Error, Result};
use crate::vectors::{Column, read_labels};

/// The images of one split, and what is to be said of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Images {
    /// One id an image.
    pub(crate) ids: Vec<u64>,
    /// Its label.
    pub(crate) labels: Vec<i64>,
    /// The position of its label in [`Roster::classes`]; none for a label that no train image has.
    pub(crate) targets: Vec<Option<usize>>,
}

/// The images of all splits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roster {
    /// The labels of the train images, ascending.
    pub(crate) classes: Vec<i64>,
    train: Images,
    // Shared by the rosters of all subsets.
    validation: Arc<Images>,
    test: Arc<Images>,
}

impl Roster {
    /// Reads ids and labels, leaves out images without a label, and draws `limit` of the train images.
    pub(crate) fn read(features: &Features, limit: Option<usize>, seed: Seed) -> Result<Self> {
        let Some(&layer) = features.meta.layers.first() else {
            return Err(Error::NoLayers { path: features.dir().to_path_buf() });
        };
        let column = Column::Features { layer: layer as u32 };
        let labelled = |split| -> Result<Vec<(u64, i64)>> {
            let rows = read_labels(features.dir(), split, column)?;
            let rows: Vec<_> = rows.into_iter().filter_map(|(id, label)| Some((id, label?))).collect();
            if rows.is_empty() { Err(Error::NoImages { split }) } else { Ok(rows) }
        };
        let mut train = labelled(Split::Train)?;
        if let Some(limit) = limit.filter(|limit| *limit < train.len()) {
            let mut rng = seed.named("probe/limit").rng();
            let mut drawn = rand::seq::index::sample(&mut rng, train.len(), limit).into_vec();
            drawn.sort_unstable();
            train = drawn.into_iter().map(|i| train[i]).collect();
        }
        Self::new(train, labelled(Split::Validation)?, labelled(Split::Test)?)
    }

    pub(crate) fn new(
        train: Vec<(u64, i64)>,
        validation: Vec<(u64, i64)>,
        test: Vec<(u64, i64)>,
    ) -> Result<Self> {
        let mut classes: Vec<i64> = train.iter().map(|(_, label)| *label).collect();
        classes.sort_unstable();
        classes.dedup();
        if let [class] = classes[..] {
            return Err(Error::OneClass { class, images: train.len() });
        }
        let images = |rows: Vec<(u64, i64)>| Images {
            targets: rows.iter().map(|(_, label)| classes.binary_search(label).ok()).collect(),
            ids: rows.iter().map(|(id, _)| *id).collect(),
            labels: rows.iter().map(|(_, label)| *label).collect(),
        };
        let (train, validation, test) = (images(train), images(validation), images(test));
        Ok(Self { classes, train, validation: validation.into(), test: test.into() })
    }

    /// The same with only those train images, by their positions, ascending. Every class must be among
    /// them.
    pub(crate) fn with_train(&self, positions: &[usize]) -> Self {
        let Images { ids, labels, targets } = &self.train;
        let train = Images {
            ids: positions.iter().map(|&at| ids[at]).collect(),
            labels: positions.iter().map(|&at| labels[at]).collect(),
            targets: positions.iter().map(|&at| targets[at]).collect(),
        };
        Self { train, ..self.clone() }
    }

    /// The images of a split.
    pub(crate) fn images(&self, split: Split) -> &Images {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    /// Brings the rows of a source into the roster's order and checks that they are finite.
    pub(crate) fn arrange(
        &self,
        probe: ProbeId,
        split: Split,
        ids: &[u64],
        values: Array2<f32>,
    ) -> Result<Array2<f32>> {
        let wanted = &self.images(split).ids;
        let values = if ids == wanted {
            values
        } else {
            let row_of: HashMap<u64, usize> = ids.iter().enumerate().map(|(row, id)| (*id, row)).collect();
            let row = |&image_id| {
                row_of.get(&image_id).copied().ok_or(Error::MissingImage { probe, split, image_id })
            };
            let rows = wanted.iter().map(row).collect::<Result<Vec<_>>>()?;
            values.select(Axis(0), &rows)
        };
        match values.rows().into_iter().position(|row| row.iter().any(|value| !value.is_finite())) {
            Some(row) => Err(Error::NotFinite { probe, split, image_id: wanted[row] }),
            None => Ok(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const PIXELS: ProbeId = ProbeId::PIXELS;

    fn roster() -> Roster {
        Roster::new(vec![(1, 7), (4, 3)], vec![(5, 3)], vec![(6, 8)]).unwrap()
    }

    #[test]
    fn classes_are_those_of_train_and_others_are_unseen() {
        let roster = roster();
        assert_eq!(roster.classes, [3, 7]);
        assert_eq!(roster.images(Split::Train).targets, [Some(1), Some(0)]);
        assert_eq!(roster.images(Split::Validation).targets, [Some(0)]);
        assert_eq!(roster.images(Split::Test).targets, [None]);
        let error = Roster::new(vec![(1, 7), (2, 7)], vec![(5, 3)], vec![(6, 8)]).unwrap_err();
        assert!(matches!(error, Error::OneClass { class: 7, images: 2 }));
    }

    #[test]
    fn rows_are_taken_by_id() {
        let values = array![[0.0], [1.0], [4.0]];
        let arranged = roster().arrange(PIXELS, Split::Train, &[0, 1, 4], values.clone()).unwrap();
        assert_eq!(arranged, array![[1.0], [4.0]]);
        let missing = roster().arrange(PIXELS, Split::Train, &[0, 1, 2], values.clone());
        assert!(matches!(missing, Err(Error::MissingImage { image_id: 4, .. })));
        let nan = roster().arrange(PIXELS, Split::Train, &[0, 1, 4], values.mapv(|v| v / 0.0));
        assert!(matches!(nan, Err(Error::NotFinite { image_id: 1, .. })));
    }
}
