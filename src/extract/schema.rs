//! The tables of the `raw` schema.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use duckdb::Connection;

use super::contracts;
use super::tables::TABLES;
use crate::common::language::either;
use crate::exposures;
use crate::sql_project;
use crate::warehouse::{self, ident};

/// Names of the tables that a run leaves in the `raw` schema, as SQL files refer to them (`raw.…`): those that
/// [`create_raw_tables`] makes.
///
/// # Errors
/// DuckDB cannot be started.
pub fn raw_tables() -> Result<BTreeSet<String>> {
    let db = warehouse::small()?;
    db.execute_batch("create schema raw")?;
    create_raw_tables(&db, false)?;
    let mut statement =
        db.prepare("select 'raw.' || table_name from information_schema.tables where table_schema = 'raw'")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<duckdb::Result<_>>()?)
}

/// Makes the tables SQL files read, so that they work whatever the sources hold; with `full_refresh` those of the sources are
/// empty afterwards.
///
/// # Errors
/// DuckDB cannot write them.
pub fn create_raw_tables(db: &Connection, full_refresh: bool) -> Result<()> {
    if full_refresh {
        for table in TABLES {
            db.execute_batch(&format!("drop table if exists raw.{}", ident(table.name)))?;
        }
        db.execute_batch("drop table if exists raw.files; drop table if exists raw.watermarks;")?;
    }
    for table in TABLES {
        let columns = table.columns().map(|c| format!("{} varchar", ident(c))).collect::<Vec<_>>().join(", ");
        db.execute_batch(&format!(
            "create table if not exists raw.{} ({columns}, _changed_at timestamp, _file varchar, _row bigint)",
            ident(table.name)
        ))?;
        // a warehouse of before may not know them all
        for column in table.columns() {
            db.execute_batch(&format!(
                "alter table raw.{} add column if not exists {} varchar",
                ident(table.name),
                ident(column)
            ))?;
        }
    }
    db.execute_batch(
        "create table if not exists raw.rejected (
             source_table varchar, source_key varchar, reason varchar, column_name varchar, value varchar,
             outcome varchar, file varchar, row_number bigint, row_json varchar);
         create table if not exists raw.files (
             table_name varchar, file varchar, bytes bigint, sha256 varchar, rows bigint);
         create table if not exists raw.watermarks (
             source varchar, table_name varchar, column_name varchar, watermark timestamp, rows bigint);
         alter table raw.watermarks add column if not exists mode varchar;
         alter table raw.watermarks add column if not exists origin varchar;
         alter table raw.watermarks add column if not exists is_there boolean;
         alter table raw.watermarks add column if not exists max_key bigint;
         alter table raw.watermarks add column if not exists surplus bigint;
         alter table raw.watermarks add column if not exists columns varchar;
         drop table if exists raw.offline_lists;",
    )
    .context(either("the raw schema could not be made", "raw 模式未能创建"))?;
    if full_refresh {
        // exposures stay, and so does what was wrong with them: rotated logs may be gone
        db.execute_batch("delete from raw.rejected where source_table <> 'exposure_log'")?;
    }
    contracts::create_table(db)?;
    sql_project::create_built_tables(db)?;
    sql_project::create_test_tables(db)?;
    create_replay_tables(db)?;
    create_quality_tables(db)?;
    create_experiments_table(db)?;
    warehouse::create_parameters_table(db)?;
    exposures::create_tables(db)
}

/// Makes the tables in which runs leave what the next ones compare their data with.
///
/// # Errors
/// DuckDB cannot write them.
pub fn create_quality_tables(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.quality_history (
             as_of timestamp, day date, table_name varchar, check_name varchar, value double, rows bigint, findings bigint);
         create table if not exists raw.quality_profiles (
             as_of timestamp, table_name varchar, column_name varchar, rows bigint, filled bigint, different bigint, lowest varchar,
             highest varchar);
         create table if not exists raw.quality_values (
             as_of timestamp, table_name varchar, column_name varchar, value varchar, rows bigint);",
    )
    .context(either("the tables of the quality of data could not be made", "数据质量的表未能创建"))
}

/// Makes the table of the experiments that there are when a run begins.
///
/// # Errors
/// DuckDB cannot write it.
fn create_experiments_table(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.experiments (
             experiment varchar, slot varchar, is_active boolean, starts_at timestamp, ends_at timestamp, metric varchar,
             least_effect double, experiment_variant varchar, place bigint, is_control boolean, share double);",
    )
    .context(either("the table of experiments could not be made", "实验表未能创建"))
}

/// Makes the tables that evaluation writes what it replayed to.
///
/// # Errors
/// DuckDB cannot write them.
pub fn create_replay_tables(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.offline_replays (
             model varchar, list varchar, action_row_id bigint, place integer, later_hits_5 integer,
             later_hits_10 integer, later_hits_20 integer, later integer, diversity double, novelty double,
             page_views bigint);
         create table if not exists raw.offline_shown (model varchar, list varchar, item_id bigint, times bigint);
         create table if not exists raw.offline_entries (
             model varchar, list varchar, action_row_id bigint, place integer, item_id bigint, score float);",
    )
    .context(either("the tables for replays could not be made", "回放所用的表未能创建"))
}
