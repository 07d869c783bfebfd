//! What a file says that `torch.save` wrote of a state dict; the numbers stay on disk.
//!
//! Such a file is a zip archive: `data.pkl`, a pickle that describes the tensors, and the bytes of
//! each storage beside it, uncompressed. A pickle is a program. The one here is run by a machine
//! that has no function to call: [`pickle`] knows the few instructions that a state dict needs and
//! [`Global`](value::Global) the few names; anything else is refused by name.

mod archive;
mod machine;
mod pickle;
mod state;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub use pickle::{PickleError, PickleProblem};

use self::archive::Archive;
use super::checkpoint::Stored;
use crate::{Error, Result};

/// The tensors of a file.
///
/// # Errors
/// No zip archive or a damaged one, a pickle that asks for anything but tensors, or a tensor that
/// does not lie inside its storage.
pub(super) fn tensors(path: &Path, file: File) -> Result<BTreeMap<String, Stored>> {
    let mut archive = Archive::open(path, file)?;
    let pickle = archive.pickle()?;
    let tensors =
        state::read(&pickle).map_err(|source| Error::Pickle { path: path.to_path_buf(), source })?;
    let file: Arc<Path> = path.into();
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            let (start, bytes) = archive.storage(&tensor.storage)?;
            let size = (tensor.dtype.bitsize() / 8) as u64;
            let misfit = |message| Error::Tensor { path: path.to_path_buf(), tensor: name.clone(), message };
            if bytes / size < tensor.end as u64 {
                let (shape, end, has) = (&tensor.shape, tensor.end, bytes / size);
                return Err(misfit(format!(
                    "of shape {shape:?} ends at number {end} of a storage that has {has}"
                )));
            }
            let start = start + tensor.offset as u64 * size;
            let stored = Stored {
                file: Arc::clone(&file),
                start,
                dtype: tensor.dtype,
                shape: tensor.shape,
                strides: tensor.strides,
            };
            Ok((name, stored))
        })
        .collect()
}
