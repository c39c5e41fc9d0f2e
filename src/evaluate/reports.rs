//! The reconciliation and the daily report as files, from `reconciliation_daily` and `daily_breakdowns`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use chrono::{Duration, NaiveDate};
use duckdb::Connection;
use serde_json::{Map, Value, json};

use super::rows;
use crate::config::Config;

/// How many days a run writes daily reports for: late events may still change that many.
const REPORTED_DAYS: i64 = 7;

/// How many days before it a daily report shows.
const HISTORY_DAYS: i64 = 14;

/// The first and the last day there is anything of, up to the day of `as_of`.
pub fn days(db: &Connection) -> Result<Option<(NaiveDate, NaiveDate)>> {
    let (first, last): (Option<String>, Option<String>) =
        db.query_row("select min(day)::varchar, max(day)::varchar from reconciliation_daily", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    match (first, last) {
        (Some(first), Some(last)) => Ok(Some((first.parse()?, last.parse()?))),
        _ => Ok(None),
    }
}

/// Days from `start` to `end`, each with its figures.
pub fn reconciliation(db: &Connection, start: NaiveDate, end: NaiveDate) -> Result<Value> {
    if end < start {
        bail!("--end {end} is before --start {start}");
    }
    let sql = format!("select * from reconciliation_daily where day between '{start}' and '{end}' order by day");
    let mut days = Map::new();
    for mut row in rows(db, &sql)? {
        let day =
            row.shift_remove("day").and_then(|d| d.as_str().map(str::to_owned)).context("a day without a date")?;
        days.insert(day, Value::Object(row));
    }
    Ok(Value::Object(days))
}

/// Where a reconciliation is kept.
pub fn reconciliation_path(config: &Config, start: NaiveDate, end: NaiveDate) -> PathBuf {
    config.evaluation_dir().join(format!("reconciliation_{start}_{end}.json"))
}

/// One day: its figures, its breakdowns, what was set aside, and the days before it.
pub fn daily(db: &Connection, day: NaiveDate) -> Result<Value> {
    let mut figures = reconciliation(db, day - Duration::days(HISTORY_DAYS), day)?;
    let today = figures.as_object_mut().and_then(|days| days.shift_remove(&day.to_string()));
    let Some(today) = today else {
        let range = match days(db)? {
            Some((first, last)) => format!("there are figures from {first} to {last}"),
            None => "there are no figures yet".to_owned(),
        };
        bail!("nothing is known of {day}; {range}");
    };
    let mut breakdowns = Map::new();
    let sql = format!(
        "select * exclude (day) from daily_breakdowns where day = '{day}' order by breakdown, exposures desc, name"
    );
    for mut row in rows(db, &sql)? {
        let breakdown = row.shift_remove("breakdown").and_then(|b| b.as_str().map(str::to_owned)).unwrap_or_default();
        if let Value::Array(list) = breakdowns.entry(breakdown).or_insert_with(|| json!([])) {
            list.push(Value::Object(row));
        }
    }
    let rejected = rows(
        db,
        "select source_table, reason, outcome, count(*) as rows from rejected_rows group by all order by all",
    )?;
    Ok(json!({
        "day": day,
        "summary": today,
        "breakdowns": breakdowns,
        "operations": {"rejected_rows": rejected},
        "history": figures,
    }))
}

/// Where a daily report is kept.
pub fn daily_path(config: &Config, day: NaiveDate) -> PathBuf {
    config.evaluation_dir().join("daily_reports").join(format!("recommendation_report_{day}.json"))
}

/// What a run writes: the reconciliation of all days, and the reports of the last.
pub fn after_run(db: &Connection, config: &Config) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let Some((first, last)) = days(db)? else { return Ok(Vec::new()) };
    let all = reconciliation(db, first, last)?;
    let mut files = Vec::new();
    for day in first.max(last - Duration::days(REPORTED_DAYS - 1)).iter_days().take_while(|day| *day <= last) {
        if all.get(day.to_string()).is_some() {
            files.push((daily_path(config, day), serde_json::to_vec_pretty(&daily(db, day)?)?));
        }
    }
    files.push((reconciliation_path(config, first, last), serde_json::to_vec_pretty(&all)?));
    Ok(files)
}
