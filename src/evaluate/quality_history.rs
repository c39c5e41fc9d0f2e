//! What a run leaves for the next ones to compare their data with: scores and checks, what columns hold, which values there are. A run
//! for the same moment takes the place of what was left for it.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use crate::common::language::either;
use crate::extract::create_quality_tables;
use crate::sql_project::existing;
use crate::warehouse::timestamp;

/// Of so many days all runs are kept; of earlier ones the last.
const ALL_RUNS_DAYS: u32 = 31;

/// Of so many runs it is kept which values columns had: this one, the one before, and one for a run that is done again.
const VALUES_OF_RUNS: u32 = 3;

/// Leaves what this run found of its data.
///
/// # Errors
/// A relation cannot be read, or DuckDB cannot write.
pub fn keep_quality(db: &Connection, as_of: DateTime<Utc>) -> Result<()> {
    let there = existing(db)?;
    if !["data_quality_history", "data_quality_profile", "data_quality_values"]
        .iter()
        .all(|name| there.contains_key(*name))
    {
        return Ok(());
    }
    let now = timestamp(as_of);
    let is_of_now = format!("select exists (from data_quality_history where as_of = {now})");
    // a run without the step leaves the relations of the one before
    if !db.query_row(&is_of_now, [], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    create_quality_tables(db)?;
    db.execute_batch(&format!(
        "delete from raw.quality_history where as_of = {now};
         insert into raw.quality_history by name from data_quality_history where as_of = {now} order by all;
         delete from raw.quality_history
         where day < cast({now} as date) - {ALL_RUNS_DAYS}
             and as_of not in (select max(as_of) from raw.quality_history group by day);
         delete from raw.quality_profiles where as_of = {now};
         insert into raw.quality_profiles by name select {now} as as_of, * from data_quality_profile order by all;
         delete from raw.quality_profiles
         where as_of < {now} - to_days({ALL_RUNS_DAYS})
             and as_of not in (select max(as_of) from raw.quality_profiles group by cast(as_of as date));
         delete from raw.quality_values where as_of = {now};
         insert into raw.quality_values by name select {now} as as_of, * from data_quality_values order by all;
         delete from raw.quality_values
         where as_of < {now}
             and as_of not in (
                 select distinct as_of from raw.quality_values where as_of <= {now} order by as_of desc limit {VALUES_OF_RUNS});"
    ))
    .context(either("what this run found of its data could not be kept", "本次运行的数据质量结果未能保存"))
}
