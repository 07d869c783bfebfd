//! Small tables back into rows.

use std::path::Path;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{Error, Result, Split};

/// The batches of a Parquet file.
pub(in crate::table) fn read_batches(path: &Path) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    let reader = reader.map_err(Error::parquet(path))?;
    Ok(reader.map(move |batch| batch.map_err(|e| Error::parquet(path)(e.into()))))
}

/// The columns of a batch by name and type.
pub(in crate::table) struct Columns<'a> {
    pub(in crate::table) path: &'a Path,
    pub(in crate::table) batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    pub(in crate::table) fn numbers<T: ArrowPrimitiveType>(
        &self,
        name: &str,
    ) -> Result<&'a PrimitiveArray<T>> {
        self.column(name)?.as_primitive_opt().ok_or_else(|| self.missing(name))
    }

    pub(in crate::table) fn texts(&self, name: &str) -> Result<&'a StringArray> {
        self.column(name)?.as_string_opt().ok_or_else(|| self.missing(name))
    }

    /// The column `split`.
    pub(in crate::table) fn splits(&self) -> Result<Vec<Split>> {
        let split = |(row, name): (usize, &str)| {
            name.parse().map_err(|e| Error::table(self.path, format!("row {row}: {e}")))
        };
        let names = self.texts("split")?;
        (0..names.len()).map(|row| split((row, names.value(row)))).collect()
    }

    fn column(&self, name: &str) -> Result<&'a ArrayRef> {
        self.batch.column_by_name(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> Error {
        Error::table(self.path, format!("no column `{name}`, or of another type"))
    }
}

/// A value that may be null.
pub(in crate::table) fn cell<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    row: usize,
) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}
