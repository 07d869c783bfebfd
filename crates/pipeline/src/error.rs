//! What can go wrong between a pipeline file and its artifacts.

use std::io;
use std::path::PathBuf;

use igpt_artifact::{Explain, io_hint};
use igpt_stage::Failure;

use crate::Diagnostics;

/// An error of the runner.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline, or an option that changes it, is wrong.
    #[error(transparent)]
    Pipeline(#[from] Diagnostics),
    /// There is no pipeline file.
    #[error("no pipeline.yaml in {} or a folder above it", start.display())]
    NoPipeline {
        /// Where the search began.
        start: PathBuf,
    },
    /// The pipeline file cannot be read.
    #[error("cannot read the pipeline file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An entry was asked for that the pipeline does not have.
    #[error("the pipeline has no stage `{name}`")]
    NoEntry {
        /// What was asked for.
        name: String,
        /// What there is.
        help: Option<String>,
    },
    /// Something on disk.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// A stage failed, or its process ended without a word.
    #[error("{entry}: {}", failure.message)]
    Stage {
        /// The entry.
        entry: String,
        /// What the stage said, or how its process ended.
        failure: Box<Failure>,
        /// Its log.
        log: PathBuf,
        /// The end of the log, where it says more than the message.
        tail: Vec<String>,
    },
    /// A stage's process could not be started or spoken to.
    #[error("cannot {doing} the process of {entry}")]
    Process {
        /// The action, as a verb phrase that fits after "cannot".
        doing: &'static str,
        /// The entry.
        entry: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The user or the system asked the run to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Whether the command line or the pipeline file is at fault, not a run.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Pipeline(_) | Self::NoPipeline { .. } | Self::Read { .. } | Self::NoEntry { .. })
    }

    /// The log to look at and its last lines, where a stage failed.
    pub fn log(&self) -> Option<(&PathBuf, &[String])> {
        match self {
            Self::Stage { log, tail, .. } => Some((log, tail)),
            _ => None,
        }
    }

    /// What caused it, outermost first.
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::Stage { failure, .. } => failure.causes.clone(),
            other => Failure::new(other).causes,
        }
    }
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPipeline { .. } => Some("name a file with -f FILE".into()),
            Self::Read { source, .. } | Self::Process { source, .. } => io_hint(source),
            Self::NoEntry { help, .. } => help.clone(),
            Self::Artifact(error) => error.hint(),
            Self::Stage { failure, .. } => failure.hint.clone(),
            Self::Pipeline(_) => None,
            Self::Interrupted => Some("run again to go on from the last finished stage".into()),
        }
    }
}
