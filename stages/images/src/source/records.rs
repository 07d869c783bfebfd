//! Files that are nothing but records of one size, read by position.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use igpt_artifact::Error as DiskError;

use super::by_file;
use crate::{Error, Place, Spot};

/// A file of records.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: Arc<Path>,
    /// Bytes in a record.
    record: u64,
    records: u64,
}

/// One record as it lies in its file.
#[derive(Debug)]
pub(crate) struct Record {
    pub(super) place: Place,
    pub(super) bytes: Vec<u8>,
}

impl RecordFile {
    /// Looks at a file of records of `record` bytes; its length must be a multiple of that.
    pub(super) fn open(path: PathBuf, record: u64, format: &'static str) -> Result<Self, Error> {
        let bytes = std::fs::metadata(&path).map_err(DiskError::io("look at", &path))?.len();
        if bytes % record != 0 {
            return Err(Error::RecordSize { path, bytes, record, format });
        }
        Ok(Self { path: path.into(), record, records: bytes / record })
    }

    /// The number of records in it.
    pub(super) fn records(&self) -> u64 {
        self.records
    }
}

/// The records in `rows` (ascending) of one long list of files, each read when its turn comes.
pub(super) fn fetch<'a>(
    files: &'a [RecordFile],
    rows: &'a [u64],
) -> impl Iterator<Item = Result<Record, Error>> + Send + 'a {
    let mut open: Option<(&Path, File)> = None;
    by_file(files.iter().map(RecordFile::records), rows)
        .into_iter()
        .flat_map(move |(file, first, rows)| rows.iter().map(move |row| (&files[file], row - first)))
        .map(move |(RecordFile { path, record, .. }, index)| {
            let file = match &mut open {
                Some((current, file)) if *current == path.as_ref() => file,
                _ => &mut open.insert((path, File::open(path).map_err(DiskError::io("open", path))?)).1,
            };
            let offset = index * record;
            let mut bytes = vec![0; *record as usize];
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(DiskError::io("read", path))?;
            Ok(Record { place: Place { path: path.clone(), spot: Spot::Record { index, offset } }, bytes })
        })
}
