//! The parameter `path`, which all three stages have.

use std::path::{Path, PathBuf};

use igpt_stage::Invalid;

use crate::Error;

/// Checks that the parameter is given.
pub(crate) fn check(path: Option<&PathBuf>, what: &str) -> Result<(), Invalid> {
    match path {
        Some(_) => Ok(()),
        None => Err(Invalid::new("path", "there is nothing to import").hint(format!("set path to {what}"))),
    }
}

/// As a source of the stage.
pub(crate) fn source(path: Option<&PathBuf>) -> Vec<(&'static str, PathBuf)> {
    path.iter().map(|path| ("path", path.to_path_buf())).collect()
}

/// The path itself, where something must be.
pub(crate) fn get(path: Option<&PathBuf>) -> Result<&Path, Error> {
    let path = path.ok_or(Error::NoPath)?;
    if path.exists() { Ok(path) } else { Err(Error::NotFound { path: path.clone() }) }
}
