//! k-means on the distinct colours of all pixels.

use std::time::Instant;

use igpt_palette::{Histogram, PaletteParams, kmeans};
use igpt_stage::{Failure, Params, Seed, Silent};

use super::{Measured, Work};
use crate::error::{Error, Result};
use crate::figure::Prepared;
use crate::inputs::{SEED, cifar10, pixels};
use crate::raw;
use crate::settings::{Place, Settings};

/// The file of colours: r, g, b and how often, u32 each.
const COLOURS: &str = "colours.u32";

/// One run of k-means on CIFAR-10's training pixels.
#[derive(Clone, Debug)]
pub(super) struct PaletteFit {
    size: usize,
    params: PaletteParams,
}

impl Work for PaletteFit {
    const NAME: &'static str = "palette";

    fn take(settings: &mut Settings) -> Result<Self> {
        let params = PaletteParams {
            k: settings.take("k")?,
            restarts: settings.take_or("restarts", 1)?,
            iterations: settings.take("iterations")?,
            tolerance: settings.take("tolerance")?,
        };
        params
            .check()
            .map_err(|invalid| Error::Setting(format!("{}: {}", invalid.param, invalid.message)))?;
        Ok(Self { size: settings.take("size")?, params })
    }

    fn prepare(&self, place: &Place) -> Result<Prepared> {
        if let Err(reason) = cifar10() {
            return Ok(Prepared { skipped: Some(reason) });
        }
        let mut histogram = Histogram::default();
        pixels(None, self.size, place, |batch| histogram.add(batch))?;
        let colours = histogram.colours();
        let rows = colours.rgb().iter().zip(colours.counts());
        let numbers = rows.flat_map(|(&[r, g, b], count)| [r.into(), g.into(), b.into(), *count as u32]);
        raw::write_u32(&place.dir.join(COLOURS), numbers)?;
        Ok(Prepared::default())
    }

    /// Seconds of seeding and iterations, all starts together.
    fn measure(&self, place: &Place) -> Result<Measured> {
        let mut histogram = Histogram::default();
        for &[r, g, b, count] in raw::read_u32(&place.dir.join(COLOURS))?.as_chunks().0 {
            histogram.add_times([r, g, b].map(|value| value as u8), count.into());
        }
        let colours = histogram.colours();
        drop(histogram);
        let start = Instant::now();
        let found = kmeans::fit(&colours, &self.params, Seed::new(SEED).named("bench/palette"), &Silent)
            .map_err(|e| Failure::new(&e))?;
        let value = start.elapsed().as_secs_f64();
        let note = format!(
            "{} colours, inertia {:.7} a pixel after {} iterations",
            colours.len(),
            found.inertia,
            found.iterations
        );
        Ok(Measured { value, unit: "s", cost: None, note: Some(note) })
    }
}
