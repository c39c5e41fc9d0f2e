//! From rows just read to the `raw` schema: values in one spelling, one row per key, nothing dropped in silence.
//!
//! Every source fills the temporary table `incoming` and folds it into the raw table, so that all sources leave the same.

use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::tables::Table;
use crate::config::Config;
use crate::warehouse::{ident, quote, timestamp};

/// How rows that come in meet those that are there.
#[derive(Clone, Copy, Debug)]
pub struct Fold {
    /// A stored row that is newer stays: exports may come in any order, where a database tells how things are.
    pub keep_newer: bool,
    /// No key that comes in is stored yet.
    pub fresh: bool,
    /// The rows' numbers mean something to a person, as in a file.
    pub numbered: bool,
    /// Change times after this are unknown as yet.
    pub as_of: DateTime<Utc>,
}

/// The zone that a table's times without an offset are in.
pub fn timezone<'a>(table: &Table, config: &'a Config) -> &'a str {
    if table.is_matomo() { "UTC" } else { &config.parameters.business_timezone }
}

/// Whether `LEAVE_OUT_COLUMNS` keeps a column from being read. Columns nearset uses are always read.
pub fn is_left_out(config: &Config, table: &Table, column: &str) -> bool {
    let column = column.to_lowercase();
    !table.columns().any(|known| known == column)
        && config.sources.leave_out.iter().any(|pattern| matches(pattern, &column))
}

/// Whether `text` is what `pattern` says, where `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|tail| (0..=tail.len()).any(|i| tail.get(i..).is_some_and(|end| matches(rest, end)))),
    }
}

/// Makes room in the raw table for columns that nearset does not know of.
pub fn keep_columns<'a>(
    db: &Connection,
    table: &Table,
    columns: impl IntoIterator<Item = &'a String>,
) -> duckdb::Result<()> {
    for column in columns.into_iter().filter(|c| !table.columns().any(|known| known == c.as_str())) {
        db.execute_batch(&format!(
            "alter table raw.{} add column if not exists {} varchar",
            ident(table.name),
            ident(column)
        ))?;
    }
    Ok(())
}

/// A key's text in one spelling: an id is the same whether it was written 7, "7" or 7.0. `fallback` is the expression
/// that stands in where the source has none.
pub fn key_text(column: &str, fallback: &str) -> String {
    let value = match fallback {
        "" => ident(column),
        fallback => format!("coalesce({}, {fallback})", ident(column)),
    };
    match column {
        "idorder" => format!("trim({value})"),
        _ => format!("coalesce(cast(try_cast({value} as bigint) as varchar), trim({value}))"),
    }
}

/// A time's text as the source's clocks showed it, also where the text names its own offset.
pub fn clock_text(column: &str, zone: &str) -> String {
    let column = ident(column);
    format!(
        "case when regexp_matches({column}, ':\\d{{2}}(\\.\\d+)?\\s*(Z|[+-]\\d{{2}}(:?\\d{{2}})?)$')
             then coalesce(cast(cast(timezone({}, try_cast({column} as timestamptz)) as timestamp) as varchar), {column})
             else {column} end",
        quote(zone)
    )
}

/// Fills `incoming` from `rows`, a query that gives every column of the raw table as text and a `_row`; adds the change
/// time in UTC, as the source tells it, and where the rows come from.
pub fn load(db: &Connection, table: &Table, zone: &str, origin: &str, rows: &str) -> duckdb::Result<()> {
    let times = table.change_columns.iter().map(|c| format!("try_cast({} as timestamp)", ident(c)));
    let first = times.chain(["cast(null as timestamp)".to_owned()]).collect::<Vec<_>>().join(", ");
    let changed = match zone {
        "UTC" => format!("coalesce({first})"),
        zone => format!("timezone('UTC', timezone({}, coalesce({first})))", quote(zone)),
    };
    db.execute_batch(&format!(
        "create or replace temp table incoming as
         select * exclude (_row),
             {changed} as _changed_at,
             {origin} as _file,
             _row
         from ({rows})",
        origin = quote(origin),
    ))
}

/// Takes out the rows that meet a condition on `stored` and are not among those in `incoming`.
pub fn replace(db: &Connection, table: &Table, condition: &str) -> duckdb::Result<()> {
    let same = table.key.iter().map(|(k, _)| format!("stored.{0} = incoming.{0}", ident(k)));
    db.execute_batch(&format!(
        "delete from raw.{} as stored where {condition} and not exists (from incoming where {})",
        ident(table.name),
        same.collect::<Vec<_>>().join(" and ")
    ))
}

/// Merges `incoming` into the raw table and returns how many rows came in; what loses goes to `raw.rejected` with its
/// reason. Of rows with one key the newest stays, and of equally new ones the last; an unknown change time neither
/// protects a row nor holds it back.
pub fn fold(db: &Connection, table: &Table, how: Fold) -> duckdb::Result<u64> {
    let raw = format!("raw.{}", ident(table.name));
    let keys: Vec<String> = table.key.iter().map(|(column, _)| ident(column)).collect();
    let key_list = keys.join(", ");
    let no_key = keys.iter().map(|k| format!("coalesce({k}, '') = ''")).collect::<Vec<_>>().join(" or ");
    let same = keys.iter().map(|k| format!("stored.{k} = incoming.{k}")).collect::<Vec<_>>().join(" and ");
    let number = if how.numbered { "_row" } else { "cast(null as bigint)" };
    // a database is read with an overlap, where the same row may be set aside once more
    let again = if how.numbered {
        ""
    } else {
        "where row_json not in (select row_json from raw.rejected where row_json is not null)"
    };
    let reject = |reason: &str, outcome: &str, column: &str, from: &str| {
        format!(
            "insert into raw.rejected
             from (
                 select {}, concat_ws(':', {key_list}), '{reason}', '{column}', null, '{outcome}', _file, _row,
                     to_json(rows)::varchar as row_json
                 from (select * replace ({number} as _row) from {from}) as rows)
             {again};",
            quote(table.name)
        )
    };
    let first_key = table.key[0].0;
    let (rows, keyless, distinct): (u64, u64, u64) = db.query_row(
        &format!(
            "select count(*), count(*) filter ({no_key}), count(distinct ({key_list})) filter (not ({no_key})) from incoming"
        ),
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    // a time in the future of this run neither protects a row nor holds it back
    let known =
        |side: &str| format!("case when {side}._changed_at <= {} then {side}._changed_at end", timestamp(how.as_of));
    if rows > keyless + distinct || keyless > 0 {
        // grouped and not ranked: a million rows of one key would be one window that has to be in memory as a whole
        db.execute_batch(&format!(
            "create or replace temp table keyless as from incoming where {no_key};
             {keyless}
             delete from incoming where {no_key};
             create or replace temp table winners as
             with newest as (select {key_list}, max({known}) as newest_at from incoming group by all)
             select max(incoming._row) as _row
             from incoming
             inner join newest using ({key_list})
             where {known} is null or {known} = newest.newest_at
             group by {grouped};
             create or replace temp table losers as
             from incoming where not exists (from winners where winners._row = incoming._row);
             {losers}
             create or replace temp table incoming as
             from incoming where exists (from winners where winners._row = incoming._row) order by _row;
             drop table keyless; drop table winners; drop table losers;",
            keyless = reject(&format!("{first_key}_missing"), "dropped", first_key, "keyless"),
            losers = reject("duplicate_id", "superseded", first_key, "losers"),
            known = known("incoming"),
            grouped = keys.iter().map(|k| format!("incoming.{k}")).collect::<Vec<_>>().join(", "),
        ))?;
    }
    if how.keep_newer {
        db.execute_batch(&format!(
            "create or replace temp table stale as
             from incoming where exists (from {raw} as stored where {same} and {stored} > {came});
             {stale}
             delete from incoming where exists (from stale where stale._row = incoming._row);
             drop table stale;",
            stored = known("stored"),
            came = known("incoming"),
            stale =
                reject("older_than_stored", "superseded", table.change_columns.first().unwrap_or(&first_key), "stale"),
        ))?;
    }
    if !how.fresh {
        db.execute_batch(&format!("delete from {raw} as stored where exists (from incoming where {same})"))?;
    }
    db.execute_batch(&format!(
        "insert into {raw} by name select * replace ({number} as _row) from incoming; drop table incoming;"
    ))?;
    Ok(rows)
}
