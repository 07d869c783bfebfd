//! Stages `import-model`, `import-palette` and `import-tokens`: files that others published, as artifacts.
//!
//! | stage | reads | makes |
//! |---|---|---|
//! | [`ImportModelStage`] | a Hugging Face ImageGPT directory | model |
//! | [`ImportPaletteStage`] | `kmeans_centers.npy`, or the `clusters` of such a directory | palette |
//! | [`ImportTokensStage`] | OpenAI's `{imagenet,cifar10}_{tr,va,te}{X,Y}.npy` | tokens |
//!
//! What comes out is what this program's own stages write, so whatever reads their artifacts
//! reads these. What does not fit is refused with its place; an artifact appears whole or not at all.

mod error;
mod model;
mod palette;
mod path;
mod tokens;

pub use error::Error;
pub use model::{ImportModelParams, ImportModelStage};
pub use palette::{ImportPaletteParams, ImportPaletteStage};
pub use tokens::{ImportTokensParams, ImportTokensStage};
