//! A file of the SQL project as it is now, with its first rows, before it is published.

use std::io::Write;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::{Extent, Format, Look, Query, Screen, Session};
use crate::config::Config;
use crate::sql_project::{Chart, preview};
use crate::warehouse::{ident, rows};

/// Writes the first rows of a relation or file as it is now on the published warehouse, with what else is as its file is now and
/// what its tests find.
///
/// # Errors
/// There is no warehouse or no such file, or what is wrong with it, with file, line and caret.
pub fn preview_file(
    config: &Config,
    what: &str,
    limit: u64,
    is_json: bool,
    out: &mut (impl Write + Send),
) -> Result<()> {
    let session = Session::open(config, false)?;
    let found = preview(config, session.db(), what)?;
    let sql = format!("from {} limit {limit}", ident(&found.name));
    if is_json {
        let rows: Vec<Map<String, Value>> = rows(session.db(), &sql)?;
        let told = json!({
            "name": found.name,
            "file": found.file,
            "description": found.description,
            "chart": found.chart.as_ref().map(Chart::text),
            "changes": found.changes,
            "rows": rows,
            "tests": found.tests,
        });
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?);
    }
    writeln!(out, "{}", found.head())?;
    let extent = Extent { rows: None, width: Screen::of_output().map(|screen| screen.columns) };
    session.run(&Query::of(sql), &Look { extent, ..Look::of(Format::Table) }, out)?;
    Ok(write!(out, "{}", found.tail())?)
}
