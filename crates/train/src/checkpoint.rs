//! What a killed training goes on from: weights, optimiser state, and the curve so far.
//!
//! A checkpoint is a folder that appears whole. It lies in the stage's scratch space, which is
//! found again only under the same key, so it always belongs to this very training.

use std::fs;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::Optimizer;
use burn::record::{BinFileRecorder, FullPrecisionSettings, Recorder};
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
        let draft = self.dir.with_extension("tmp");
        igpt_artifact::fs::remove_dir(&draft)?;
        igpt_artifact::fs::create_dir(&draft)?;
        let failed = |source| Error::Checkpoint { doing: "write", path: draft.clone(), source };
        let recorder = recorder();
        trainer.network.clone().save_file(draft.join("network"), &recorder).map_err(failed)?;
        let optimizer = trainer.optimizer.to_record();
        Recorder::<Autodiff<B>>::record(&recorder, optimizer, draft.join("optimizer")).map_err(failed)?;
        write_json(&draft.join("state.json"), state)?;
        for file in igpt_artifact::fs::files_below(&draft)? {
            igpt_artifact::fs::sync(&draft.join(file))?;
        }
        Ok(igpt_artifact::fs::put_dir(&draft, &self.dir)?)
    }

    /// Keeps a network, whatever becomes of the training, in place of the one before.
    pub fn write_best<B, N>(&self, network: &N) -> Result<()>
    where
        B: Kernels,
        N: AutodiffModule<Autodiff<B>>,
    {
        let best = self.best();
        let draft = best.with_extension("tmp");
        igpt_artifact::fs::remove_dir(&draft)?;
        igpt_artifact::fs::create_dir(&draft)?;
        let failed = |source| Error::Checkpoint { doing: "write", path: draft.clone(), source };
        network.clone().save_file(draft.join("network"), &recorder()).map_err(failed)?;
        for file in igpt_artifact::fs::files_below(&draft)? {
            igpt_artifact::fs::sync(&draft.join(file))?;
        }
        Ok(igpt_artifact::fs::put_dir(&draft, &best)?)
    }

    /// The network that was kept last.
    pub fn read_best<B, N>(&self, network: N, device: &B::Device) -> Result<N>
    where
        B: Kernels,
        N: AutodiffModule<Autodiff<B>>,
    {
        let best = self.best();
        let failed = |source| Error::Checkpoint { doing: "read", path: best.clone(), source };
        network.load_file(best.join("network"), &recorder(), device).map_err(failed)
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
        let failed = |source| Error::Checkpoint { doing: "read", path: self.dir.clone(), source };
        let recorder = recorder();
        let network = trainer.network.clone().load_file(self.dir.join("network"), &recorder, device);
        trainer.network = network.map_err(failed)?;
        let record = Recorder::<Autodiff<B>>::load(&recorder, self.dir.join("optimizer"), device);
        trainer.optimizer = trainer.optimizer.clone().load_record(record.map_err(failed)?);
        Ok(Some(read_json(&self.dir.join("state.json"))?))
    }
}

fn recorder() -> BinFileRecorder<FullPrecisionSettings> {
    BinFileRecorder::new()
}
