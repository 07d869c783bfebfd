//! Arrays as bare little-endian numbers, which `numpy.fromfile` reads.

use std::path::Path;

use igpt_artifact::Error;

use crate::error::Result;

/// Writes f32 values.
pub(crate) fn write_f32(path: &Path, values: impl IntoIterator<Item = f32>) -> Result<()> {
    write(path, &values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<_>>())
}

/// Writes u32 values.
pub(crate) fn write_u32(path: &Path, values: impl IntoIterator<Item = u32>) -> Result<()> {
    write(path, &values.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<_>>())
}

/// Writes bytes.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(std::fs::write(path, bytes).map_err(Error::io("write", path))?)
}

/// Reads f32 values.
pub(crate) fn read_f32(path: &Path) -> Result<Vec<f32>> {
    Ok(read(path)?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Reads u32 values.
pub(crate) fn read_u32(path: &Path) -> Result<Vec<u32>> {
    Ok(read(path)?.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
}

/// Reads bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(std::fs::read(path).map_err(Error::io("read", path))?)
}
