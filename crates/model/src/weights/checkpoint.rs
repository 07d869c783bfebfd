//! The tensors of a folder of weights, wherever they lie.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use igpt_artifact::Error as FileError;
use igpt_artifact::table::read_json;
use safetensors::Dtype;
use serde::Deserialize;

use super::layout::{HEAD, PREFIX, SCORE};
use super::{safetensors as safe, torch};
use crate::{Error, Result};

/// What is looked for in a folder, in the order in which transformers does.
const NAMES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// How a file starts that Git LFS has not fetched yet.
const LFS: &[u8] = b"version https://git-lfs";

/// Tensors by name, in files of safetensors or PyTorch. Opening reads what the files say of
/// their tensors; numbers are read one tensor at a time.
///
/// Names are those of `ImageGPTForCausalImageModeling`: where a checkpoint of the bare network leaves
/// out `transformer.`, it is put back.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// What was opened.
    path: PathBuf,
    tensors: BTreeMap<String, Stored>,
}

/// Where a tensor's numbers lie.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub file: Arc<Path>,
    /// The byte of its first number.
    pub start: u64,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Numbers from one index to the next, by dimension; none where it is row-major. All lie
    /// inside the file, and there are no more of them than numbers in the storage.
    pub strides: Option<Vec<usize>>,
}

/// `*.index.json`: which file of several holds a tensor.
#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens the weights in a folder: `model.safetensors`, `model.safetensors.index.json`,
    /// `pytorch_model.bin` or `pytorch_model.bin.index.json`, the first of them that is there.
    pub fn open(dir: &Path) -> Result<Self> {
        match NAMES.iter().map(|name| dir.join(name)).find(|path| path.exists()) {
            Some(path) => Self::open_file(&path),
            None => Err(Error::NoWeights { path: dir.to_path_buf() }),
        }
    }

    /// Opens one file: `*.safetensors`, an index `*.json` of files beside it, or else one that
    /// `torch.save` wrote.
    pub fn open_file(path: &Path) -> Result<Self> {
        let tensors = match path.extension() {
            Some(extension) if extension == "json" => shards(path)?,
            _ => single(path)?,
        };
        let bare = !tensors.keys().any(|name| name.starts_with(PREFIX));
        let full = |name: String| match name.as_str() {
            HEAD | SCORE => name,
            _ if bare => format!("{PREFIX}{name}"),
            _ => name,
        };
        let tensors = tensors.into_iter().map(|(name, stored)| (full(name), stored)).collect();
        Ok(Self { path: path.to_path_buf(), tensors })
    }

    /// The file that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every name with its shape, in order.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), stored.shape.as_slice()))
    }

    /// The numbers of a tensor in row-major order, whatever their type on disk.
    ///
    /// # Errors
    /// There is no such tensor, its type is none of floating-point numbers, or the file ends early.
    pub fn values(&self, name: &str) -> Result<Vec<f32>> {
        let stored = self.stored(name).ok_or_else(|| self.misfit(name, "is missing".into()))?;
        stored.values().map_err(FileError::io("read", &stored.file))?.ok_or_else(|| {
            self.misfit(name, format!("is {:?}, expected F32, F16, BF16 or F64", stored.dtype))
        })
    }

    pub(super) fn stored(&self, name: &str) -> Option<&Stored> {
        self.tensors.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Stored)> {
        self.tensors.iter()
    }

    pub(super) fn misfit(&self, name: &str, message: String) -> Error {
        Error::Tensor { path: self.path.clone(), tensor: name.to_owned(), message }
    }

    pub(super) fn error(&self, message: String) -> Error {
        Error::Checkpoint { path: self.path.clone(), message }
    }
}

impl Stored {
    /// The numbers in row-major order; none where they are no floating-point numbers.
    fn values(&self) -> std::io::Result<Option<Vec<f32>>> {
        let convert: fn(&[u8]) -> Vec<f32> = match self.dtype {
            Dtype::F64 => |bytes| each(bytes, |b| f64::from_le_bytes(b) as f32),
            Dtype::F32 => |bytes| each(bytes, f32::from_le_bytes),
            Dtype::F16 => |bytes| each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => |bytes| each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            _ => return Ok(None),
        };
        let count: usize = self.shape.iter().product();
        let span = match &self.strides {
            Some(strides) if count > 0 => {
                1 + self.shape.iter().zip(strides).map(|(n, stride)| (n - 1) * stride).sum::<usize>()
            }
            _ => count,
        };
        let mut bytes = vec![0; span * self.dtype.bitsize() / 8];
        File::open(&self.file)?.read_exact_at(&mut bytes, self.start)?;
        let values = convert(&bytes);
        Ok(Some(match &self.strides {
            Some(strides) => (0..count).map(|i| values[place(i, &self.shape, strides)]).collect(),
            None => values,
        }))
    }
}

/// Where the i-th number in row-major order lies.
fn place(mut i: usize, shape: &[usize], strides: &[usize]) -> usize {
    let mut place = 0;
    for (n, stride) in shape.iter().zip(strides).rev() {
        place += i % n * stride;
        i /= n;
    }
    place
}

fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
}

/// The tensors of one file.
fn single(path: &Path) -> Result<BTreeMap<String, Stored>> {
    let file = File::open(path).map_err(FileError::io("open", path))?;
    let mut start = [0; LFS.len()];
    if file.read_exact_at(&mut start, 0).is_ok() && start == LFS {
        return Err(Error::LfsPointer { path: path.to_path_buf() });
    }
    match path.extension() {
        Some(extension) if extension == "safetensors" => safe::tensors(path, &file),
        _ => torch::tensors(path, file),
    }
}

/// The tensors of the files that an index names.
fn shards(index: &Path) -> Result<BTreeMap<String, Stored>> {
    let error = |message| Error::Checkpoint { path: index.to_path_buf(), message };
    let ShardIndex { weight_map } = read_json(index)?;
    let mut tensors = BTreeMap::new();
    let mut files: Vec<_> = weight_map.values().collect();
    files.sort();
    files.dedup();
    for file in files {
        // A name that leads out of the folder is not one that transformers writes.
        if Path::new(file).file_name().is_none_or(|name| name != file.as_str()) {
            return Err(error(format!("names `{file}`, which is no file beside it")));
        }
        for (name, stored) in single(&index.with_file_name(file))? {
            if weight_map.get(&name) != Some(file) {
                return Err(error(format!("does not say that `{name}` is in {file}")));
            }
            tensors.insert(name, stored);
        }
    }
    match weight_map.iter().find(|(name, _)| !tensors.contains_key(*name)) {
        Some((name, file)) => Err(error(format!("says that `{name}` is in {file}, which lacks it"))),
        None => Ok(tensors),
    }
}
