//! What an operator asks of the last run, as metrics tell it: a small file that a run publishes, so that servers open no
//! warehouse. Each part is taken from a relation; where that is not there, the part is empty.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use duckdb::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::experiments::Verdict;
use crate::common::files;
use crate::common::language::t;
use crate::sql_project::{FailedView, existing, failed_views};
use crate::warehouse::rows;

/// How many of the last days the reconciliation is told of.
const RECONCILED_DAYS: u32 = 7;

/// What a run publishes for operators. Figures of another nearset may lack a part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperatorFigures {
    /// How new the source tables are.
    pub sources: Vec<SourceTable>,
    /// How good tables are.
    pub quality: Vec<TableQuality>,
    /// Findings on the quality of data.
    pub alerts: Vec<QualityAlerts>,
    /// What was odd on the last whole day.
    pub odd_days: Vec<OddDay>,
    /// How source tables keep their contracts.
    pub contracts: Vec<TableContract>,
    /// What lists earned lately.
    pub lists: Vec<ListRates>,
    /// How many views from lists are known as such.
    pub tracking: Vec<Tracking>,
    /// How orders and conversions agreed in the last days.
    pub reconciliation: Vec<ReconciledDays>,
    /// Where the variants of experiments stand.
    pub experiments: Vec<ExperimentFigures>,
    /// Views of analysts that are not as their files say.
    pub views: Vec<FailedView>,
}

/// A source table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceTable {
    /// Its source and its name.
    pub table: String,
    /// When its newest row changed, in seconds since 1970; `None` of one without times.
    pub newest: Option<f64>,
    /// How many rows it has.
    pub rows: u64,
}

/// How good a table is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableQuality {
    /// Its name.
    pub table: String,
    /// 0 to 100.
    pub score: f64,
    /// What is odd in it.
    pub anomalies: u64,
}

/// Findings of one severity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityAlerts {
    /// `warning`, `critical`, …
    pub severity: String,
    /// How many.
    pub alerts: u64,
}

/// A figure of a table's last whole day that is not as the same weekdays before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OddDay {
    /// Its source and its name.
    pub table: String,
    /// `events`, or the share that it is of.
    pub measure: String,
    /// The day in the zone of reports.
    pub day: String,
    /// What it was.
    pub value: f64,
    /// What was expected.
    pub expected: f64,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// Whose it is to mend; empty where nobody is named.
    pub owner: String,
}

/// A source table and its contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableContract {
    /// Its source and its name.
    pub table: String,
    /// Whether it is kept.
    pub is_kept: bool,
    /// How often it is broken.
    pub violations: u64,
    /// The columns and rules that are broken.
    #[serde(default)]
    pub broken: Option<String>,
}

/// What the lists of an endpoint earned lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListRates {
    /// The endpoint.
    pub endpoint: String,
    /// Clicks for each exposure.
    pub ctr: Option<f64>,
    /// Attributed conversions for each click.
    pub cvr: Option<f64>,
}

/// The last day's views from lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    /// The endpoint of the lists.
    pub endpoint: String,
    /// The share that carries the list's request id.
    pub coverage: f64,
    /// How many there were.
    pub views: u64,
}

/// The last days of one status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconciledDays {
    /// `ok`, `warning`, `critical` or `no_orders`.
    pub status: String,
    /// How many.
    pub days: u64,
    /// Which.
    #[serde(default)]
    pub dates: Option<String>,
}

/// A variant of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentFigures {
    /// The experiment.
    pub experiment: String,
    /// The variant.
    pub variant: String,
    /// How many visitors got it.
    pub visitors: u64,
    /// What variants are compared by.
    pub rate: Option<f64>,
    /// What may be said of it; `None` of the control.
    pub verdict: Option<Verdict>,
    /// Whether visitors do not come as they were allocated.
    pub is_sample_ratio_off: bool,
}

/// Relations as they are there.
struct There<'a> {
    db: &'a Connection,
    relations: BTreeMap<String, String>,
}

impl There<'_> {
    /// The rows of a query on a relation; none where that is not there.
    fn rows<T: DeserializeOwned>(&self, relation: &str, sql: &str) -> Result<Vec<T>> {
        match self.relations.contains_key(relation) {
            true => rows(self.db, sql).with_context(|| t!("relation {relation}", "关系 {relation}")),
            false => Ok(Vec::new()),
        }
    }

    /// How source tables keep their contracts.
    fn contracts(&self) -> Result<Vec<TableContract>> {
        self.rows(
            "schema_contract_results",
            "select source || '.' || table_name as \"table\", bool_and(status = 'ok' or severity = 'info') as is_kept,
                 coalesce(sum(violations), 0)::ubigint as violations,
                 string_agg(distinct trim(column_name || ' ' || rule), ', ' order by trim(column_name || ' ' || rule))
                     filter (where status <> 'ok' and severity <> 'info') as broken
             from schema_contract_results group by all order by all",
        )
    }
}

impl OperatorFigures {
    /// The figures of a warehouse.
    ///
    /// # Errors
    /// A relation cannot be read.
    pub fn of(db: &Connection) -> Result<Self> {
        let there = There { db, relations: existing(db)? };
        let reconciled = format!(
            "select status, count(*) as days, string_agg(day::varchar, ', ' order by day) as dates from (from reconciliation_daily order by day desc limit {RECONCILED_DAYS})
             group by status order by status"
        );
        Ok(Self {
            sources: there.rows(
                "source_freshness",
                "select table_name as \"table\", epoch(newest_at) as newest, rows from source_freshness order by all",
            )?,
            quality: there.rows(
                "data_quality_scores",
                "select table_name as \"table\", score, coalesce(anomalies, 0)::ubigint as anomalies
                 from data_quality_scores where score is not null order by all",
            )?,
            alerts: there.rows(
                "data_quality_alerts",
                "select severity, count(*) as alerts from data_quality_alerts group by severity order by severity",
            )?,
            odd_days: there.rows(
                "data_quality_anomalies",
                "select table_name as \"table\", measure, day::varchar as day, value, expected, severity, owner
                 from data_quality_anomalies order by table_name, measure",
            )?,
            contracts: there.contracts()?,
            lists: there.rows("endpoint_rates", "select endpoint, ctr, cvr from endpoint_rates order by endpoint")?,
            tracking: there.rows(
                "tracking_coverage",
                "select endpoint, coverage, views from tracking_coverage where views > 0
                 qualify row_number() over (partition by endpoint order by day desc) = 1 order by endpoint",
            )?,
            reconciliation: there.rows("reconciliation_daily", &reconciled)?,
            experiments: there.rows(
                "experiment_results",
                "select experiment, experiment_variant as variant, visitors, rate, verdict, is_sample_ratio_off
                 from experiment_results order by experiment, place nulls last, variant",
            )?,
            views: failed_views(db)?,
        })
    }

    /// Where a run publishes them.
    pub fn path(metadata_dir: &Path) -> PathBuf {
        metadata_dir.join("metrics.json")
    }

    /// The file's content.
    ///
    /// # Errors
    /// A relation cannot be read.
    pub fn published(db: &Connection) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&Self::of(db)?)?)
    }

    /// Tells servers of the contracts that a run found broken which therefore publishes nothing; all else stays as the last one
    /// published it.
    ///
    /// # Errors
    /// The contracts cannot be read, or the file not written.
    pub fn tell_contracts(db: &Connection, metadata_dir: &Path) -> Result<()> {
        let contracts = There { db, relations: existing(db)? }.contracts()?;
        let figures = Self { contracts, ..Self::read(metadata_dir)? };
        files::write(&Self::path(metadata_dir), &serde_json::to_vec_pretty(&figures)?)
    }

    /// What the last run published; nothing where none did.
    ///
    /// # Errors
    /// The file cannot be read, or makes no sense.
    pub fn read(metadata_dir: &Path) -> Result<Self> {
        let path = Self::path(metadata_dir);
        let text = files::read(&path)?;
        text.map_or_else(
            || Ok(Self::default()),
            |text| {
                serde_json::from_slice(&text).with_context(|| t!("{} makes no sense", "{} 内容有误", path.display()))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_and_what_is_not_there_is_left_out() -> Result<()> {
        let dir = tempfile::tempdir()?;
        assert_eq!(OperatorFigures::read(dir.path())?, OperatorFigures::default());
        let db = Connection::open_in_memory()?;
        assert_eq!(OperatorFigures::of(&db)?, OperatorFigures::default());
        db.execute_batch(
            "create table data_quality_scores as
             from (values ('interactions', 97.5, 3), ('images', null, null)) as t (table_name, score, anomalies);
             create table data_quality_alerts as from (values ('critical'), ('warning'), ('warning')) as t (severity);
             create table schema_contract_results as
             from (values ('business', 'dataset', 'id', 'unique', 'warning', 'ok', 0),
                 ('business', 'dataset', 'price', 'range', 'critical', 'violated', 3),
                 ('matomo', 'matomo_log_visit', '', 'rows', 'info', 'violated', 1))
                 as t (source, table_name, column_name, rule, severity, status, violations);
             create table tracking_coverage as
             from (values (date '2026-10-01', 'similar', 9, 0.5), (date '2026-10-02', 'similar', 8, 0.75),
                 (date '2026-10-03', 'similar', 0, null)) as t (day, endpoint, views, coverage);
             create table reconciliation_daily as
             select date '2026-10-01' + d::integer as day, if(d % 4 = 0, 'critical', 'ok') as status from range(10) as t (d);
             create table source_freshness as
             from (values ('business.dataset', timestamp '1970-01-02', 7), ('matomo.matomo_log_action', null, 8))
                 as t (table_name, newest_at, rows)",
        )?;
        files::write(&OperatorFigures::path(dir.path()), &OperatorFigures::published(&db)?)?;
        let read = OperatorFigures::read(dir.path())?;
        assert_eq!(read, OperatorFigures::of(&db)?);
        insta::assert_snapshot!(serde_json::to_string(&read)?, @r#"{"sources":[{"table":"business.dataset","newest":86400.0,"rows":7},{"table":"matomo.matomo_log_action","newest":null,"rows":8}],"quality":[{"table":"interactions","score":97.5,"anomalies":3}],"alerts":[{"severity":"critical","alerts":1},{"severity":"warning","alerts":2}],"odd_days":[],"contracts":[{"table":"business.dataset","is_kept":false,"violations":3,"broken":"price range"},{"table":"matomo.matomo_log_visit","is_kept":true,"violations":1,"broken":null}],"lists":[],"tracking":[{"endpoint":"similar","coverage":0.75,"views":8}],"reconciliation":[{"status":"critical","days":2,"dates":"2026-10-05, 2026-10-09"},{"status":"ok","days":5,"dates":"2026-10-04, 2026-10-06, 2026-10-07, 2026-10-08, 2026-10-10"}],"views":[]}"#);
        files::write(&OperatorFigures::path(dir.path()), b"[{}]")?;
        assert!(OperatorFigures::read(dir.path()).is_err());
        Ok(())
    }
}
