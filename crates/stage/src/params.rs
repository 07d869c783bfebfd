//! Parameters: typed, with defaults, documented, and checked before anything runs.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The parameters of a stage.
///
/// Implementations derive `Deserialize` with `#[serde(default, deny_unknown_fields)]`, so that
/// every parameter has a default and a misspelt one is refused; field docs state units and end up
/// in the generated reference.
pub trait Params: Serialize + DeserializeOwned + JsonSchema + Default {
    /// Checks what types cannot say, such as two parameters that must fit each other.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// Files and folders outside the store that the stage will read, with the parameter that
    /// names each. Their content goes into the key in place of their path.
    fn sources(&self) -> Vec<(&'static str, PathBuf)> {
        Vec::new()
    }

    /// Makes a relative path in a parameter absolute; called once, before [`Params::sources`].
    fn anchor(&mut self, _root: &std::path::Path) {}
}

/// A parameter whose value has the right type but makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The parameter, as it is spelt in the pipeline file.
    pub param: &'static str,
    /// What is wrong, with the value in it.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Invalid {
    /// A complaint about one parameter.
    pub fn new(param: &'static str, message: impl Into<String>) -> Self {
        Self { param, message: message.into(), hint: None }
    }

    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Checks that a condition holds.
    pub fn unless(ok: bool, param: &'static str, message: impl fmt::Display) -> Result<(), Self> {
        if ok { Ok(()) } else { Err(Self::new(param, message.to_string())) }
    }
}

/// Why parameters were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamsError {
    /// Where in the parameters, such as `["l2", "0"]`; empty for the parameters as a whole.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl From<Invalid> for ParamsError {
    fn from(invalid: Invalid) -> Self {
        Self { path: vec![invalid.param.to_owned()], message: invalid.message, hint: invalid.hint }
    }
}
