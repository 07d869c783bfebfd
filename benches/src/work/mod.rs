//! What is measured of ours: each a few lines around a stage or what a stage is made of.

mod features;
mod growth;
mod palette;
mod probe;
mod sample;
mod tokens;
mod train;

use crate::error::{Error, Result};
use crate::figure::{Figure, Prepared, peak_bytes};
use crate::settings::{Place, Settings};

/// Work that can be measured.
trait Work: Sized {
    /// Its name on the command line.
    const NAME: &'static str;

    /// Takes its sizes.
    fn take(settings: &mut Settings) -> Result<Self>;

    /// Writes what both sides read. Its time and memory are not measured.
    fn prepare(&self, _place: &Place) -> Result<Prepared> {
        Ok(Prepared::default())
    }

    /// Does the work and says how it went.
    fn measure(&self, place: &Place) -> Result<Measured>;
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
struct Measured {
    value: f64,
    unit: &'static str,
    cost: Option<f64>,
    note: Option<String>,
}

/// Work with its type erased.
struct Entry {
    name: &'static str,
    prepare: fn(Settings) -> Result<Prepared>,
    measure: fn(Settings) -> Result<Measured>,
}

impl Entry {
    const fn of<W: Work>() -> Self {
        Self {
            name: W::NAME,
            prepare: |settings| {
                let (work, place) = take::<W>(settings)?;
                work.prepare(&place)
            },
            measure: |settings| {
                let (work, place) = take::<W>(settings)?;
                work.measure(&place)
            },
        }
    }
}

fn take<W: Work>(mut settings: Settings) -> Result<(W, Place)> {
    let place = Place::take(&mut settings)?;
    let work = W::take(&mut settings)?;
    settings.finish()?;
    Ok((work, place))
}

const ALL: [Entry; 8] = [
    Entry::of::<train::Train>(),
    Entry::of::<growth::TrainTime>(),
    Entry::of::<features::Features>(),
    Entry::of::<growth::FeaturesMemory>(),
    Entry::of::<sample::Sample>(),
    Entry::of::<palette::PaletteFit>(),
    Entry::of::<tokens::Tokenize>(),
    Entry::of::<probe::Probe>(),
];

fn find(name: &str) -> Result<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name).ok_or_else(|| Error::Work { name: name.to_owned() })
}

/// Whether there is work of this name.
#[cfg(test)]
pub(crate) fn exists(name: &str) -> bool {
    find(name).is_ok()
}

/// Prepares work by name.
pub(crate) fn prepare(name: &str, settings: Settings) -> Result<Prepared> {
    (find(name)?.prepare)(settings)
}

/// Measures work by name. The peak of memory is that of this process, so it is asked for once.
pub(crate) fn measure(name: &str, settings: Settings) -> Result<Figure> {
    let Measured { value, unit, cost, note } = (find(name)?.measure)(settings)?;
    let (row, unit) = (name.to_owned(), unit.to_owned());
    Ok(Figure { row, peer: None, value, unit, peak_bytes: peak_bytes(), cost, note })
}
