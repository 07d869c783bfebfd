//! Stage `tokenize`: every pixel becomes the index of its nearest palette colour.
//!
//! The paper calls this context reduction: one token a pixel in raster order, a
//! sequence three times shorter than one of RGB values. [`Lookup`] finds the nearest colour;
//! [`Tally`] says what the palette lost.

mod lookup;
mod params;
mod stage;
mod tally;

pub use lookup::Lookup;
pub use params::TokenizeParams;
pub use stage::TokenizeStage;
pub use tally::Tally;
