//! The reconciliation, the daily report and what is said of tracking as files, from `reconciliation_daily`, `daily_breakdowns`
//! and the relations beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use duckdb::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::daily::{self, Answers, Comparison, Row};
use super::tracking_files;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::evaluate::tracking::{Tracking, tracking};
use crate::warehouse::{self, rows};

/// How many days a run writes daily reports for: late events may still change that many.
const REPORTED_DAYS: i64 = 7;

/// How many days before it a daily report shows.
const HISTORY_DAYS: i64 = 14;

/// Days, each with its figures.
pub type Reconciliation = BTreeMap<NaiveDate, DayFigures>;

/// The figures of one day: a row of `reconciliation_daily`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayFigures {
    /// Orders that the business knows of.
    pub business_order_count: i64,
    /// What they brought.
    pub business_revenue: f64,
    /// Conversions of Matomo with an order.
    pub matomo_conversion_count: i64,
    /// Orders that both know.
    pub matched_count: i64,
    /// Orders that Matomo does not know.
    pub missing_in_matomo_count: i64,
    /// Conversions whose order the business does not know.
    pub matomo_only_count: i64,
    /// What Matomo counts more for the orders that both know.
    pub matched_revenue_difference: f64,
    /// Items of answered lists.
    pub exposures: i64,
    /// Exposed items that were viewed with their list's request id.
    pub clicks: i64,
    /// Orders attributed to a list.
    pub attributed_conversions: i64,
    /// Page views that carry a request id.
    pub matomo_exposures: i64,
    /// Visits that hold one.
    pub matomo_unique_visits: i64,
    /// All visits but those of bots.
    pub matomo_total_visits: i64,
    /// Exposures an order; `None` without an order.
    pub exposure_to_order_ratio: Option<f64>,
    /// `ok`, `warning`, `critical` or `no_orders`.
    pub status: String,
    /// Columns that an analyst added.
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

#[derive(Deserialize)]
struct DayRow {
    day: NaiveDate,
    #[serde(flatten)]
    figures: DayFigures,
}

/// One part of a day's exposures: a row of `daily_breakdowns`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BreakdownFigures {
    /// The version, variant, position, endpoint or cause of fallback.
    pub name: Option<String>,
    /// Items of answered lists.
    pub exposures: i64,
    /// Those that were clicked.
    pub clicks: i64,
    /// Orders attributed to them.
    pub conversions: Option<i64>,
    /// What they brought.
    pub revenue: Option<f64>,
    /// Clicks an exposure.
    pub ctr: f64,
    /// Columns that an analyst added.
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

#[derive(Deserialize)]
struct BreakdownRow {
    breakdown: String,
    #[serde(flatten)]
    figures: BreakdownFigures,
}

/// Rows of a table that were set aside for one reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RejectedRows {
    /// The table.
    pub source_table: Option<String>,
    /// The reason.
    pub reason: Option<String>,
    /// What was done: `dropped`, `repaired`, `unlisted` or `superseded`.
    pub outcome: Option<String>,
    /// How many.
    pub rows: u64,
}

/// What the sources held that could not be used, and how lists were answered.
#[derive(Clone, Debug, Serialize)]
pub struct Operations {
    /// By table, reason and outcome.
    pub rejected_rows: Vec<RejectedRows>,
    /// Under the old system's names.
    #[serde(flatten)]
    pub answers: Answers,
}

/// A day's figures under our names and under those of the old system's reports.
#[derive(Clone, Debug, Serialize)]
pub struct DailySummary {
    /// Ours.
    #[serde(flatten)]
    pub figures: DayFigures,
    /// The day's row of `daily_totals`.
    #[serde(flatten)]
    pub totals: Row,
}

/// Parts of a day, by what they are parted by.
#[derive(Clone, Debug, Serialize)]
pub struct Breakdowns {
    /// By `versions`, `variants`, `positions`, `endpoints` and `degrade_reasons`, the most shown first.
    #[serde(flatten)]
    pub named: BTreeMap<String, Vec<BreakdownFigures>>,
    /// Under the old system's names.
    #[serde(flatten)]
    pub by: BTreeMap<String, Vec<Row>>,
}

/// One day: its figures, its parts, what was set aside, and the days before it.
#[derive(Clone, Debug, Serialize)]
pub struct DailyReport {
    /// The day.
    pub day: NaiveDate,
    /// Its figures.
    pub summary: DailySummary,
    /// Its exposures, parted.
    pub breakdowns: Breakdowns,
    /// What was set aside.
    pub operations: Operations,
    /// How much of what came of lists the pages tell, and what to mend.
    pub tracking: Option<Tracking>,
    /// The fourteen days before.
    pub history: Reconciliation,
    /// The same and more under the old system's names.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// The first and the last day there is anything of, up to the day of `as_of`.
///
/// # Errors
/// `reconciliation_daily` cannot be read.
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
///
/// # Errors
/// `end` is before `start`, or `reconciliation_daily` cannot be read.
pub fn reconciliation(db: &Connection, start: NaiveDate, end: NaiveDate) -> Result<Reconciliation> {
    if end < start {
        bail!(t!("--end {end} is before --start {start}", "--end {end} 早于 --start {start}"));
    }
    let sql = format!("select * from reconciliation_daily where day between '{start}' and '{end}' order by day");
    Ok(rows::<DayRow>(db, &sql)?.into_iter().map(|row| (row.day, row.figures)).collect())
}

/// The query that shows a reconciliation on a terminal.
pub fn reconciliation_query(start: NaiveDate, end: NaiveDate) -> String {
    format!(
        "select day, business_order_count as orders, business_revenue as revenue, matched_count as matched,
             missing_in_matomo_count as missing, matomo_only_count as matomo_only, exposures, clicks,
             attributed_conversions as attributed, status
         from reconciliation_daily where day between '{start}' and '{end}' order by day"
    )
}

fn reconciliation_path(config: &Config, start: NaiveDate, end: NaiveDate) -> PathBuf {
    config.evaluation_dir().join(format!("reconciliation_{start}_{end}.json"))
}

/// Writes the reconciliation of some days again; returns where.
///
/// # Errors
/// There is no warehouse, or the file cannot be written.
pub fn write_reconciliation(config: &Config, start: NaiveDate, end: NaiveDate) -> Result<PathBuf> {
    let path = reconciliation_path(config, start, end);
    let report = reconciliation(&*warehouse::open_published(config)?, start, end)?;
    warehouse::write_own(config, &path, &serde_json::to_vec_pretty(&report)?)?;
    Ok(path)
}

/// One day: its figures, its breakdowns, what was set aside, and the days before it.
///
/// # Errors
/// Nothing is known of the day, or a relation cannot be read.
pub fn daily(db: &Connection, day: NaiveDate, as_of: DateTime<Utc>) -> Result<DailyReport> {
    let mut history = reconciliation(db, day - TimeDelta::days(HISTORY_DAYS), day)?;
    let Some(figures) = history.remove(&day) else {
        let range = match days(db)? {
            Some((first, last)) => t!("there are figures from {first} to {last}", "已有 {first} 至 {last} 的数据"),
            None => either("there are no figures yet", "还没有数据").to_owned(),
        };
        bail!(t!("nothing is known of {day}; {range}", "没有 {day} 的数据；{range}"));
    };
    let mut breakdowns: BTreeMap<String, Vec<BreakdownFigures>> = BTreeMap::new();
    let sql = format!(
        "select * exclude (day) from daily_breakdowns where day = '{day}' order by breakdown, exposures desc, name"
    );
    for row in rows::<BreakdownRow>(db, &sql)? {
        breakdowns.entry(row.breakdown).or_default().push(row.figures);
    }
    let rejected_rows = rows(
        db,
        "select source_table, reason, outcome, count(*) as rows from rejected_rows group by all order by all",
    )?;
    Ok(DailyReport {
        day,
        summary: DailySummary { figures, totals: daily::totals(db, day)?.unwrap_or_default() },
        breakdowns: Breakdowns { named: breakdowns, by: daily::breakdowns(db, day)? },
        operations: Operations { rejected_rows, answers: daily::answers(db, day)? },
        tracking: tracking(db, day)?,
        history,
        comparison: daily::comparison(db, day, as_of)?,
    })
}

fn daily_path(config: &Config, day: NaiveDate) -> PathBuf {
    config.daily_reports_dir().join(format!("recommendation_report_{day}.json"))
}

/// Writes one day's report again; returns where.
///
/// # Errors
/// There is no warehouse, nothing is known of the day, or the file cannot be written.
pub fn write_daily(config: &Config, day: NaiveDate) -> Result<PathBuf> {
    let path = daily_path(config, day);
    let db = warehouse::open_published(config)?;
    let report = daily(&db, day, warehouse::published_as_of(&db)?)?;
    warehouse::write_own(config, &path, &serde_json::to_vec_pretty(&report)?)?;
    Ok(path)
}

/// What a run writes: the reconciliation of all days, the reports of the last, and what is said of tracking.
///
/// # Errors
/// A relation cannot be read.
pub fn after_run(db: &Connection, config: &Config, as_of: DateTime<Utc>) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let evaluation = config.evaluation_dir();
    let mut files = vec![
        (evaluation.join("tracking_report_v2.json"), serde_json::to_vec_pretty(&tracking_files::tracking_report(db)?)?),
        (
            evaluation.join("tracking_verification.json"),
            serde_json::to_vec_pretty(&tracking_files::verification(db, as_of)?)?,
        ),
    ];
    let Some((first, last)) = days(db)? else { return Ok(files) };
    let all = reconciliation(db, first, last)?;
    for day in first.max(last - TimeDelta::days(REPORTED_DAYS - 1)).iter_days().take_while(|day| *day <= last) {
        if all.contains_key(&day) {
            files.push((daily_path(config, day), serde_json::to_vec_pretty(&daily(db, day, as_of)?)?));
        }
    }
    files.push((reconciliation_path(config, first, last), serde_json::to_vec_pretty(&all)?));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_an_analyst_adds_is_reported() -> Result<()> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(
            "create table reconciliation_daily as
             select date '2026-10-01' as day, 1 as business_order_count, 2.5 as business_revenue, 3 as matomo_conversion_count,
                 1 as matched_count, 0 as missing_in_matomo_count, 2 as matomo_only_count, 0.0 as matched_revenue_difference,
                 4 as exposures, 5 as clicks, 6 as attributed_conversions, 7 as matomo_exposures, 8 as matomo_unique_visits,
                 9 as matomo_total_visits, 'shop' as of_whom, null as exposure_to_order_ratio, 'ok' as status",
        )?;
        let day = NaiveDate::from_ymd_opt(2026, 10, 1).unwrap_or_default();
        let text = serde_json::to_string(&reconciliation(&db, day, day)?)?;
        assert!(text.ends_with(r#""exposure_to_order_ratio":null,"status":"ok","of_whom":"shop"}}"#), "{text}");
        Ok(())
    }
}
