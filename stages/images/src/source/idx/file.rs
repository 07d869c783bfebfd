//! One IDX file of bytes, plain or compressed.
//!
//! Two zero bytes, the type of values (8: unsigned bytes), the number of dimensions, each
//! dimension as a big-endian u32, then the values, the last dimension running fastest.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use igpt_artifact::Error as DiskError;

use super::IdxError;
use crate::decode::MAX_PIXELS;
use crate::{Error, Place, Spot};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file whose header and length have been checked.
#[derive(Debug)]
pub(super) struct IdxFile {
    path: Arc<Path>,
    /// Where the values begin, unpacked.
    header: u64,
}

impl IdxFile {
    /// Checks the header and the length of a file with `RANK` dimensions, and returns these. A
    /// compressed file is unpacked once, without keeping it, to see that it is whole.
    pub(super) fn open<const RANK: usize>(path: &Path) -> Result<(Self, [u32; RANK]), Error> {
        let file = Self { path: path.into(), header: 4 + 4 * RANK as u64 };
        let mut stream = Stream::open(path)?;
        let mut header = Vec::new();
        stream.by_ref().take(file.header).read_to_end(&mut header).map_err(|e| stream.failed(path, e))?;
        if header.len() < 4 || header[..4] != [0, 0, 8, RANK as u8] {
            header.truncate(4);
            return Err(IdxError::Magic { path: path.into(), found: header, rank: RANK as u8 }.into());
        }
        if (header.len() as u64) < file.header {
            let (path, found, header) = (path.into(), header.len(), file.header);
            return Err(IdxError::NoHeader { path, found, header }.into());
        }
        let mut dims = [0; RANK];
        for (dim, bytes) in dims.iter_mut().zip(header[4..].chunks_exact(4)) {
            *dim = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        if let [_, height, width] = dims[..] {
            let place = Place { path: path.into(), spot: Spot::Whole };
            if height == 0 || width == 0 {
                return Err(Error::ZeroSize { place, width, height });
            }
            if u64::from(height) * u64::from(width) > MAX_PIXELS {
                return Err(Error::TooLarge { place, width, height });
            }
        }
        // At most 2³² images of fewer than 2²⁶ pixels: this fits.
        let values: u64 = dims.iter().map(|&dim| u64::from(dim)).product();
        let expected = file.header + values;
        let found = header.len() as u64 + stream.rest(values + 1).map_err(|e| stream.failed(path, e))?;
        let (path, dims_found) = (path.to_path_buf(), dims.to_vec());
        if found < expected {
            return Err(IdxError::Short { path, found, expected, dims: dims_found }.into());
        }
        if found > expected {
            return Err(IdxError::Long { path, expected, dims: dims_found }.into());
        }
        Ok((file, dims))
    }

    /// Opens the file for reading its values.
    pub(super) fn reader(&self) -> Result<Reader<'_>, Error> {
        Ok(Reader { file: self, stream: Stream::open(&self.path)?, at: 0 })
    }
}

/// Reads values, forwards.
pub(super) struct Reader<'a> {
    file: &'a IdxFile,
    stream: Stream,
    /// Bytes read or passed over.
    at: u64,
}

impl Reader<'_> {
    /// Reads the values from `index` on, which must not lie before what was read last.
    pub(super) fn read_at(&mut self, index: u64, values: &mut [u8]) -> Result<(), Error> {
        let start = self.file.header + index;
        let pass = start.saturating_sub(self.at);
        let read = self.stream.pass(pass).and_then(|()| self.stream.read_exact(values));
        read.map_err(|e| self.stream.failed(&self.file.path, e))?;
        self.at = start + values.len() as u64;
        Ok(())
    }
}

/// The bytes of a file, unpacked. Its first bytes say whether it is compressed, not its name.
enum Stream {
    Plain(File),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
}

impl Stream {
    fn open(path: &Path) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(DiskError::io("open", path))?;
        let mut start = Vec::new();
        (&file)
            .take(2)
            .read_to_end(&mut start)
            .and_then(|_| file.rewind())
            .map_err(DiskError::io("read", path))?;
        if start != GZIP {
            return Ok(Self::Plain(file));
        }
        Ok(Self::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(file)))))
    }

    /// Passes over some bytes.
    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        match self {
            Self::Plain(file) => {
                let bytes = i64::try_from(bytes).map_err(io::Error::other)?;
                file.seek(SeekFrom::Current(bytes)).map(|_| ())
            }
            Self::Gzip(_) => io::copy(&mut self.take(bytes), &mut io::sink()).map(|_| ()),
        }
    }

    /// How many bytes follow, not counted further than `most`.
    fn rest(&mut self, most: u64) -> io::Result<u64> {
        match self {
            Self::Plain(file) => {
                let at = file.stream_position()?;
                Ok(file.metadata()?.len().saturating_sub(at).min(most))
            }
            Self::Gzip(_) => io::copy(&mut self.take(most), &mut io::sink()),
        }
    }

    fn failed(&self, path: &Path, source: io::Error) -> Error {
        match self {
            Self::Plain(_) => DiskError::io("read", path)(source).into(),
            Self::Gzip(_) => IdxError::Gzip { path: path.to_path_buf(), source }.into(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
        }
    }
}
