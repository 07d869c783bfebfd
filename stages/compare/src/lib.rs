//! Stage `compare`: many networks side by side, as the paper's figures have them.
//!
//! Reads any number of probe artifacts (networks of several sizes, of several steps of their training, of both
//! objectives) and any number of fine-tuned classifiers. Layers are chosen on validation images; what is
//! shown was measured on test images.
//!
//! | file | holds |
//! |---|---|
//! | `comparison.parquet` | one row a network, step and layer: [`igpt_artifact::table::comparison`] |
//! | `scaling.svg` | probe accuracy against validation loss: figure 2 of the paper |
//! | `depth.svg` | probe accuracy against depth, a curve a network: figure 1 |
//! | `objectives.svg` | autoregressive beside BERT, probed and fine-tuned: figure 4 |
//!
//! A picture is left out where there is nothing for it.

mod bars;
mod chart;
mod error;
mod figures;
mod params;
mod read;
mod stage;

pub use error::Error;
pub use params::CompareParams;
pub use stage::CompareStage;
