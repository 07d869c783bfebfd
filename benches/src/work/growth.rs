//! The same work at several sizes: how time and memory grow.

use igpt_artifact::table::ROW_GROUP;

use super::features::Features;
use super::train::Train;
use super::{Measured, Work};
use crate::error::Result;
use crate::figure::{Prepared, peak_bytes};
use crate::settings::{Place, Settings};

/// The time of a training by token: what a longer sequence costs, by arithmetic in operations.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrainTime(Train);

impl Work for TrainTime {
    const NAME: &'static str = "train-time";

    fn take(settings: &mut Settings) -> Result<Self> {
        Train::take(settings).map(Self)
    }

    fn measure(&self, place: &Place) -> Result<Measured> {
        let speed = self.0.measure(place)?;
        Ok(Measured { value: 1e6 / speed.value, unit: "µs/token", ..speed })
    }
}

/// The memory of a feature pass. By arithmetic it depends on the network, on the batch, and on how many images
/// there are until a row group is full, which is what waits to be written of every layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct FeaturesMemory(Features);

impl Work for FeaturesMemory {
    const NAME: &'static str = "features-memory";

    fn take(settings: &mut Settings) -> Result<Self> {
        Features::take(settings).map(Self)
    }

    fn prepare(&self, place: &Place) -> Result<Prepared> {
        self.0.prepare(place)
    }

    fn measure(&self, place: &Place) -> Result<Measured> {
        self.0.measure(place)?;
        let Features { config, images, batch_size } = self.0;
        let waiting = images.min(ROW_GROUP) * (config.n_layer + 1) * config.n_embd * size_of::<f32>();
        let cost = Some((config.feature_bytes(batch_size) + waiting as f64) / 1e6);
        Ok(Measured { value: peak_bytes() as f64 / 1e6, unit: "MB", cost, note: None })
    }
}
