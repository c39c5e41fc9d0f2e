//! A result as people read it: as a table whose columns are as wide as what is in them, also where a letter takes two places,
//! or with a row's columns below each other. It is printed as the rows come, so that no result has to be in memory as a whole.

use std::io::Write;

use anyhow::{Context, Result};
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Column;
use crate::common::language::{either, t};
use crate::common::terminal::{harmless, left, right};

/// How many rows are looked at before the columns' widths are settled; a longer cell further down only shifts its row.
const LOOKED_AT: usize = 10_000;

/// No column of words is made narrower than this to have the others fit.
const NARROWEST: usize = 10;

/// What is to be seen of a result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extent {
    /// So many of its rows; all where there is none.
    pub rows: Option<u64>,
    /// So many letters of a line; as many as it takes where there is none.
    pub width: Option<usize>,
}

/// What was seen of a result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Its rows.
    pub rows: u64,
    /// Those that were shown.
    pub shown: u64,
    /// The columns that did not fit.
    pub hidden: usize,
}

/// Writes batches of texts as one table.
///
/// # Errors
/// A batch cannot be had, or `out` does not take it.
pub fn write(
    columns: &[Column],
    extent: Extent,
    next: impl FnMut() -> Result<Option<RecordBatch>>,
    out: &mut impl Write,
) -> Result<Seen> {
    let head: Vec<String> = columns.iter().map(|column| harmless(&column.name).into_owned()).collect();
    let mut rows = Rows::new(extent, next);
    let mut first: Vec<Vec<String>> = Vec::new();
    while let Some(row) = if first.len() < LOOKED_AT { rows.next()? } else { None } {
        first.push(row);
    }
    let mut widths: Vec<usize> = head.iter().map(|name| name.width()).collect();
    for row in &first {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let is_number: Vec<bool> = columns.iter().map(Column::is_number).collect();
    let hidden = extent.width.map_or(0, |width| fit(&mut widths, &is_number, width));
    let (mut rule, mark) = (String::new(), if hidden > 0 { " … |" } else { "" });
    rule.extend(widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))));
    rule += if hidden > 0 { "+---+" } else { "+" };
    let line = |row: &[String], is_head: bool| -> String {
        let cell = |((cell, width), is_number): ((&String, &usize), &bool)| {
            let cell = if extent.width.is_some() { cut(cell, *width) } else { cell.clone() };
            format!("| {} ", if *is_number && !is_head { right(&cell, *width) } else { left(&cell, *width) })
        };
        row.iter().zip(&widths).zip(&is_number).map(cell).collect::<String>() + "|" + mark
    };
    writeln!(out, "{rule}\n{}\n{rule}", line(&head, true))?;
    for row in &first {
        writeln!(out, "{}", line(row, false))?;
    }
    drop(first);
    while let Some(row) = rows.next()? {
        writeln!(out, "{}", line(&row, false))?;
    }
    writeln!(out, "{rule}")?;
    rows.seen(hidden)
}

/// Writes batches of texts with each row's columns below each other.
///
/// # Errors
/// As of [`write`].
pub fn write_vertical(
    columns: &[Column],
    extent: Extent,
    next: impl FnMut() -> Result<Option<RecordBatch>>,
    out: &mut impl Write,
) -> Result<Seen> {
    let head: Vec<String> = columns.iter().map(|column| harmless(&column.name).into_owned()).collect();
    let width = head.iter().map(|name| name.width()).max().unwrap_or_default();
    let mut rows = Rows::new(extent, next);
    while let Some(row) = rows.next()? {
        writeln!(out, "{}", t!("--- row {} ---", "--- 第 {} 行 ---", rows.seen.shown))?;
        for (name, cell) in head.iter().zip(&row) {
            writeln!(out, "{}  {cell}", right(name, width))?;
        }
    }
    rows.seen(0)
}

/// Writes the cells of batches as they are, a line each: a plan is a drawing.
///
/// # Errors
/// As of [`write`].
pub fn write_plain(mut next: impl FnMut() -> Result<Option<RecordBatch>>, out: &mut impl Write) -> Result<()> {
    while let Some(batch) = next()? {
        for row in texts(&batch)? {
            let lines = row.last().map(String::as_str).unwrap_or_default().lines();
            lines.map(harmless).try_for_each(|line| writeln!(out, "{line}"))?;
        }
    }
    Ok(())
}

/// Writes batches as an array of objects whose values are texts.
///
/// # Errors
/// As of [`write`].
pub fn write_objects(
    columns: &[Column],
    mut next: impl FnMut() -> Result<Option<RecordBatch>>,
    out: &mut impl Write,
) -> Result<()> {
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    while let Some(batch) = next()? {
        let named =
            |row: Vec<String>| columns.iter().map(|column| column.name.clone()).zip(row.into_iter().map(Value::from));
        rows.extend(texts(&batch)?.into_iter().map(|row| named(row).collect()));
    }
    writeln!(out, "{}", serde_json::to_string(&rows)?)?;
    Ok(())
}

/// The rows of batches, those that are to be seen as texts, and a count of all.
struct Rows<N> {
    extent: Extent,
    next: N,
    batch: std::vec::IntoIter<Vec<String>>,
    seen: Seen,
}

impl<N: FnMut() -> Result<Option<RecordBatch>>> Rows<N> {
    fn new(extent: Extent, next: N) -> Self {
        Self { extent, next, batch: Vec::new().into_iter(), seen: Seen::default() }
    }

    /// The next row that is to be seen.
    fn next(&mut self) -> Result<Option<Vec<String>>> {
        if self.extent.rows.is_some_and(|rows| self.seen.shown >= rows) {
            return Ok(None);
        }
        loop {
            if let Some(row) = self.batch.next() {
                self.seen.shown += 1;
                return Ok(Some(row.iter().map(|cell| harmless(cell).into_owned()).collect()));
            }
            let Some(batch) = (self.next)()? else { return Ok(None) };
            self.seen.rows += batch.num_rows() as u64;
            self.batch = texts(&batch)?.into_iter();
        }
    }

    /// Counts the rest.
    fn seen(mut self, hidden: usize) -> Result<Seen> {
        while let Some(batch) = (self.next)()? {
            self.seen.rows += batch.num_rows() as u64;
        }
        Ok(Seen { hidden, ..self.seen })
    }
}

/// The rows of a batch as text; NULL is called so.
fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<std::result::Result<Vec<_>, _>>()
        .context(either("the result cannot be shown as a table", "结果无法显示为表格"))?;
    let row = |row: usize| columns.iter().map(|column| column.value(row).to_string()).collect();
    Ok((0..batch.num_rows()).map(row).collect())
}

/// Makes columns narrower until their lines fit, those of words first; returns how many of the last ones have no place.
fn fit(widths: &mut Vec<usize>, is_number: &[bool], width: usize) -> usize {
    let total = |widths: &[usize]| widths.iter().map(|width| width + 3).sum::<usize>() + 1;
    let capped = |cap: usize, widths: &[usize]| -> Vec<usize> {
        widths
            .iter()
            .zip(is_number)
            .map(|(width, is_number)| if *is_number { *width } else { cap.min(*width) })
            .collect()
    };
    if total(widths) <= width {
        return 0;
    }
    // the widest that fits, or the narrowest
    let (mut low, mut high) = (NARROWEST, widths.iter().copied().max().unwrap_or_default().max(NARROWEST));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if total(&capped(middle, widths)) <= width { low = middle } else { high = middle - 1 }
    }
    *widths = capped(low, widths);
    let all = widths.len();
    // one is always shown, and there is a place for the mark of those that are not
    while widths.len() > 1 && total(widths) + if widths.len() < all { 4 } else { 0 } > width {
        widths.pop();
    }
    all - widths.len()
}

/// A text as far as it fits.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(if fits { width } else { left });
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use duckdb::arrow::array::{ArrayRef, StringArray};

    use super::*;

    fn shown(columns: &[(&str, &str)], rows: &[&[&str]], extent: Extent) -> (String, Seen) {
        let named: Vec<Column> = columns
            .iter()
            .map(|(name, kind)| Column { name: (*name).to_owned(), r#type: (*kind).to_owned() })
            .collect();
        let column = |at: usize| {
            let cells: Vec<Option<&str>> = rows.iter().map(|row| Some(row[at]).filter(|cell| *cell != "-")).collect();
            (columns[at].0, Arc::new(StringArray::from(cells)) as ArrayRef)
        };
        let mut batches =
            vec![RecordBatch::try_from_iter((0..columns.len()).map(column)).expect("a batch")].into_iter();
        let mut out = Vec::new();
        let seen = write(&named, extent, || Ok(batches.next()), &mut out).expect("a table");
        (String::from_utf8(out).expect("text"), seen)
    }

    #[test]
    fn a_table_on_a_terminal_is_cut_to_what_fits() {
        let rows: &[&[&str]] = &[&["1", "农作物卫星影像与气象观测数据", "short"], &["-12.5", "-", "a\u{1b}b"]];
        let columns = [("n", "DOUBLE"), ("title", "VARCHAR"), ("x", "VARCHAR")];
        let whole = shown(&columns, rows, Extent::default()).0;
        let narrow = shown(&columns, rows, Extent { rows: None, width: Some(38) }).0;
        let (text, seen) = shown(&columns, rows, Extent { rows: Some(1), width: Some(24) });
        insta::assert_snapshot!([whole, narrow, text].join("\n"));
        assert_eq!((seen.rows, seen.shown, seen.hidden), (2, 1, 1));
    }

    #[test]
    fn a_cut_ends_with_its_mark_and_counts_places_not_letters() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("中文中文", 4), "中…");
        assert_eq!(cut("中文中文", 8), "中文中文");
        assert_eq!(cut("中", 0), "…");
    }
}
