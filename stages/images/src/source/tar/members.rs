//! The files in a tar archive: names and places, no content.
//!
//! Headers are taken one by one as they lie. Entries that only describe the next one (long names
//! of GNU tar and of POSIX pax) are put together here rather than by the library, which reads
//! them whole, whatever length a damaged or hostile header claims.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use igpt_artifact::Error as DiskError;
use tar::{Archive, Entry, EntryType, PaxExtensions};

use super::TarError;
use super::index::Span;
use crate::{Error, Place, Spot};

/// Bytes of a tar header, and what contents are padded to.
const BLOCK: u64 = 512;
/// The longest description of an entry that is read.
const MAX_DESCRIPTION: u64 = 1 << 20;

/// A plain file in an archive.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl Member {
    /// Where its content lies; refused if it is longer than `most`.
    pub(super) fn span(&self, shard: &Path, most: u64) -> Result<Span, TarError> {
        if self.bytes > most {
            let place = place(shard, &self.name);
            return Err(TarError::Large { place, bytes: self.bytes, most });
        }
        Ok(Span { offset: self.offset, bytes: self.bytes as u32 })
    }
}

/// An entry of an archive, for messages.
pub(super) fn place(shard: &Path, name: &str) -> Place {
    Place { path: shard.into(), spot: Spot::Entry(name.into()) }
}

/// Calls `visit` with every plain file of an archive, in order.
pub(super) fn for_each(
    shard: &Path,
    mut visit: impl FnMut(Member) -> Result<(), Error>,
) -> Result<(), Error> {
    let file = File::open(shard).map_err(DiskError::io("open", shard))?;
    let length = file.metadata().map_err(DiskError::io("look at", shard))?.len();
    refuse_compressed(shard, &file)?;
    let mut archive = Archive::new(file);
    let mut last = None;
    let mut end = 0;
    // What the entries before say of the next one.
    let mut long_name = None;
    for entry in archive.entries_with_seek().map_err(|e| unreadable(shard, None, e))?.raw(true) {
        let mut entry = entry.map_err(|e| unreadable(shard, last.as_deref(), e))?;
        let kind = entry.header().entry_type();
        let own_name = String::from_utf8_lossy(&entry.header().path_bytes()).into_owned();
        let (offset, bytes) = (entry.raw_file_position(), entry.size());
        let left = length.saturating_sub(offset);
        if bytes > left {
            return Err(TarError::Cut { place: place(shard, &own_name), bytes, left }.into());
        }
        // Padding that the archive ends before is caught below: there is no room for the end mark.
        end = offset + bytes.next_multiple_of(BLOCK);
        match kind {
            EntryType::GNULongName | EntryType::XHeader => {
                long_name = describe(shard, &mut entry, &own_name)?.or(long_name);
                continue;
            }
            // What a link points to is of no interest: the link itself will be refused.
            EntryType::GNULongLink | EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let name = long_name.take().unwrap_or(own_name);
        last = Some(name.clone());
        match kind {
            EntryType::Regular | EntryType::Continuous => visit(Member { name, offset, bytes })?,
            EntryType::Directory => {}
            other => return Err(TarError::Kind { place: place(shard, &name), kind: kind_name(other) }.into()),
        }
    }
    if length < end + BLOCK {
        return Err(
            TarError::NoEnd { path: shard.to_path_buf(), after: last.as_deref().map(readable) }.into()
        );
    }
    Ok(())
}

/// The name that a describing entry gives to the next one, if it gives one.
fn describe(
    shard: &Path,
    entry: &mut Entry<'_, impl Read>,
    own_name: &str,
) -> Result<Option<String>, TarError> {
    let place = || place(shard, own_name);
    let bytes = entry.size();
    if bytes > MAX_DESCRIPTION {
        return Err(TarError::Large { place: place(), bytes, most: MAX_DESCRIPTION });
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|e| unreadable(shard, Some(own_name), e))?;
    if entry.header().entry_type() == EntryType::GNULongName {
        let name = content.split(|&byte| byte == 0).next().unwrap_or_default();
        return Ok(Some(String::from_utf8_lossy(name).into_owned()));
    }
    let mut name = None;
    for extension in PaxExtensions::new(&content) {
        let extension = extension.map_err(|e| unreadable(shard, Some(own_name), e))?;
        match extension.key_bytes() {
            b"path" => name = Some(String::from_utf8_lossy(extension.value_bytes()).into_owned()),
            // Only written for files of 8 GiB and more, and then the next header's size is wrong.
            b"size" => return Err(TarError::Kind { place: place(), kind: "file with an extended size" }),
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(TarError::Kind { place: place(), kind: "sparse file" });
            }
            _ => {}
        }
    }
    Ok(name)
}

fn unreadable(shard: &Path, after: Option<&str>, source: io::Error) -> TarError {
    TarError::Read { path: shard.to_path_buf(), after: after.map(readable), source }
}

fn refuse_compressed(shard: &Path, mut file: &File) -> Result<(), Error> {
    let mut start = Vec::new();
    file.take(2).read_to_end(&mut start).and_then(|_| file.rewind()).map_err(DiskError::io("read", shard))?;
    if start == [0x1f, 0x8b] {
        return Err(TarError::Compressed { path: shard.to_path_buf() }.into());
    }
    Ok(())
}

fn kind_name(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "hard link",
        EntryType::Symlink => "symbolic link",
        EntryType::Char | EntryType::Block => "device",
        EntryType::Fifo => "named pipe",
        EntryType::GNUSparse => "sparse file",
        _ => "entry of unknown type",
    }
}

/// A name with nothing in it that a terminal would obey.
fn readable(name: &str) -> String {
    name.escape_debug().to_string()
}
