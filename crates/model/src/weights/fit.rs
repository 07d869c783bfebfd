//! Whether a checkpoint is one of a network of these sizes.

use std::collections::BTreeSet;

use safetensors::Dtype;

use super::Checkpoint;
use super::checkpoint::Stored;
use super::layout::{self, HEAD};
use crate::{Config, Error, Result};

impl Checkpoint {
    /// Checks that this holds every tensor of such a network, each with its shape and of a
    /// floating-point type, and no other. Reads no numbers, and makes nothing of the sizes that
    /// `config` claims.
    ///
    /// # Errors
    /// [`Error::Tensor`] names the first tensor that does not fit, and both shapes.
    pub fn check(&self, config: Config) -> Result<()> {
        if config.n_embd == 0 || config.n_positions == 0 {
            let Config { n_embd, n_positions, .. } = config;
            return Err(self.error(format!("no network has n_embd {n_embd} and n_positions {n_positions}")));
        }
        let mut known = BTreeSet::new();
        for (name, shape) in layout::parameters(config) {
            match self.stored(&name) {
                Some(stored) => fits(&name, stored, &shape)?,
                None => {
                    let why = if name == HEAD {
                        "; these are weights of the network without its output matrix"
                    } else {
                        ""
                    };
                    return Err(self.misfit(&name, format!("is missing (expected shape {shape:?}){why}")));
                }
            }
            known.insert(name);
        }
        for (name, shape) in layout::biases(config) {
            if let Some(stored) = self.stored(&name) {
                fits(&name, stored, &shape)?;
                known.insert(name);
            }
        }
        match self.all().find(|(name, _)| !known.contains(*name) && !layout::is_beside(name)) {
            None => Ok(()),
            Some((name, stored)) => {
                let message = format!("has no place in this network (its shape is {:?})", stored.shape);
                Err(misfit(stored, name, message))
            }
        }
    }

    /// Whether any bias is not zero.
    pub(super) fn has_biases(&self, config: Config) -> Result<bool> {
        for (name, _) in layout::biases(config) {
            if self.stored(&name).is_some() && self.values(&name)?.iter().any(|&bias| bias != 0.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn fits(name: &str, stored: &Stored, shape: &[usize]) -> Result<()> {
    if stored.shape != shape {
        return Err(misfit(stored, name, format!("has shape {:?}, expected {shape:?}", stored.shape)));
    }
    match stored.dtype {
        Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16 => Ok(()),
        other => Err(misfit(
            stored,
            name,
            format!("of shape {shape:?} is {other:?}, expected F32, F16, BF16 or F64"),
        )),
    }
}

fn misfit(stored: &Stored, name: &str, message: String) -> Error {
    Error::Tensor { path: stored.file.to_path_buf(), tensor: name.to_owned(), message }
}
