//! What does not depend on visitors, worked out once for all models of a run: the catalogue, its texts and pictures.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use duckdb::Connection;
use rayon::prelude::*;

use super::embeddings::{self, LearnedTexts};
use super::fusion::{self, Steps};
use super::similarity::{Similarity, uncrowded};
use super::steps::{holdout_from, read_pairs};
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::config::Config;
use crate::embed::{self, Embedding, Sparse, Text};
use crate::index::Index;
use crate::model::Item;
use crate::warehouse::arrow::{each_batch, text_at};
use crate::warehouse::timestamp;

/// How many candidates a dataset keeps: as many as a list may be long.
pub(super) const KEPT: usize = 100;

/// How many steps the weight of a text model is chosen by.
const STEPS: usize = 2000;

/// The datasets, with what their texts and pictures say.
pub struct Catalogue {
    pub(super) items: Vec<Item>,
    pub(super) by_id: HashMap<i64, u32>,
    pub(super) sparse: Sparse,
    pub(super) dense_weight: f32,
    pub(super) index: Arc<Index>,
    /// Vectors of pictures; without rows where no model looked at any.
    pub(super) pictures: Arc<Index>,
    /// The model of texts, where one is used.
    pub(super) text_model: Option<String>,
    /// The model of pictures, where there is one.
    pub(super) picture_model: Option<String>,
    /// What likeness to each item counts: see [`uncrowded`].
    pub(super) weights: Vec<f32>,
    /// For each item the listed ones whose texts are most like its own, best first.
    pub(super) alike: Vec<Vec<(u32, f32)>>,
}

impl Catalogue {
    /// Whether there are no datasets.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many datasets there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Reads the catalogue and embeds its texts and pictures.
    ///
    /// # Errors
    /// The relations cannot be read, or a model that settings name cannot be used.
    pub fn read(db: &Connection, config: &Config, progress: &Progress) -> Result<Self> {
        let (items, texts) = read_items(db)?;
        let by_id = items.iter().enumerate().map(|(index, item)| (item.dataset_id, index as u32)).collect();
        let mut embedding = embed::embed(&texts);
        let listed: Vec<bool> = items.iter().map(|i| i.is_listed).collect();
        let text_model = match embeddings::texts(db, config, &texts, progress)? {
            Some(learned) => {
                let steps = Steps::new(&steps_before_holdout(db, &by_id)?, &listed);
                join_model(&mut embedding, learned, &texts, &steps, (config, progress))
            }
            None => None,
        };
        let pictures = embeddings::pictures(db, config, &by_id, progress)?;
        let (picture_model, pictures) = pictures.map(|seen| (seen.model, seen.vectors)).unzip();
        let index = Index::build(embedding.dense)?;
        let dense_weight = embedding.dense_weight;
        let even = vec![1.0; items.len()];
        let similarity = Similarity { sparse: &embedding.sparse, index: &index, dense_weight, weights: &even };
        let postings = similarity.sparse.postings();
        let nearest = |row| similarity.nearest(&postings, row, &listed, KEPT);
        let mut alike: Vec<_> = (0..items.len()).into_par_iter().map(nearest).collect();
        let weights = uncrowded(&mut alike);
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

/// Joins a text model's vectors to those that need no model, where that makes the most alike hold the next page better; the
/// model's name, where it does.
fn join_model(
    embedding: &mut Embedding,
    learned: LearnedTexts,
    texts: &[Text],
    steps: &Steps<'_>,
    (config, progress): (&Config, &Progress),
) -> Option<String> {
    progress.at(either("texts: how much the model counts", "文本：模型占多少权重"));
    let given = config.models.text_model_weight;
    if given.is_none() {
        learned.probes.told().for_each(|said| progress.note(&t!("texts, {said}", "文本，{said}")));
    }
    let (vectors, mixture) = fusion::mixed(&learned, texts, steps, given);
    let fusion = fusion::fusion(&embedding.sparse, &embedding.dense, &vectors, (&learned.probes, steps), given);
    let model = learned.model;
    progress.note(&t!("texts: the model reads {mixture}; {fusion}", "文本：模型读 {mixture}；{fusion}"));
    if !fusion.uses_model() {
        progress.note(&t!(
            "texts: the model {model} adds nothing to words here, and is left out",
            "文本：模型 {model} 在此没有超出词面的增益，不采用"
        ));
        return None;
    }
    (embedding.dense, embedding.dense_weight) = fusion.fused(&embedding.dense, &vectors);
    Some(model)
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
    .context(either(
        "the catalogue cannot be read; `--from features` builds it",
        "目录无法读取；用 `--from features` 构建",
    ))?;
    Ok((items, texts))
}
