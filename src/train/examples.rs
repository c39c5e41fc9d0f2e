//! What a ranker learns from: steps of held-out visits, each with the candidates that a model without those visits would
//! have had, and which of them the visitor went on to.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use rayon::prelude::*;

use super::steps::{Pair, read_pairs};
use super::training::Training;
use super::window::TrainingWindow;
use crate::common::language::{either, t};
use crate::model::{Feature, Model};
use crate::recommend::channels::AS_LEARNED;
use crate::recommend::{Pool, Request, gather as candidates};
use crate::warehouse::{Turn, share_memory, timestamp};

/// About how many steps a ranker learns from.
const STEPS: usize = 24_000;

/// Into how many stretches of time visits are cut, each held out once.
const BLOCKS: usize = 6;

/// Beyond so many steps the last stretch gives enough of them.
const ONE_BLOCK: i64 = 200_000;

/// Of a step's candidates the first so many by the prior are all learned from.
const FIRST: usize = 24;

/// Of the others one in so many.
const EVERY: usize = 6;

/// Candidates with their features and whether they were chosen.
#[derive(Default)]
pub struct Examples {
    /// Each one's features, in the order of [`Feature::ALL`].
    pub rows: Vec<[f32; Feature::COUNT]>,
    /// Whether the visitor went on to it.
    pub chosen: Vec<bool>,
    /// How many candidates each stands for.
    pub weights: Vec<f32>,
}

impl Examples {
    fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.chosen.extend(other.chosen);
        self.weights.extend(other.weights);
    }
}

/// A step with all its candidates, to measure a ranker on.
pub struct Measured {
    /// Its candidates.
    pub pool: Pool,
    /// The page that was gone on to, where it is in the catalogue.
    pub next: Option<u32>,
}

/// Examples, and steps of other visits to measure by.
#[derive(Default)]
pub struct Held {
    /// To learn from.
    pub examples: Examples,
    /// To measure by.
    pub measured: Vec<Measured>,
    /// How many steps there were.
    pub steps: usize,
}

/// Holds visits out in turn, builds a model without them and collects what it would have proposed. Of the visits that
/// began before `until`; with `measure`, some of them to measure by.
pub fn collect(training: &Training<'_>, until: Option<DateTime<Utc>>, measure: bool) -> Result<Held> {
    let before = until.map_or("true".to_owned(), |until| format!("viewed_at < {}", timestamp(until)));
    let blocks = blocks(training.db, &before)?;
    let mut held = Held::default();
    for (number, (from, to)) in blocks.iter().enumerate() {
        share_memory(training.db, training.config, Turn::Queries)?;
        let condition = format!(
            "{before} and visit_first_viewed_at >= {} and visit_first_viewed_at < {}",
            timestamp(*from),
            timestamp(*to)
        );
        let pairs = read_pairs(training.db, &training.catalogue.by_id, &condition, STEPS / blocks.len())?;
        if pairs.is_empty() {
            continue;
        }
        (training.at)(&t!(
            "held-out visits, part {} of {}",
            "留出访问，第 {} 部分，共 {} 部分",
            number + 1,
            blocks.len()
        ));
        let model = training.recall(TrainingWindow { as_of: training.as_of, until, without: Some((*from, *to)) })?;
        held.steps += pairs.len();
        for part in pairs.par_chunks(64).map(|pairs| gather(&model, pairs, measure)).collect::<Vec<_>>() {
            held.examples.extend(part.examples);
            held.measured.extend(part.measured);
        }
    }
    Ok(held)
}

/// The times whose visits are held out in turn, each with about as many steps: all there are, or the last tenth where
/// that is enough. Whole stretches of time, so that what is learned holds for a time that lists of those days say nothing
/// of.
fn blocks(db: &Connection, before: &str) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let sql = format!(
        "with numbered as (
             select visit_first_viewed_at as began_at, ntile({BLOCKS}) over (order by visit_first_viewed_at, action_row_id) as block,
                 count(*) over () as total
             from next_pages where {before}
         ),
         ends as (
             select block, min(began_at) as first_at, max(began_at) as last_at, any_value(total) as total from numbered group by block
         )
         select epoch_us(first_at), epoch_us(lead(first_at, 1, last_at + interval 1 microsecond) over (order by block))
         from ends
         qualify total <= {ONE_BLOCK} or block = max(block) over ()
         order by block"
    );
    let mut statement = db.prepare(&sql).context(either("the steps cannot be counted", "访问的步数无法统计"))?;
    let rows: Vec<(i64, i64)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<duckdb::Result<_>>()?;
    let moment =
        |micros| DateTime::from_timestamp_micros(micros).context(either("a time that is none", "不成立的时间"));
    rows.into_iter().map(|(from, to)| Ok((moment(from)?, moment(to)?))).collect()
}

/// Whether a step is one to measure by: three in sixteen, neighbours in time together.
fn is_measured(pair: &Pair) -> bool {
    (pair.action_row_id as u64 / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 < 3
}

fn gather(model: &Model, pairs: &[Pair], measure: bool) -> Held {
    let mut held = Held::default();
    for pair in pairs {
        let history = pair.history(model, Vec::new());
        let request = Request { page: pair.page, user: history.as_ref(), recent: &pair.prefix, ..Request::default() };
        let mut pool = Pool::default();
        candidates(model, &request, &AS_LEARNED, request.ranked(), &mut pool);
        if measure && is_measured(pair) {
            held.measured.push(Measured { pool, next: pair.next });
            continue;
        }
        let Some(next) = pool.items.iter().position(|item| Some(*item) == pair.next) else { continue };
        for candidate in 0..pool.items.len() {
            let rank = pool.columns.column(Feature::PriorRank)[candidate].exp_m1().round() as usize;
            let is_first = rank < FIRST;
            let is_kept = candidate == next || is_first || (rank + pair.action_row_id as usize).is_multiple_of(EVERY);
            if is_kept {
                held.examples.rows.push(pool.columns.row(candidate));
                held.examples.chosen.push(candidate == next);
                held.examples.weights.push(if candidate == next || is_first { 1.0 } else { EVERY as f32 });
            }
        }
    }
    held
}
