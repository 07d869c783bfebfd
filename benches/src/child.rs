//! A measurement in a process of its own.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;

use crate::cli::Options;
use crate::error::{Error, Result};
use crate::figure::{Figure, Prepared};

/// What the libraries that compute for either side take their number of threads from.
const THREADS: [&str; 4] =
    ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];

/// One side of a row.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Who it is.
    pub(crate) name: String,
    /// The program, and what comes before the settings.
    pub(crate) command: Vec<PathBuf>,
    /// Sizes and place.
    pub(crate) settings: Vec<String>,
}

impl Side {
    /// Measures once.
    pub(crate) fn measure(&self, options: &Options) -> Result<Figure> {
        run(&self.name, &self.command, &self.settings, options)
    }
}

/// Writes what the sides of a row read.
pub(crate) fn prepare(work: &str, settings: &[String], options: &Options) -> Result<Prepared> {
    run("preparing", &[this()?, "prepare".into(), work.into()], settings, options)
}

/// This program.
pub(crate) fn this() -> Result<PathBuf> {
    std::env::current_exe().map_err(|source| Error::Start { program: "this program".into(), source })
}

/// Runs a program to its end and reads the last line of JSON that it prints; libraries may print others.
fn run<T: DeserializeOwned>(
    what: &str,
    command: &[PathBuf],
    settings: &[String],
    options: &Options,
) -> Result<T> {
    let (program, arguments) = command.split_first().expect("a command names a program");
    let mut start = Command::new(program);
    start.args(arguments).args(settings).arg(format!("threads={}", options.threads)).stdin(Stdio::null());
    let threads = options.threads.to_string();
    start.envs(THREADS.map(|name| (name, OsStr::new(&threads))));
    let output = start.output().map_err(|source| Error::Start { program: program.clone(), source })?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = lines.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    match found {
        Some(found) if output.status.success() => Ok(found),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty() && !line.starts_with("hint:"));
            let message =
                last.map_or_else(|| format!("ended with {}", output.status), |line| line.trim().to_owned());
            Err(Error::Child { what: what.to_owned(), message })
        }
    }
}
