//! Stage `palette`: k-means over the colours of the training images.
//!
//! Image GPT predicts one token a pixel, so the 2²⁴ colours of RGB are brought down to k. The
//! paper (under "Context Reduction") takes k = 512 centres that k-means finds on RGB pixels;
//! they were published, in [-1, 1], as `kmeans_centers.npy`.
//!
//! - [`Histogram`] counts colours while images stream by; [`Colours`] are the distinct ones with
//!   their counts. k-means on these is k-means on all pixels, at a fraction of the work.
//! - [`kmeans`] seeds ([`seeding`]: k-means++), iterates (Lloyd) and keeps the best of several restarts.
//! - `tree` and `assign` make this quick and leave it exact: centres are filtered down a tree of
//!   the colours, so that a colour is compared with the few that may be its nearest.
//! - [`quality`] says what the palette loses, on the bytes that people will see.
//!
//! The result does not depend on the number of threads: whatever is summed up is a whole number.

mod assign;
mod colours;
mod error;
pub mod kmeans;
mod params;
pub mod quality;
pub mod seeding;
mod stage;
mod tree;

pub use colours::{Colours, Histogram};
pub use error::{Error, Result};
pub use params::PaletteParams;
pub use stage::PaletteStage;
