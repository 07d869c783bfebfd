//! Pixels to tokens.

use std::time::Instant;

use igpt_artifact::table::palette::Palette;
use igpt_palette::{Histogram, PaletteParams, kmeans};
use igpt_stage::{Failure, Seed, Silent};
use igpt_tokenize::Lookup;

use super::{Measured, Work};
use crate::error::Result;
use crate::figure::Prepared;
use crate::inputs::{SEED, pixels};
use crate::raw;
use crate::settings::{Place, Settings};

/// The file of images, three bytes a pixel.
const PIXELS: &str = "pixels.u8";
/// The file of colours, k × 3 in [-1, 1].
const CENTRES: &str = "centres.f32";
/// Iterations of k-means: any palette near a good one will do.
const ITERATIONS: usize = 5;

/// The nearest palette colour of every pixel of some images.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokenize {
    images: u64,
    size: usize,
    k: usize,
    /// Images whose tokens are added up, for a look at whether two sides found the same.
    checked: usize,
}

impl Work for Tokenize {
    const NAME: &'static str = "tokens";

    fn take(settings: &mut Settings) -> Result<Self> {
        let (images, size) = (settings.take("images")?, settings.take("size")?);
        Ok(Self { images, size, k: settings.take("k")?, checked: settings.take("checked")? })
    }

    fn prepare(&self, place: &Place) -> Result<Prepared> {
        let (mut histogram, mut all) = (Histogram::default(), Vec::new());
        pixels(Some(self.images), self.size, place, |batch| {
            histogram.add(batch);
            all.extend_from_slice(batch);
        })?;
        raw::write(&place.dir.join(PIXELS), &all)?;
        let params =
            PaletteParams { k: self.k, restarts: 1, iterations: ITERATIONS, ..PaletteParams::default() };
        let seed = Seed::new(SEED).named("bench/tokens");
        let found =
            kmeans::fit(&histogram.colours(), &params, seed, &Silent).map_err(|e| Failure::new(&e))?;
        raw::write_f32(&place.dir.join(CENTRES), found.centres.into_flattened())?;
        Ok(Prepared::default())
    }

    /// Megapixels a second, a new look-up included.
    fn measure(&self, place: &Place) -> Result<Measured> {
        let bytes = raw::read(&place.dir.join(PIXELS))?;
        let pixels = bytes.as_chunks().0;
        let centres = raw::read_f32(&place.dir.join(CENTRES))?;
        let palette = Palette::new(centres.as_chunks().0.to_vec());
        let start = Instant::now();
        let lookup = Lookup::new(&palette);
        let tokens = lookup.encode(pixels);
        let value = pixels.len() as f64 / start.elapsed().as_secs_f64() / 1e6;
        let checked = tokens.iter().take(self.checked * self.size * self.size);
        let sum: u64 = checked.map(|&token| u64::from(token)).sum();
        let note = format!("tokens of {} images add up to {sum}", self.checked);
        Ok(Measured { value, unit: "Mpx/s", cost: None, note: Some(note) })
    }
}
