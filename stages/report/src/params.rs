//! The parameters of the stage.

use igpt_stage::{Invalid, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the page is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportParams {
    /// The page's title, plain text.
    pub title: String,
}

impl Default for ReportParams {
    fn default() -> Self {
        Self { title: "Image GPT".into() }
    }
}

impl Params for ReportParams {
    fn check(&self) -> Result<(), Invalid> {
        Invalid::unless(!self.title.trim().is_empty(), "title", "the title is empty")
    }
}
