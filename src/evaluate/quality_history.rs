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

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const EXPECTED: &str = include_str!("../../sql/evaluate/data_quality_expected.sql");

    /// Days of each series; the last eight weeks of them are judged.
    const DAYS: i32 = 120;

    /// A warehouse of simulated days, whose last is 2026-10-28.
    struct World {
        db: Connection,
        random: SmallRng,
    }

    impl World {
        fn new(seed: u64) -> Result<Self> {
            let db = Connection::open_in_memory()?;
            db.execute_batch(
                "create macro report_day(moment) as cast(moment as date);
                 set variable as_of = timestamp '2026-10-29';
                 create table data_quality_days (table_name varchar, measure varchar, day date, value double, of_rows bigint);",
            )?;
            Ok(Self { db, random: SmallRng::seed_from_u64(seed) })
        }

        fn normal(&mut self) -> f64 {
            let (a, b) = (self.random.random::<f64>(), self.random.random::<f64>());
            (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
        }

        /// How many events there are where so many are expected.
        fn events(&mut self, expected: f64) -> f64 {
            if expected > 60.0 {
                return (expected + expected.sqrt() * self.normal()).round().max(0.0);
            }
            let (end, mut product, mut events) = ((-expected).exp(), self.random.random::<f64>(), 0.0);
            while product > end {
                product *= self.random.random::<f64>();
                events += 1.0;
            }
            events
        }

        /// A table without a fault: days of the week differ, all grow a little, and days differ by `spread` beyond chance.
        fn healthy(&mut self, table: &str, base: f64, spread: f64) -> Result<Vec<f64>> {
            let week: Vec<f64> = (0..7).map(|_| self.random.random_range(0.3..1.7)).collect();
            let mut days = Vec::new();
            let mut insert = String::from("insert into data_quality_days values ");
            for day in 0..DAYS {
                let growth = 1.02_f64.powf(f64::from(day) / 7.0);
                let expected = base * week[day as usize % 7] * growth * (spread * self.normal()).exp();
                let events = self.events(expected);
                days.push(events);
                insert += &format!("('{table}', 'events', date '2026-10-28' - {}, {events}, null),", DAYS - 1 - day);
            }
            self.db.execute_batch(&insert)?;
            Ok(days)
        }

        /// A share of as many rows as those days have.
        fn share(&mut self, table: &str, days: &[f64], share: f64) -> Result<()> {
            let mut insert = String::from("insert into data_quality_days values ");
            for (day, rows) in days.iter().enumerate().filter(|(_, rows)| **rows > 0.0) {
                let odd = self.events(rows * share).min(*rows) / rows;
                insert +=
                    &format!("('{table}', 'no_user', date '2026-10-28' - {}, {odd}, {rows}),", DAYS - 1 - day as i32);
            }
            self.db.execute_batch(&insert)?;
            Ok(())
        }

        fn count(&self, what: &str) -> Result<f64> {
            Ok(self.db.query_row(&format!("select {what} from ({EXPECTED})"), [], |row| row.get(0))?)
        }
    }

    #[test]
    fn days_without_a_fault_are_odd_less_than_once_in_a_thousand() -> Result<()> {
        let mut world = World::new(19)?;
        for number in 0..150 {
            let table = format!("t{number}");
            let base = 10_f64.powf(world.random.random_range(0.3..3.7));
            let days = world.healthy(&table, base, [0.0, 0.1, 0.25][number % 3])?;
            let share = 10_f64.powf(world.random.random_range(-3.0..-0.3));
            world.share(&table, &days, share)?;
        }
        let (judged, odd) =
            (world.count("count(distance)::double")?, world.count("count(*) filter (where is_odd)::double")?);
        assert!(judged > 15_000.0, "{judged}");
        assert!(odd * 1000.0 < judged, "{odd} of {judged}");
        Ok(())
    }

    #[test]
    fn a_day_that_lost_three_quarters_of_its_events_is_found_and_none_before_there_are_four_weeks() -> Result<()> {
        let mut world = World::new(7)?;
        for number in 0..40 {
            world.healthy(&format!("t{number}"), 400.0, 0.05)?;
        }
        let last = "day = date '2026-10-28'";
        assert!(world.count(&format!("count(*) filter (where is_odd and {last})::double"))? <= 1.0);
        world.db.execute_batch(&format!("update data_quality_days set value = value / 4 where {last}"))?;
        assert!(world.count(&format!("count(*) filter (where is_odd and value < low and {last})::double"))? >= 38.0);
        world.db.execute_batch("delete from data_quality_days where day < date '2026-10-28' - 27")?;
        assert_eq!(world.count("count(expected)::double")?, 0.0);
        Ok(())
    }

    #[test]
    fn another_run_for_the_same_moment_takes_the_place_of_the_first() -> Result<()> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(
            "create schema raw;
             create table data_quality_profile as
             select 't' as table_name, 'c' as column_name, 9::bigint as rows, 8::bigint as filled, 7::bigint as different,
                 'a' as lowest, 'b' as highest;
             create table data_quality_values as select 't' as table_name, 'c' as column_name, 'v' as value, 9::bigint as rows;",
        )?;
        let kept = |table: &str| -> Result<u32> {
            Ok(db.query_row(&format!("select count(*)::uinteger from raw.{table}"), [], |row| row.get(0))?)
        };
        for day in [0, 0, 1, 2, 3, 4, 4, 60] {
            let as_of = DateTime::from_timestamp(1_790_000_000 + day * 86_400, 0).context("a moment")?;
            for hours in [0, 3] {
                let as_of = as_of + chrono::TimeDelta::hours(hours);
                db.execute_batch(&format!(
                    "create or replace table data_quality_history as
                     select {now} as as_of, {now}::date as day, 't' as table_name, 'score' as check_name, 90.0 as value, 9::bigint as rows,
                         0::bigint as findings",
                    now = timestamp(as_of)
                ))?;
                keep_quality(&db, as_of)?;
            }
        }
        // of the days of two months ago the last run each, of the last both
        assert_eq!((kept("quality_history")?, kept("quality_profiles")?, kept("quality_values")?), (5 + 2, 5 + 2, 3));
        Ok(())
    }
}
