//! Parquet through polars, with the file in every error.

use std::path::Path;

use polars::prelude::*;

use crate::Error;

/// A Parquet file as a lazy query. The path is taken as it is, not as a pattern.
pub(crate) fn scan(path: &Path) -> Result<LazyFrame, Error> {
    let args = ScanArgsParquet { glob: false, ..Default::default() };
    PlRefPath::try_from_path(path).and_then(|path| LazyFrame::scan_parquet(path, args)).map_err(failed(path))
}

/// Runs a query over the file at `path`.
pub(crate) fn collect(path: &Path, query: LazyFrame) -> Result<Table, Error> {
    let frame = query.collect().map_err(failed(path))?;
    Ok(Table { path: path.to_path_buf(), frame })
}

/// The rows that a query gave.
pub(crate) struct Table {
    path: std::path::PathBuf,
    frame: DataFrame,
}

impl Table {
    /// A column of floats; a null reads as NaN.
    pub(crate) fn f64s(&self, name: &str) -> Result<Vec<f64>, Error> {
        let column = self.cast(name, DataType::Float64)?;
        let values = column.f64().map_err(failed(&self.path))?;
        Ok(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// A column of integers that may be null.
    pub(crate) fn i64s(&self, name: &str) -> Result<Vec<Option<i64>>, Error> {
        let column = self.cast(name, DataType::Int64)?;
        let values = column.i64().map_err(failed(&self.path))?;
        Ok(values.iter().collect())
    }

    /// A column of texts; a null reads as the empty text.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Error> {
        let column = self.frame.column(name).map_err(failed(&self.path))?;
        let values = column.str().map_err(failed(&self.path))?;
        Ok(values.iter().map(|value| value.unwrap_or_default().to_owned()).collect())
    }

    fn cast(&self, name: &str, to: DataType) -> Result<Column, Error> {
        self.frame.column(name).and_then(|column| column.strict_cast(&to)).map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl FnOnce(PolarsError) -> Error {
    move |source| Error::Query { path: path.to_path_buf(), source }
}
