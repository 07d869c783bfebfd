//! NumPy's `.npy`: small float matrices, such as `kmeans_centers.npy`, and streams of integers.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek};
use std::path::{Path, PathBuf};

use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar, WriterBuilder};

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
    let npy = open(path)?;
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

/// Integers of any width and sign, row after row.
pub struct Integers {
    path: PathBuf,
    shape: Vec<u64>,
    values: Box<dyn Iterator<Item = io::Result<i64>>>,
}

impl Integers {
    /// Opens an array of integers in C order, of at least one dimension.
    ///
    /// # Errors
    /// No `.npy` file, one that is shorter than its header says, or one of other values.
    pub fn open(path: &Path) -> Result<Self> {
        let npy = open(path)?;
        let shape = npy.shape().to_vec();
        let (kind, bytes) = match npy.dtype() {
            DType::Plain(kind) => (Some(kind.type_char()), kind.num_bytes()),
            _ => (None, None),
        };
        if npy.order() != Order::C || shape.is_empty() {
            let message = format!("shape {shape:?} in {:?} order, expected rows in C order", npy.order());
            return Err(Error::table(path, message));
        }
        let values = match (kind, bytes) {
            (Some(TypeChar::Int), Some(1)) => values::<i8>(npy),
            (Some(TypeChar::Int), Some(2)) => values::<i16>(npy),
            (Some(TypeChar::Int), Some(4)) => values::<i32>(npy),
            (Some(TypeChar::Int), Some(8)) => values::<i64>(npy),
            (Some(TypeChar::Uint), Some(1)) => values::<u8>(npy),
            (Some(TypeChar::Uint), Some(2)) => values::<u16>(npy),
            (Some(TypeChar::Uint), Some(4)) => values::<u32>(npy),
            (Some(TypeChar::Uint), Some(8)) => values::<u64>(npy),
            _ => {
                return Err(Error::table(path, format!("{} values, expected integers", npy.dtype().descr())));
            }
        };
        let values = values.map_err(Error::io("read", path))?;
        Ok(Self { path: path.to_path_buf(), shape, values })
    }

    /// The array's dimensions.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Reads the next values, as many as there is room for.
    pub fn fill(&mut self, row: &mut [i64]) -> Result<()> {
        for value in row {
            let next = self.values.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
            *value = next.map_err(Error::io("read", &self.path))?;
        }
        Ok(())
    }
}

fn values<T>(npy: NpyFile<BufReader<File>>) -> io::Result<Box<dyn Iterator<Item = io::Result<i64>>>>
where
    T: Deserialize + TryInto<i64> + 'static,
{
    let values = npy.data::<T>().map_err(io::Error::other)?;
    let large = |_| io::Error::new(io::ErrorKind::InvalidData, "an integer above 2^63");
    Ok(Box::new(values.map(move |value| value?.try_into().map_err(large))))
}

/// Reads a header, and checks that the file is as long as it says: nothing of another size is made.
fn open(path: &Path) -> Result<NpyFile<BufReader<File>>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("look at", path))?.len();
    let mut file = BufReader::new(file);
    let header = NpyHeader::from_reader(&mut file).map_err(Error::io("read the header of", path))?;
    let size = size.saturating_sub(file.stream_position().map_err(Error::io("read", path))?);
    let npy = NpyFile::with_header(header, file);
    let item = npy.dtype().num_bytes().and_then(|bytes| u64::try_from(bytes).ok());
    let needed = npy.shape().iter().try_fold(item.unwrap_or(0), |all, &n| all.checked_mul(n));
    if needed.is_some_and(|needed| needed <= size) {
        return Ok(npy);
    }
    let (shape, values) = (npy.shape(), npy.dtype().descr());
    Err(Error::table(
        path,
        format!("truncated: {size} bytes of values, too few for shape {shape:?} of {values}"),
    ))
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

    fn write<T: npyz::AutoSerialize + Copy>(path: &Path, shape: &[u64], values: &[T]) {
        let options = npyz::WriteOptions::<T>::new().default_dtype().shape(shape);
        let mut writer = options.writer(File::create(path).unwrap()).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
    }

    #[test]
    fn integers_of_every_width() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        let read = || {
            let mut integers = Integers::open(&path).unwrap();
            assert_eq!(integers.shape(), [2, 2]);
            let mut rows = [0; 4];
            integers.fill(&mut rows[..2]).unwrap();
            integers.fill(&mut rows[2..]).unwrap();
            assert!(integers.fill(&mut [0]).is_err());
            rows
        };
        write::<u8>(&path, &[2, 2], &[0, 1, 2, 255]);
        assert_eq!(read(), [0, 1, 2, 255]);
        write::<i64>(&path, &[2, 2], &[0, -1, 2, i64::MAX]);
        assert_eq!(read(), [0, -1, 2, i64::MAX]);
        write::<u16>(&path, &[2, 2], &[0, 1, 2, 511]);
        assert_eq!(read(), [0, 1, 2, 511]);
        write::<u64>(&path, &[1], &[u64::MAX]);
        assert!(Integers::open(&path).unwrap().fill(&mut [0]).is_err());
    }

    #[test]
    fn other_arrays_and_short_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        let refused = |expected: &str| {
            let error = Integers::open(&path).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        };
        write::<f32>(&path, &[2], &[0.5, 1.0]);
        refused("'<f4' values, expected integers");
        write::<i32>(&path, &[3], &[1, 2, 3]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..10]).unwrap();
        assert!(Integers::open(&path).is_err());
        for shape in ["(7,)", "(99999999999, 99999999999)"] {
            let header = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}\n");
            let length = (header.len() as u16).to_le_bytes();
            std::fs::write(&path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat()).unwrap();
            refused("truncated");
        }
    }
}
