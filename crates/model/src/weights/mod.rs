//! Weights in and out, in Hugging Face's ImageGPT layout.
//!
//! A parameter's path in [`crate::network`] is its name in a file: `transformer.wte.weight`,
//! `transformer.h.0.attn.c_attn.weight` … `lm_head.weight`. The port has biases in four places of a
//! block; a network without them writes zeros there, and zeros are read as none.
//!
//! - [`Checkpoint`]: the tensors of a folder, in one file or several, of safetensors or PyTorch;
//! - [`read()`], [`write()`]: a network from a folder and into one;
//! - [`copy`]: any checkpoint as `model.safetensors`, without a network in between.
//!
//! Numbers are read and written tensor by tensor: beside the network, memory holds one of them.

use std::path::{Path, PathBuf};

mod checkpoint;
mod fit;
mod layout;
mod named;
mod read;
mod safetensors;
mod torch;
mod write;

pub use checkpoint::Checkpoint;
pub use named::named_tensors;
pub use read::{load, read};
pub use torch::{PickleError, PickleProblem};
pub use write::{copy, write, write_classifier};

/// The weights' file name in a model directory that this program writes.
pub const FILE: &str = "model.safetensors";

/// Where a model artifact keeps the network as it was after `step` steps: a model directory.
pub fn checkpoint_dir(artifact: &Path, step: u64) -> PathBuf {
    artifact.join(format!("checkpoints/step={step}"))
}

#[cfg(test)]
mod tests;
