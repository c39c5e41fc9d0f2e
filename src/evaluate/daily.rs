//! What a daily report says under the names that the old system's reports had, from `daily_totals` and the relations beside
//! it.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use duckdb::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::warehouse::rows;

/// A row of a relation, by its columns' names.
pub type Row = Map<String, Value>;

/// The figures that are compared with the days before: the metrics of `daily_comparisons`.
const METRICS: [&str; 7] = [
    "total_exposures",
    "total_clicks",
    "total_conversions",
    "total_revenue",
    "total_detail_views",
    "overall_ctr",
    "overall_cvr",
];

/// How many days before it the chart shows.
const CHART_DAYS: i64 = 6;

/// Everything of one day that has a name of the old system's, but for what stands within other objects.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// By which share each figure has risen.
    deltas: Deltas,
    /// What it was before.
    comparisons: Comparisons,
    /// The day and the six before it.
    history_chart: Vec<Row>,
    /// The run's `as_of`, in RFC 3339.
    generated_at: String,
    /// How many rows the figures are of.
    record_counts: Row,
}

/// By which share each figure has risen; `null` where there is nothing to compare with.
#[derive(Clone, Debug, Serialize)]
struct Deltas {
    vs_previous_day: BTreeMap<&'static str, Option<f64>>,
    vs_7day_avg: BTreeMap<&'static str, Option<f64>>,
}

/// What the figures were before.
#[derive(Clone, Debug, Serialize)]
struct Comparisons {
    /// All of the day before, where anything is known of it.
    previous_day: Option<Row>,
    /// The means of the seven days before.
    seven_day_average: BTreeMap<&'static str, Option<f64>>,
}

#[derive(Deserialize)]
struct Compared {
    metric: String,
    seven_day_average: Option<f64>,
    vs_previous_day: Option<f64>,
    vs_7day_avg: Option<f64>,
}

/// The figures of a day; none where nothing is known of it.
///
/// # Errors
/// `daily_totals` cannot be read.
pub fn totals(db: &Connection, day: NaiveDate) -> Result<Option<Row>> {
    let sql = format!(
        "select cast(day as varchar) as date, * exclude (day, exposure_to_conversion, view_to_conversion)
         from daily_totals where day = '{day}'"
    );
    Ok(rows(db, &sql)?.pop())
}

/// A day beside those before it.
///
/// # Errors
/// A relation cannot be read.
pub fn comparison(db: &Connection, day: NaiveDate, as_of: DateTime<Utc>) -> Result<Comparison> {
    let compared: Vec<Compared> =
        rows(db, &format!("select * exclude (day) from daily_comparisons where day = '{day}'"))?;
    let each = |figure: fn(&Compared) -> Option<f64>| {
        METRICS
            .map(|name| (name, compared.iter().find(|row| row.metric == name).and_then(figure)))
            .into_iter()
            .collect()
    };
    let since = day - TimeDelta::days(CHART_DAYS);
    let chart = format!(
        "select cast(day as varchar) as date, total_exposures, total_clicks, total_conversions, total_revenue, overall_ctr,
             overall_cvr
         from daily_totals where day between '{since}' and '{day}' order by day"
    );
    let counts = format!(
        "select total_exposures as exposures, total_clicks as click_events, total_conversions as conversions,
             (select count(*) from (select distinct request_id, dataset_id from exposures where day = '{day}')) as merged_rows
         from daily_totals where day = '{day}'"
    );
    Ok(Comparison {
        deltas: Deltas { vs_previous_day: each(|row| row.vs_previous_day), vs_7day_avg: each(|row| row.vs_7day_avg) },
        comparisons: Comparisons {
            previous_day: totals(db, day - TimeDelta::days(1))?,
            seven_day_average: each(|row| row.seven_day_average),
        },
        history_chart: rows(db, &chart)?,
        generated_at: as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
        record_counts: rows(db, &counts)?.pop().unwrap_or_default(),
    })
}

/// A day's exposures by `by_version`, `by_endpoint` and `by_position`, and its `top_datasets`.
///
/// # Errors
/// A relation cannot be read.
pub fn breakdowns(db: &Connection, day: NaiveDate) -> Result<BTreeMap<String, Vec<Row>>> {
    let by = |breakdown: &str, name: &str, order: &str| {
        let sql = format!(
            "select {name}, exposures, clicks, conversions, revenue, ctr,
                 coalesce(round(conversions / nullif(clicks, 0), 6), 0) as cvr
             from daily_breakdowns where day = '{day}' and breakdown = '{breakdown}' order by {order}"
        );
        rows(db, &sql)
    };
    let top = format!("select * exclude (day, place) from daily_top_datasets where day = '{day}' order by place");
    Ok(BTreeMap::from([
        ("by_version".to_owned(), by("versions", "name as algorithm_version", "exposures desc, name")?),
        ("by_endpoint".to_owned(), by("endpoints", "name as endpoint", "exposures desc, name")?),
        ("by_position".to_owned(), by("positions", "cast(name as integer) as min_position", "min_position")?),
        ("top_datasets".to_owned(), rows(db, &top)?),
    ]))
}

/// How lists were answered that day: `fallbacks`, `variants`, `experiments`, and the rates from step to step.
#[derive(Clone, Debug, Serialize)]
pub struct Answers {
    /// By cause.
    fallbacks: Vec<Row>,
    /// `primary` and `fallback`.
    variants: Vec<Row>,
    /// Each variant of each experiment.
    experiments: Vec<Row>,
    /// From exposures to clicks and orders.
    funnel_rates: Row,
}

/// How lists were answered that day.
///
/// # Errors
/// A relation cannot be read.
pub fn answers(db: &Connection, day: NaiveDate) -> Result<Answers> {
    let of = |kind: &str, names: &str| {
        let sql = format!(
            "select {names}, * exclude (day, kind, name, variant)
             from daily_operations where day = '{day}' and kind = '{kind}' order by requests desc, name, variant"
        );
        rows(db, &sql)
    };
    let funnel = format!(
        "select overall_ctr as exposure_to_click, overall_cvr as click_to_conversion, exposure_to_conversion,
             view_to_conversion
         from daily_totals where day = '{day}'"
    );
    Ok(Answers {
        fallbacks: of("fallbacks", "name as reason")?,
        variants: of("variants", "name as variant")?,
        experiments: of("experiments", "name as experiment, variant")?,
        funnel_rates: rows(db, &funnel)?.pop().unwrap_or_default(),
    })
}
