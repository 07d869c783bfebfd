//! What can be set.

use igpt_stage::Params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nothing to choose: the inputs say it all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompareParams {}

impl Params for CompareParams {}
