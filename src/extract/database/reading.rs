//! The tables of a database, each with what is known of it and what is to be read.

use anyhow::{Result, bail};
use duckdb::Connection;

use super::plan::{Plan, plan};
use super::remote::Remote;
use super::source::Source;
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::config::Config;
use crate::extract::tables::{TABLES, Table};
use crate::extract::watermarks::{Known, known};
use crate::extract::{columns, names};

/// A table that is there, with what is known of it.
pub struct Reading {
    pub table: &'static Table,
    pub remote: Remote,
    /// The database and the table, in words that hold no secret.
    pub origin: String,
    /// What the warehouse knows of it.
    pub known: Known,
    /// What is to be read.
    pub plan: Plan,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// The source's tables that are there, last first, each with what is to be read of it.
pub fn readings(
    db: Option<&Connection>,
    config: &Config,
    name: &str,
    source: &mut Source,
    progress: &Progress<'_>,
) -> Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for table in TABLES.iter().rev().filter(|t| t.source == name) {
        let known = db.map(|db| known(db, table)).transpose()?.flatten().unwrap_or_default();
        let Some(mut remote) = source.describe(table)? else {
            if known.is_database() && known.is_there {
                bail!(t!(
                    "{}: the table {} was read before and is gone, or may not be read any more; where that is meant, \
                     --full-refresh goes on without it",
                    "{}：表 {} 以前读过，现已不存在或无权读取；确有此意则用 --full-refresh，不再读它",
                    source.shown(),
                    table.name
                ));
            }
            progress.note(&t!(
                "{}: no such table in {}; the run goes on without it",
                "{0}：{1} 里没有这张表；没有它继续运行",
                table.name,
                source.shown()
            ));
            continue;
        };
        let unusable = remote.leave_out(names::is_unusable);
        let left_out = remote.leave_out(|column| columns::is_left_out(config, table, column));
        let origin = format!("{} {}", source.shown(), remote.name);
        if let Some(missing) = remote.lacks(table.required).first() {
            bail!(t!(
                "{origin}: the column {missing} is missing; it must be there",
                "{origin}：缺少必需的列 {missing}"
            ));
        }
        let mut notes =
            if known.is_database() { Vec::new() } else { column_notes(table, &remote, &unusable, &left_out) };
        let plan = plan(config, table, &remote, &known, &origin, &mut notes)?;
        readings.push(Reading { table, remote, origin, known, plan, notes });
    }
    let found: Vec<&str> = readings.iter().map(|r| r.table.name).collect();
    need_tables(name, &found, source)?;
    Ok(readings)
}

/// What a person should know of a table's columns when it is read for the first time.
fn column_notes(table: &Table, remote: &Remote, unusable: &[String], left_out: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let absent = remote.lacks(table.optional);
    if !absent.is_empty() {
        notes.push(t!("{}: without {}", "{}：没有 {}", table.name, absent.join(", ")));
    }
    if !unusable.is_empty() {
        let all = unusable.join(", ");
        notes.push(t!(
            "{}: left out, since every table has columns of these names already: {all}",
            "{}：以下列名与系统列相同，已略去：{all}",
            table.name
        ));
    }
    let renamed = remote.renamed();
    if !renamed.is_empty() {
        notes.push(t!(
            "{}: {renamed}: read as the columns they stand for",
            "{}：{renamed}：按其所指的列读取",
            table.name
        ));
    }
    if !left_out.is_empty() {
        notes.push(t!(
            "{}: {} left where they are (LEAVE_OUT_COLUMNS)",
            "{}：不读取 {}（LEAVE_OUT_COLUMNS）",
            table.name,
            left_out.join(", ")
        ));
    }
    notes
}

/// Fails where no table is there that a run of this source needs, and says what may be wrong.
pub fn need_tables(name: &str, found: &[&str], source: &mut Source) -> Result<()> {
    if if name == "business" { found.contains(&"dataset") } else { !found.is_empty() } {
        return Ok(());
    }
    let names = source.table_names()?;
    let prefix = names.iter().find_map(|n| n.strip_suffix("log_visit"));
    let advice = match (name, prefix) {
        ("matomo", Some(prefix)) => t!("set MATOMO_TABLE_PREFIX={prefix}", "请设置 MATOMO_TABLE_PREFIX={prefix}"),
        ("matomo", None) => {
            t!(
                "no table's name ends in log_visit; check MATOMO_DB_NAME and the user's rights; {}",
                "没有以 log_visit 结尾的表；请检查 MATOMO_DB_NAME 与用户权限；{}",
                listed(&names)
            )
        }
        _ => t!(
            "the table dataset is needed; check BUSINESS_DB_NAME and the user's rights; {}",
            "需要 dataset 表；请检查 BUSINESS_DB_NAME 与用户权限；{}",
            listed(&names)
        ),
    };
    bail!(t!(
        "{}: none of the tables that are needed is there: {advice}",
        "{}：所需的表一张也没有：{advice}",
        source.shown()
    ));
}

fn listed(names: &[String]) -> String {
    match names.len() {
        0 => either("the user sees no table at all", "该用户看不到任何表").to_owned(),
        n => t!("it sees {n}: {}", "能看到 {n} 张：{}", names.iter().take(8).cloned().collect::<Vec<_>>().join(", ")),
    }
}
