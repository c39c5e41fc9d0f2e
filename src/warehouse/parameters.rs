//! What SQL files are told: the moment that stands for now, time zones, and what the settings say of visits.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::literals::{quote, timestamp};
use crate::common::language::{either, t};
use crate::config::Config;

/// Lets SQL files turn times from zone to zone. The prebuilt DuckDB has ICU; a bundled one does not, and there every
/// zone must be UTC, where nothing is to be turned.
pub(super) fn set_time_zones(db: &Connection, config: &Config) -> Result<()> {
    if db.execute_batch("set TimeZone = 'UTC'; select timezone('UTC', timestamp '2026-01-01');").is_ok() {
        return Ok(());
    }
    for (name, zone) in [
        ("BUSINESS_TIMEZONE", &config.parameters.business_timezone),
        ("REPORT_TIMEZONE", &config.parameters.report_timezone),
    ] {
        if zone != "UTC" {
            bail!(t!(
                "{name} = {zone:?}: this build's DuckDB knows no time zones but UTC; build with the prebuilt library",
                "{name} = {zone:?}：此构建的 DuckDB 只认 UTC 时区；请用预编译库构建"
            ));
        }
    }
    db.execute_batch("create or replace temp macro timezone(zone, moment) as moment")
        .context(either("time zones", "时区"))
}

/// Sets the parameters that SQL files read with `getvariable`.
///
/// # Errors
/// A time zone is set that this DuckDB does not know.
pub fn set_parameters(db: &Connection, config: &Config, as_of: DateTime<Utc>) -> Result<()> {
    set_time_zones(db, config)?;
    let (parameters, lists) = (&config.parameters, &config.lists);
    let is_filtered = lists.popular_filter == Some(true);
    let limit = |value: &dyn ToString| if is_filtered { value.to_string() } else { "null".to_owned() };
    db.execute_batch(&format!(
        "set variable as_of = {};
         set variable business_timezone = {};
         set variable report_timezone = {};
         set variable bot_max_actions = {};
         set variable request_dimensions = {};
         set variable position_dimensions = {};
         set variable matomo_sites = {};
         set variable matomo_user_column = {};
         set variable popular_min_price = cast({} as double);
         set variable popular_min_interaction = cast({} as bigint);
         set variable popular_max_inactive_days = cast({} as bigint);
         set variable train_until = cast(null as timestamp);
         set variable held_out_from = cast(null as timestamp);
         set variable held_out_until = cast(null as timestamp);
         set variable holdout_from = cast(null as timestamp);",
        timestamp(as_of),
        quote(&parameters.business_timezone),
        quote(&parameters.report_timezone),
        parameters.bot_max_actions,
        numbers(parameters.request_dimension.iter().chain(&parameters.request_dimensions)),
        numbers(parameters.position_dimension.iter().chain(&parameters.position_dimensions)),
        numbers(&parameters.matomo_sites),
        parameters.user_column.as_deref().map_or_else(|| "cast(null as varchar)".to_owned(), quote),
        limit(&lists.popular_min_price),
        limit(&lists.popular_min_interaction),
        limit(&lists.popular_max_inactive_days),
    ))
    .context(either("the run's parameters could not be set", "运行参数未能设置"))
}

/// A list of numbers, of each the first.
fn numbers<'a>(numbers: impl IntoIterator<Item = &'a u32>) -> String {
    let mut texts: Vec<String> = Vec::new();
    for number in numbers.into_iter().map(u32::to_string) {
        if !texts.contains(&number) {
            texts.push(number);
        }
    }
    format!("cast([{}] as bigint[])", texts.join(", "))
}

/// The moment that the published warehouse stands for.
///
/// # Errors
/// It does not say.
pub fn published_as_of(db: &Connection) -> Result<DateTime<Utc>> {
    let micros: i64 =
        db.query_row("select epoch_us(as_of) from raw.run_parameters", [], |row| row.get(0)).context(either(
            "the warehouse does not say what time it stands for; run `nearset run` again",
            "仓库没有记下所对应的时刻；请重新 `nearset run`",
        ))?;
    DateTime::from_timestamp_micros(micros).context(either(
        "the warehouse stands for a time that is none; run `nearset run`",
        "仓库所对应的时刻不成立；请运行 `nearset run`",
    ))
}

/// The columns of `raw.run_parameters`: what [`set_parameters`] sets, for clients that have to set it themselves.
const RUN_PARAMETERS: &str =
    "(as_of timestamp, business_timezone varchar, report_timezone varchar, bot_max_actions integer)";

/// Makes the table of the run's parameters, which is empty until [`keep_parameters`].
///
/// # Errors
/// DuckDB cannot write it.
pub fn create_parameters_table(db: &Connection) -> Result<()> {
    db.execute_batch(&format!("create table if not exists raw.run_parameters {RUN_PARAMETERS}"))
        .context(either("the table of the run's parameters could not be made", "运行参数表未能创建"))
}

/// Keeps the parameters of the run that made what is in the warehouse.
///
/// # Errors
/// DuckDB cannot write them.
pub fn keep_parameters(db: &Connection, config: &Config, as_of: DateTime<Utc>) -> Result<()> {
    let parameters = &config.parameters;
    db.execute_batch(&format!(
        "create or replace table raw.run_parameters {RUN_PARAMETERS};
         insert into raw.run_parameters values ({}, {}, {}, {});",
        timestamp(as_of),
        quote(&parameters.business_timezone),
        quote(&parameters.report_timezone),
        parameters.bot_max_actions
    ))
    .context(either("the run's parameters could not be kept", "运行参数未能保存"))
}
