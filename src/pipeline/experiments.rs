//! The experiments that there are when a run begins, as a table that SQL reads.

use anyhow::{Context, Result};
use duckdb::{Connection, params};

use super::state::Run;
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::serve::deployment::{Experiments, HELD_OUT};

/// What is worth finding of all experiments together: a tenth.
const LEAST_EFFECT: f64 = 0.1;

/// The visitors who are not held out, where they are compared with those who are.
const OTHERS: &str = "everyone_else";

/// Keeps what the file of experiments says; where it makes no sense that is noted, and what the last run kept stays.
///
/// # Errors
/// DuckDB cannot write the table.
pub fn keep(run: &Run<'_>) -> Result<()> {
    match Experiments::read(run.config) {
        Ok(experiments) => write(run.db, &experiments).context(either("the table of experiments", "实验表")),
        Err(error) => {
            run.observers.note(&t!("experiments are taken as they were: {}", "实验按原样处理：{}", describe(&error)));
            Ok(())
        }
    }
}

fn write(db: &Connection, experiments: &Experiments) -> Result<()> {
    db.execute_batch("delete from raw.experiments")?;
    let mut insert = db.prepare("insert into raw.experiments values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for experiment in &experiments.all {
        let [starts_at, ends_at] = [experiment.period.start, experiment.period.end]
            .map(|moment| moment.map(|moment| moment.format("%F %T%.6f").to_string()));
        let mut shares = experiment.allocation();
        // files of the old system may name two of them alike: they are one
        let arms = experiment.variants.iter().filter_map(|arm| Some((arm, shares.remove(&arm.name)?)));
        for (place, (arm, share)) in arms.enumerate() {
            insert.execute(params![
                experiment.name,
                experiment.slot.name(),
                experiment.is_active,
                starts_at,
                ends_at,
                experiment.metric.name(),
                experiment.least_effect,
                arm.name,
                place as i64,
                arm.is_control,
                share
            ])?;
        }
    }
    if let Some(holdout) = &experiments.holdout {
        for (place, variant, share) in [(0, HELD_OUT, holdout.share), (1, OTHERS, 1.0 - holdout.share)] {
            let (none, metric) = (None::<String>, "clicks");
            insert.execute(params![
                HELD_OUT,
                none,
                true,
                none,
                none,
                metric,
                LEAST_EFFECT,
                variant,
                place,
                place == 0,
                share
            ])?;
        }
    }
    Ok(())
}
