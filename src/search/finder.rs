//! Looking for datasets: by their words, their texts' vectors and their pictures' vectors.

use std::collections::HashMap;

use super::fusion::fuse;
use super::pinyin::is_typed;
use super::{By, Found, Query};
use crate::embed::comparable;
use crate::embed::tokens::{self, Analyzer};
use crate::index::{Index, Vector, Vectors, top, unit};
use crate::model::Model;
use crate::recommend::rules::ActiveRules;

/// How many of each way of finding are fused: as many as can be asked for.
const DEEP: usize = 100;

/// Of how many datasets that hold a word the direction of their texts is taken, where no model reads the query.
const EXAMPLES: usize = 50;

/// How many words of a query are tried as pinyin.
const MOST_TYPED: usize = 8;

/// Which datasets hold which words.
pub struct Finder {
    analyzer: Analyzer,
    holders: HashMap<Box<str>, Vec<u32>>,
    /// Names and tags that hold Chinese, as they are compared.
    spoken: Vec<(u32, Box<str>)>,
}

impl Finder {
    /// Takes up the words of listed datasets.
    pub fn new(model: &Model) -> Self {
        let items = &model.parts.items;
        let mut finder = Self {
            analyzer: Analyzer::of(items.iter().map(|item| &item.title)),
            holders: HashMap::new(),
            spoken: Vec::new(),
        };
        for (number, item) in (0..).zip(items).filter(|(_, item)| item.is_listed) {
            finder.take_up(number, &[&item.title, &item.tags], item.provider.as_deref());
        }
        finder
    }

    fn take_up(&mut self, number: u32, named: &[&str], provider: Option<&str>) {
        let mut hold = |term: &str| {
            let list = match self.holders.get_mut(term) {
                Some(list) => list,
                None => self.holders.entry(term.into()).or_default(),
            };
            if list.last() != Some(&number) {
                list.push(number);
            }
        };
        named.iter().copied().chain(provider).for_each(|text| self.analyzer.search_terms(text, &mut hold));
        let named = comparable(&named.join(" ; "));
        // a character is looked for alone, too
        named.chars().filter(|c| tokens::is_han(*c)).for_each(|c| hold(c.encode_utf8(&mut [0; 4])));
        if named.contains(tokens::is_han) {
            self.spoken.push((number, named.into()));
        }
    }

    /// The best `count` listed datasets, without what rules never show.
    pub fn search(&self, model: &Model, query: &Query<'_>, rules: &ActiveRules, count: usize) -> Vec<Found> {
        let typed = self.typed(query.words);
        let mut terms: Vec<&[u32]> = typed.iter().map(Vec::as_slice).collect();
        self.analyzer.search_terms(query.words, |term| terms.extend(self.holders.get(term).map(Vec::as_slice)));
        // models know no pinyin
        let [text, picture] = [query.text, query.picture].map(|vector| vector.filter(|_| typed.is_empty()));
        let pictures = &model.parts.pictures;
        let by_pictures = picture.map(|vector| nearest(&placed(vector, pictures.vectors()), pictures));
        let ways = [
            (By::Words, by_words(model, &terms)),
            (By::Text, by_text(model, &terms, text)),
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

    /// Which datasets' names or tags hold the Chinese that is typed in pinyin: by each word that nobody holds, and by all
    /// of them together. First letters will do where no word in Latin letters is held.
    fn typed(&self, words: &str) -> Vec<Vec<u32>> {
        let words = comparable(words).replace('\'', "");
        let mut short = true;
        let mut unknown: Vec<&str> = Vec::new();
        for word in words.split(|c: char| !c.is_alphanumeric()) {
            let mut is_known = true;
            self.analyzer.search_terms(word, |term| {
                let is_held = self.holders.contains_key(term);
                is_known &= is_held;
                short &= !is_held || letters(term) == 0 || term.contains(tokens::is_han);
            });
            if !is_known && letters(word) > 1 && unknown.len() < MOST_TYPED {
                unknown.push(word);
            }
        }
        let together = (unknown.len() > 1).then(|| unknown.concat());
        let typed = unknown.into_iter().chain(together.as_deref());
        let is_in = |typed, named: &str| is_typed(typed, named, false) || short && is_typed(typed, named, true);
        let hold = |typed| self.spoken.iter().filter(move |(_, named)| is_in(typed, named));
        let holders = typed.map(|typed| hold(typed).map(|(item, _)| *item).collect::<Vec<u32>>());
        holders.filter(|holders| !holders.is_empty()).collect()
    }
}

fn letters(word: &str) -> usize {
    word.bytes().filter(u8::is_ascii_alphabetic).count()
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
