//! Exact search for the nearest of many centres in the cube of RGB colours.
//!
//! Of k centres only a few can be the nearest of any colour within a small box, and a box within
//! that box needs to look at those few only. Kanungo et al., "An Efficient k-Means Clustering
//! Algorithm: Analysis and Implementation" (2002), filter centres down a tree of boxes in this way;
//! [`Candidates`] are the lists that become shorter as [`Bounds`] become smaller. k-means walks
//! down a tree of the colours that occur, a look-up table down the whole cube.
//!
//! Everything here is in units of a byte: colours lie in 0..=255, centres anywhere between.

mod bounds;
mod candidates;

pub use bounds::Bounds;
pub use candidates::{Candidates, List};

/// Colours or centres that are compared at a time: the f32 lanes of a 256-bit register.
pub const LANES: usize = 8;

/// A value of a centre as palettes keep it, in [-1, 1], in units of a byte.
pub fn byte(value: f32) -> f64 {
    (f64::from(value) + 1.0) * 127.5
}

/// A value in units of a byte as palettes keep it, in [-1, 1]; the inverse of [`byte`].
pub fn unit(value: f64) -> f32 {
    (value / 127.5 - 1.0) as f32
}
