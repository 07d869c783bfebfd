//! Networks kept on the way: `checkpoints/step=N/` in the artifact, each a model directory of its own.

use std::path::{Path, PathBuf};

use igpt_kernels::Kernels;
use igpt_model::{ImageGpt, weights};

use crate::Error;

/// The snapshots of one training. Until it ends they lie in its scratch space, so that those of before a kill
/// are there after it.
#[derive(Debug)]
pub struct Snapshots {
    dir: PathBuf,
}

impl Snapshots {
    /// Those below a stage's scratch space.
    pub fn new(scratch: &Path) -> Self {
        Self { dir: scratch.join("snapshots") }
    }

    /// Keeps the network after `step` steps. A resumed training may come here again, with the same network.
    pub fn keep<B: Kernels>(&self, step: u64, network: &ImageGpt<B>) -> Result<(), Error> {
        let place = self.dir.join(step.to_string());
        igpt_artifact::fs::replace_dir(&place, |draft| Ok(weights::write(network, draft)?))
    }

    /// Copies the snapshots of these steps into the artifact. They are not moved: a kill from now on must
    /// find them where they were.
    pub fn publish(&self, steps: &[u64], artifact: &Path) -> Result<(), Error> {
        for step in steps {
            let (kept, place) = (self.dir.join(step.to_string()), weights::checkpoint_dir(artifact, *step));
            igpt_artifact::fs::create_dir(&place)?;
            for file in igpt_artifact::fs::files_below(&kept)? {
                let copied = std::fs::copy(kept.join(&file), place.join(&file));
                copied.map_err(igpt_artifact::Error::io("write", place.join(&file)))?;
            }
        }
        Ok(())
    }
}
