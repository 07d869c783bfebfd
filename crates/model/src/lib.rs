//! Image GPT: the network, its weights in and out, and the choice of device.
//!
//! - [`network`]: the whole network, after "Generative Pretraining from Pixels", section 3;
//! - [`config`]: its sizes, and Hugging Face's `config.json`;
//! - [`init`]: the initial weights, the same on every device;
//! - [`cache`]: keys and values of the positions so far, for sampling;
//! - [`processor`]: how images become its tokens, for other programs;
//! - [`weights`]: Hugging Face's ImageGPT directories, in safetensors or PyTorch files;
//! - [`device`]: CPU or GPU, chosen when the program runs;
//! - [`workers`]: a batch in parts, on all threads.
//!
//! Everything is written against Burn's backend trait.

pub mod cache;
pub mod config;
pub mod device;
mod error;
pub mod init;
pub mod network;
pub mod processor;
pub mod tokens;
pub mod weights;
pub mod workers;

pub use config::{Config, Objective};
pub use device::{Compute, Device};
pub use error::{Error, Result};
pub use network::{ImageGpt, Tap};
pub use workers::Workers;
