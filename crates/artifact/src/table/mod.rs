//! The Parquet tables that stages hand to each other.
//!
//! Images, tokens and features are the same table with another cell: one row an image, its id,
//! its label, and a fixed number of values. [`vectors`] writes and streams all three; each has a
//! module of its own that says what the values are. The tables that people query ([`metrics`],
//! [`probe`]) have theirs.

pub mod classifier;
pub mod comparison;
pub mod features;
pub mod images;
pub mod metrics;
pub mod model;
pub mod npy;
pub mod palette;
pub mod probe;
mod read;
pub mod split;
mod swatches;
pub mod tokens;
pub mod vectors;
mod write;

pub use write::{ROW_GROUP, TableWriter, read_json, write_json};
