//! What can go wrong with files of others, and what to do about it.

use std::path::PathBuf;

use igpt_artifact::Explain;

/// An error of these stages. Every variant about a file names it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written, or is damaged.
    #[error(transparent)]
    Artifact(#[from] igpt_artifact::Error),
    /// Weights or their configuration.
    #[error(transparent)]
    Model(#[from] igpt_model::Error),
    /// The parameter `path` is missing.
    #[error("there is nothing to import")]
    NoPath,
    /// What is to be imported is not there.
    #[error("{}: no such file or folder", path.display())]
    NotFound {
        /// What `path` says.
        path: PathBuf,
    },
    /// `path` names a file of a model, not its folder.
    #[error("{}: not a folder", path.display())]
    NotAFolder {
        /// What `path` says.
        path: PathBuf,
    },
    /// The network is of a kind that Hugging Face can build and this program cannot.
    #[error("{}: `{setting}` is true", path.display())]
    Unsupported {
        /// `config.json`.
        path: PathBuf,
        /// The setting.
        setting: &'static str,
    },
    /// The image processor is of another network.
    #[error("{}: {message}", path.display())]
    Processor {
        /// `preprocessor_config.json`.
        path: PathBuf,
        /// What it says, and what the network has.
        message: String,
    },
    /// The folder holds no colours.
    #[error("{}: no palette here", path.display())]
    NoPalette {
        /// The folder.
        path: PathBuf,
    },
    /// A file of tokens is missing.
    #[error("{}: no such file", path.display())]
    NoTokens {
        /// The file.
        path: PathBuf,
        /// What begins like files of tokens and lies beside it.
        found: Vec<String>,
    },
    /// An array has another shape than tokens or labels have.
    #[error("{}: shape {found:?}, expected {expected}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: Vec<u64>,
        /// What it should be.
        expected: String,
    },
    /// A number is no colour of the palette.
    #[error("{}: row {row}, position {position}: token {token}, the palette has {k} colours", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// The image, counted from 0.
        row: u64,
        /// The pixel, counted from 0.
        position: usize,
        /// What stands there.
        token: i64,
        /// Colours of the palette.
        k: usize,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Artifact(e) => {
                return e
                    .hint()
                    .or_else(|| Some("the file may be truncated or of another kind: fetch it again".into()));
            }
            Self::Model(e) => return e.hint(),
            Self::NoPath => "set path to what is to be imported",
            Self::NotFound { .. } => {
                "check the parameter path; a relative one is taken from the folder of the pipeline file"
            }
            Self::NotAFolder { .. } => "name its folder with path and the file in it with weights",
            Self::Unsupported { .. } => "only networks as OpenAI trained them are read",
            Self::Processor { .. } => "config.json and preprocessor_config.json must be of the same network",
            Self::NoPalette { .. } => {
                "a palette is in kmeans_centers.npy, or in preprocessor_config.json under clusters"
            }
            Self::NoTokens { found, .. } if found.is_empty() => {
                "tokens are in files such as cifar10_trX.npy: set path to their folder and prefix to cifar10"
            }
            Self::NoTokens { found, .. } => {
                return Some(format!("prefixes in this folder: {}", found.join(", ")));
            }
            Self::Shape { .. } => "the file may be of another data set",
            Self::Token { .. } => "import the palette that these tokens were made with",
        };
        Some(hint.to_owned())
    }
}
