//! One row an image: `image_id`, `label` and a fixed number of values.
//!
//! | column | type | |
//! |---|---|---|
//! | `image_id` | u64 | unique over all splits, ascending within a folder |
//! | `label` | i64, nullable | class index |
//! | `pixels`, `tokens` or `features` | fixed-size list of u8, u16, or f32 or f16 | |
//!
//! Rows lie in `part-00000.parquet`, `part-00001.parquet` … of one folder. Writing and reading
//! stream: memory holds one batch, whatever the number of rows.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, FixedSizeListArray, Int64Array, PrimitiveArray,
    RecordBatch, UInt64Array,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    ArrowNativeType, DataType, Field, Float16Type, Float32Type, Int64Type, Schema, SchemaRef, UInt8Type,
    UInt16Type, UInt64Type,
};
use half::f16;
use half::slice::HalfFloatSliceExt;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::write::{ROW_GROUP, TableWriter};
use crate::{Error, Result};

/// Rows in one part file at most; one part is read by one reader at a time.
const PART_ROWS: usize = 16 * ROW_GROUP;

/// A value of a vector table.
pub trait Cell: ArrowNativeType {
    /// The column that holds the values.
    const COLUMN: &'static str;
    /// Whether zstd is worth its time on them.
    const COMPRESS: bool;
    /// The Arrow type.
    type Arrow: ArrowPrimitiveType<Native = Self>;

    /// The values of a column of this type, or of one that every value of fits into this type.
    fn read(column: &dyn Array) -> Option<ScalarBuffer<Self>> {
        column.as_primitive_opt::<Self::Arrow>().map(|column| column.values().clone())
    }

    /// Whether [`Cell::read`] can read such a column.
    fn reads(found: &DataType) -> bool {
        *found == Self::Arrow::DATA_TYPE
    }
}

impl Cell for u8 {
    const COLUMN: &'static str = "pixels";
    const COMPRESS: bool = true;
    type Arrow = UInt8Type;
}

impl Cell for u16 {
    const COLUMN: &'static str = "tokens";
    const COMPRESS: bool = true;
    type Arrow = UInt16Type;
}

impl Cell for f32 {
    const COLUMN: &'static str = "features";
    const COMPRESS: bool = false;
    type Arrow = Float32Type;

    fn read(column: &dyn Array) -> Option<ScalarBuffer<f32>> {
        match column.as_primitive_opt::<Float16Type>() {
            Some(half) => Some(half.values().to_f32_vec().into()),
            None => column.as_primitive_opt::<Float32Type>().map(|column| column.values().clone()),
        }
    }

    fn reads(found: &DataType) -> bool {
        matches!(found, DataType::Float16 | DataType::Float32)
    }
}

/// Half the space, to be read as f32.
impl Cell for f16 {
    const COLUMN: &'static str = "features";
    const COMPRESS: bool = false;
    type Arrow = Float16Type;
}

/// Some rows of a vector table.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    /// One id a row.
    pub ids: Vec<u64>,
    /// One label a row, where known.
    pub labels: Vec<Option<i64>>,
    /// `rows × width` values, row after row.
    pub values: Vec<T>,
    /// Values in a row.
    pub width: usize,
}

impl<T: Cell> Batch<T> {
    /// An empty batch of rows with `width` values.
    pub fn new(width: usize) -> Self {
        Self { ids: Vec::new(), labels: Vec::new(), values: Vec::new(), width }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If `values` is not `width` long.
    pub fn push(&mut self, id: u64, label: Option<i64>, values: &[T]) {
        assert_eq!(values.len(), self.width, "a row of another width");
        self.ids.push(id);
        self.labels.push(label);
        self.values.extend_from_slice(values);
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }

    /// The values of a row.
    pub fn row(&self, i: usize) -> &[T] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    fn record_batch(self, schema: &SchemaRef) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
        let values = PrimitiveArray::<T::Arrow>::new(ScalarBuffer::from(self.values), None);
        let lists = FixedSizeListArray::try_new(item::<T>(), width_i32(self.width), Arc::new(values), None)?;
        let columns: [ArrayRef; 3] =
            [Arc::new(UInt64Array::from(self.ids)), Arc::new(Int64Array::from(self.labels)), Arc::new(lists)];
        RecordBatch::try_new(schema.clone(), columns.into())
    }
}

/// The schema of a vector table whose rows have `width` values.
pub fn schema<T: Cell>(width: usize) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("image_id", DataType::UInt64, false),
        Field::new("label", DataType::Int64, true),
        Field::new(T::COLUMN, DataType::FixedSizeList(item::<T>(), width_i32(width)), false),
    ]))
}

fn item<T: Cell>() -> Arc<Field> {
    Arc::new(Field::new("item", T::Arrow::DATA_TYPE, false))
}

fn width_i32(width: usize) -> i32 {
    i32::try_from(width).expect("a row holds fewer than 2^31 values")
}

/// Writes the parts of one folder.
pub struct Writer<T: Cell> {
    dir: PathBuf,
    schema: SchemaRef,
    parts: usize,
    open: Option<TableWriter>,
    rows_in_part: usize,
    rows: u64,
    pending: Batch<T>,
}

impl<T: Cell> Writer<T> {
    /// A writer of rows with `width` values into the folder `dir`.
    pub fn create(dir: &Path, width: usize) -> Self {
        Self {
            dir: dir.to_path_buf(),
            schema: schema::<T>(width),
            parts: 0,
            open: None,
            rows_in_part: 0,
            rows: 0,
            pending: Batch::new(width),
        }
    }

    /// Appends a row.
    pub fn push(&mut self, id: u64, label: Option<i64>, values: &[T]) -> Result<()> {
        self.pending.push(id, label, values);
        if self.pending.rows() == ROW_GROUP { self.flush() } else { Ok(()) }
    }

    /// Appends every row of a batch.
    pub fn extend(&mut self, batch: &Batch<T>) -> Result<()> {
        (0..batch.rows()).try_for_each(|i| self.push(batch.ids[i], batch.labels[i], batch.row(i)))
    }

    /// Writes what is pending and closes the last part; an empty table is one empty part.
    /// Returns the number of rows.
    pub fn finish(mut self) -> Result<u64> {
        if self.pending.rows() > 0 || self.parts == 0 {
            self.flush()?;
        }
        if let Some(part) = self.open.take() {
            part.finish()?;
        }
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<()> {
        let path = self.dir.join(format!("part-{:05}.parquet", self.parts.saturating_sub(1)));
        if self.open.is_none() || self.rows_in_part >= PART_ROWS {
            if let Some(full) = self.open.take() {
                full.finish()?;
            }
            let path = self.dir.join(format!("part-{:05}.parquet", self.parts));
            let create = if T::COMPRESS { TableWriter::create } else { TableWriter::create_plain };
            self.open = Some(create(&path, self.schema.clone())?);
            self.parts += 1;
            self.rows_in_part = 0;
        }
        let width = self.pending.width;
        let batch = std::mem::replace(&mut self.pending, Batch::new(width));
        let rows = batch.rows();
        let batch = batch
            .record_batch(&self.schema)
            .map_err(|e| Error::table(&path, format!("rows that do not fit the schema: {e}")))?;
        if let Some(part) = &mut self.open {
            part.write(&batch)?;
        }
        self.rows_in_part += rows;
        self.rows += rows as u64;
        Ok(())
    }
}

/// Streams the rows of a folder of parts, in order.
pub struct Reader<T: Cell> {
    parts: std::vec::IntoIter<PathBuf>,
    open: Option<(PathBuf, ParquetRecordBatchReader)>,
    batch_rows: usize,
    width: usize,
    rows: u64,
    cell: PhantomData<T>,
}

impl<T: Cell> Reader<T> {
    /// Opens the folder; every batch but the last of each part has `batch_rows` rows.
    ///
    /// # Errors
    /// A folder without parts, a file that is not Parquet, or one with another schema.
    pub fn open(dir: &Path, batch_rows: usize) -> Result<Self> {
        let mut parts: Vec<_> = crate::fs::files_below(dir)?
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "parquet"))
            .map(|path| dir.join(path))
            .collect();
        parts.sort();
        let Some(first) = parts.first() else {
            return Err(Error::table(dir, "no Parquet files in this folder"));
        };
        let width = width_of::<T>(first, &builder(first)?)?;
        let mut rows = 0;
        for path in &parts {
            let part = builder(path)?;
            if width_of::<T>(path, &part)? != width {
                let message = format!("rows of another width than in {}", first.display());
                return Err(Error::table(path, message));
            }
            rows += u64::try_from(part.metadata().file_metadata().num_rows()).unwrap_or(0);
        }
        Ok(Self { parts: parts.into_iter(), open: None, batch_rows, width, rows, cell: PhantomData })
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows in all parts together.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn next_batch(&mut self) -> Result<Option<Batch<T>>> {
        loop {
            if let Some((path, reader)) = &mut self.open {
                if let Some(batch) = reader.next() {
                    let batch = batch.map_err(|e| Error::parquet(&path)(e.into()))?;
                    return convert(path, &batch, self.width).map(Some);
                }
                self.open = None;
            }
            let Some(path) = self.parts.next() else { return Ok(None) };
            let reader =
                builder(&path)?.with_batch_size(self.batch_rows).build().map_err(Error::parquet(&path))?;
            self.open = Some((path, reader));
        }
    }
}

impl<T: Cell> Iterator for Reader<T> {
    type Item = Result<Batch<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<std::fs::File>> {
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))
}

fn width_of<T: Cell>(path: &Path, part: &ParquetRecordBatchReaderBuilder<std::fs::File>) -> Result<usize> {
    let wanted = format!("fixed-size list of {}", T::Arrow::DATA_TYPE);
    let field = part
        .schema()
        .field_with_name(T::COLUMN)
        .map_err(|_| Error::table(path, format!("no column `{}` ({wanted})", T::COLUMN)))?;
    match field.data_type() {
        DataType::FixedSizeList(item, width) if T::reads(item.data_type()) => {
            Ok(usize::try_from(*width).unwrap_or(0))
        }
        found => Err(Error::table(path, format!("column `{}` is {found}, not a {wanted}", T::COLUMN))),
    }
}

fn convert<T: Cell>(path: &Path, batch: &RecordBatch, width: usize) -> Result<Batch<T>> {
    let missing = |name: &str, wanted: &str| Error::table(path, format!("no column `{name}` of {wanted}"));
    let ids = batch
        .column_by_name("image_id")
        .and_then(|column| column.as_primitive_opt::<UInt64Type>())
        .ok_or_else(|| missing("image_id", "u64"))?;
    let labels = batch
        .column_by_name("label")
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| missing("label", "i64"))?;
    let lists = batch
        .column_by_name(T::COLUMN)
        .and_then(|column| column.as_fixed_size_list_opt())
        .ok_or_else(|| missing(T::COLUMN, "fixed-size lists"))?;
    if ids.null_count() + lists.null_count() + lists.values().null_count() > 0 {
        return Err(Error::table(path, format!("nulls in `image_id` or `{}`", T::COLUMN)));
    }
    let start = lists.value_offset_at(0);
    let values = lists.values().slice(start, batch.num_rows() * width);
    let values = T::read(&values).ok_or_else(|| missing(T::COLUMN, "numbers"))?;
    Ok(Batch { ids: ids.values().to_vec(), labels: labels.iter().collect(), values: values.to_vec(), width })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(dir: &Path, rows: u64) {
        let mut writer = Writer::<u16>::create(dir, 3);
        for i in 0..rows {
            let label = (i % 3 > 0).then_some(i as i64);
            writer.push(i, label, &[i as u16, 1, 2]).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), rows);
    }

    #[test]
    fn rows_come_back_in_order_over_parts_and_batches() {
        let dir = tempfile::tempdir().unwrap();
        let rows = PART_ROWS as u64 + 5;
        fill(dir.path(), rows);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        let reader = Reader::<u16>::open(dir.path(), 1000).unwrap();
        assert_eq!((reader.width(), reader.rows()), (3, rows));
        let mut next = 0;
        for batch in reader {
            let batch = batch.unwrap();
            for i in 0..batch.rows() {
                assert_eq!(batch.ids[i], next);
                assert_eq!(batch.labels[i], (next % 3 > 0).then_some(next as i64));
                assert_eq!(batch.row(i), [next as u16, 1, 2]);
                next += 1;
            }
        }
        assert_eq!(next, rows);
    }

    #[test]
    fn an_empty_table_is_a_table() {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), 0);
        let reader = Reader::<u16>::open(dir.path(), 10).unwrap();
        assert_eq!(reader.rows(), 0);
        assert_eq!(reader.filter(|batch| batch.as_ref().unwrap().rows() > 0).count(), 0);
    }

    #[test]
    fn the_same_rows_are_the_same_bytes() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fill(a.path(), 5000);
        fill(b.path(), 5000);
        let read = |dir: &Path| std::fs::read(dir.join("part-00000.parquet")).unwrap();
        assert_eq!(read(a.path()), read(b.path()));
    }

    #[test]
    fn half_precision_takes_half_the_space_and_is_read_as_f32() {
        let (half, single) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let value = |i: u64, j: usize| (i as f32 - 40.0) / 3.0 + j as f32;
        let mut halves = Writer::<f16>::create(half.path(), 16);
        let mut singles = Writer::<f32>::create(single.path(), 16);
        for i in 0..3000 {
            let row: [f32; 16] = std::array::from_fn(|j| value(i, j));
            singles.push(i, None, &row).unwrap();
            halves.push(i, None, &row.map(f16::from_f32)).unwrap();
        }
        halves.finish().unwrap();
        singles.finish().unwrap();
        let bytes = |dir: &Path| std::fs::metadata(dir.join("part-00000.parquet")).unwrap().len() as f64;
        let share = bytes(half.path()) / bytes(single.path());
        assert!((0.45..0.65).contains(&share), "{share}");
        let mut read = 0;
        for batch in Reader::<f32>::open(half.path(), 700).unwrap() {
            let batch = batch.unwrap();
            for i in 0..batch.rows() {
                let exact = (0..16).map(|j| f16::from_f32(value(batch.ids[i], j)).to_f32());
                assert!(batch.row(i).iter().copied().eq(exact));
            }
            read += batch.rows();
        }
        assert_eq!(read, 3000);
        // Not the other way round: that would lose something.
        let error = Reader::<f16>::open(single.path(), 10).err().unwrap().to_string();
        assert!(error.contains("not a fixed-size list of Float16"), "{error}");
    }

    #[test]
    fn wrong_files_are_named_with_what_was_expected() {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), 10);
        let error = |e: Error| e.to_string();
        let other = Reader::<f32>::open(dir.path(), 10).err().unwrap();
        assert!(error(other).contains("part-00000.parquet: no column `features`"));
        let path = dir.path().join("part-00000.parquet");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let cut = Reader::<u16>::open(dir.path(), 10).err().unwrap();
        assert!(matches!(cut, Error::Parquet { .. }), "{cut}");
        assert!(error(cut).contains("part-00000.parquet"));
    }
}
