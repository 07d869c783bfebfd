//! The stage `features`: tokens from Parquet, all layers to Parquet.

use std::time::Instant;

use igpt_artifact::Error as FileError;
use igpt_features::{FeaturesParams, FeaturesStage};
use igpt_model::Config;

use super::{Measured, Work};
use crate::error::Result;
use crate::figure::Prepared;
use crate::inputs::{run_stage, take_config, write_model, write_tokens};
use crate::settings::{Place, Settings};

/// A feature pass over images of random tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    pub(super) config: Config,
    pub(super) images: usize,
    pub(super) batch_size: usize,
}

impl Work for Features {
    const NAME: &'static str = "features";

    fn take(settings: &mut Settings) -> Result<Self> {
        Ok(Self {
            config: take_config(settings)?,
            images: settings.take("images")?,
            batch_size: settings.take("batch_size")?,
        })
    }

    fn prepare(&self, place: &Place) -> Result<Prepared> {
        write_model(self.config, place)?;
        write_tokens(self.config, self.images, place)?;
        Ok(Prepared::default())
    }

    /// Tokens a second of the whole stage, reading weights and tokens and writing features included.
    fn measure(&self, place: &Place) -> Result<Measured> {
        let run = |limit: usize| -> Result<f64> {
            let out = tempfile::tempdir_in(&place.dir).map_err(FileError::io("write into", &place.dir))?;
            let batch_size = self.batch_size;
            let params =
                FeaturesParams { batch_size, limit: Some(limit as u64), ..FeaturesParams::default() };
            let start = Instant::now();
            run_stage::<FeaturesStage>(&params, place, out.path())?;
            Ok(start.elapsed().as_secs_f64())
        };
        run(self.batch_size)?;
        let seconds = run(self.images)?;
        let tokens = (self.images * self.config.n_positions) as f64;
        Ok(Measured { value: tokens / seconds, unit: "tokens/s", ..Measured::default() })
    }
}
