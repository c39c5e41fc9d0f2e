//! What is to be read of a table: all of it, or the rows that are new by change time and by key.

use anyhow::{Result, bail};
use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::remote::{Clock, Remote};
use crate::common::language::{either, t};
use crate::config::Config;
use crate::extract::columns;
use crate::extract::tables::Table;
use crate::extract::watermarks::Known;

/// How far below the largest key a table is read again: keys are given out before rows are committed.
const KEY_OVERLAP: i64 = 10_000;

/// What is to be read of a table.
#[derive(Debug)]
pub enum Plan {
    /// All of it, and why.
    Whole(String),
    /// The rows that meet any of these conditions, each of which leaves out what those before it find.
    New { since: String, arms: Vec<String> },
}

/// Decides what is to be read, and says what changed at the source since the last time.
pub fn plan(
    config: &Config,
    table: &Table,
    remote: &Remote,
    known: &Known,
    origin: &str,
    notes: &mut Vec<String>,
) -> Result<Plan> {
    if known.rows == 0 {
        return Ok(Plan::Whole(either("nothing was read so far", "还没有读过").to_owned()));
    }
    if !known.is_database() {
        return Ok(Plan::Whole(either("read from exports before", "以前从导出文件读取").to_owned()));
    }
    if known.origin != origin {
        return Ok(Plan::Whole(t!("read from {} before", "以前从 {} 读取", known.origin)));
    }
    require_same_columns(table, remote, known, origin, notes)?;
    let added: Vec<&str> =
        remote.columns.iter().map(|c| c.name.as_str()).filter(|c| !known.columns.contains_key(*c)).collect();
    if !added.is_empty() {
        return Ok(Plan::Whole(t!("new column(s) {}", "新增列 {}", added.join(", "))));
    }
    let arms = arms(config, table, remote, known);
    let keeps_time = table.change_columns.is_empty() || remote.timed(table).next().is_some();
    if arms.is_empty() || !keeps_time {
        return Ok(Plan::Whole(
            either("no column of a time type tells what is new", "没有时间类型的列可以判断新增").to_owned(),
        ));
    }
    let since = arms
        .iter()
        .map(|arm| arm.split(" and (").next().unwrap_or(arm))
        .collect::<Vec<_>>()
        .join(" or ")
        .replace('"', "");
    Ok(Plan::New { since, arms })
}

/// Says which columns are gone or of another type now, and stops where one that is used cannot be read as before.
fn require_same_columns(
    table: &Table,
    remote: &Remote,
    known: &Known,
    origin: &str,
    notes: &mut Vec<String>,
) -> Result<()> {
    for (name, before) in &known.columns {
        let is_used = table.columns().any(|c| c == name);
        let breaks = |what: &str| -> Result<()> {
            bail!(t!(
                "{origin}: the column {name}, which is used, {what}; where that is meant, --full-refresh reads the \
                 table anew",
                "{origin}：要用到的列 {name} {what}；确有此意则用 --full-refresh 重读整张表"
            ))
        };
        match remote.column(name) {
            None if is_used => breaks(either("is gone", "已不存在"))?,
            None => notes.push(t!(
                "{}: the column {name} is gone; what it held stays",
                "{}：列 {name} 已不存在；原有的值保留",
                table.name
            )),
            Some(column) if column.kind != *before => {
                let was_time = before.starts_with("date") || before.starts_with("timestamp");
                if table.change_columns.contains(&name.as_str()) && was_time && column.clock.is_none() {
                    breaks(&t!(
                        "was {before} and is {} now: no time",
                        "原为 {before}，现为 {}：不是时间",
                        column.kind
                    ))?;
                }
                if table.key.iter().any(|(k, _)| k == name) && before.contains("int") && !column.is_integer {
                    breaks(&t!(
                        "was {before} and is {} now: no whole number",
                        "原为 {before}，现为 {}：不是整数",
                        column.kind
                    ))?;
                }
                notes.push(t!(
                    "{}: {name} is {} now, was {before}",
                    "{}：{name} 现为 {}，原为 {before}",
                    table.name,
                    column.kind
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The conditions that find what is new, by each change time and then by key; each leaves out what those before it find.
fn arms(config: &Config, table: &Table, remote: &Remote, known: &Known) -> Vec<String> {
    let mut arms = Vec::new();
    let mut otherwise = String::new();
    if let Some(watermark) = known.watermark {
        for (column, clock) in remote.timed(table) {
            let (name, since) = (&column.there, since(config, table, watermark, clock));
            arms.push(format!("{name} >= {since}{otherwise}"));
            otherwise += &format!(" and ({name} < {since} or {name} is null)");
        }
    }
    if let (Some(column), Some(largest)) = (remote.number(table), known.max_key) {
        arms.push(format!("{} > {}{otherwise}", column.there, (largest - KEY_OVERLAP).max(0)));
    }
    arms
}

/// The moment from which on a column is read again, as an SQL value to compare it with.
fn since(config: &Config, table: &Table, watermark: DateTime<Utc>, clock: Clock) -> String {
    let zone: Tz = columns::timezone(table, config).parse().unwrap_or(Tz::UTC);
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    let mut from = watermark - config.sources.overlap;
    // where clocks are turned back, an hour comes twice, and its second time looks older than it is
    let turned = offset(from - TimeDelta::days(1)) - offset(from + TimeDelta::days(1));
    from -= TimeDelta::seconds(i64::from(turned.max(0)));
    let local = from.with_timezone(&zone).naive_local();
    match clock {
        Clock::Local => format!("timestamp '{}'", local.format("%Y-%m-%d %H:%M:%S")),
        Clock::Utc => format!("timestamp '{}'", from.format("%Y-%m-%d %H:%M:%S")),
        Clock::Zoned => format!("timestamptz '{}+00'", from.format("%Y-%m-%d %H:%M:%S")),
        Clock::Day => format!("date '{}'", local.format("%Y-%m-%d")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use anyhow::Context;

    use super::*;
    use crate::extract::database::address::Kind;
    use crate::extract::tables::TABLES;
    use crate::warehouse;

    /// A table of a marketplace's database as it is described, without the columns that no source is asked for.
    fn described(config: &Config, table: &Table, columns: &str) -> Result<Remote> {
        let db = warehouse::small()?;
        db.execute_batch(&format!("attach ':memory:' as shop; create table shop.{} ({columns})", table.name))?;
        let zone = columns::timezone(table, config);
        let remote = Remote::describe(&db, Kind::Duckdb, "shop", table.name, table, zone)?;
        let mut remote = remote.context("the table is there")?;
        remote.leave_out(|column| columns::is_left_out(config, table, column));
        Ok(remote)
    }

    fn table(name: &str) -> Result<&'static Table> {
        TABLES.iter().find(|table| table.name == name).context("a table")
    }

    /// What is asked for where the last run read up to 2026-10-14 17:46:40 UTC and key 250000.
    fn asked(config: &Config, table: &Table, remote: &Remote) -> Result<String> {
        let known = Known {
            mode: "database".to_owned(),
            origin: "shop".to_owned(),
            is_there: true,
            watermark: DateTime::from_timestamp(1_792_000_000, 0),
            max_key: Some(250_000),
            rows: 1,
            columns: remote.columns.iter().map(|c| (c.name.clone(), c.kind.clone())).collect::<BTreeMap<_, _>>(),
            ..Known::default()
        };
        Ok(match plan(config, table, remote, &known, "shop", &mut Vec::new())? {
            Plan::Whole(why) => format!("the whole table ({why}):\n{}", remote.rows(table, "true")),
            Plan::New { since, arms } => {
                let queries: Vec<String> = arms.iter().map(|arm| remote.rows(table, arm)).collect();
                format!("{since}:\n{}", queries.join("\n"))
            }
        })
    }

    #[test]
    fn a_table_is_asked_for_what_changed_since_its_watermark_less_the_overlap() -> Result<()> {
        let config = Config::for_test(&[("BUSINESS_TIMEZONE", "Asia/Shanghai"), ("DB_OVERLAP_MINUTES", "30")])?;
        let user = table("user")?;
        let columns = "id bigint, create_time timestamp, update_time timestamptz, password varchar, api_secret varchar, \
                       nick varchar, is_consumption boolean";
        insta::assert_snapshot!(asked(&config, user, &described(&config, user, columns)?)?);
        Ok(())
    }

    #[test]
    fn matomos_times_are_utc_and_actions_go_by_their_key() -> Result<()> {
        let config = Config::for_test(&[("BUSINESS_TIMEZONE", "Asia/Shanghai")])?;
        let visit = table("matomo_log_visit")?;
        let columns =
            "idvisit bigint, idsite integer, idvisitor blob, visit_last_action_time timestamp, user_id varchar";
        let action = table("matomo_log_action")?;
        let actions = described(&config, action, "idaction integer, name varchar, type tinyint")?;
        let text = asked(&config, visit, &described(&config, visit, columns)?)?;
        insta::assert_snapshot!(format!("{text}\n\n{}", asked(&config, action, &actions)?));
        Ok(())
    }

    #[test]
    fn a_table_without_times_is_read_whole_and_new_columns_too() -> Result<()> {
        let config = Config::for_test(&[])?;
        let task = table("task")?;
        let remote =
            described(&config, task, "id varchar, dataset_id bigint, create_user bigint, create_time varchar")?;
        insta::assert_snapshot!(asked(&config, task, &remote)?);
        Ok(())
    }

    #[test]
    fn an_hour_that_comes_twice_is_read_twice() -> Result<()> {
        let config = Config::for_test(&[("BUSINESS_TIMEZONE", "Europe/Paris"), ("DB_OVERLAP_MINUTES", "0")])?;
        // clocks went back on 2026-10-25 at 01:00 UTC
        let turned = DateTime::from_timestamp(1_792_893_600, 0).context("a moment")?;
        assert_eq!(since(&config, table("task")?, turned, Clock::Local), "timestamp '2026-10-25 02:00:00'");
        let before = turned - TimeDelta::days(7);
        assert_eq!(since(&config, table("task")?, before, Clock::Local), "timestamp '2026-10-18 04:00:00'");
        Ok(())
    }
}
