//! How one export is taken in.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use duckdb::Connection;
use serde::de::IgnoredAny;

use super::listing::ExportFile;
use crate::common::progress::Progress;
use crate::common::scratch::Scratch;
use crate::config::Config;
use crate::extract::columns;
use crate::extract::intake::Intake;
use crate::extract::merge::{Manner, load, merge};
use crate::extract::tables::Table;
use crate::warehouse::{ident, quote, short_error};

/// Takes one file in. A row replaces the one with its key where its own change time is not older; of rows with one key
/// in one file the newest stays, and of equally new ones the last. Change times in the future count as unknown, and an
/// unknown time neither protects a row nor holds it back.
///
/// A file counts as taken in where it is after reading what it was before. One that is still being written gives what is
/// there already, and is read again by the next run.
///
/// # Errors
/// The file is no JSON, or a column that has to be there is missing.
pub fn take_in(intake: Intake<'_>, table: &Table, file: &ExportFile) -> Result<u64> {
    let Intake { db, progress, .. } = intake;
    let scratch = Scratch::new(&[&intake.config.data_dir])?;
    let before = file.fingerprint()?;
    let taken = take_in_once(intake, &scratch, table, file);
    if file.fingerprint()? == before {
        let rows = taken.with_context(|| format!("{} cannot be taken in", file.name))?;
        db.execute(
            "insert into raw.files values (?, ?, ?, ?, ?)",
            duckdb::params![table.name, file.name, before.0, before.1, rows],
        )?;
        return Ok(rows);
    }
    // read while it was written to: what of it was read, nobody knows
    forget(db, table, &file.name)?;
    let now = file.copied(scratch.path().join("growing").join(&file.name))?;
    let rows = take_in_once(intake, &scratch, table, &now)
        .with_context(|| format!("{} is still being written; run again once it is whole", file.name))?;
    forget(db, table, &file.name)?;
    progress.note(&format!(
        "{} is still being written: what is there was taken in, and the next run reads it again; write an export under \
         another name and rename it once it is whole",
        file.name
    ));
    Ok(rows)
}

/// Forgets that a file was taken in, and what was wrong with its rows; the rows stay, and are replaced by themselves when
/// it is read again.
///
/// # Errors
/// The warehouse cannot be written.
pub fn forget(db: &Connection, table: &Table, name: &str) -> Result<()> {
    db.execute("delete from raw.files where table_name = ? and file = ?", [table.name, name])?;
    db.execute("delete from raw.rejected where source_table = ? and file = ?", [table.name, name])?;
    Ok(())
}

fn take_in_once(intake: Intake<'_>, scratch: &Scratch, table: &Table, file: &ExportFile) -> Result<u64> {
    let Intake { db, config, as_of, progress } = intake;
    let plain = scratch.path().join("export.json");
    let path = if file.unmark(&plain)? { &plain } else { &file.path };
    let mut present = columns_of(db, file, path)?;
    present.retain(|column| !columns::is_left_out(config, table, column));
    if !present.is_empty() {
        if let Some(missing) = table.required.iter().find(|c| !present.contains(**c)) {
            bail!("{}: the column {missing} is missing; it must be there", file.name);
        }
        let without: Vec<&str> = table.optional.iter().copied().filter(|c| !present.contains(*c)).collect();
        if !without.is_empty() && file.stamp.is_empty() {
            progress.note(&format!("{}: without {}", file.name, without.join(", ")));
        }
    }
    leave_out_many(table, &mut present, &file.name, progress);
    load_incoming(db, config, table, (file, path), &present)?;
    merge(db, table, Manner { keep_newer: true, is_fresh: false, is_numbered: true, as_of })
        .map_err(|e| anyhow!("{}: its rows cannot be merged: {}", file.name, short_error(&e)))
}

/// How many columns that nearset does not know of are kept of a table: no table of a marketplace has more, where values
/// were taken for names an export has thousands.
const UNKNOWN_KEPT: usize = 500;

/// Leaves out columns beyond [`UNKNOWN_KEPT`], and says so.
fn leave_out_many(table: &Table, present: &mut BTreeSet<String>, name: &str, progress: &Progress<'_>) {
    let known: BTreeSet<&str> = table.columns().collect();
    let surplus: Vec<String> =
        present.iter().filter(|c| !known.contains(c.as_str())).skip(UNKNOWN_KEPT).cloned().collect();
    if let Some(first) = surplus.first() {
        progress.note(&format!(
            "{name} has {} columns; {} of those that nearset does not use are left out, such as {first}",
            present.len(),
            surplus.len()
        ));
    }
    present.retain(|column| !surplus.contains(column));
}

/// The columns a file's rows have; none for an empty file.
fn columns_of(db: &Connection, file: &ExportFile, path: &Path) -> Result<BTreeSet<String>> {
    let sql = format!(
        "select distinct unnest(keys) from (
             select distinct json_keys(json) as keys from read_json_objects({}, format = 'auto'))",
        quote(&path.to_string_lossy())
    );
    db.prepare(&sql)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0)).and_then(|rows| rows.collect()))
        .map_err(|e| unreadable(file, &e))
}

/// Reads the file into the temporary table `incoming`.
fn load_incoming(
    db: &Connection,
    config: &Config,
    table: &Table,
    (file, path): (&ExportFile, &Path),
    present: &BTreeSet<String>,
) -> Result<()> {
    columns::keep_columns(db, table, present)?;
    let mut wanted: BTreeSet<&str> = present.iter().map(String::as_str).collect();
    for column in table.columns() {
        wanted.insert(column);
    }
    let spec = wanted.iter().map(|c| format!("{}: 'varchar'", quote(c))).collect::<Vec<_>>().join(", ");
    let zone = columns::timezone(table, config);
    let keys = table
        .key
        .iter()
        .map(|(column, fallback)| format!("{} as {}", columns::key_text(column, fallback), ident(column)));
    let rows = format!(
        "select * replace ({}), row_number() over () as _row from read_json({}, columns = {{{spec}}}, format = 'auto')",
        keys.collect::<Vec<_>>().join(", "),
        quote(&path.to_string_lossy()),
    );
    load(db, table, zone, &file.name, &rows).map_err(|e| unreadable(file, &e))
}

/// Says which file cannot be read and where it breaks: serde_json counts lines and columns over the whole file, where
/// DuckDB counts bytes within a record.
fn unreadable(file: &ExportFile, error: &duckdb::Error) -> anyhow::Error {
    let place = file.reader().ok().and_then(|reader| {
        let mut values = serde_json::Deserializer::from_reader(reader).into_iter::<IgnoredAny>();
        values.find_map(|value| value.err())
    });
    match place {
        Some(fault) => anyhow!("{} is no valid JSON: {fault}; export it again", file.path.display()),
        None => anyhow!("{}: {}", file.path.display(), short_error(error)),
    }
}
