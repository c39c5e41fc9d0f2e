//! `evaluation/extract_metrics.json`: what a run took in, table by table, as the old system's scripts read it.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use duckdb::Connection;
use serde_json::{Map, Value, json};

use crate::warehouse::rows;

/// How many rows were stored of each table before a run.
pub type RowsBefore = BTreeMap<String, i64>;

/// How many rows are stored of each table; none before the first run.
///
/// # Errors
/// The warehouse cannot be read.
pub fn stored_rows(db: &Connection) -> Result<RowsBefore> {
    let known =
        "select count(*) > 0 from information_schema.tables where table_schema = 'raw' and table_name = 'watermarks'";
    if !db.query_row(known, [], |row| row.get(0))? {
        return Ok(RowsBefore::new());
    }
    let mut statement = db.prepare("select table_name, rows from raw.watermarks")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

/// The file's content: a list of one run, whose times are its `as_of`.
///
/// # Errors
/// The warehouse cannot be read.
pub fn metrics(db: &Connection, before: &RowsBefore, as_of: DateTime<Utc>, full_refresh: bool) -> Result<Vec<u8>> {
    let mut tables: Vec<Map<String, Value>> = rows(
        db,
        "select source, table_name as \"table\", mode as data_source, rows,
             coalesce(strftime(watermark, '%Y-%m-%dT%H:%M:%S'), cast(max_key as varchar)) as watermark,
             column_name as incremental_column, coalesce(is_there, true) as is_there
         from raw.watermarks order by source, table_name",
    )?;
    let mut sources: Vec<String> = Vec::new();
    for table in &mut tables {
        let earlier = table["table"].as_str().and_then(|name| before.get(name)).copied();
        let mode = if full_refresh || earlier.is_none() { "full" } else { "incremental" };
        let added = table["rows"].as_i64().unwrap_or_default() - earlier.unwrap_or_default();
        sources.extend(table["data_source"].as_str().map(str::to_owned));
        table.extend([("mode".to_owned(), json!(mode)), ("rows_added".to_owned(), json!(added))]);
    }
    sources.sort();
    sources.dedup();
    let at = as_of.to_rfc3339_opts(SecondsFormat::Secs, true);
    let run = json!({
        "started_at": at,
        "finished_at": at,
        "data_source": sources.join("+"),
        "dry_run": false,
        "full_refresh": full_refresh,
        "tables": tables,
    });
    Ok(serde_json::to_vec_pretty(&[run])?)
}
