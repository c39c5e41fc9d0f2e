//! A file of the SQL project as it is now, with its first rows, before it is published.

use std::io::Write;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::screen::Screen;
use super::session::show;
use super::table::Extent;
use crate::config::Config;
use crate::sql_project::preview;
use crate::warehouse::{ident, locate_errors, lock, open_published, published_as_of, rows, set_parameters};

/// Writes the first rows of a relation or file as it is now on the published warehouse, with what else is as its file is now and
/// what its tests find.
///
/// # Errors
/// There is no warehouse or no such file, or what is wrong with it, with file, line and caret.
pub fn preview_file(config: &Config, what: &str, limit: u64, is_json: bool, out: &mut impl Write) -> Result<()> {
    let db = open_published(config)?;
    set_parameters(&db, config, published_as_of(&db)?)?;
    locate_errors(&db, true)?;
    lock(&db)?;
    let found = preview(config, &db, what)?;
    let sql = format!("from {} limit {limit}", ident(&found.name));
    if is_json {
        let rows: Vec<Map<String, Value>> = rows(&db, &sql)?;
        let told = json!({
            "name": found.name,
            "file": found.file,
            "description": found.description,
            "chart": found.chart.as_ref().map(crate::sql_project::Chart::text),
            "changes": found.changes,
            "rows": rows,
            "tests": found.tests,
        });
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?);
    }
    writeln!(out, "{}", found.head())?;
    show(&db, &sql, Extent { rows: None, width: Screen::of_output().map(|screen| screen.columns) }, out)?;
    Ok(write!(out, "{}", found.tail())?)
}
