//! What the header of a safetensors file says; the numbers stay on disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error as IoError, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use igpt_artifact::Error as FileError;
use safetensors::SafeTensorError;
use safetensors::tensor::Metadata;

use super::checkpoint::Stored;
use crate::{Error, Result};

/// Bytes of the length that comes before the header.
const LENGTH: u64 = 8;

/// Bytes in a header at most, as in the format's own library.
const MAX_HEADER: u64 = 100_000_000;

/// The tensors of a file.
///
/// # Errors
/// A header that is damaged, or does not describe the file to its last byte.
pub(super) fn tensors(path: &Path, file: &File) -> Result<BTreeMap<String, Stored>> {
    let read = |source: IoError| FileError::io("read", path)(source);
    let bad = |source| Error::SafeTensors { path: path.to_path_buf(), source };
    let size = file.metadata().map_err(read)?.len();
    let mut length = [0; LENGTH as usize];
    file.read_exact_at(&mut length, 0).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => bad(SafeTensorError::HeaderTooSmall),
        _ => read(e).into(),
    })?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(bad(SafeTensorError::HeaderTooLarge));
    }
    let data = LENGTH + length;
    if data > size {
        return Err(bad(SafeTensorError::InvalidHeaderLength));
    }
    let mut header = vec![0; length as usize];
    file.read_exact_at(&mut header, LENGTH).map_err(read)?;
    // Checks that the tensors lie one after another, each as long as its shape and type say.
    let header: Metadata =
        serde_json::from_slice(&header).map_err(|e| bad(SafeTensorError::InvalidHeaderDeserialization(e)))?;
    if data + header.data_len() as u64 != size {
        return Err(bad(SafeTensorError::MetadataIncompleteBuffer));
    }
    let file: Arc<Path> = path.into();
    let stored = |info: &safetensors::tensor::TensorInfo| Stored {
        file: Arc::clone(&file),
        start: data + info.data_offsets.0 as u64,
        dtype: info.dtype,
        shape: info.shape.clone(),
        strides: None,
    };
    Ok(header.tensors().into_iter().map(|(name, info)| (name, stored(info))).collect())
}
