//! What training reads from the warehouse: relations of `sql/training/`, as they are, or as they were for a part of
//! the visits.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use duckdb::Connection;

use crate::common::language::{either, t};
use crate::model::{History, Item, Ranked};
use crate::warehouse::arrow::each_batch;

const POPULARITY: &str = "popularity";
const BEHAVIOUR_NEIGHBOURS: &str = "behaviour_neighbours";
const AFFINITIES: &str = "affinities";
const LIST_EVIDENCE: &str = "list_evidence";
const POPULAR_DATASETS: &str = "popular_datasets";
const TRENDING: &str = "trending";
const USER_HISTORY: &str = "user_history";
const PAST_VISITS: &str = "past_visits";
const NEW_DATASETS: &str = "new_datasets";

/// The relations that [`read`] asks for. Those that a [`TrainingWindow`](super::TrainingWindow) changes are made anew for
/// it, with what lies between; what does not stand here is read as it is in the warehouse.
pub(super) const READ: [&str; 9] = [
    POPULARITY,
    BEHAVIOUR_NEIGHBOURS,
    AFFINITIES,
    LIST_EVIDENCE,
    POPULAR_DATASETS,
    TRENDING,
    USER_HISTORY,
    PAST_VISITS,
    NEW_DATASETS,
];

/// What visitors did with one dataset beside another.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// The other.
    pub item: u32,
    /// What visitors did by themselves, as shares of the page's visitors.
    pub organic: f32,
    /// What lists made them click.
    pub followed: f32,
    /// How often it was the very next page, found by the visitor.
    pub next_organic: u32,
    /// How often it was the very next page, from a list.
    pub next_followed: u32,
    /// Visits that hold both pages.
    pub visits: u32,
}

/// What lists on one dataset's page told of another: see `sql/training/list_evidence.sql`.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// The other.
    pub item: u32,
    /// How many clicks its positions would have brought any dataset.
    pub examined: f32,
    /// How many came.
    pub clicks: u32,
}

/// What is believed of a new dataset's appeal, a gamma distribution: see `sql/training/new_datasets.sql`.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    /// The dataset.
    pub item: u32,
    /// Its shape, above 0.
    pub shape: f64,
    /// Its rate, above 0.
    pub rate: f64,
}

/// Everything that depends on visits, as indices into the catalogue.
pub struct Relations {
    /// The catalogue with its views.
    pub items: Vec<Item>,
    /// For each item what visitors went on to, in the order of items.
    pub behaviour: Vec<Vec<Behaviour>>,
    /// For each item with whom it is met more often than by chance, in the order of items.
    pub affinities: Vec<Vec<(u32, f32)>>,
    /// For each item what lists on its page told of others, in the order of items.
    pub evidence: Vec<Vec<Evidence>>,
    /// The most viewed, best first.
    pub popular: Vec<Ranked>,
    /// The most viewed of each timeframe, best first.
    pub trending: BTreeMap<String, Vec<Ranked>>,
    /// What known users did, by their ids; without their taste.
    pub users: HashMap<i64, History>,
    /// The items of past visits, the newest visit first.
    pub visits: Vec<Vec<u32>>,
    /// What is believed of new datasets.
    pub beliefs: Vec<Belief>,
}

/// Reads the relations, over the items of the catalogue.
pub(super) fn read(db: &Connection, by_id: &HashMap<i64, u32>, mut items: Vec<Item>) -> Result<Relations> {
    each_batch(
        db,
        &format!("select dataset_id, views::bigint as views, recent_views::double as recent_views from {POPULARITY}"),
        |batch| {
            let (ids, views, recent) = (batch.i64("dataset_id")?, batch.i64("views")?, batch.f64("recent_views")?);
            for row in 0..batch.rows() {
                if let Some(item) = by_id.get(&ids.value(row)).and_then(|item| items.get_mut(*item as usize)) {
                    item.views = count(views.value(row));
                    item.recent_views = recent.value(row) as f32;
                }
            }
            Ok(())
        },
    )
    .context(either("popularity cannot be read", "热度无法读取"))?;
    Ok(Relations {
        behaviour: behaviour(db, by_id)?,
        affinities: affinities(db, by_id)?,
        evidence: evidence(db, by_id)?,
        popular: popular(db, by_id)?,
        trending: trending(db, by_id)?,
        users: users(db, by_id)?,
        visits: visits(db, by_id)?,
        beliefs: beliefs(db, by_id)?,
        items,
    })
}

fn behaviour(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<Vec<Vec<Behaviour>>> {
    let mut rows = vec![Vec::new(); by_id.len()];
    let sql = format!(
        "select dataset_id, neighbour_id, organic, followed, next_organic, next_followed, visits::bigint as visits
               from {BEHAVIOUR_NEIGHBOURS} order by dataset_id, neighbour_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, others) = (batch.i64("dataset_id")?, batch.i64("neighbour_id")?);
        let (organic, followed, visits) = (batch.f64("organic")?, batch.f64("followed")?, batch.i64("visits")?);
        let (next_organic, next_followed) = (batch.i64("next_organic")?, batch.i64("next_followed")?);
        for row in 0..batch.rows() {
            if let (Some(item), Some(other)) = (by_id.get(&ids.value(row)), by_id.get(&others.value(row))) {
                rows[*item as usize].push(Behaviour {
                    item: *other,
                    organic: organic.value(row) as f32,
                    followed: followed.value(row) as f32,
                    next_organic: count(next_organic.value(row)),
                    next_followed: count(next_followed.value(row)),
                    visits: count(visits.value(row)),
                });
            }
        }
        Ok(())
    })
    .context(either("behaviour neighbours cannot be read", "行为近邻无法读取"))?;
    Ok(rows)
}

fn affinities(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<Vec<Vec<(u32, f32)>>> {
    let mut rows = vec![Vec::new(); by_id.len()];
    let sql = format!(
        "select dataset_id, other_id, affinity::double as affinity from {AFFINITIES} order by dataset_id, other_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, others) = (batch.i64("dataset_id")?, batch.i64("other_id")?);
        let affinities = batch.f64("affinity")?;
        for row in 0..batch.rows() {
            if let (Some(item), Some(other)) = (by_id.get(&ids.value(row)), by_id.get(&others.value(row))) {
                rows[*item as usize].push((*other, affinities.value(row) as f32));
            }
        }
        Ok(())
    })
    .context(either("affinities cannot be read", "亲和度无法读取"))?;
    Ok(rows)
}

fn evidence(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<Vec<Vec<Evidence>>> {
    let mut rows = vec![Vec::new(); by_id.len()];
    let sql = format!(
        "select page_dataset_id, dataset_id, examined::double as examined, clicks::bigint as clicks
               from {LIST_EVIDENCE} order by page_dataset_id, dataset_id"
    );
    each_batch(db, &sql, |batch| {
        let (pages, ids) = (batch.i64("page_dataset_id")?, batch.i64("dataset_id")?);
        let (examined, clicks) = (batch.f64("examined")?, batch.i64("clicks")?);
        for row in 0..batch.rows() {
            if let (Some(page), Some(item)) = (by_id.get(&pages.value(row)), by_id.get(&ids.value(row))) {
                let (examined, clicks) = (examined.value(row) as f32, count(clicks.value(row)));
                rows[*page as usize].push(Evidence { item: *item, examined, clicks });
            }
        }
        Ok(())
    })
    .context(either("what lists told cannot be read", "列表的反馈无法读取"))?;
    Ok(rows)
}

fn popular(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<Vec<Ranked>> {
    let mut popular = Vec::new();
    let sql = format!(
        "select dataset_id, score, views::bigint as views from {POPULAR_DATASETS}
               order by is_wanted desc, is_above_floor desc, score desc, quality desc, dataset_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, scores, views) = (batch.i64("dataset_id")?, batch.f64("score")?, batch.i64("views")?);
        for row in 0..batch.rows() {
            if let Some(item) = by_id.get(&ids.value(row)) {
                popular.push(Ranked { item: *item, score: scores.value(row) as f32, views: count(views.value(row)) });
            }
        }
        Ok(())
    })
    .context(either("popular datasets cannot be read", "热门数据集无法读取"))?;
    Ok(popular)
}

fn trending(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<BTreeMap<String, Vec<Ranked>>> {
    let mut trending: BTreeMap<String, Vec<Ranked>> = BTreeMap::new();
    let sql = format!(
        "select timeframe, dataset_id, score::double as score, views::bigint as views from {TRENDING}
               order by timeframe, score desc, dataset_id"
    );
    each_batch(db, &sql, |batch| {
        let (timeframes, ids) = (batch.text("timeframe")?, batch.i64("dataset_id")?);
        let (scores, views) = (batch.f64("score")?, batch.i64("views")?);
        for row in 0..batch.rows() {
            if let Some(item) = by_id.get(&ids.value(row)) {
                trending.entry(timeframes.value(row).to_owned()).or_default().push(Ranked {
                    item: *item,
                    score: scores.value(row) as f32,
                    views: count(views.value(row)),
                });
            }
        }
        Ok(())
    })
    .context(either("trending datasets cannot be read", "近期热门数据集无法读取"))?;
    Ok(trending)
}

fn users(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<HashMap<i64, History>> {
    let mut users = HashMap::new();
    let sql = format!("select user_id, bought, viewed from {USER_HISTORY} order by user_id");
    each_batch(db, &sql, |batch| {
        let ids = batch.i64("user_id")?;
        let (bought, viewed) = (batch.i64_lists("bought")?, batch.i64_lists("viewed")?);
        for row in 0..batch.rows() {
            let (bought, viewed) = (known(by_id, &bought[row]), known(by_id, &viewed[row]));
            users.insert(ids.value(row), History { bought, viewed, taste: Vec::new() });
        }
        Ok(())
    })
    .context(either("the users' history cannot be read", "用户历史无法读取"))?;
    Ok(users)
}

fn visits(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<Vec<Vec<u32>>> {
    let mut visits = Vec::new();
    let sql = format!("select dataset_ids from {PAST_VISITS} order by ended_at desc, visit_id desc");
    each_batch(db, &sql, |batch| {
        visits.extend(batch.i64_lists("dataset_ids")?.iter().map(|held| known(by_id, held)));
        Ok(())
    })
    .context(either("past visits cannot be read", "历史访问无法读取"))?;
    Ok(visits)
}

/// Reads what is believed of new datasets.
///
/// # Errors
/// `new_datasets` cannot be read, or says what is no gamma distribution.
pub fn beliefs(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<Vec<Belief>> {
    let mut beliefs = Vec::new();
    let sql = format!(
        "select dataset_id, shape::double as shape, rate::double as rate from {NEW_DATASETS} order by dataset_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, shapes, rates) = (batch.i64("dataset_id")?, batch.f64("shape")?, batch.f64("rate")?);
        for row in 0..batch.rows() {
            let (id, shape, rate) = (ids.value(row), shapes.value(row), rates.value(row));
            ensure!(
                shape.min(rate) > 0.0 && shape.max(rate).is_finite(),
                t!(
                    "shape and rate of dataset {id} must be above 0, not {shape} and {rate}",
                    "数据集 {id} 的 shape 与 rate 须大于 0，现为 {shape} 与 {rate}"
                )
            );
            beliefs.extend(by_id.get(&id).map(|item| Belief { item: *item, shape, rate }));
        }
        Ok(())
    })
    .context(either("new datasets cannot be read", "新数据集无法读取"))?;
    Ok(beliefs)
}

/// The items of datasets that are in the catalogue.
pub(super) fn known(by_id: &HashMap<i64, u32>, ids: &[i64]) -> Vec<u32> {
    ids.iter().filter_map(|id| by_id.get(id).copied()).collect()
}

/// A count as it is kept: what does not fit is the most that does.
fn count(count: i64) -> u32 {
    count.clamp(0, u32::MAX.into()) as u32
}
