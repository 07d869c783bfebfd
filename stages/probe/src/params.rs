//! What can be set.

use igpt_stage::{Invalid, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of the stage `probe`.
///
/// A probe minimises, over weights `W` (dims × classes) and intercepts `b`,
/// `mean over train images of −ln p(label) + l2/2 · ‖W‖²`. The loss is a mean and the intercepts are
/// free, so a strength means the same for any number of images. (scikit-learn's `C` is
/// `1 / (l2 · images)`.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeParams {
    /// Candidate L2 strengths, in nats per squared unit of weight. The one with the best accuracy on
    /// the validation split is taken; equal accuracy: the lower loss; equal loss: the stronger. They are
    /// tried from the strongest down until one does worse than the best by accuracy and by loss. The
    /// solver `sgd` has a strength of its own.
    pub l2: Vec<f64>,
    /// What minimises the objective.
    pub solver: SolverName,
    /// Iterations of L-BFGS for one strength, at most. A fit that stops here is used as it is, and the
    /// log says so.
    pub max_iterations: u64,
    /// A fit is done when the gradient of the mean objective is no longer than this (Euclidean norm, in
    /// nats per unit of weight on features of unit scale).
    pub tolerance: f64,
    /// Whether every feature is brought to mean 0 and standard deviation 1 over the train images
    /// first. Without it the L2 penalty weighs features by their scale.
    pub standardize: bool,
    /// MiB that the vectors of the probes that run at a time may take together. A probe waits until others have
    /// left enough; one whose vectors never fit reads them from disk each time it looks at them, about twice an
    /// iteration. The result is the same. `linfa` holds them in any case; `sgd` has its own buffer.
    pub memory: u64,
    /// Train on this many labelled images only, drawn at random with the pipeline's seed; all where
    /// null.
    pub limit: Option<usize>,
    /// Also probe this many layers of the trained network side by side, centred on the layer that does
    /// best alone on validation: odd numbers, such as `[5]`. Where fewer layers lie on one side of the
    /// centre, only those are taken. (The paper's widest features are 5 layers: 15,360 values.)
    pub concat: Vec<u32>,
    /// Also fit the best single layer of each network, and the pixels, to few labels: `labels_per_class`
    /// (numbers of labelled train images of each class) and `subsets` (random subsets of each size).
    /// `{}` is the paper's 4, 25 and 400 labels and 5 subsets. The L2 strength is still chosen on the whole
    /// validation split.
    pub low_data: Option<LowData>,
    /// For the solver `sgd`: `learning_rates` (the one with the best accuracy on validation is taken), `l2`
    /// (its one strength; 0 is allowed), `momentum` (in 0..1), `batch_size` (images), `epochs`, and
    /// `buffer` (train images that are held in memory to be shuffled, 4 bytes a value).
    pub sgd: Sgd,
}

/// Probes that are given few labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LowData {
    /// Numbers of labelled train images of each class. A number that some class does not have is left
    /// out, and the log says so.
    pub labels_per_class: Vec<u32>,
    /// Random subsets of each size.
    pub subsets: u32,
}

impl Default for LowData {
    /// What the paper does with CIFAR-10.
    fn default() -> Self {
        Self { labels_per_class: vec![4, 25, 400], subsets: 5 }
    }
}

/// Minibatch gradient descent with momentum, for features that outgrow memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Candidate learning rates, at the start of the cosine that ends at 0. All of them learn from the
    /// same batches in one pass, so another rate costs time and no reading.
    pub learning_rates: Vec<f64>,
    /// The L2 strength, in nats per squared unit of weight; 0 for none.
    pub l2: f64,
    /// The share of the last step that the next one keeps.
    pub momentum: f64,
    /// Images a step.
    pub batch_size: usize,
    /// Passes over the train images.
    pub epochs: u32,
    /// Train images that are held in memory to be shuffled. Rows are read in the order of the files and
    /// mixed over this distance, so a buffer far smaller than the data wants files that are not sorted by
    /// class.
    pub buffer: usize,
}

impl Default for Sgd {
    /// The paper's recipe for ImageNet, with rates added below 3: they suit features of few dimensions.
    fn default() -> Self {
        Self {
            learning_rates: vec![30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01],
            l2: 0.0,
            momentum: 0.9,
            batch_size: 256,
            epochs: 30,
            buffer: 16_384,
        }
    }
}

/// What minimises the objective of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SolverName {
    /// L-BFGS in coordinates in which the objective is about equally curved in every direction: needs
    /// tens of iterations where plain L-BFGS needs hundreds.
    #[default]
    Lbfgs,
    /// The logistic regression of linfa, which is plain L-BFGS.
    Linfa,
    /// Minibatch gradient descent, which streams the features from disk: memory does not grow with the
    /// number of images. It comes near the optimum where the others reach it.
    Sgd,
}

impl Default for ProbeParams {
    fn default() -> Self {
        Self {
            l2: vec![1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
            solver: SolverName::Lbfgs,
            max_iterations: 300,
            tolerance: 1e-4,
            standardize: true,
            memory: 2048,
            limit: None,
            concat: Vec::new(),
            low_data: None,
            sgd: Sgd::default(),
        }
    }
}

impl Params for ProbeParams {
    fn check(&self) -> Result<(), Invalid> {
        if self.l2.is_empty() {
            return Err(Invalid::new("l2", "no L2 strength to try").hint("give at least one, such as [0.01]"));
        }
        if let Some(l2) = self.l2.iter().find(|l2| !l2.is_finite() || **l2 <= 0.0) {
            let hint = "without a penalty classes that can be told apart have no best weights: try 1e-6";
            return Err(Invalid::new("l2", format!("an L2 strength is above 0, not {l2}")).hint(hint));
        }
        Invalid::unless(self.max_iterations > 0, "max_iterations", "at least 1 iteration is needed, not 0")?;
        Invalid::unless(
            self.tolerance.is_finite() && self.tolerance > 0.0,
            "tolerance",
            format_args!("a tolerance is above 0, not {}", self.tolerance),
        )?;
        let most = u64::MAX >> 20;
        let message = format_args!("memory is MiB, at most {most}, not {}", self.memory);
        Invalid::unless(self.memory <= most, "memory", message)?;
        Invalid::unless(self.limit != Some(0), "limit", "a limit of 0 leaves no image to train on")?;
        if let Some(k) = self.concat.iter().find(|k| **k < 3 || k.is_multiple_of(2)) {
            let message = format!("layers centred on one are an odd number from 3 on, not {k}");
            return Err(Invalid::new("concat", message).hint("the paper takes 5"));
        }
        self.low_data.as_ref().map_or(Ok(()), LowData::check)?;
        self.sgd.check()
    }
}

impl LowData {
    fn check(&self) -> Result<(), Invalid> {
        let refuse = |ok, message| Invalid::unless(ok, "low_data", message);
        refuse(!self.labels_per_class.is_empty(), "labels_per_class is empty: give at least one number")?;
        refuse(
            !self.labels_per_class.contains(&0),
            "labels_per_class: 0 labels leave nothing to learn from",
        )?;
        refuse(self.subsets > 0, "subsets: at least 1 is needed, not 0")
    }
}

impl Sgd {
    fn check(&self) -> Result<(), Invalid> {
        let refuse = |ok, message: &str| Invalid::unless(ok, "sgd", message);
        refuse(!self.learning_rates.is_empty(), "learning_rates is empty: give at least one")?;
        let rates = self.learning_rates.iter().all(|rate| rate.is_finite() && *rate > 0.0);
        refuse(rates, "learning_rates: a rate is a finite number above 0")?;
        refuse(self.l2.is_finite() && self.l2 >= 0.0, "l2: a strength is 0 or above")?;
        refuse((0.0..1.0).contains(&self.momentum), "momentum: a share from 0 to below 1")?;
        refuse(self.batch_size > 0, "batch_size: at least 1 image is needed, not 0")?;
        refuse(self.epochs > 0, "epochs: at least 1 is needed, not 0")?;
        refuse(self.buffer > 0, "buffer: at least 1 image is needed, not 0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_values_are_refused_by_name() {
        assert!(ProbeParams::default().check().is_ok());
        let refused = |change: fn(&mut ProbeParams)| {
            let mut params = ProbeParams::default();
            change(&mut params);
            params.check().unwrap_err().param
        };
        assert_eq!(refused(|p| p.l2.clear()), "l2");
        assert_eq!(refused(|p| p.l2.push(0.0)), "l2");
        assert_eq!(refused(|p| p.l2.push(f64::NAN)), "l2");
        assert_eq!(refused(|p| p.max_iterations = 0), "max_iterations");
        assert_eq!(refused(|p| p.tolerance = f64::INFINITY), "tolerance");
        assert_eq!(refused(|p| p.memory = u64::MAX), "memory");
        assert_eq!(refused(|p| p.limit = Some(0)), "limit");
        assert_eq!(refused(|p| p.concat = vec![5, 1]), "concat");
        assert_eq!(refused(|p| p.concat = vec![4]), "concat");
        let no_subsets = LowData { subsets: 0, ..LowData::default() };
        assert_eq!(no_subsets.check().unwrap_err().param, "low_data");
        assert_eq!(
            refused(|p| p.low_data = Some(LowData { labels_per_class: vec![4, 0], subsets: 1 })),
            "low_data"
        );
        assert_eq!(refused(|p| p.sgd.learning_rates.push(f64::NAN)), "sgd");
        assert_eq!(refused(|p| p.sgd.momentum = 1.0), "sgd");
        assert_eq!(refused(|p| p.sgd.buffer = 0), "sgd");
    }
}
