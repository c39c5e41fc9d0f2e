//! Looking for datasets: by their words, their texts' vectors and their pictures' vectors.

use std::collections::HashMap;

use super::fusion::fuse;
use super::{By, Found, Query};
use crate::embed::tokens::Analyzer;
use crate::index::{Index, Vector, Vectors, top, unit};
use crate::model::Model;
use crate::recommend::rules::ActiveRules;

/// How many of each way of finding are fused: as many as can be asked for.
const DEEP: usize = 100;

/// Of how many datasets that hold a word the direction of their texts is taken, where no model reads the query.
const EXAMPLES: usize = 50;

/// Which datasets hold which words.
pub struct Finder {
    analyzer: Analyzer,
    holders: HashMap<Box<str>, Vec<u32>>,
}

impl Finder {
    /// Takes up the words of listed datasets.
    pub fn new(model: &Model) -> Self {
        let items = &model.parts.items;
        let analyzer = Analyzer::of(items.iter().map(|item| &item.title));
        let mut holders: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (number, item) in items.iter().enumerate().filter(|(_, item)| item.is_listed) {
            let texts = [&*item.title, &*item.tags].into_iter().chain(item.provider.as_deref());
            for text in texts {
                analyzer.terms(text, |term| {
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
        Self { analyzer, holders }
    }

    /// The best `count` listed datasets, without what rules never show.
    pub fn search(&self, model: &Model, query: &Query<'_>, rules: &ActiveRules, count: usize) -> Vec<Found> {
        let mut terms: Vec<&[u32]> = Vec::new();
        self.analyzer.terms(query.words, |term| terms.extend(self.holders.get(term).map(Vec::as_slice)));
        let pictures = &model.parts.pictures;
        let by_pictures = query.picture.map(|vector| nearest(&placed(vector, pictures.vectors()), pictures));
        let ways = [
            (By::Words, by_words(model, &terms)),
            (By::Text, by_text(model, &terms, query.text)),
            (By::Pictures, by_pictures.unwrap_or_default()),
        ];
        let used = ways.iter().filter(|(_, list)| !list.is_empty()).count();
        let rules = rules.on(None);
        let may_be = |item: u32| model.facts[item as usize].is_listed && !rules.is_never(item);
        let ways = ways.map(|(way, list)| {
            let good = list.into_iter().filter(|(item, score)| *score > 0.0 && may_be(*item));
            (way, good.map(|(item, _)| item).collect())
        });
        let mut found = fuse(&ways, used);
        found.truncate(count);
        found
    }
}

/// What a word that so many hold says.
fn rarity(model: &Model, holders: &[u32]) -> f32 {
    (model.parts.items.len() as f32 / (1.0 + holders.len() as f32)).ln().max(0.1)
}

/// Items that hold the words, rare ones counting more; of equals the one that more people look at.
fn by_words(model: &Model, terms: &[&[u32]]) -> Vec<(u32, f32)> {
    let mut scores: HashMap<u32, f32> = HashMap::new();
    for holders in terms {
        for item in *holders {
            *scores.entry(*item).or_default() += rarity(model, holders);
        }
    }
    let mut scored: Vec<(u32, f32)> =
        scores.into_iter().map(|(item, score)| (item, score + 1e-3 * model.facts[item as usize].log_views)).collect();
    top(&mut scored, DEEP);
    scored
}

/// Items whose texts lie where the words do, or where those do that hold the words.
fn by_text(model: &Model, terms: &[&[u32]], vector: Option<&[f32]>) -> Vec<(u32, f32)> {
    let texts = model.index.vectors();
    let direction = match vector {
        Some(vector) => placed(vector, texts),
        None => texts.direction(terms.iter().flat_map(|holders| {
            let weight = rarity(model, holders) / holders.len().min(EXAMPLES) as f32;
            holders.iter().take(EXAMPLES).map(move |item| (*item, weight))
        })),
    };
    nearest(&direction, &model.index)
}

fn nearest(direction: &Vector, index: &Index) -> Vec<(u32, f32)> {
    match direction.row().is_empty() {
        true => Vec::new(),
        false => index.nearest(direction.row(), DEEP),
    }
}

/// A model's vector where it stands in the rows: after those that need no model.
fn placed(vector: &[f32], rows: &Vectors) -> Vector {
    let Some(before) = rows.dimensions().checked_sub(vector.len()) else { return Vector::default() };
    unit(&[vec![0.0; before], vector.to_vec()].concat())
}
