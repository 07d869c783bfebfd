//! What can go wrong with models.

use std::path::PathBuf;

use igpt_artifact::Explain;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error about a model, its files or its device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// `config.json` says something that this program cannot build.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A weights file is damaged.
    #[error("{}: not a readable safetensors file", path.display())]
    SafeTensors {
        /// The file.
        path: PathBuf,
        /// Why.
        source: safetensors::SafeTensorError,
    },
    /// A weights file does not fit the network.
    #[error("{}: tensor `{tensor}` {message}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// What was expected and what was found.
        message: String,
    },
    /// The device cannot be had.
    #[error("no device `{name}`: {message}")]
    Device {
        /// As it was asked for.
        name: String,
        /// Why not.
        message: String,
    },
    /// The system gives no threads.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(e) => e.hint(),
            Self::Config { .. } | Self::SafeTensors { .. } | Self::Tensor { .. } => {
                Some("the model folder must hold what `pretrain` writes: run it again".into())
            }
            Self::Device { .. } => Some("use auto, cpu, cuda or cuda:N".into()),
            Self::Threads(_) => Some("lower --threads, or raise the system's limit on processes".into()),
        }
    }
}
