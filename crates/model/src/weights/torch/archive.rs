//! The zip archive of `torch.save`: where its entries lie in the file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use igpt_artifact::Error as FileError;
use zip::CompressionMethod;
use zip::read::ZipArchive;
use zip::result::ZipError;

use crate::{Error, Result};

/// How a zip archive starts.
const ZIP: &[u8] = b"PK\x03\x04";

/// Bytes of `data.pkl` at most. The largest published network needs 300 kB.
const MAX_PICKLE: u64 = 16 << 20;

/// An archive of a pickle and the storages that it speaks of.
pub(super) struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<File>,
    /// The folder of all entries, with its slash.
    folder: String,
    /// Bytes of the file.
    size: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(path: &'a Path, mut file: File) -> Result<Self> {
        let io = |source| FileError::io("read", path)(source);
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(ZIP.len() as u64).read_to_end(&mut start).map_err(io)?;
        if start != ZIP {
            return Err(Error::NotTorch { path: path.to_path_buf() });
        }
        let size = file.metadata().map_err(io)?.len();
        let zip = ZipArchive::new(file).map_err(damaged(path))?;
        let folders: Vec<_> = zip.file_names().filter_map(|name| name.strip_suffix("data.pkl")).collect();
        match folders[..] {
            [folder] => Ok(Self { path, folder: folder.to_owned(), size, zip }),
            _ => Err(Error::NotTorch { path: path.to_path_buf() }),
        }
    }

    /// The bytes of `data.pkl`. Its numbers are little-endian, or it is refused.
    pub(super) fn pickle(&mut self) -> Result<Vec<u8>> {
        // Not all versions of torch write this one.
        if self.zip.index_for_name(&self.full("byteorder")).is_some()
            && self.read("byteorder", 16)? != b"little"
        {
            return Err(self.error("only little-endian numbers are read".into()));
        }
        self.read("data.pkl", MAX_PICKLE)
    }

    /// Where the bytes of a storage start in the file, and how many there are.
    pub(super) fn storage(&mut self, key: &str) -> Result<(u64, u64)> {
        self.entry(&self.full(&format!("data/{key}")))
    }

    /// The bytes of a small entry; the sum that the archive keeps of them is checked.
    fn read(&mut self, name: &str, most: u64) -> Result<Vec<u8>> {
        let name = self.full(name);
        let (_, size) = self.entry(&name)?;
        if size > most {
            return Err(self.error(format!("`{name}` has {size} bytes, at most {most} are read")));
        }
        let mut bytes = Vec::new();
        let mut entry = self.zip.by_name(&name).map_err(damaged(self.path))?;
        entry.read_to_end(&mut bytes).map_err(FileError::io("read", self.path))?;
        Ok(bytes)
    }

    /// Where the bytes of an entry start in the file, and how many there are.
    fn entry(&mut self, name: &str) -> Result<(u64, u64)> {
        let Some(index) = self.zip.index_for_name(name) else {
            return Err(self.error(format!("the archive has no `{name}`")));
        };
        let entry = self.zip.by_index_raw(index).map_err(damaged(self.path))?;
        let plain = entry.compression() == CompressionMethod::Stored && !entry.encrypted();
        let (start, size, whole) =
            (entry.data_start(), entry.size(), entry.size() == entry.compressed_size());
        drop(entry);
        if !plain {
            return Err(
                self.error(format!("`{name}` is compressed or encrypted, which torch.save never does"))
            );
        }
        let inside = |start: &u64| start.checked_add(size).is_some_and(|end| end <= self.size);
        match start.filter(inside) {
            Some(start) if whole => Ok((start, size)),
            _ => Err(self.error(format!("`{name}` does not lie inside the file"))),
        }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    fn error(&self, message: String) -> Error {
        Error::Checkpoint { path: self.path.to_path_buf(), message }
    }
}

fn damaged(path: &Path) -> impl FnOnce(ZipError) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Zip { path, source }
}
