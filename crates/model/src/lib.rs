//! Image GPT: the network, its weights in and out, and the choice of device.
//!
//! - [`network`]: the whole network, after "Generative Pretraining from Pixels", section 3;
//! - [`classifier`]: a class head on top of it;
//! - [`config`]: its sizes, and Hugging Face's `config.json`;
//! - [`init`]: the initial weights, the same on every device;
//! - [`hide`]: which pixels BERT does not see;
//! - [`decoder`]: the network position after position, for drawing;
//! - [`precision`]: f32 or bf16;
//! - [`tokens`]: a batch of images, as the network takes it;
//! - [`facts`]: what tables say of a network;
//! - [`processor`]: how images become its tokens, for other programs;
//! - [`weights`]: Hugging Face's ImageGPT directories, in safetensors or PyTorch files;
//! - [`cost`]: operations and memory, before anything runs;
//! - [`device`]: CPU or GPU, chosen when the program runs;
//! - [`workers`]: a batch in parts, on all threads.
//!
//! Everything is written against Burn's backend trait.

pub mod classifier;
pub mod config;
pub mod cost;
pub mod decoder;
pub mod device;
mod error;
pub mod facts;
pub mod hide;
pub mod init;
pub mod network;
pub mod precision;
pub mod processor;
pub mod tokens;
pub mod weights;
pub mod workers;

pub use classifier::Classifier;
pub use config::{Config, Objective};
pub use decoder::Decoder;
pub use device::{Compute, Device};
pub use error::{Error, Result};
pub use hide::Hide;
pub use network::{ImageGpt, Tap};
pub use precision::Precision;
pub use tokens::Sequences;
pub use workers::Workers;
