//! What the warehouse says of experiments: the rows of `experiment_results`.

use anyhow::Result;
use chrono::NaiveDate;
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use crate::sql_project::existing;
use crate::warehouse::rows;

/// All results, the variants of an experiment in their order.
pub const RESULTS: &str = "from experiment_results order by experiment, place nulls last, experiment_variant";

/// What may be said of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is better than the control.
    Better,
    /// It is worse.
    Worse,
    /// Nothing worth finding.
    NoDifferenceFound,
    /// Nothing can be said yet.
    TooEarly,
    /// Visitors do not come as they were allocated: nothing is said.
    SampleRatioOff,
}

impl Verdict {
    /// Its name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifferenceFound => "no_difference_found",
            Self::TooEarly => "too_early",
            Self::SampleRatioOff => "sample_ratio_off",
        }
    }

    /// In English and in Chinese.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Better => ("better than the control", "优于对照组"),
            Self::Worse => ("worse than the control", "劣于对照组"),
            Self::NoDifferenceFound => ("no difference worth finding", "没有值得关注的差异"),
            Self::TooEarly => ("too early to say", "尚无法判断"),
            Self::SampleRatioOff => ("not to be trusted: the sample ratio is off", "不可信：样本比例异常"),
        }
    }

    /// Whether it ends the waiting.
    pub fn is_reached(self) -> bool {
        matches!(self, Self::Better | Self::Worse | Self::NoDifferenceFound)
    }
}

/// Where a variant of an experiment stands; the columns of `experiment_results`, which says what they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the relation describes its columns")]
pub struct VariantResult {
    pub experiment: String,
    pub experiment_variant: String,
    pub is_control: bool,
    pub state: String,
    pub metric: String,
    pub least_effect: f64,
    pub share: Option<f64>,
    pub first_day: Option<NaiveDate>,
    pub last_day: Option<NaiveDate>,
    pub days: Option<u64>,
    pub allocations: Option<u64>,
    pub visitors: u64,
    pub lists: u64,
    pub exposures: u64,
    pub clicks: u64,
    pub orders: u64,
    pub revenue: f64,
    pub rate: Option<f64>,
    pub rate_low: Option<f64>,
    pub rate_high: Option<f64>,
    pub difference: Option<f64>,
    pub difference_low: Option<f64>,
    pub difference_high: Option<f64>,
    pub effect: Option<f64>,
    pub is_enough: bool,
    pub verdict: Option<Verdict>,
    pub decided_on: Option<NaiveDate>,
    pub days_left: Option<u64>,
    pub sample_ratio_p: Option<f64>,
    pub sample_ratio_evidence: Option<f64>,
    pub is_sample_ratio_off: bool,
    pub smoothed_rate: Option<f64>,
}

/// The results of all experiments; none where the warehouse has no such relation, having been made by an older nearset.
///
/// # Errors
/// The relation cannot be read.
pub fn experiment_results(db: &Connection) -> Result<Vec<VariantResult>> {
    if existing(db)?.contains_key("experiment_results") { rows(db, RESULTS) } else { Ok(Vec::new()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use anyhow::Context;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::extract::raw_tables;
    use crate::sql_project::Project;

    const DAYS: i32 = 30;

    /// What is simulated: the shares at first, those after ten days, how much more `other` is clicked, how many new visitors come
    /// a day, and which share of `other`'s visitors gets lost.
    struct World<'a> {
        shares: &'a [(&'a str, f64)],
        later: &'a [(&'a str, f64)],
        factor: f64,
        daily: usize,
        lost: f64,
    }

    impl World<'_> {
        /// Writes what visitors of very different taste saw and clicked, who come once or again. Returns how many there were.
        fn write(&self, experiment: &str, random: &mut ChaCha8Rng, rows: &mut duckdb::Appender<'_>) -> Result<usize> {
            let mut visitors: Vec<(f64, f64)> = Vec::new();
            for day in 0..DAYS {
                let shares = if day < 10 { self.shares } else { self.later };
                let allocation: BTreeMap<&str, f64> = shares.iter().copied().collect();
                let allocation = serde_json::to_string(&allocation)?;
                let known = visitors.len();
                visitors.extend((0..self.daily).map(|_| (random.random::<f64>(), random.random::<f64>())));
                let again = (0..self.daily.min(known)).map(|_| random.random_range(0..known));
                let today: std::collections::BTreeSet<usize> = again.collect();
                for visitor in today.into_iter().chain(known..visitors.len()) {
                    let (bucket, taste) = visitors[visitor];
                    let mut reached = 0.0;
                    let variant = shares.iter().find(|(_, share)| {
                        reached += share;
                        bucket <= reached
                    });
                    let variant = variant.or(shares.last()).context("a variant")?.0;
                    if variant == "other" && random.random::<f64>() < self.lost {
                        continue;
                    }
                    let rate = 0.3 * taste * taste * if variant == "other" { self.factor } else { 1.0 };
                    let lists = random.random_range(1..=6_i64);
                    let clicks = (0..lists).filter(|_| random.random::<f64>() < rate).count();
                    rows.append_row(duckdb::params![
                        experiment,
                        allocation,
                        variant,
                        visitor as i64,
                        day,
                        lists,
                        clicks as i64
                    ])?;
                }
            }
            Ok(visitors.len())
        }
    }

    /// What the relations of the project make of worlds, each an experiment.
    fn judged(worlds: impl Iterator<Item = World<'static>>, seed: u64) -> Result<Vec<VariantResult>> {
        let db = Connection::open_in_memory()?;
        let project = Project::load(None, &raw_tables()?)?;
        project.create_macros(&db)?;
        db.execute_batch(
            "create table experiments (experiment varchar, experiment_variant varchar, place bigint, is_control boolean, share double,
                 slot varchar, state varchar, starts_at timestamp, ends_at timestamp, metric varchar, least_effect double);
             create table seen (experiment varchar, allocation varchar, variant varchar, visitor bigint, day integer, lists bigint,
                 clicks bigint)",
        )?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        {
            let mut rows = db.appender("seen")?;
            for (number, world) in worlds.enumerate() {
                let name = format!("e{number:04}");
                for (place, (variant, share)) in world.later.iter().enumerate() {
                    db.execute(
                        "insert into experiments values (?, ?, ?, ?, ?, 'similar', 'running', null, null, 'clicks', 0.1)",
                        duckdb::params![name, variant, place as i64, place == 0, share],
                    )?;
                }
                world.write(&name, &mut random, &mut rows)?;
            }
        }
        db.execute_batch(
            "create table experiment_visitors as
             select experiment, allocation, variant as experiment_variant, 'v' || visitor as visitor,
                 date '2026-11-01' + day as day, (date '2026-11-01' + day)::timestamp as first_shown_at, lists,
                 10 * lists as exposures, clicks, 0::bigint as orders, 0::decimal(18, 2) as revenue
             from seen",
        )?;
        for name in ["experiment_looks", "experiment_results"] {
            let relation = project.relations.iter().find(|relation| relation.name == name).context("a relation")?;
            db.execute_batch(&format!("create table {name} as {}", relation.sql))?;
        }
        experiment_results(&db)
    }

    const HALVES: &[(&str, f64)] = &[("control", 0.5), ("other", 0.5)];
    const FIFTH: &[(&str, f64)] = &[("control", 0.8), ("other", 0.2)];
    const THREE: &[(&str, f64)] = &[("control", 0.6), ("other", 0.2), ("third", 0.2)];
    const TUNED: &[(&str, f64)] = &[("control", 0.3), ("other", 0.7)];

    /// How many experiments have a variant of which that holds.
    fn count(results: &[VariantResult], holds: impl Fn(&VariantResult) -> bool) -> usize {
        let found: std::collections::BTreeSet<&str> =
            results.iter().filter(|result| holds(result)).map(|result| result.experiment.as_str()).collect();
        found.len()
    }

    #[test]
    fn looking_every_day_at_variants_that_are_alike_rarely_tells_them_apart() -> Result<()> {
        let kinds = [(HALVES, HALVES), (FIFTH, FIFTH), (THREE, THREE), (HALVES, TUNED)];
        let worlds = (0..1000).map(|one| {
            let (shares, later) = kinds[one % kinds.len()];
            World { shares, later, factor: 1.0, daily: 20, lost: 0.0 }
        });
        let results = judged(worlds, 1)?;
        let told = count(&results, |result| matches!(result.verdict, Some(Verdict::Better | Verdict::Worse)));
        assert!(told <= 50, "{told} of 1000 are told apart");
        let off = count(&results, |result| result.is_sample_ratio_off);
        assert!(off <= 10, "{off} of 1000 have a sample ratio that is off");
        // and the ratio of a single look is what chance makes it
        let unlikely = count(&results, |result| result.sample_ratio_p.is_some_and(|p| p < 0.05));
        assert!((20..=80).contains(&unlikely), "{unlikely} of 1000");
        assert!(results.iter().all(|result| result.is_enough || result.is_control), "enough was seen of all");
        Ok(())
    }

    /// Within 5,400 visitors, whose lists are clicked one time in ten.
    #[test]
    fn a_quarter_more_clicks_is_found_also_where_shares_are_tuned_meanwhile() -> Result<()> {
        let worlds = (0..100).map(|one| {
            let later = if one % 2 == 0 { HALVES } else { TUNED };
            World { shares: HALVES, later, factor: 1.25, daily: 180, lost: 0.0 }
        });
        let results = judged(worlds, 2)?;
        let found = count(&results, |result| result.verdict == Some(Verdict::Better));
        assert!(found >= 90, "{found} of 100");
        let effects: Vec<f64> = results.iter().filter_map(|result| result.effect).collect();
        let mean = effects.iter().sum::<f64>() / effects.len() as f64;
        assert!((mean - 0.25).abs() < 0.03, "{mean}");
        Ok(())
    }

    #[test]
    fn where_visitors_of_a_variant_get_lost_nothing_is_said() -> Result<()> {
        let worlds = (0..20).map(|_| World { shares: HALVES, later: HALVES, factor: 1.25, daily: 180, lost: 0.3 });
        let results = judged(worlds, 3)?;
        let off = count(&results, |result| result.verdict == Some(Verdict::SampleRatioOff));
        assert!(off >= 18, "{off} of 20");
        Ok(())
    }
}
