//! Reading query results as Arrow batches, column by column.

use anyhow::{Context, Result, anyhow};
use duckdb::arrow::array::{
    Array, ArrowPrimitiveType, BooleanArray, Float64Array, Int64Array, ListArray, PrimitiveArray, StringArray,
};
use duckdb::arrow::datatypes::{Float32Type, Int64Type};
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::{ArrowStream, Connection};

use super::errors::{message, readable};
use crate::common::language::{either, t};

/// A batch whose columns are asked for by name and type. SQL casts to the types read here: `bigint`, `double`,
/// `varchar`, `boolean`, `bigint[]`, `float[]`.
pub struct Columns(RecordBatch);

impl Columns {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    fn column<T: 'static>(&self, name: &str) -> Result<&T> {
        let column =
            self.0.column_by_name(name).with_context(|| t!("the query has no column {name}", "查询没有列 {name}"))?;
        column.as_any().downcast_ref::<T>().with_context(|| {
            t!(
                "the column {name} is {}, not what is read here",
                "列 {name} 的类型是 {}，与这里要读的不符",
                column.data_type()
            )
        })
    }

    /// The column of that name, a `bigint`.
    ///
    /// # Errors
    /// There is none, or it is of another type.
    pub fn i64(&self, name: &str) -> Result<&Int64Array> {
        self.column(name)
    }

    /// The column of that name, a `double`.
    ///
    /// # Errors
    /// There is none, or it is of another type.
    pub fn f64(&self, name: &str) -> Result<&Float64Array> {
        self.column(name)
    }

    /// The column of that name, a `varchar`.
    ///
    /// # Errors
    /// There is none, or it is of another type.
    pub fn text(&self, name: &str) -> Result<&StringArray> {
        self.column(name)
    }

    /// The column of that name, a `boolean`.
    ///
    /// # Errors
    /// There is none, or it is of another type.
    pub fn bool(&self, name: &str) -> Result<&BooleanArray> {
        self.column(name)
    }

    /// The `bigint[]` values of a column, row by row; NULL is empty.
    ///
    /// # Errors
    /// There is none, or it is of another type.
    pub fn i64_lists(&self, name: &str) -> Result<Vec<Vec<i64>>> {
        self.lists::<Int64Type>(name)
    }

    /// The `float[]` values of a column, row by row; NULL is empty.
    ///
    /// # Errors
    /// There is none, or it is of another type.
    pub fn f32_lists(&self, name: &str) -> Result<Vec<Vec<f32>>> {
        self.lists::<Float32Type>(name)
    }

    fn lists<T: ArrowPrimitiveType>(&self, name: &str) -> Result<Vec<Vec<T::Native>>> {
        let lists: &ListArray = self.column(name)?;
        (0..lists.len())
            .map(|row| {
                if lists.is_null(row) {
                    return Ok(Vec::new());
                }
                let values = lists.value(row);
                let values = values.as_any().downcast_ref::<PrimitiveArray<T>>();
                let values =
                    values.with_context(|| t!("the column {name} holds no {}", "列 {name} 里不是 {}", T::DATA_TYPE))?;
                Ok(values.iter().flatten().collect())
            })
            .collect()
    }
}

/// The value of a text column at a row, where there is one.
pub fn text_at(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// The next batch of a result; none at its end.
///
/// # Errors
/// DuckDB cannot go on, as where its disk is full. Its driver panics there, which is caught here.
pub fn next_batch(batches: &mut ArrowStream<'_>) -> Result<Option<RecordBatch>> {
    let next = std::panic::AssertUnwindSafe(|| batches.next());
    std::panic::catch_unwind(next).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map_or(either("the result broke off", "结果中断"), String::as_str);
        anyhow!("{}", readable(said.trim_start_matches("Failed to fetch Arrow record batch: ")))
    })
}

/// Runs a query and hands its batches to `each` as they come, so that no result has to be in memory as a whole.
///
/// # Errors
/// The query is wrong, or `each` fails.
pub fn each_batch(db: &Connection, sql: &str, mut each: impl FnMut(&Columns) -> Result<()>) -> Result<()> {
    let mut statement = db.prepare(sql).map_err(|e| anyhow!("{}", message(&e)))?;
    let mut batches = statement.stream_arrow([]).map_err(|e| anyhow!("{}", message(&e)))?;
    while let Some(batch) = next_batch(&mut batches)? {
        each(&Columns(batch))?;
    }
    Ok(())
}
