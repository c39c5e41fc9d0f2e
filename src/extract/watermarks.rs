//! How far each table was read, and what is known of it: rows of the warehouse, so that watermarks cannot part from the data.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::{Connection, OptionalExt};
use serde_json::{Value, json};

use super::intake::Intake;
use super::tables::Table;
use crate::common::language::either;
use crate::warehouse::{ident, timestamp};

/// What the warehouse knows of a table: how far it was read, from where, and what it was like there.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// `json` or `database`.
    pub mode: String,
    /// The place, in words that hold no secret.
    pub origin: String,
    /// Whether the source has it.
    pub is_there: bool,
    /// The newest change time read, in UTC.
    pub watermark: Option<DateTime<Utc>>,
    /// The largest key read, of tables whose first key is a whole number.
    pub max_key: Option<i64>,
    /// How many rows are stored.
    pub rows: i64,
    /// How many rows the source has more than are stored, since they share a key with another or have none.
    pub surplus: Option<i64>,
    /// A database's columns and their types there.
    pub columns: BTreeMap<String, String>,
}

impl Known {
    /// Whether it was last read from a database.
    pub fn is_database(&self) -> bool {
        self.mode == "database"
    }
}

/// What is known of a table; none before it was first read.
///
/// # Errors
/// The warehouse cannot be read.
pub fn known(db: &Connection, table: &Table) -> Result<Option<Known>> {
    let found = db
        .query_row(
            "select mode, origin, is_there, epoch_us(watermark), max_key, rows, surplus, columns
             from raw.watermarks where table_name = ?",
            [table.name],
            |row| {
                let columns: Option<String> = row.get(7)?;
                Ok(Known {
                    mode: row.get::<_, Option<String>>(0)?.unwrap_or_else(|| "json".to_owned()),
                    origin: row.get::<_, Option<String>>(1)?.unwrap_or_else(|| "exports".to_owned()),
                    is_there: row.get::<_, Option<bool>>(2)?.unwrap_or(true),
                    watermark: row.get::<_, Option<i64>>(3)?.and_then(DateTime::from_timestamp_micros),
                    max_key: row.get(4)?,
                    rows: row.get(5)?,
                    surplus: row.get(6)?,
                    columns: columns.and_then(|c| serde_json::from_str(&c).ok()).unwrap_or_default(),
                })
            },
        )
        .optional()?;
    Ok(found)
}

/// Writes what is now known of a table; how far it was read comes from its rows, so that the two cannot part.
///
/// # Errors
/// The warehouse cannot be written.
pub fn keep_watermark(Intake { db, as_of, .. }: Intake<'_>, table: &Table, now: &Known) -> Result<()> {
    let key = ident(table.key[0].0);
    db.execute("delete from raw.watermarks where table_name = ?", [table.name])?;
    db.execute(
        &format!(
            "insert into raw.watermarks by name
             select ? as source, ? as table_name, ? as column_name, ? as mode, ? as origin, ? as is_there, ? as surplus,
                 ? as columns,
                 max(_changed_at) filter (_changed_at <= {as_of}) as watermark,
                 max(whole_number({key})) as max_key,
                 count(*) as rows
             from raw.{table}",
            as_of = timestamp(as_of),
            table = ident(table.name),
        ),
        duckdb::params![
            table.source,
            table.name,
            table.change_columns.first().copied().unwrap_or(table.key[0].0),
            now.mode,
            now.origin,
            now.is_there,
            now.surplus,
            serde_json::to_string(&now.columns)?,
        ],
    )
    .context(either("the watermark could not be kept", "水位未能保存"))?;
    Ok(())
}

/// The content of `_metadata/extract_state.json`, from the watermarks in the warehouse.
///
/// # Errors
/// The warehouse cannot be read.
pub fn state(db: &Connection) -> Result<Vec<u8>> {
    let mut statement = db.prepare(
        "select w.source, w.table_name, w.column_name, strftime(w.watermark, '%Y-%m-%dT%H:%M:%S'), w.rows, w.mode, w.max_key,
                (select list(f.file order by f.file) from raw.files f where f.table_name = w.table_name)::json::varchar
         from raw.watermarks w order by all",
    )?;
    let mut rows = statement.query([])?;
    let mut state: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let files: Option<String> = row.get(7)?;
        let (time, key): (Option<String>, Option<i64>) = (row.get(3)?, row.get(6)?);
        let entry = json!({
            // a table without times goes by its key
            "watermark": time.map(Value::from).or_else(|| key.map(Value::from)),
            "column": row.get::<_, Option<String>>(2)?,
            "rows": row.get::<_, i64>(4)?,
            "mode": row.get::<_, Option<String>>(5)?,
            "max_key": key,
            "files": files.map(|f| serde_json::from_str::<Value>(&f)).transpose()?.unwrap_or_else(|| json!([])),
        });
        state.entry(row.get(0)?).or_default().insert(row.get(1)?, entry);
    }
    Ok(serde_json::to_vec_pretty(&state)?)
}
