//! What a killed training goes on from: weights, optimiser state, and the curve so far.
//!
//! A checkpoint is a folder that appears whole. It lies in the stage's scratch space, which is
//! found again only under the same key, so it always belongs to this very training.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::Optimizer;
use burn::record::{BinFileRecorder, FullPrecisionSettings, Recorder};
use burn::tensor::backend::AutodiffBackend;
use igpt_artifact::table::{read_json, write_json};
use igpt_model::ImageGpt;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::train::History;

/// Everything but tensors.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    step: u64,
    history: History,
}

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

    /// Keeps the state after `step` steps, in place of the one before.
    pub fn write<B, O>(
        &self,
        step: u64,
        network: &ImageGpt<B>,
        optimizer: &O,
        history: &History,
    ) -> Result<(), Error>
    where
        B: AutodiffBackend,
        O: Optimizer<ImageGpt<B>, B>,
    {
        let draft = self.dir.with_extension("tmp");
        igpt_artifact::fs::remove_dir(&draft)?;
        igpt_artifact::fs::create_dir(&draft)?;
        let failed = |source| Error::Checkpoint { doing: "write", path: draft.clone(), source };
        let recorder = recorder();
        network.clone().save_file(draft.join("network"), &recorder).map_err(failed)?;
        Recorder::<B>::record(&recorder, optimizer.to_record(), draft.join("optimizer")).map_err(failed)?;
        write_json(&draft.join("state.json"), &State { step, history: history.clone() })?;
        for file in igpt_artifact::fs::files_below(&draft)? {
            igpt_artifact::fs::sync(&draft.join(file))?;
        }
        Ok(igpt_artifact::fs::put_dir(&draft, &self.dir)?)
    }

    /// The state to go on from, if there is one: steps taken, network, optimiser, history.
    pub fn read<B, O>(
        &self,
        network: ImageGpt<B>,
        optimizer: O,
        device: &B::Device,
    ) -> Result<(u64, ImageGpt<B>, O, History), Error>
    where
        B: AutodiffBackend,
        O: Optimizer<ImageGpt<B>, B>,
    {
        if !fs::exists(&self.dir).map_err(igpt_artifact::Error::io("look at", &self.dir))? {
            return Ok((0, network, optimizer, History::default()));
        }
        let failed = |source| Error::Checkpoint { doing: "read", path: self.dir.clone(), source };
        let recorder = recorder();
        let network = network.load_file(self.dir.join("network"), &recorder, device).map_err(failed)?;
        let record = Recorder::<B>::load(&recorder, self.dir.join("optimizer"), device).map_err(failed)?;
        let State { step, history } = read_json(&self.dir.join("state.json"))?;
        Ok((step, network, optimizer.load_record(record), history))
    }
}

fn recorder() -> BinFileRecorder<FullPrecisionSettings> {
    BinFileRecorder::new()
}
