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
    /// tried from the strongest down until one does worse than the best by accuracy and by loss.
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
    /// Train on this many labelled images only, drawn at random with the pipeline's seed; all where
    /// null.
    pub limit: Option<usize>,
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
}

impl Default for ProbeParams {
    fn default() -> Self {
        Self {
            l2: vec![1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
            solver: SolverName::Lbfgs,
            max_iterations: 300,
            tolerance: 1e-4,
            standardize: true,
            limit: None,
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
        Invalid::unless(self.limit != Some(0), "limit", "a limit of 0 leaves no image to train on")
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
        assert_eq!(refused(|p| p.limit = Some(0)), "limit");
    }
}
