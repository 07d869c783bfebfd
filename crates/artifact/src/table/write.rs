//! Writing Parquet and the small JSON files beside it.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Rows in a Parquet row group: the unit that a reader can skip.
pub const ROW_GROUP: usize = 4096;

/// Writes one Parquet file. The same batches give the same bytes.
pub struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl TableWriter {
    /// Creates the file, and its folder if need be, with zstd compression and statistics.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<Self> {
        let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default());
        Self::with_properties(path, schema, WriterProperties::builder().set_compression(zstd).build())
    }

    /// Creates a file for numbers that do not compress: no compression, no dictionary.
    pub fn create_plain(path: &Path, schema: SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false);
        Self::with_properties(path, schema, properties.build())
    }

    fn with_properties(path: &Path, schema: SchemaRef, properties: WriterProperties) -> Result<Self> {
        if let Some(dir) = path.parent() {
            crate::fs::create_dir(dir)?;
        }
        let file = File::create(path).map_err(Error::io("create", path))?;
        let properties = properties
            .into_builder()
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(Error::parquet(path))?;
        Ok(Self { path: path.to_path_buf(), writer })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(Error::parquet(&self.path))
    }

    /// Writes the footer. Without it the file is not Parquet.
    pub fn finish(self) -> Result<()> {
        self.writer.close().map(|_| ()).map_err(Error::parquet(&self.path))
    }
}

/// Writes one table in one go.
pub(crate) fn write_table(path: &Path, batch: &RecordBatch) -> Result<()> {
    let mut writer = TableWriter::create(path, batch.schema())?;
    writer.write(batch)?;
    writer.finish()
}

/// Writes a small JSON file, indented, with a final newline.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|source| Error::Json { path: path.to_path_buf(), source })?;
    text.push('\n');
    std::fs::write(path, text).map_err(Error::io("write", path))
}

/// Reads a small JSON file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json { path: path.to_path_buf(), source })
}
