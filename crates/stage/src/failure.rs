//! An error of any stage, flattened so that it can cross a process boundary.

use std::fmt;

use igpt_artifact::Explain;
use serde::{Deserialize, Serialize};

/// What went wrong, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error's own message.
    pub message: String,
    /// The messages of what caused it, outermost first.
    pub causes: Vec<String>,
    /// What the user can do.
    pub hint: Option<String>,
}

impl Failure {
    /// Flattens an error and its sources.
    pub fn new(error: &impl Explain) -> Self {
        let causes =
            std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string).collect();
        Self { message: error.to_string(), causes, hint: error.hint() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Failure {}

impl Explain for Failure {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
