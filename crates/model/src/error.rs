//! What can go wrong with models.

use std::path::PathBuf;

use igpt_artifact::Explain;

use crate::weights::{PickleError, PickleProblem};

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
    /// A folder holds no weights.
    #[error("{}: no weights here", path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
    },
    /// Git LFS has not fetched the file.
    #[error("{}: a Git LFS pointer, not the file itself", path.display())]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// A weights file is damaged.
    #[error("{}: not a readable safetensors file", path.display())]
    SafeTensors {
        /// The file.
        path: PathBuf,
        /// Why.
        source: safetensors::SafeTensorError,
    },
    /// A file is not what today's `torch.save` writes of a state dict.
    #[error("{}: not a zip archive of torch.save", path.display())]
    NotTorch {
        /// The file.
        path: PathBuf,
    },
    /// A PyTorch file is damaged.
    #[error("{}: not a readable zip archive", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// Why.
        source: zip::result::ZipError,
    },
    /// The pickle in a PyTorch file is damaged, or wants more than to describe tensors.
    #[error("{}: the pickle is refused", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PickleError,
    },
    /// Files of weights contradict each other or themselves.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
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
    /// A network that was trained on other sequences.
    #[error(
        "the model reads {n_positions} tokens of {model_k} colours, these images are {length} tokens of {tokens_k} colours"
    )]
    Misfit {
        /// Tokens in a sequence of the model.
        n_positions: usize,
        /// Colours of the model.
        model_k: usize,
        /// Tokens in a sequence of the images.
        length: usize,
        /// Colours of the images.
        tokens_k: usize,
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
            Self::Config { .. } => Some("only networks of the shape of ImageGPT can be built".into()),
            Self::NoWeights { .. } => Some(
                "a model folder holds model.safetensors or pytorch_model.bin, in one file or several with an index"
                    .into(),
            ),
            Self::LfsPointer { .. } => Some("fetch it with `git lfs pull`".into()),
            Self::SafeTensors { .. } | Self::Zip { .. } => {
                Some("the file may be truncated or of another kind: fetch or write it again".into())
            }
            Self::NotTorch { .. } => Some(
                "files from before torch 1.6 are not read: load it with torch and save the state dict again".into(),
            ),
            Self::Pickle { source, .. } => Some(match source.problem {
                PickleProblem::Global { .. } => {
                    "Python would run that when it loads the file: get the weights as safetensors, from people you trust"
                        .into()
                }
                _ => "load it with torch and save the state dict alone, or save it as safetensors".into(),
            }),
            Self::Checkpoint { .. } => Some("fetch all of its files again".into()),
            Self::Tensor { .. } => Some(
                "config.json and the weights must come from the same ImageGPTForCausalImageModeling".into(),
            ),
            Self::Misfit { .. } => {
                Some("tokenize the images with the palette and size that the model was trained with".into())
            }
            Self::Device { .. } => Some("use auto, cpu, cuda or cuda:N".into()),
            Self::Threads(_) => Some("lower --threads, or raise the system's limit on processes".into()),
        }
    }
}
