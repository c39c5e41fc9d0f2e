//! What a ranker learns from: steps of held-out visits, each with the candidates that a model without those visits would
//! have had, and which of them the visitor went on to.

use std::collections::HashMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::{Connection, OptionalExt};
use rayon::prelude::*;

use super::Training;
use super::relations::{Seen, known};
use crate::model::{FEATURES, History, Model};
use crate::recommend::channels::AS_LEARNED;
use crate::recommend::features::PRIOR_RANK;
use crate::recommend::{Pool, Request, pool, taste};
use crate::warehouse::arrow::each_batch;
use crate::warehouse::{Turn, share_memory, timestamp};

/// A step of a visit, as items of the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    pub action_row_id: i64,
    pub page: Option<u32>,
    pub next: Option<u32>,
    /// What was looked at before in this visit, newest first.
    pub trail: Vec<u32>,
    /// How many different pages were still to come, and those of them that are in the catalogue.
    pub later_count: usize,
    pub later: Vec<u32>,
    pub user: Option<i64>,
    /// What the known user looked at on earlier visits, newest first.
    pub past: Vec<u32>,
}

impl Pair {
    /// What was known of the user at that moment.
    pub fn history(&self, model: &Model, bought: Vec<u32>) -> Option<History> {
        self.user?;
        Some(History { bought, viewed: self.past.clone(), taste: taste(model, &self.past, super::TASTE) })
    }
}

/// When the held-out visits begin: never, where there is too little traffic to hold any out. Reads `holdout`.
pub fn holdout_from(db: &Connection) -> Result<Option<DateTime<Utc>>> {
    let from: Option<i64> =
        db.query_row("select epoch_us(holdout_from) from holdout", [], |row| row.get(0)).optional()?;
    Ok(from.and_then(DateTime::from_timestamp_micros))
}

/// Steps from `next_pages` that fulfil a condition: all of them, or about `limit`, whole visits at a time.
pub fn read_pairs(db: &Connection, by_id: &HashMap<i64, u32>, condition: &str, limit: usize) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    let sql = format!(
        "with
         fitting as (select * from next_pages where {condition}),
         -- visits in an order that has nothing to do with time, the same in every run
         chosen as (
             select * from fitting
             order by (visit_id * 2654435761) % 4294967296, action_row_id
             limit {limit}
         ),
         visitors as (
             select distinct visit_id, user_id, visit_first_viewed_at from chosen where user_id is not null
         ),
         earlier as (
             select
                 visitors.visit_id,
                 (list(page_views.dataset_id order by page_views.viewed_at desc, page_views.action_row_id desc))[1:20] as past
             from visitors
             inner join page_views
                 on page_views.user_id = visitors.user_id
                 and page_views.viewed_at < visitors.visit_first_viewed_at
             group by visitors.visit_id
         )
         select
             chosen.action_row_id, chosen.dataset_id, chosen.next_dataset_id, chosen.trail, chosen.later, chosen.user_id,
             earlier.past
         from chosen
         left join earlier on earlier.visit_id = chosen.visit_id
         order by chosen.action_row_id"
    );
    each_batch(db, &sql, |batch| {
        let (rows, pages, nexts) =
            (batch.i64("action_row_id")?, batch.i64("dataset_id")?, batch.i64("next_dataset_id")?);
        let (trails, laters, pasts) = (batch.i64_lists("trail")?, batch.i64_lists("later")?, batch.i64_lists("past")?);
        let users = batch.i64("user_id")?;
        for row in 0..batch.rows() {
            pairs.push(Pair {
                action_row_id: rows.value(row),
                page: by_id.get(&pages.value(row)).copied(),
                next: by_id.get(&nexts.value(row)).copied(),
                trail: known(by_id, &trails[row]),
                later_count: laters[row].len(),
                later: known(by_id, &laters[row]),
                user: users.iter().nth(row).flatten(),
                past: known(by_id, &pasts[row]),
            });
        }
        Ok(())
    })
    .context("the steps of visits cannot be read")?;
    Ok(pairs)
}

/// About how many steps a ranker learns from.
const STEPS: usize = 24_000;

/// Into how many parts visits are cut; beyond so many steps the last part gives enough of them, below, each is held out
/// once.
const BLOCKS: usize = 6;
const ONE_BLOCK: i64 = 200_000;

/// Of a step's candidates the first so many by the prior are all learned from, of the others every so many-th.
const FIRST: usize = 24;
const EVERY: usize = 6;

/// Candidates with their features and whether they were chosen.
#[derive(Default)]
pub struct Examples {
    /// A row of [`FEATURES`] for each.
    pub rows: Vec<[f32; FEATURES.len()]>,
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
    pub pool: Pool,
    pub next: Option<u32>,
}

/// Examples, and steps of other visits to measure by.
#[derive(Default)]
pub struct Held {
    pub examples: Examples,
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
        (training.at)(&format!("held-out visits, part {} of {}", number + 1, blocks.len()));
        let model = training.recall(Seen { as_of: training.as_of, until, without: Some((*from, *to)) })?;
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
    let mut statement = db.prepare(&sql).context("the steps cannot be counted")?;
    let rows: Vec<(i64, i64)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<duckdb::Result<_>>()?;
    let moment = |micros| DateTime::from_timestamp_micros(micros).context("a time that is none");
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
        let request = Request { page: pair.page, user: history.as_ref(), recent: &pair.trail, ..Request::default() };
        let mut pool = Pool::default();
        pool::gather(model, &request, &AS_LEARNED, request.ranked(), &mut pool);
        if measure && is_measured(pair) {
            held.measured.push(Measured { pool, next: pair.next });
            continue;
        }
        let Some(next) = pool.items.iter().position(|item| Some(*item) == pair.next) else { continue };
        for candidate in 0..pool.items.len() {
            let place = pool.columns.column(PRIOR_RANK)[candidate].exp_m1().round() as usize;
            let is_first = place < FIRST;
            let is_kept = candidate == next || is_first || (place + pair.action_row_id as usize).is_multiple_of(EVERY);
            if is_kept {
                held.examples.rows.push(pool.columns.row(candidate));
                held.examples.chosen.push(candidate == next);
                held.examples.weights.push(if candidate == next || is_first { 1.0 } else { EVERY as f32 });
            }
        }
    }
    held
}
