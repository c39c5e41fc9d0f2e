//! Taking in what is new in a database, table by table.

use anyhow::{Context, Result};

use super::reader::Reader;
use super::reading::readings;
use super::source::Source;
use crate::common::language::t;
use crate::config::Database;
use crate::extract::intake::Intake;
use crate::extract::tables::TABLES;
use crate::extract::watermarks::{Known, keep_watermark};

/// Takes in what is new in a source's database; returns how many rows that was.
///
/// # Errors
/// It cannot be reached or read, or a table is not as it must be.
pub fn take_in(intake: Intake<'_>, (name, settings): (&str, &Database)) -> Result<u64> {
    let Intake { db, config, progress, .. } = intake;
    let mut source = Source::open(db, config, name, settings, progress)?;
    let mut rows = 0;
    let readings = readings(Some(db), config, name, &mut source, progress)?;
    for table in TABLES.iter().filter(|t| t.source == name && !readings.iter().any(|r| r.table.name == t.name)) {
        let absent = Known { mode: "database".to_owned(), origin: source.shown(), ..Known::default() };
        keep_watermark(intake, table, &absent)?;
    }
    for reading in readings {
        for note in &reading.notes {
            progress.note(note);
        }
        let table = reading.table;
        let mut reader = Reader { intake, source: &mut source, reading, rows: 0 };
        reader.read().with_context(|| t!("table {}", "表 {}", table.name))?;
        rows += reader.rows;
    }
    Ok(rows)
}
