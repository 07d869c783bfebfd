//! What can go wrong.

use std::path::PathBuf;

use igpt_artifact::Explain;
use igpt_stage::Failure;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a benchmark.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// The network or its device.
    #[error(transparent)]
    Model(#[from] igpt_model::Error),
    /// A device that stopped while it was at work.
    #[error("the device: {0}")]
    Device(String),
    /// Training.
    #[error(transparent)]
    Train(#[from] igpt_train::Error),
    /// A stage that was run.
    #[error(transparent)]
    Stage(#[from] Failure),
    /// The optimiser of a probe.
    #[error("the solver failed")]
    Solver(#[source] igpt_probe::solver::SolverError),
    /// A setting that is missing, of another type, or not known.
    #[error("{0}")]
    Setting(String),
    /// A name that no work has.
    #[error("there is no work `{name}`")]
    Work {
        /// As given.
        name: String,
    },
    /// A name that no row has.
    #[error("there is no row `{name}`")]
    Row {
        /// As given.
        name: String,
        /// Those there are.
        known: Vec<&'static str>,
    },
    /// A process that gave no figure.
    #[error("{what}: {message}")]
    Child {
        /// Which one.
        what: String,
        /// What it said last.
        message: String,
    },
    /// A process that could not be started.
    #[error("cannot start {}", program.display())]
    Start {
        /// Its program.
        program: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Something that has no JSON form.
    #[error("a figure is no JSON")]
    Json(#[source] serde_json::Error),
    /// Standard output is gone.
    #[error("cannot print")]
    Print(#[source] std::io::Error),
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Train(e) => e.hint(),
            Self::Stage(e) => e.hint(),
            Self::Row { known, .. } => Some(format!("rows: {}", known.join(", "))),
            _ => None,
        }
    }
}
