//! One probe: what it looks at, and what becomes of it.

use std::path::{Path, PathBuf};

use igpt_artifact::Split;
use igpt_artifact::table::features::Features;
use igpt_artifact::table::images::Images;
use igpt_artifact::table::probe::{Prediction, ProbeId, Source};
use igpt_stage::Seed;
use ndarray::ArrayView2;

use crate::budget::Budget;
use crate::error::Result;
use crate::params::SolverName;
use crate::roster::Roster;
use crate::softmax::{Score, most_likely};
use crate::solver::{by_lbfgs, by_linfa};
use crate::vectors::Column;
use crate::weights::Linear;
use crate::{ProbeParams, exact, sgd};

/// A probe that is to be fitted.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: ProbeId,
    /// The artifact with its vectors.
    pub(crate) dir: PathBuf,
    /// What is read side by side.
    pub(crate) columns: Vec<Column>,
    /// Values in a row of one column.
    pub(crate) width: usize,
}

/// A fitted probe.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) id: ProbeId,
    /// Values in a vector.
    pub(crate) dims: usize,
    /// The strength that did best on the validation split.
    pub(crate) l2: f64,
    /// The learning rate that did, where there are learning rates.
    pub(crate) learning_rate: Option<f64>,
    /// Iterations of the fit with that strength.
    pub(crate) iterations: u64,
    /// The strengths at which the solver stopped before it reached the tolerance.
    pub(crate) unconverged: Vec<f64>,
    pub(crate) train: Score,
    pub(crate) validation: Score,
    pub(crate) test: Score,
    /// One a test image, in the roster's order.
    pub(crate) predictions: Vec<Prediction>,
    pub(crate) linear: Linear,
    /// Wall-clock time, reading included.
    pub(crate) seconds: f64,
}

impl Job {
    /// A probe on one dumped layer.
    pub(crate) fn layer(features: &Features, source: Source, layer: u32) -> Self {
        Self::layers(features, ProbeId::layer(source, layer), &[layer])
    }

    /// A probe on several dumped layers side by side.
    pub(crate) fn layers(features: &Features, id: ProbeId, layers: &[u32]) -> Self {
        Self {
            id,
            dir: features.dir().to_path_buf(),
            columns: layers.iter().map(|&layer| Column::Features { layer }).collect(),
            width: features.meta.n_embd,
        }
    }

    /// A probe on the pixels.
    pub(crate) fn pixels(images: &Path) -> Result<Self> {
        Ok(Self {
            id: ProbeId::PIXELS,
            dir: images.to_path_buf(),
            columns: vec![Column::Pixels],
            width: Images::open(images)?.meta.len(),
        })
    }

    /// Values in a vector.
    pub(crate) fn dims(&self) -> usize {
        self.columns.len() * self.width
    }

    /// Fits the probe to the roster's train images, chooses on its validation images, and judges.
    pub(crate) fn run(
        &self,
        roster: &Roster,
        params: &ProbeParams,
        budget: &Budget,
        seed: Seed,
    ) -> Result<Outcome> {
        match params.solver {
            SolverName::Lbfgs => exact::fit(self, roster, params, by_lbfgs, budget),
            SolverName::Linfa => exact::fit(self, roster, params, by_linfa, budget),
            SolverName::Sgd => sgd::fit(self, roster, params, seed),
        }
    }
}

impl Outcome {
    /// The score on a split.
    pub(crate) fn score(&self, split: Split) -> Score {
        match split {
            Split::Train => self.train,
            Split::Validation => self.validation,
            Split::Test => self.test,
        }
    }

    /// Whether it was fitted to all labels.
    pub(crate) fn is_full(&self) -> bool {
        self.id.subset.is_none()
    }

    /// Whether it is a point of the curve over depth: one layer or the pixels, and all labels.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_full() && !self.id.is_concatenated()
    }
}

/// What a probe says of the test images from position `first` of the roster on, given log-probabilities
/// of images × classes.
pub(crate) fn predictions(
    roster: &Roster,
    first: usize,
    log_p: &ArrayView2<'_, f64>,
) -> impl Iterator<Item = Prediction> {
    let images = roster.images(Split::Test);
    log_p.rows().into_iter().enumerate().map(move |(row, log_p)| {
        let class = most_likely(&log_p);
        Prediction {
            image_id: images.ids[first + row],
            label: images.labels[first + row],
            predicted: roster.classes[class],
            confidence: log_p[class].exp(),
        }
    })
}
