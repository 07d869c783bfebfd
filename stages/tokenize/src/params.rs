//! The parameters of the stage.

use igpt_stage::Params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nothing to choose: the palette and the images say it all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenizeParams {}

impl Params for TokenizeParams {}
