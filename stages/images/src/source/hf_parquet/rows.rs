//! Streams chosen rows out of Parquet files.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use igpt_artifact::Error as DiskError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::Row;
use super::files::DataFile;
use crate::{Error, Place, Spot};

/// Rows that are decoded from Parquet at once. Few: a row may hold a photograph of megabytes.
const BATCH_ROWS: usize = 32;

/// The chosen rows of several files, one after another.
pub(super) struct Rows<'a, I> {
    runs: I,
    open: Option<Open<'a>>,
    ready: std::vec::IntoIter<Row>,
    failed: bool,
}

struct Open<'a> {
    file: &'a DataFile,
    reader: ParquetRecordBatchReader,
    /// Rows of the file that are still to come.
    rows: VecDeque<u64>,
}

impl<'a, I: Iterator<Item = (&'a DataFile, Vec<u64>)>> Rows<'a, I> {
    /// Reads runs of ascending rows, counted from the start of their file.
    pub(super) fn new(runs: I) -> Self {
        Self { runs, open: None, ready: Vec::new().into_iter(), failed: false }
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        loop {
            if let Some(row) = self.ready.next() {
                return Ok(Some(row));
            }
            if let Some(open) = &mut self.open
                && let Some(rows) = open.next_batch()?
            {
                self.ready = rows.into_iter();
                continue;
            }
            let Some((file, rows)) = self.runs.next() else { return Ok(None) };
            self.open = Some(Open::new(file, rows)?);
        }
    }
}

impl<'a, I: Iterator<Item = (&'a DataFile, Vec<u64>)>> Iterator for Rows<'a, I> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_row();
        self.failed = next.is_err();
        next.transpose()
    }
}

impl<'a> Open<'a> {
    fn new(file: &'a DataFile, rows: Vec<u64>) -> Result<Self, Error> {
        let handle = File::open(&file.path).map_err(DiskError::io("open", &file.path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, file.metadata.clone());
        let columns = [Some(&file.columns.image), file.columns.label.as_ref()];
        let indices =
            columns.into_iter().flatten().filter_map(|name| file.metadata.schema().index_of(name).ok());
        let mask = ProjectionMask::roots(builder.parquet_schema(), indices);
        let ranges = rows.iter().map(|&row| row as usize..row as usize + 1);
        let reader = builder
            .with_projection(mask)
            .with_row_selection(RowSelection::from_consecutive_ranges(ranges, file.rows as usize))
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(DiskError::parquet(&file.path))?;
        Ok(Self { file, reader, rows: rows.into() })
    }

    fn next_batch(&mut self) -> Result<Option<Vec<Row>>, Error> {
        let failed = |row, source| Error::Rows { place: self.file.place(row), source };
        let next = self.rows.front().copied().unwrap_or(self.file.rows);
        match self.reader.next() {
            None if self.rows.is_empty() => Ok(None),
            None => Err(failed(next, ArrowError::ParquetError("the file ends before its last row".into()))),
            Some(batch) => {
                let batch = batch.map_err(|e| failed(next, e))?;
                let rows: Vec<_> = self.rows.drain(..batch.num_rows().min(self.rows.len())).collect();
                convert(self.file, &batch, &rows).map(Some)
            }
        }
    }
}

impl DataFile {
    fn place(&self, row: u64) -> Place {
        Place { path: Arc::clone(&self.path), spot: Spot::Row(row) }
    }
}

fn convert(file: &DataFile, batch: &RecordBatch, rows: &[u64]) -> Result<Vec<Row>, Error> {
    let failed = |source| Error::Rows { place: file.place(rows.first().copied().unwrap_or(0)), source };
    let column = |name: &str| {
        let missing = || failed(ArrowError::SchemaError(format!("no column `{name}`")));
        batch.column_by_name(name).ok_or_else(missing)
    };
    let images = column(&file.columns.image)?;
    let field = |name: &str, kind: &DataType| {
        let fields = images.as_struct_opt()?;
        fields.column_by_name(name).map(|values| cast(values, kind))
    };
    let no_bytes = || failed(ArrowError::SchemaError("no field `bytes`".into()));
    let bytes = field("bytes", &DataType::LargeBinary).ok_or_else(no_bytes)?.map_err(failed)?;
    let bytes = bytes.as_binary::<i64>();
    let labels = match &file.columns.label {
        Some(name) => Some(cast(column(name)?, &DataType::Int64).map_err(failed)?),
        None => None,
    };
    let labels = labels.as_ref().map(|labels| labels.as_primitive::<Int64Type>());

    let convert_row = |(i, &row): (usize, &u64)| {
        let place = file.place(row);
        if images.is_null(i) || bytes.is_null(i) {
            let paths = field("path", &DataType::Utf8).and_then(Result::ok);
            let paths = paths.as_ref().map(|paths| paths.as_string::<i32>());
            let named = paths.filter(|paths| images.is_valid(i) && paths.is_valid(i));
            return Err(Error::NoBytes { place, file: named.map(|paths| paths.value(i).to_owned()) });
        }
        let label = labels.filter(|labels| labels.is_valid(i)).map(|labels| labels.value(i));
        Ok(Row { place, bytes: bytes.value(i).to_vec(), label })
    };
    rows.iter().enumerate().map(convert_row).collect()
}
