//! Datasets by words: those whose names, tags and providers hold them, those whose texts mean the like, and those whose
//! pictures show it, fused by their places (reciprocal rank fusion; Cormack, Clarke, Büttcher 2009).

mod find;

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::embed::tokens::Language;
use crate::index::{Index, Vector, Vectors, top, unit};
use crate::model::Model;
use crate::recommend::rules::InForce;

pub use find::{FoundDataset, find};

/// How many of each way of finding are fused, and how slowly places lose.
const DEEP: usize = 100;
const RANK_CONSTANT: f32 = 60.0;

/// Of how many datasets that hold a word the direction of their texts is taken, where no model reads the query.
const EXAMPLES: usize = 50;

/// How a dataset was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Its name, tags or provider hold the words.
    Words,
    /// Its text means the like.
    Text,
    /// Its pictures show it.
    Pictures,
}

/// A dataset that was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub item: u32,
    /// 1 for what stands first by every way of finding.
    pub score: f32,
    pub by: Vec<By>,
}

/// Which datasets hold which words.
pub struct Finder {
    language: Language,
    holders: HashMap<Box<str>, Vec<u32>>,
}

/// What is looked for: words, and what models of texts and of pictures make of them, where there are some.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    pub words: &'a str,
    pub text: Option<&'a [f32]>,
    pub picture: Option<&'a [f32]>,
}

impl Finder {
    pub fn new(model: &Model) -> Self {
        let items = &model.parts.items;
        let language = Language::of(items.iter().map(|item| &item.title));
        let mut holders: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (number, item) in items.iter().enumerate().filter(|(_, item)| item.is_listed) {
            let texts = [&*item.title, &*item.tags].into_iter().chain(item.provider.as_deref());
            for text in texts {
                language.terms(text, |term| {
                    let list = match holders.get_mut(term) {
                        Some(list) => list,
                        None => holders.entry(term.into()).or_default(),
                    };
                    if list.last() != Some(&(number as u32)) {
                        list.push(number as u32);
                    }
                });
            }
        }
        Self { language, holders }
    }

    /// The best `count` listed datasets, without what rules never show.
    pub fn search(&self, model: &Model, query: &Query<'_>, rules: &InForce, count: usize) -> Vec<Found> {
        let mut terms: Vec<&[u32]> = Vec::new();
        self.language.terms(query.words, |term| terms.extend(self.holders.get(term).map(Vec::as_slice)));
        let items = model.parts.items.len() as f32;
        let rarity = |holders: &[u32]| (items / (1.0 + holders.len() as f32)).ln().max(0.1);
        let mut scores: HashMap<u32, f32> = HashMap::new();
        for holders in &terms {
            for item in *holders {
                *scores.entry(*item).or_default() += rarity(holders);
            }
        }
        // of equal words the dataset that more people look at
        let mut by_words: Vec<(u32, f32)> = scores
            .into_iter()
            .map(|(item, score)| (item, score + 1e-3 * model.facts[item as usize].log_views))
            .collect();
        top(&mut by_words, DEEP);
        let texts = model.index.vectors();
        let direction = match query.text {
            Some(vector) => placed(vector, texts),
            None => texts.direction(terms.iter().flat_map(|holders| {
                let weight = rarity(holders) / holders.len().min(EXAMPLES) as f32;
                holders.iter().take(EXAMPLES).map(move |item| (*item, weight))
            })),
        };
        let nearest = |direction: &Vector, index: &Index| match direction.row().is_empty() {
            true => Vec::new(),
            false => index.nearest(direction.row(), DEEP),
        };
        let by_text = nearest(&direction, &model.index);
        let pictures = &model.parts.pictures;
        let by_pictures = query.picture.map(|vector| nearest(&placed(vector, pictures.vectors()), pictures));
        let ways = [(By::Words, by_words), (By::Text, by_text), (By::Pictures, by_pictures.unwrap_or_default())];
        let used = ways.iter().filter(|(_, list)| !list.is_empty()).count();
        let mut found: HashMap<u32, Found> = HashMap::new();
        let rules = rules.on(None);
        for (way, list) in ways {
            let may_be = |item: &u32| model.facts[*item as usize].is_listed && !rules.is_never(*item);
            let good = list.into_iter().filter(|(item, score)| *score > 0.0 && may_be(item));
            for (place, (item, _)) in good.enumerate() {
                let entry = found.entry(item).or_insert(Found { item, score: 0.0, by: Vec::new() });
                entry.score += (RANK_CONSTANT + 1.0) / (RANK_CONSTANT + 1.0 + place as f32) / used as f32;
                entry.by.push(way);
            }
        }
        let mut found: Vec<Found> = found.into_values().collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        found.truncate(count);
        found
    }
}

/// A model's vector where it stands in the rows: behind those that need no model.
fn placed(vector: &[f32], rows: &Vectors) -> Vector {
    let Some(before) = rows.dimensions().checked_sub(vector.len()) else { return Vector::default() };
    unit(&[vec![0.0; before], vector.to_vec()].concat())
}
