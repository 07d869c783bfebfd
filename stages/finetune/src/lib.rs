//! Stage `finetune`: trains the whole network, with a class head on top, to tell classes apart.
//!
//! The recipe is the paper's (section 3.3): the head is a linear map of the final norm's output averaged over
//! positions, the loss is that of the class plus the generative one, Adam goes on at a constant and about ten
//! times smaller rate, and the network is kept that does best on validation images. Test images only judge.
//!
//! The artifact is a model directory that Hugging Face's `ImageGPTForImageClassification` loads, with
//! `metrics.parquet`, `predictions.parquet` and the volatile `timing.parquet` beside the weights.
//!
//! - [`params`]: what can be set;
//! - `examples`: labelled images;
//! - [`joint`]: the loss;
//! - `judge`: accuracy and loss on a split;
//! - `tune`: the loop.

mod error;
mod examples;
pub mod joint;
mod judge;
pub mod params;
mod stage;
mod tune;

pub use error::Error;
pub use params::FinetuneParams;
pub use stage::FinetuneStage;
