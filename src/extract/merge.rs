//! From rows just read to the `raw` schema: one row per key, nothing dropped in silence.
//!
//! Every source fills the temporary table `incoming` and merges it into the raw table, so that all sources leave the same.

use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::tables::Table;
use crate::warehouse::{WHOLE_ROW, ident, quote, timestamp};

/// How rows that come in meet those that are there.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// A stored row that is newer stays: exports may come in any order, where a database tells how things are.
    pub keep_newer: bool,
    /// No key that comes in is stored yet.
    pub is_fresh: bool,
    /// The rows' numbers mean something to a person, as in a file.
    pub is_numbered: bool,
    /// Change times after this are unknown as yet.
    pub as_of: DateTime<Utc>,
}

/// Fills `incoming` from `rows`, a query that gives every column of the raw table as text and a `_row`; adds the change
/// time in UTC, as the source tells it, and where the rows come from.
///
/// # Errors
/// The rows cannot be read.
pub fn load(db: &Connection, table: &Table, zone: &str, origin: &str, rows: &str) -> duckdb::Result<()> {
    let times = table.change_columns.iter().map(|c| format!("moment({}, {})", ident(c), quote(zone)));
    let changed = times.chain(["cast(null as timestamp)".to_owned()]).collect::<Vec<_>>().join(", ");
    db.execute_batch(&format!(
        "create or replace temp table incoming as
         select * exclude (_row),
             coalesce({changed}) as _changed_at,
             {origin} as _file,
             _row
         from ({rows})",
        origin = quote(origin),
    ))
}

/// Takes out the rows that meet a condition on `stored` and are not among those in `incoming`.
///
/// # Errors
/// DuckDB cannot write it.
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
///
/// # Errors
/// DuckDB cannot write it.
pub fn merge(db: &Connection, table: &Table, how: Manner) -> duckdb::Result<u64> {
    let merge = Merge::new(db, table, how);
    let rows = merge.take_out_losers()?;
    if how.keep_newer {
        merge.take_out_older()?;
    }
    let Merge { raw, same, number, .. } = &merge;
    if !how.is_fresh {
        db.execute_batch(&format!("delete from {raw} as stored where exists (from incoming where {same})"))?;
    }
    db.execute_batch(&format!(
        "insert into {raw} by name select * replace ({number} as _row) from incoming; drop table incoming;"
    ))?;
    Ok(rows)
}

/// One merge under way, and the SQL that its statements share.
struct Merge<'a> {
    db: &'a Connection,
    table: &'a Table,
    how: Manner,
    /// The raw table.
    raw: String,
    /// The columns of the key.
    keys: Vec<String>,
    /// The condition that `stored` and `incoming` have one key.
    same: String,
    /// The expression of the row's number.
    number: &'static str,
}

impl<'a> Merge<'a> {
    fn new(db: &'a Connection, table: &'a Table, how: Manner) -> Self {
        let keys: Vec<String> = table.key.iter().map(|(column, _)| ident(column)).collect();
        Self {
            db,
            table,
            how,
            raw: format!("raw.{}", ident(table.name)),
            same: keys.iter().map(|k| format!("stored.{k} = incoming.{k}")).collect::<Vec<_>>().join(" and "),
            number: if how.is_numbered { "_row" } else { "cast(null as bigint)" },
            keys,
        }
    }

    /// The change time of one side; in the future of this run it neither protects a row nor holds it back.
    fn known(&self, side: &str) -> String {
        format!("case when {side}._changed_at <= {} then {side}._changed_at end", timestamp(self.how.as_of))
    }

    /// The statement that sets the rows of a relation aside.
    fn reject(&self, reason: &str, outcome: &str, column: &str, from: &str) -> String {
        // a database is read with an overlap, where the same row may be set aside once more
        let again = if self.how.is_numbered {
            ""
        } else {
            "where row_json not in (select row_json from raw.rejected where row_json is not null)"
        };
        format!(
            "insert into raw.rejected
             from (
                 select {}, concat_ws(':', {}), '{reason}', '{column}', null, '{outcome}', _file, _row,
                     to_json({WHOLE_ROW})::varchar as row_json
                 from (select * replace ({} as _row) from {from}) as {WHOLE_ROW})
             {again};",
            quote(self.table.name),
            self.keys.join(", "),
            self.number,
        )
    }

    /// Sets the rows without a key aside, and all but one of those with the same; returns how many there were in all.
    fn take_out_losers(&self) -> duckdb::Result<u64> {
        let key_list = self.keys.join(", ");
        let no_key = self.keys.iter().map(|k| format!("coalesce({k}, '') = ''")).collect::<Vec<_>>().join(" or ");
        let (rows, keyless, distinct): (u64, u64, u64) = self.db.query_row(
            &format!(
                "select count(*), count(*) filter ({no_key}), count(distinct ({key_list})) filter (not ({no_key})) from incoming"
            ),
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        if rows <= keyless + distinct && keyless == 0 {
            return Ok(rows);
        }
        let first_key = self.table.key[0].0;
        // grouped and not ranked: a million rows of one key would be one window that has to be in memory as a whole
        self.db.execute_batch(&format!(
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
            keyless = self.reject(&format!("{first_key}_missing"), "dropped", first_key, "keyless"),
            losers = self.reject("duplicate_id", "superseded", first_key, "losers"),
            known = self.known("incoming"),
            grouped = self.keys.iter().map(|k| format!("incoming.{k}")).collect::<Vec<_>>().join(", "),
        ))?;
        Ok(rows)
    }

    /// Sets aside the rows that are older than those stored.
    fn take_out_older(&self) -> duckdb::Result<()> {
        let column = self.table.change_columns.first().copied().unwrap_or(self.table.key[0].0);
        self.db.execute_batch(&format!(
            "create or replace temp table older as
             from incoming where exists (from {raw} as stored where {same} and {stored} > {came});
             {older}
             delete from incoming where exists (from older where older._row = incoming._row);
             drop table older;",
            raw = self.raw,
            same = self.same,
            stored = self.known("stored"),
            came = self.known("incoming"),
            older = self.reject("older_than_stored", "superseded", column, "older"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::schema::create_raw_tables;
    use crate::extract::tables::TABLES;

    /// Merges users, each `(id, company_name, update_time)`, and returns what is stored and what was set aside.
    fn merged(parts: &[&[(&str, &str, &str)]], keep_newer: bool) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let db = crate::warehouse::small()?;
        db.execute_batch("create schema raw")?;
        create_raw_tables(&db, false)?;
        crate::extract::fixtures::create_macros(&db)?;
        let user = &TABLES[0];
        let as_of = DateTime::from_timestamp(1_792_000_000, 0).unwrap_or_default();
        for part in parts {
            let values: Vec<String> = part
                .iter()
                .enumerate()
                .map(|(row, (id, name, at))| format!("({}, {}, {}, {row})", quote(id), quote(name), quote(at)))
                .collect();
            let absent: Vec<String> = user
                .columns()
                .filter(|c| !["id", "company_name", "update_time"].contains(c))
                .map(|c| format!("cast(null as varchar) as {c}"))
                .collect();
            let rows = format!(
                "select *, {} from (values {}) as t (id, company_name, update_time, _row)",
                absent.join(", "),
                values.join(", ")
            );
            load(&db, user, "UTC", "user.json", &rows)?;
            merge(&db, user, Manner { keep_newer, is_fresh: false, is_numbered: true, as_of })?;
        }
        let texts =
            |sql: &str| -> duckdb::Result<Vec<String>> { db.prepare(sql)?.query_map([], |row| row.get(0))?.collect() };
        Ok((
            texts("select id || ' ' || company_name from raw.user order by id")?,
            texts("select source_key || ' ' || reason from raw.rejected order by all")?,
        ))
    }

    #[test]
    fn of_one_key_the_newest_stays_and_of_equally_new_the_last() -> anyhow::Result<()> {
        let part: &[_] = &[
            ("1", "old", "2026-01-01"),
            ("1", "new", "2026-02-01"),
            ("2", "first", "2026-01-01"),
            ("2", "last", "2026-01-01"),
            ("3", "from the future", "2030-01-01"),
            ("3", "last, too", "2026-01-01"),
            ("", "nobody", "2026-01-01"),
        ];
        let (stored, rejected) = merged(&[part], true)?;
        assert_eq!(stored, ["1 new", "2 last", "3 last, too"]);
        assert_eq!(rejected, [" id_missing", "1 duplicate_id", "2 duplicate_id", "3 duplicate_id"]);
        Ok(())
    }

    #[test]
    fn a_stored_row_that_is_newer_stays_only_where_it_may() -> anyhow::Result<()> {
        let parts: &[&[_]] = &[&[("1", "stored", "2026-02-01")], &[("1", "older", "2026-01-01")]];
        assert_eq!(merged(parts, true)?, (vec!["1 stored".to_owned()], vec!["1 older_than_stored".to_owned()]));
        assert_eq!(merged(parts, false)?, (vec!["1 older".to_owned()], Vec::new()));
        Ok(())
    }
}
