//! What a run would read of a database.

use anyhow::Result;
use duckdb::Connection;

use super::plan::Plan;
use super::reading::{Reading, readings};
use super::source::Source;
use crate::common::language::t;
use crate::common::progress::Progress;
use crate::config::{Config, Database};
use crate::extract::foreseen::Foreseen;
use crate::warehouse;

/// What would be read, a line a table. `published` is the warehouse as it is, if any and not to be refreshed.
///
/// # Errors
/// The database cannot be reached or read.
pub fn preview(
    published: Option<&Connection>,
    config: &Config,
    (name, settings): (&str, &Database),
    progress: &Progress<'_>,
) -> Result<Vec<Foreseen>> {
    let db = warehouse::in_memory(config)?;
    let mut source = Source::open(&db, config, name, settings, progress)?;
    let mut lines = Vec::new();
    for Reading { table, remote, plan, notes, .. } in readings(published, config, name, &mut source, progress)? {
        let (what, arms) = match plan {
            Plan::Whole(why) => (t!("the whole table ({why})", "整张表（{why}）"), vec!["true".to_owned()]),
            Plan::New { since, arms } => (since, arms),
        };
        let mut rows: u64 = 0;
        for arm in &arms {
            let sql = format!("select count(*) from {} where {arm}", remote.relation);
            rows += source.ask(&remote.name, |db| db.query_row(&sql, [], |row| row.get::<_, u64>(0)))?;
        }
        let known = remote.columns.iter().filter(|c| table.columns().any(|k| k == c.name)).count();
        let text = t!(
            "{}: {rows} row(s), {known} columns used of {}: {what}",
            "{}：{rows} 行，{} 列中用到 {known} 列：{what}",
            table.name,
            remote.columns.len()
        );
        lines.push(Foreseen {
            table: table.name,
            files: Vec::new(),
            rows: Some(rows),
            text,
            notes: notes.into_iter().collect(),
        });
    }
    Ok(lines)
}
