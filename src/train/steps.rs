//! Steps of visits from page to page, as training learns from them and evaluation replays them.

use std::collections::HashMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::{Connection, OptionalExt};

use super::data::known;
use crate::common::language::either;
use crate::model::{History, Model};
use crate::recommend::taste;
use crate::warehouse::arrow::each_batch;

/// How many datasets near a user's taste are kept.
pub(super) const TASTE: usize = 20;

/// A step of a visit, as items of the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// The row of `page_views` that the step starts from.
    pub action_row_id: i64,
    /// The page, where it is in the catalogue.
    pub page: Option<u32>,
    /// The page that was gone on to, where it is in the catalogue.
    pub next: Option<u32>,
    /// What was looked at before in this visit, newest first.
    pub prefix: Vec<u32>,
    /// How many different pages were still to come.
    pub later_count: usize,
    /// Those of them that are in the catalogue.
    pub later: Vec<u32>,
    /// The known user, where there is one.
    pub user: Option<i64>,
    /// What the known user looked at on earlier visits, newest first.
    pub past: Vec<u32>,
}

impl Pair {
    /// What was known of the user at that moment.
    pub fn history(&self, model: &Model, bought: Vec<u32>) -> Option<History> {
        self.user?;
        Some(History { bought, viewed: self.past.clone(), taste: taste(model, &self.past, TASTE) })
    }
}

/// When the held-out visits begin: never, where there is too little traffic to hold any out. Reads `holdout`.
///
/// # Errors
/// The relation cannot be read.
pub fn holdout_from(db: &Connection) -> Result<Option<DateTime<Utc>>> {
    let from: Option<i64> =
        db.query_row("select epoch_us(holdout_from) from holdout", [], |row| row.get(0)).optional()?;
    Ok(from.and_then(DateTime::from_timestamp_micros))
}

/// Steps from `next_pages` that fulfil a condition: all of them, or about `limit`, whole visits at a time.
///
/// # Errors
/// The relations cannot be read, or the condition is none.
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
        let (prefixes, laters, pasts) =
            (batch.i64_lists("trail")?, batch.i64_lists("later")?, batch.i64_lists("past")?);
        let users = batch.i64("user_id")?;
        for row in 0..batch.rows() {
            pairs.push(Pair {
                action_row_id: rows.value(row),
                page: by_id.get(&pages.value(row)).copied(),
                next: by_id.get(&nexts.value(row)).copied(),
                prefix: known(by_id, &prefixes[row]),
                later_count: laters[row].len(),
                later: known(by_id, &laters[row]),
                user: users.iter().nth(row).flatten(),
                past: known(by_id, &pasts[row]),
            });
        }
        Ok(())
    })
    .context(either("the steps of visits cannot be read", "访问的步无法读取"))?;
    Ok(pairs)
}
