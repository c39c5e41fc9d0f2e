//! Held-out visits replayed: for every step, where in each list the page stands that the visitor went to next. The lists
//! are the whole, each channel alone, and the whole without one of its parts. SQL does the arithmetic (`sql/evaluate/`).

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use duckdb::Connection;
use rayon::prelude::*;

use crate::common::language::either;
use crate::index::dot;
use crate::model::{CANDIDATES, Channel, Model};
use crate::recommend::channels::AS_LEARNED;
use crate::recommend::{self, Effort, Policy, Pool, Recommended, Request};
use crate::train::Pair;

/// The longest list that figures are given for.
pub const LIST_LENGTH: usize = 20;

/// The longest list of a channel alone: how far down it would have held the page.
const CHANNEL_LENGTH: usize = 50;

/// How many positions diversity and novelty are measured on.
const SHOWN: usize = 10;

/// The most datasets of one provider, in the list that shows what such a limit costs.
const FEW_OF_A_PROVIDER: usize = 3;

/// Where a list held what came after one step.
struct Row {
    list: u16,
    action_row_id: i64,
    /// The rank of the next page, from 1.
    rank: Option<i32>,
    /// How many of the pages still to come are among the first 5, 10, 20.
    later_hits: [i32; 3],
    later: i32,
    /// 1 less the mean cosine of the texts of the first ten.
    diversity: Option<f64>,
    /// The mean of -log2 of the share of all views that the first ten have.
    novelty: Option<f64>,
    page_views: i64,
}

/// What some steps made of the lists.
#[derive(Default)]
struct Part {
    rows: Vec<Row>,
    /// How often each list showed an item.
    shown: HashMap<(u16, u32), u64>,
    /// What stood among the first ten of the lists that are answered.
    entries: Vec<Entry>,
}

impl Part {
    /// Adds what one step made of the lists: see [`replayed`].
    fn add(&mut self, model: &Model, pair: &Pair, (answered, others): Replayed, total_views: f64) {
        for (list, entries) in (0..).zip(&answered) {
            self.entries.extend((1..).zip(entries.iter().take(SHOWN)).map(|(place, entry)| Entry {
                list,
                action_row_id: pair.action_row_id,
                place,
                item: entry.item,
                score: entry.score,
            }));
        }
        for (list, items) in (0..).zip(answered.into_iter().map(items).chain(others)) {
            self.rows.push(row(model, pair, list, &items, total_views));
            for item in items.iter().take(SHOWN) {
                *self.shown.entry((list, *item)).or_insert(0) += 1;
            }
        }
    }
}

/// One place of a list that is answered.
struct Entry {
    list: u16,
    action_row_id: i64,
    /// From 1.
    place: i32,
    item: u32,
    score: f32,
}

/// Writes the lists of a model for the steps: a row a step and list to `raw.offline_replays`, how often what stood
/// among the first ten to `raw.offline_shown`, and those places of the answered lists with their scores to
/// `raw.offline_entries`, under the model's `name`. With `parts`, also every channel alone and the whole without each.
///
/// # Errors
/// The lists cannot be written.
pub fn replay(db: &Connection, name: &str, model: &Model, pairs: &[Pair], policy: &Policy, parts: bool) -> Result<()> {
    let lists = names(model, parts);
    let total_views: f64 = model.parts.items.iter().map(|item| f64::from(item.views) + 1.0).sum();
    let done: Vec<Part> = pairs
        .par_chunks(128)
        .map(|chunk| {
            let mut part = Part::default();
            let mut pool = Pool::default();
            for pair in chunk {
                let lists = replayed(model, pair, policy, parts, &mut pool);
                part.add(model, pair, lists, total_views);
            }
            part
        })
        .collect();
    let mut replays = db.appender_to_db("offline_replays", "raw")?;
    let mut entries = db.appender_to_db("offline_entries", "raw")?;
    let mut all_shown: BTreeMap<(u16, u32), u64> = BTreeMap::new();
    for part in done {
        for row in part.rows {
            let [five, ten, twenty] = row.later_hits;
            replays.append_row(duckdb::params![
                name,
                lists[row.list as usize],
                row.action_row_id,
                row.rank,
                five,
                ten,
                twenty,
                row.later,
                row.diversity,
                row.novelty,
                row.page_views
            ])?;
        }
        for Entry { list, action_row_id, place, item, score } in part.entries {
            let dataset = model.item(item).dataset_id;
            entries.append_row(duckdb::params![name, lists[list as usize], action_row_id, place, dataset, score])?;
        }
        for (key, times) in part.shown {
            *all_shown.entry(key).or_default() += times;
        }
    }
    entries
        .flush()
        .and_then(|()| replays.flush())
        .context(either("the replayed lists could not be written", "回放的列表无法写入"))?;
    let mut appender = db.appender_to_db("offline_shown", "raw")?;
    for ((list, item), times) in all_shown {
        appender.append_row(duckdb::params![name, lists[list as usize], model.item(item).dataset_id, times as i64])?;
    }
    appender
        .flush()
        .context(either("what the replayed lists showed could not be written", "回放列表展示的内容无法写入"))
}

/// The lists in their order: see [`replayed`].
fn names(model: &Model, parts: bool) -> Vec<String> {
    let mut names = vec!["detail".to_owned(), "similar".to_owned()];
    if parts {
        names.extend(Channel::ALL.iter().map(|channel| channel.name().to_owned()));
        names.push("trending".to_owned());
        names.extend(Channel::ALL.iter().map(|channel| format!("detail without {}", channel.name())));
        names.extend(model.parts.ranker.as_ref().map(|_| "detail without ranker".to_owned()));
        names.push("detail without variety".to_owned());
        names.push(format!("detail with {FEW_OF_A_PROVIDER} of a provider"));
    }
    names
}

/// Whether one of [`names`] is the whole without one of its parts.
pub(super) fn is_ablation(list: &str) -> bool {
    list.starts_with("detail ")
}

/// What a list shows, in its order.
fn items(list: Vec<Recommended>) -> Vec<u32> {
    list.into_iter().map(|entry| entry.item).collect()
}

/// The lists in the order of [`names`]: those that are answered with their scores, then the others.
type Replayed = ([Vec<Recommended>; 2], Vec<Vec<u32>>);

fn replayed(model: &Model, pair: &Pair, policy: &Policy, parts: bool, pool: &mut Pool) -> Replayed {
    let bought = pair.user.and_then(|user| model.parts.users.get(&user)).map(|h| h.bought.clone()).unwrap_or_default();
    let history = pair.history(model, bought);
    let request =
        Request { page: pair.page, user: history.as_ref(), recent: &pair.prefix, top_n: LIST_LENGTH, runners_up: 0 };
    let alone = Request { page: pair.page, top_n: LIST_LENGTH, ..Request::default() };
    let similar = recommend::recommend(model, &alone, policy, Effort::Full).0;
    let ranker = model.parts.ranker.as_ref();
    recommend::gather(model, &request, &AS_LEARNED, CANDIDATES, pool);
    let all = &*pool;
    let shortened = |mut pool: Pool| {
        pool.shorten(request.ranked());
        pool
    };
    let pool = &shortened(all.clone());
    let scores = recommend::score(ranker, pool);
    let arrange = |pool: &Pool, scores: &[f32; CANDIDATES], policy: &Policy| {
        recommend::arrange(model, &request, policy, pool, &mut scores.clone())
    };
    let answered = [arrange(pool, &scores, policy), similar];
    let mut lists = Vec::new();
    if !parts {
        return (answered, lists);
    }
    for channel in Channel::ALL {
        let mut list = channel.alone(all);
        if channel == Channel::Popular {
            list = model.parts.popular.iter().map(|r| r.item).filter(|item| Some(*item) != pair.page).collect();
        }
        list.truncate(CHANNEL_LENGTH);
        lists.push(list);
    }
    let trending = recommend::trending(model, "7d", &[], LIST_LENGTH + 1, policy);
    lists.push(items(trending).into_iter().filter(|item| Some(*item) != pair.page).take(LIST_LENGTH).collect());
    for channel in Channel::ALL {
        let mut silenced = all.clone();
        channel.silence(&mut silenced);
        let silenced = shortened(silenced);
        lists.push(items(arrange(&silenced, &recommend::score(ranker, &silenced), policy)));
    }
    lists.extend(ranker.map(|_| items(arrange(pool, &recommend::prior(pool), policy))));
    lists.push(items(arrange(pool, &scores, &Policy { diversity: 0.0, ..policy.clone() })));
    lists.push(items(arrange(pool, &scores, &Policy { per_provider: FEW_OF_A_PROVIDER, ..policy.clone() })));
    (answered, lists)
}

fn row(model: &Model, pair: &Pair, list: u16, items: &[u32], total_views: f64) -> Row {
    let rank = pair.next.and_then(|next| items.iter().position(|item| *item == next));
    let hits = |count: usize| items.iter().take(count).filter(|item| pair.later.contains(item)).count() as i32;
    let shown = &items[..items.len().min(SHOWN)];
    let vectors = model.index.vectors();
    let mut cosines = 0.0;
    for (position, a) in shown.iter().enumerate() {
        for b in &shown[..position] {
            cosines += f64::from(dot(vectors.row(*a as usize), vectors.row(*b as usize)));
        }
    }
    let couples = (shown.len() * shown.len().saturating_sub(1) / 2) as f64;
    let rarity = |item: &u32| -((f64::from(model.item(*item).views) + 1.0) / total_views).log2();
    Row {
        list,
        action_row_id: pair.action_row_id,
        rank: rank.map(|rank| rank as i32 + 1),
        later_hits: [hits(5), hits(10), hits(20)],
        later: pair.later_count as i32,
        diversity: (couples > 0.0).then(|| 1.0 - cosines / couples),
        novelty: (!shown.is_empty()).then(|| shown.iter().map(rarity).sum::<f64>() / shown.len() as f64),
        page_views: pair.page.map_or(0, |page| i64::from(model.item(page).views)),
    }
}
