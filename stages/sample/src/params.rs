//! What can be set.

use igpt_stage::{Invalid, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `sample`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampleParams {
    /// Images drawn from nothing.
    pub samples: usize,
    /// Test images whose upper half is completed.
    pub completions: usize,
    /// Completions of each of them.
    pub completions_each: usize,
    /// Logits are divided by it: below 1 for likelier images, 1 for the model's own distribution.
    pub temperature: f64,
    /// Only so many of the likeliest colours are drawn from; all when not given, as in the paper.
    pub top_k: Option<usize>,
    /// Screen pixels a side of each pixel in the pictures.
    pub zoom: u32,
}

impl Default for SampleParams {
    fn default() -> Self {
        Self { samples: 40, completions: 8, completions_each: 6, temperature: 1.0, top_k: None, zoom: 4 }
    }
}

impl Params for SampleParams {
    fn check(&self) -> Result<(), Invalid> {
        let at_least_one = [
            ("samples", self.samples),
            ("completions", self.completions),
            ("completions_each", self.completions_each),
            ("zoom", self.zoom as usize),
            ("top_k", self.top_k.unwrap_or(1)),
        ];
        for (param, value) in at_least_one {
            Invalid::unless(value > 0, param, format!("{param} is 0, it must be at least 1"))?;
        }
        Invalid::unless(self.zoom <= 64, "zoom", format!("zoom {} is more than 64", self.zoom))?;
        let t = self.temperature;
        Invalid::unless(
            t.is_finite() && t > 0.0,
            "temperature",
            format!("temperature {t} is not a positive number"),
        )
    }
}
