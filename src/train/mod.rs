//! From the warehouse to a model: behaviour neighbours come from SQL, content neighbours from the texts, and both are
//! brought into one order a dataset.

mod content;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use rayon::prelude::*;

use crate::embed::{self, Sparse, Text};
use crate::index::Index;
use crate::model::{History, Item, Manifest, Model, Neighbour, Ranked};
use crate::warehouse::arrow::{each_batch, text_at};
use crate::warehouse::project::Project;
use crate::warehouse::timestamp;
use content::Similarity;

/// How many candidates a dataset keeps: as many as a list may have.
const KEPT: usize = 100;

/// What one unit of text similarity is worth beside the share of co-visits. Chosen on
/// held-out visits to 1,190 real datasets: from 0.01 to 0.03 the hit rate moves by less than its error, above it falls.
const CONTENT_WEIGHT: f32 = 0.02;

/// What does not depend on visitors, worked out once for all models of a run.
pub struct Catalogue {
    items: Vec<Item>,
    by_id: HashMap<i64, u32>,
    sparse: Sparse,
    index: Arc<Index>,
    /// For each item the listed ones whose texts are most like its own, best first.
    alike: Vec<Vec<(u32, f32)>>,
}

impl Catalogue {
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Reads the catalogue and embeds its texts.
    pub fn read(db: &Connection) -> Result<Self> {
        let (items, texts) = read_items(db)?;
        let by_id = items.iter().enumerate().map(|(index, item)| (item.dataset_id, index as u32)).collect();
        let embedding = embed::embed(&texts);
        let index = Index::build(embedding.dense)?;
        let listed: Vec<bool> = items.iter().map(|i| i.is_listed).collect();
        let similarity = Similarity { sparse: &embedding.sparse, index: &index };
        let alike = (0..items.len()).into_par_iter().map(|row| similarity.nearest(row, &listed, KEPT)).collect();
        Ok(Self { items, by_id, sparse: embedding.sparse, index: Arc::new(index), alike })
    }
}

/// Trains on everything before `until` (on all there is, where that is `None`).
pub fn fit(
    db: &Connection,
    project: &Project,
    catalogue: &Catalogue,
    as_of: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
) -> Result<Model> {
    let (behaviour, popular) = match until {
        None => (
            read_behaviour(db, "behaviour_neighbours", &catalogue.by_id)?,
            read_popular(db, "popular_datasets", &catalogue.by_id)?,
        ),
        Some(until) => {
            db.execute_batch(&format!("set variable train_until = {}", timestamp(until)))?;
            let read = read_before(db, project, &catalogue.by_id);
            db.execute_batch("set variable train_until = cast(null as timestamp)")?;
            read?
        }
    };
    let similarity = Similarity { sparse: &catalogue.sparse, index: &catalogue.index };
    let neighbours = (0..catalogue.len())
        .into_par_iter()
        .map(|row| blend(row, &behaviour[row], &catalogue.alike[row], &similarity))
        .collect();
    Ok(Model {
        manifest: Manifest {
            version: String::new(),
            trained_at: as_of,
            nearset_version: env!("CARGO_PKG_VERSION").to_owned(),
            items: catalogue.len(),
            listed_items: catalogue.items.iter().filter(|item| item.is_listed).count(),
            parameters: BTreeMap::from([("content_weight".to_owned(), f64::from(CONTENT_WEIGHT))]),
            dimensions: catalogue.index.vectors().dimensions(),
            metrics: None,
            files: BTreeMap::new(),
        },
        trending: read_trending(db, &catalogue.by_id)?,
        users: read_users(db, &catalogue.by_id)?,
        items: catalogue.items.clone(),
        by_id: catalogue.by_id.clone(),
        neighbours,
        popular,
        index: catalogue.index.clone(),
    })
}

/// Behaviour and popularity as they were before `train_until`: the relations in the warehouse hold everything, so their
/// queries run again.
fn read_before(
    db: &Connection,
    project: &Project,
    by_id: &HashMap<i64, u32>,
) -> Result<(Vec<Vec<Neighbour>>, Vec<Ranked>)> {
    let query = |name: &str| project.get(name).map(|relation| relation.sql.as_str());
    // a temporary table goes before the relation of the same name
    db.execute_batch(&format!("create or replace temp table covisits as\n{}", query("covisits")?))
        .context("co-visits before the held-out visits")?;
    let behaviour = read_behaviour(db, &format!("(\n{}\n)", query("behaviour_neighbours")?), by_id);
    db.execute_batch("drop table temp.covisits")?;
    Ok((behaviour?, read_popular(db, &format!("(\n{}\n)", query("popular_datasets")?), by_id)?))
}

/// Brings both channels into one order: the share of co-visits, plus a little for alike texts, which decides where
/// nothing or little is known of visitors.
fn blend(row: usize, behaviour: &[Neighbour], alike: &[(u32, f32)], similarity: &Similarity<'_>) -> Vec<Neighbour> {
    let mut all: BTreeMap<u32, Neighbour> = behaviour
        .iter()
        .map(|n| (n.item, Neighbour { content: similarity.cosine(row, n.item as usize), ..*n }))
        .collect();
    for &(item, cosine) in alike {
        all.entry(item).or_insert(Neighbour { item, score: 0.0, behaviour: 0.0, content: cosine, visits: 0 });
    }
    let mut blended: Vec<Neighbour> =
        all.into_values().map(|n| Neighbour { score: n.behaviour + CONTENT_WEIGHT * n.content, ..n }).collect();
    blended.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
    blended.truncate(KEPT);
    blended
}

fn read_items(db: &Connection) -> Result<(Vec<Item>, Vec<Text>)> {
    let (mut items, mut texts) = (Vec::new(), Vec::new());
    each_batch(
        db,
        "select f.dataset_id, coalesce(f.title, '') as title, f.price, f.cover_image, f.is_listed, f.views,
             t.tags, t.provider, t.description
         from dataset_features_v2 as f
         inner join dataset_texts as t on t.dataset_id = f.dataset_id
         order by f.dataset_id",
        |batch| {
            let (ids, titles, prices) = (batch.i64("dataset_id")?, batch.text("title")?, batch.f64("price")?);
            let (covers, listed, views) = (batch.text("cover_image")?, batch.bool("is_listed")?, batch.i64("views")?);
            let (tags, providers) = (batch.text("tags")?, batch.text("provider")?);
            let descriptions = batch.text("description")?;
            for (row, price) in prices.iter().enumerate() {
                items.push(Item {
                    dataset_id: ids.value(row),
                    title: titles.value(row).to_owned(),
                    price,
                    cover_image: text_at(covers, row).map(str::to_owned),
                    is_listed: listed.value(row),
                    views: views.value(row) as u32,
                });
                texts.push(Text {
                    title: titles.value(row).to_owned(),
                    tags: text_at(tags, row).unwrap_or_default().to_owned(),
                    provider: text_at(providers, row).unwrap_or_default().to_owned(),
                    description: text_at(descriptions, row).unwrap_or_default().to_owned(),
                });
            }
            Ok(())
        },
    )
    .context("the catalogue cannot be read; `--from features` builds it")?;
    Ok((items, texts))
}

fn read_behaviour(db: &Connection, source: &str, by_id: &HashMap<i64, u32>) -> Result<Vec<Vec<Neighbour>>> {
    let mut neighbours = vec![Vec::new(); by_id.len()];
    let sql = format!(
        "select dataset_id, neighbour_id, score, visits::bigint as visits from {source} as behaviour
         order by dataset_id, score desc, neighbour_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, others) = (batch.i64("dataset_id")?, batch.i64("neighbour_id")?);
        let (scores, visits) = (batch.f64("score")?, batch.i64("visits")?);
        for row in 0..batch.rows() {
            if let (Some(item), Some(other)) = (by_id.get(&ids.value(row)), by_id.get(&others.value(row))) {
                neighbours[*item as usize].push(Neighbour {
                    item: *other,
                    score: 0.0,
                    behaviour: scores.value(row) as f32,
                    content: 0.0,
                    visits: visits.value(row) as u32,
                });
            }
        }
        Ok(())
    })
    .context("behaviour neighbours cannot be read")?;
    Ok(neighbours)
}

fn read_popular(db: &Connection, source: &str, by_id: &HashMap<i64, u32>) -> Result<Vec<Ranked>> {
    let mut popular = Vec::new();
    let sql = format!(
        "select dataset_id, score, views::bigint as views from {source} as popular
         order by is_above_floor desc, score desc, quality desc, dataset_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, scores, views) = (batch.i64("dataset_id")?, batch.f64("score")?, batch.i64("views")?);
        for row in 0..batch.rows() {
            if let Some(item) = by_id.get(&ids.value(row)) {
                popular.push(Ranked { item: *item, score: scores.value(row) as f32, views: views.value(row) as u32 });
            }
        }
        Ok(())
    })
    .context("popular datasets cannot be read")?;
    Ok(popular)
}

fn read_trending(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<BTreeMap<String, Vec<Ranked>>> {
    let mut trending: BTreeMap<String, Vec<Ranked>> = BTreeMap::new();
    each_batch(
        db,
        "select timeframe, dataset_id, score::double as score, views::bigint as views from trending
         order by timeframe, score desc, dataset_id",
        |batch| {
            let (timeframes, ids) = (batch.text("timeframe")?, batch.i64("dataset_id")?);
            let (scores, views) = (batch.f64("score")?, batch.i64("views")?);
            for row in 0..batch.rows() {
                if let Some(item) = by_id.get(&ids.value(row)) {
                    trending.entry(timeframes.value(row).to_owned()).or_default().push(Ranked {
                        item: *item,
                        score: scores.value(row) as f32,
                        views: views.value(row) as u32,
                    });
                }
            }
            Ok(())
        },
    )
    .context("trending datasets cannot be read")?;
    Ok(trending)
}

fn read_users(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<HashMap<i64, History>> {
    let mut users = HashMap::new();
    each_batch(db, "select user_id, bought, viewed from user_history order by user_id", |batch| {
        let ids = batch.i64("user_id")?;
        let (bought, viewed) = (batch.i64_lists("bought")?, batch.i64_lists("viewed")?);
        let known = |list: &[i64]| list.iter().filter_map(|id| by_id.get(id).copied()).collect();
        for row in 0..batch.rows() {
            users.insert(ids.value(row), History { bought: known(&bought[row]), viewed: known(&viewed[row]) });
        }
        Ok(())
    })
    .context("the users' history cannot be read")?;
    Ok(users)
}
