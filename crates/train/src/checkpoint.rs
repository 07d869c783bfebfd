//! What a killed training goes on from: weights, optimiser state, and the curve so far.
//!
//! A checkpoint is a folder that appears whole. It lies in the stage's scratch space, which is
//! found again only under the same key, so it always belongs to this very training.

use std::fs;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::Optimizer;
use burn::record::{BinFileRecorder, FullPrecisionSettings, Recorder, RecorderError};
use igpt_artifact::fs::replace_dir;
use igpt_artifact::table::{read_json, write_json};
use igpt_kernels::Kernels;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Learner, Result, Trainer};

/// The checkpoints of one training.
#[derive(Debug)]
pub struct Checkpoints {
    dir: PathBuf,
}

impl Checkpoints {
    /// Those below a stage's scratch space.
    pub fn new(scratch: &Path) -> Self {
        Self { dir: scratch.join("checkpoint") }
    }

    /// Keeps a training, and whatever else it needs to go on, in place of the one before.
    pub fn write<B, N>(&self, trainer: &Trainer<B, N>, state: &impl Serialize) -> Result<()>
    where
        B: Kernels,
        N: Learner<Autodiff<B>> + AutodiffModule<Autodiff<B>>,
    {
        replace_dir(&self.dir, |draft| {
            save(&trainer.network, draft)?;
            let optimizer = trainer.optimizer.to_record();
            Recorder::<Autodiff<B>>::record(&recorder(), optimizer, draft.join("optimizer"))
                .map_err(failed("write", draft))?;
            Ok(write_json(&draft.join("state.json"), state)?)
        })
    }

    /// Keeps a network, whatever becomes of the training, in place of the one before.
    pub fn write_best<B, N>(&self, network: &N) -> Result<()>
    where
        B: Kernels,
        N: AutodiffModule<Autodiff<B>>,
    {
        replace_dir(&self.best(), |draft| save(network, draft))
    }

    /// The network that was kept last.
    pub fn read_best<B, N>(&self, network: N, device: &B::Device) -> Result<N>
    where
        B: Kernels,
        N: AutodiffModule<Autodiff<B>>,
    {
        load(network, &self.best(), device)
    }

    fn best(&self) -> PathBuf {
        self.dir.with_file_name("best")
    }

    /// Brings a training to where it was kept, and gives back what was kept with it; none if nothing was.
    pub fn read<B, N, S>(&self, trainer: &mut Trainer<B, N>, device: &B::Device) -> Result<Option<S>>
    where
        B: Kernels,
        N: Learner<Autodiff<B>> + AutodiffModule<Autodiff<B>>,
        S: DeserializeOwned,
    {
        if !fs::exists(&self.dir).map_err(igpt_artifact::Error::io("look at", &self.dir))? {
            return Ok(None);
        }
        trainer.network = load(trainer.network.clone(), &self.dir, device)?;
        let record = Recorder::<Autodiff<B>>::load(&recorder(), self.dir.join("optimizer"), device);
        let record = record.map_err(failed("read", &self.dir))?;
        trainer.optimizer = trainer.optimizer.clone().load_record(record);
        Ok(Some(read_json(&self.dir.join("state.json"))?))
    }
}

fn save<B: Kernels, N: AutodiffModule<Autodiff<B>>>(network: &N, dir: &Path) -> Result<()> {
    network.clone().save_file(dir.join("network"), &recorder()).map_err(failed("write", dir))
}

fn load<B: Kernels, N: AutodiffModule<Autodiff<B>>>(network: N, dir: &Path, device: &B::Device) -> Result<N> {
    network.load_file(dir.join("network"), &recorder(), device).map_err(failed("read", dir))
}

fn failed(doing: &'static str, dir: &Path) -> impl FnOnce(RecorderError) -> Error {
    move |source| Error::Checkpoint { doing, path: dir.to_path_buf(), source }
}

fn recorder() -> BinFileRecorder<FullPrecisionSettings> {
    BinFileRecorder::new()
}
