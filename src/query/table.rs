//! A result as a table for people: columns as wide as what is in them, also where a letter takes two places, printed as
//! the rows come, so that no result has to be in memory as a whole.

use std::io::Write;

use anyhow::{Context, Result};
use duckdb::arrow::datatypes::SchemaRef;
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::UnicodeWidthStr;

use crate::common::language::either;
use crate::common::terminal::harmless;

/// How many rows are looked at before the columns' widths are settled; a longer cell further down only shifts its row.
const LOOKED_AT: usize = 10_000;

/// Writes batches as one table; returns the number of rows.
///
/// # Errors
/// A batch cannot be had, or `out` does not take it.
pub fn write(
    schema: &SchemaRef,
    mut next: impl FnMut() -> Result<Option<RecordBatch>>,
    out: &mut impl Write,
) -> Result<u64> {
    let head: Vec<String> = schema.fields().iter().map(|field| harmless(field.name()).into_owned()).collect();
    let mut first: Vec<Vec<String>> = Vec::new();
    let mut is_more = true;
    while is_more && first.len() < LOOKED_AT {
        match next()? {
            Some(batch) => first.extend(cells(&batch)?),
            None => is_more = false,
        }
    }
    let mut widths: Vec<usize> = head.iter().map(|name| name.width()).collect();
    for row in &first {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let rule = widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+");
    writeln!(out, "+{rule}+")?;
    write_row(&head, &widths, out)?;
    writeln!(out, "+{rule}+")?;
    let mut rows = first.len() as u64;
    for row in &first {
        write_row(row, &widths, out)?;
    }
    while is_more {
        match next()? {
            Some(batch) => {
                for row in cells(&batch)? {
                    write_row(&row, &widths, out)?;
                    rows += 1;
                }
            }
            None => is_more = false,
        }
    }
    writeln!(out, "+{rule}+")?;
    Ok(rows)
}

fn write_row(row: &[String], widths: &[usize], out: &mut impl Write) -> std::io::Result<()> {
    for (cell, width) in row.iter().zip(widths) {
        write!(out, "| {cell}{} ", " ".repeat(width.saturating_sub(cell.width())))?;
    }
    writeln!(out, "|")
}

/// The rows of a batch as text.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default();
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<std::result::Result<Vec<_>, _>>()
        .context(either("the result cannot be shown as a table", "结果无法显示为表格"))?;
    let cell =
        |row: usize| columns.iter().map(|column| harmless(&column.value(row).to_string()).into_owned()).collect();
    Ok((0..batch.num_rows()).map(cell).collect())
}
