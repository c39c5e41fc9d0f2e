//! From the warehouse to a model: what visitors did comes from SQL, what texts say from the embedding; both become each
//! dataset's candidates, and a ranker learns from held-out visits which of them is chosen.

mod boosted;
mod content;
mod examples;
pub mod learned;
mod neighbours;
mod neural;
mod ranker;
mod relations;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use rayon::prelude::*;
use serde_json::Value;

use crate::common::progress::Progress;
use crate::config::Config;
use crate::embed::{self, Sparse, Text};
use crate::index::Index;
use crate::model::{FORMAT, Item, Manifest, Model, Parts, Sessions};
use crate::recommend;
use crate::sql_project::Project;
use crate::warehouse::arrow::{each_batch, text_at};
use crate::warehouse::{Turn, share_memory, timestamp};
use content::Similarity;
pub use examples::{Pair, holdout_from, read_pairs};
use learned::LearnedTexts;
pub use ranker::Choice;
pub use window::TrainingWindow;

/// How many candidates a dataset keeps: as many as a list may have.
const KEPT: usize = 100;

/// How many steps the weight of a text model is chosen by.
const STEPS: usize = 2000;

/// How many datasets near a user's taste are kept.
const TASTE: usize = 20;

/// What does not depend on visitors, worked out once for all models of a run.
pub struct Catalogue {
    items: Vec<Item>,
    by_id: HashMap<i64, u32>,
    sparse: Sparse,
    dense_weight: f32,
    index: Arc<Index>,
    /// Vectors of pictures; without rows where no model looked at any.
    pictures: Arc<Index>,
    /// The models of texts and of pictures, where there are some.
    text_model: Option<String>,
    picture_model: Option<String>,
    /// What likeness to each item counts: see [`content::uncrowded`].
    weights: Vec<f32>,
    /// For each item the listed ones whose texts are most like its own, best first.
    alike: Vec<Vec<(u32, f32)>>,
}

impl Catalogue {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Reads the catalogue and embeds its texts and pictures.
    pub fn read(db: &Connection, config: &Config, watch: &Progress) -> Result<Self> {
        let (items, texts) = read_items(db)?;
        let by_id = items.iter().enumerate().map(|(index, item)| (item.dataset_id, index as u32)).collect();
        let mut embedding = embed::embed(&texts);
        let listed: Vec<bool> = items.iter().map(|i| i.is_listed).collect();
        let learned = learned::texts(db, config, &texts, watch)?;
        let mut text_model = None;
        if let Some(LearnedTexts { model, views }) = learned {
            (watch.at)("texts: how much the model counts");
            let steps = content::Steps::new(&steps_before_holdout(db, &by_id)?, &listed);
            let (vectors, mixture) = content::mixed(&views, &steps);
            let fusion = content::fusion(&embedding.sparse, &embedding.dense, &vectors, &steps);
            (watch.note)(&format!("texts: the model reads {mixture}; {fusion}"));
            if fusion.uses_model() {
                (embedding.dense, embedding.dense_weight) = fusion.fused(&embedding.dense, &vectors);
                text_model = Some(model);
            } else {
                (watch.note)(&format!("texts: the model {model} adds nothing to words here, and is left out"));
            }
        }
        let pictures = learned::pictures(db, config, &by_id, watch)?;
        let (picture_model, pictures) = pictures.map(|seen| (seen.model, seen.vectors)).unzip();
        let index = Index::build(embedding.dense)?;
        let dense_weight = embedding.dense_weight;
        let even = vec![1.0; items.len()];
        let similarity = Similarity { sparse: &embedding.sparse, index: &index, dense_weight, weights: &even };
        let postings = similarity.sparse.postings();
        let nearest = |row| similarity.nearest(&postings, row, &listed, KEPT);
        let mut alike: Vec<_> = (0..items.len()).into_par_iter().map(nearest).collect();
        let weights = content::uncrowded(&mut alike);
        let sparse = embedding.sparse;
        Ok(Self {
            items,
            by_id,
            sparse,
            dense_weight,
            index: Arc::new(index),
            pictures: Arc::new(Index::build(pictures.unwrap_or_default())?),
            text_model,
            picture_model,
            weights,
            alike,
        })
    }
}

/// Steps from page to page before the visits that are held out, for choosing by.
fn steps_before_holdout(db: &Connection, by_id: &HashMap<i64, u32>) -> Result<Vec<(u32, u32)>> {
    let condition = match holdout_from(db)? {
        Some(from) => format!("visit_first_viewed_at < {}", timestamp(from)),
        None => "true".to_owned(),
    };
    let pairs = read_pairs(db, by_id, &condition, STEPS)?;
    Ok(pairs.iter().filter_map(|pair| Some((pair.page?, pair.next?))).collect())
}

/// What training works on, and how long it may look for a better ranker.
pub struct Training<'a> {
    pub db: &'a Connection,
    pub config: &'a Config,
    pub project: &'a Project,
    pub catalogue: &'a Catalogue,
    pub as_of: DateTime<Utc>,
    pub budget: Duration,
    /// Says what is being done.
    pub at: &'a dyn Fn(&str),
}

impl Training<'_> {
    /// Trains on everything before `until` (on all there is, where that is `None`). The ranker is of the kind `choice`
    /// says, or, without one, of the kind that does best on visits held out of its own training part.
    pub fn fit(&self, until: Option<DateTime<Utc>>, choice: Option<&Choice>) -> Result<(Model, Option<Choice>)> {
        let learned = ranker::learn(self, until, choice)?;
        (self.at)("neighbours");
        let mut model = self.recall(TrainingWindow { as_of: self.as_of, until, without: None })?;
        let Some((ranker, choice)) = learned else { return Ok((model, None)) };
        model.manifest.ranker = choice.report();
        model.parts.ranker = Some(ranker);
        Ok((model, Some(choice)))
    }

    /// A model that finds candidates, from what `window` lets it see, without a ranker.
    pub fn recall(&self, window: TrainingWindow) -> Result<Model> {
        let Catalogue { items, by_id, index, .. } = self.catalogue;
        let (db, items) = (self.db, items.clone());
        share_memory(db, self.config, Turn::Queries)?;
        let read = window.within(db, self.project, || relations::read(db, by_id, items))?;
        share_memory(db, self.config, Turn::Rows)?;
        let behaviour = neighbours::behaviour_vectors(&read.affinities);
        let neighbours = neighbours::build(self.catalogue, &read, &behaviour).into();
        let manifest = Manifest {
            format: FORMAT,
            version: String::new(),
            trained_at: self.as_of,
            nearset_version: env!("CARGO_PKG_VERSION").to_owned(),
            items: read.items.len(),
            listed_items: read.items.iter().filter(|item| item.is_listed).count(),
            dense_weight: self.catalogue.dense_weight,
            text_model: self.catalogue.text_model.clone(),
            picture_model: self.catalogue.picture_model.clone(),
            ranker: Value::Null,
            dimensions: index.vectors().dimensions(),
            behaviour_dimensions: behaviour.dimensions(),
            metrics: None,
            files: BTreeMap::new(),
        };
        let sessions = Sessions::new(read.items.len(), &read.visits);
        let parts = Parts {
            items: read.items,
            neighbours,
            popular: read.popular,
            trending: read.trending,
            users: read.users,
            sessions,
            behaviour,
            pictures: self.catalogue.pictures.clone(),
            ranker: None,
        };
        let mut model = Model::new(manifest, parts, index.clone());
        if window.without.is_none() {
            let tastes: Vec<(i64, Vec<u32>)> = model
                .parts
                .users
                .par_iter()
                .map(|(id, history)| (*id, recommend::taste(&model, &history.viewed, TASTE)))
                .collect();
            for (id, taste) in tastes {
                if let Some(history) = model.parts.users.get_mut(&id) {
                    history.taste = taste;
                }
            }
        }
        Ok(model)
    }
}

fn read_items(db: &Connection) -> Result<(Vec<Item>, Vec<Text>)> {
    let (mut items, mut texts) = (Vec::new(), Vec::new());
    each_batch(
        db,
        "select f.dataset_id, coalesce(f.title, '') as title, f.price, f.cover_image, f.is_listed,
             t.tags, t.provider, t.description
         from dataset_features_v2 as f
         inner join dataset_texts as t on t.dataset_id = f.dataset_id
         order by f.dataset_id",
        |batch| {
            let (ids, titles, prices) = (batch.i64("dataset_id")?, batch.text("title")?, batch.f64("price")?);
            let (covers, listed) = (batch.text("cover_image")?, batch.bool("is_listed")?);
            let (tags, providers) = (batch.text("tags")?, batch.text("provider")?);
            let descriptions = batch.text("description")?;
            for (row, price) in prices.iter().enumerate() {
                let tags = text_at(tags, row).unwrap_or_default();
                let provider = text_at(providers, row).unwrap_or_default();
                items.push(Item {
                    dataset_id: ids.value(row),
                    title: titles.value(row).to_owned(),
                    price,
                    cover_image: text_at(covers, row).map(str::to_owned),
                    is_listed: listed.value(row),
                    provider: Some(provider.to_owned()).filter(|p| !p.is_empty()),
                    tags: tags.replace(" ; ", ";").into(),
                    views: 0,
                    recent_views: 0.0,
                });
                texts.push(Text {
                    title: titles.value(row).to_owned(),
                    tags: tags.to_owned(),
                    provider: provider.to_owned(),
                    description: text_at(descriptions, row).unwrap_or_default().to_owned(),
                });
            }
            Ok(())
        },
    )
    .context("the catalogue cannot be read; `--from features` builds it")?;
    Ok((items, texts))
}
