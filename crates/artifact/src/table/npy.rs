//! NumPy's `.npy` for small float matrices, such as `kmeans_centers.npy`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use npyz::{DType, NpyFile, Order, WriterBuilder};

use crate::{Error, Result};

/// Writes rows of `C` floats as a little-endian f32 array of shape `[rows, C]`.
pub fn write_f32_rows<const C: usize>(path: &Path, rows: &[[f32; C]]) -> Result<()> {
    let write = || {
        let file = BufWriter::new(File::create(path)?);
        let shape = [rows.len() as u64, C as u64];
        let mut writer =
            npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
        writer.extend(rows.iter().flatten().copied())?;
        writer.finish()
    };
    write().map_err(Error::io("write", path))
}

/// Reads an f32 or f64 array of shape `[rows, C]`.
pub fn read_f32_rows<const C: usize>(path: &Path) -> Result<Vec<[f32; C]>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let npy = NpyFile::new(BufReader::new(file)).map_err(Error::io("read the header of", path))?;
    if npy.shape().len() != 2 || npy.shape()[1] != C as u64 || npy.order() != Order::C {
        let message =
            format!("shape {:?} ({:?} order), expected [rows, {C}] in C order", npy.shape(), npy.order());
        return Err(Error::table(path, message));
    }
    let read = Error::io("read", path);
    let values: Vec<f32> = match npy.dtype() {
        DType::Plain(t) if t.num_bytes() == Some(8) => {
            npy.into_vec::<f64>().map_err(read)?.into_iter().map(|v| v as f32).collect()
        }
        _ => npy.into_vec::<f32>().map_err(read)?,
    };
    Ok(values.as_chunks::<C>().0.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_header() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        write_f32_rows(&path, &[[1.0, 2.0, 3.0], [4.0, 5.0, -0.5]]).unwrap();
        assert_eq!(read_f32_rows::<3>(&path).unwrap(), [[1.0, 2.0, 3.0], [4.0, 5.0, -0.5]]);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"\x93NUMPY"));
        assert!(String::from_utf8_lossy(&bytes).contains("'descr': '<f4'"));
        let error = read_f32_rows::<4>(&path).unwrap_err().to_string();
        assert!(error.contains("shape [2, 3]"), "{error}");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(read_f32_rows::<3>(&path).is_err());
    }
}
