//! Sparse TF-IDF vectors over words and character n-grams of all fields.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

use super::{Text, tokens};

/// Sparse rows of length 1 at most: (feature, weight) in the order of features. The dot product of two is their cosine.
#[derive(Debug, Default)]
pub struct Sparse {
    /// Row i for text i.
    pub rows: Vec<Vec<(u32, f32)>>,
    /// How many features there are.
    pub features: usize,
}

/// For each feature the rows that have it, with the weight there.
pub struct Postings(Vec<Vec<(u32, f32)>>);

impl Sparse {
    /// Takes rows as they are.
    pub fn new(rows: Vec<Vec<(u32, f32)>>, features: usize) -> Self {
        Self { rows, features }
    }

    /// The rows by their features; as large as the rows themselves.
    pub fn postings(&self) -> Postings {
        let mut counts = vec![0; self.features];
        self.rows.iter().flatten().for_each(|(feature, _)| counts[*feature as usize] += 1);
        let mut postings: Vec<Vec<(u32, f32)>> = counts.into_iter().map(Vec::with_capacity).collect();
        for (row, entries) in self.rows.iter().enumerate() {
            for (feature, weight) in entries {
                postings[*feature as usize].push((row as u32, *weight));
            }
        }
        Postings(postings)
    }

    /// Cosines of one row with all rows, added to `out` times `weight`. Features that more than `common` rows have are
    /// passed over.
    pub fn add_cosines(&self, postings: &Postings, row: usize, weight: f32, common: usize, out: &mut [f32]) {
        for (feature, own) in &self.rows[row] {
            let postings = &postings.0[*feature as usize];
            if postings.len() > common {
                continue;
            }
            for (other, theirs) in postings {
                out[*other as usize] += weight * own * theirs;
            }
        }
    }

    /// Cosines of one row with some others, in their order: quicker than one by one.
    pub fn cosines(&self, row: usize, others: impl Iterator<Item = usize>) -> Vec<f32> {
        thread_local! {
            static SPREAD: RefCell<Vec<f32>> = RefCell::default();
        }
        SPREAD.with_borrow_mut(|spread| {
            if spread.len() < self.features {
                spread.resize(self.features, 0.0);
            }
            self.rows[row].iter().for_each(|(feature, weight)| spread[*feature as usize] = *weight);
            let cosine = |other: usize| self.rows[other].iter().map(|(f, weight)| weight * spread[*f as usize]).sum();
            let cosines = others.map(cosine).collect();
            self.rows[row].iter().for_each(|(feature, _)| spread[*feature as usize] = 0.0);
            cosines
        })
    }
}

/// How much a field's words count: a word of the title says more than one deep in the description.
const TITLE: f32 = 3.0;
const TAGS: f32 = 2.0;
const PROVIDER: f32 = 1.0;
const DESCRIPTION: f32 = 1.0;

/// How many characters of each field are cut into n-grams.
const CUT: usize = 300;

/// What power the inverse document frequency of n-grams has. This and the shares in `embed` were chosen on what is used
/// together in catalogues of three languages, long and short (docs/quality.md).
const RARITY_OF_NGRAMS: f32 = 1.4;

/// TF-IDF with sublinear term frequencies (Manning, Raghavan, Schütze 2008, ch. 6), fields weighted, words and n-grams each
/// with their share of a row's square, whichever are more.
pub fn tf_idf(texts: &[Text], ngram_share: f32) -> Sparse {
    let analyzer = tokens::Analyzer::of(texts.iter().flat_map(|text| [&text.title, &text.description]));
    let (words, word_count) = weighted(
        count(texts, |text, each| {
            let fields = [
                (&text.title, TITLE),
                (&text.tags, TAGS),
                (&text.provider, PROVIDER),
                (&text.description, DESCRIPTION),
            ];
            for (field, weight) in fields {
                analyzer.terms(field, |term| each(term.to_owned(), weight));
            }
        }),
        1.0,
    );
    let (ngrams, ngram_count) = weighted(
        count(texts, |text, each| {
            for field in [&text.title, &text.tags, &text.description] {
                tokens::ngrams(field, CUT, |ngram| each(ngram, 1.0));
            }
        }),
        RARITY_OF_NGRAMS,
    );
    let rows = words
        .into_iter()
        .zip(ngrams)
        .map(|(mut row, ngrams)| {
            let share = match (row.is_empty(), ngrams.is_empty()) {
                (false, false) => ngram_share,
                (false, true) => 0.0,
                _ => 1.0,
            };
            row.iter_mut().for_each(|(_, weight)| *weight *= (1.0 - share).sqrt());
            row.extend(ngrams.into_iter().map(|(ngram, weight)| (word_count + ngram, weight * share.sqrt())));
            row
        })
        .collect();
    Sparse::new(rows, (word_count + ngram_count) as usize)
}

/// How often every text holds each feature, in the order of features, and how many texts hold it.
struct Counted {
    rows: Vec<Vec<(u32, f32)>>,
    texts: Vec<u32>,
}

fn count<Name: Hash + Eq>(texts: &[Text], features_of: impl Fn(&Text, &mut dyn FnMut(Name, f32))) -> Counted {
    let mut features: HashMap<Name, u32> = HashMap::new();
    let mut counted = Counted { rows: Vec::with_capacity(texts.len()), texts: Vec::new() };
    let mut counts: HashMap<u32, f32> = HashMap::new();
    for text in texts {
        features_of(text, &mut |name, weight| {
            let next = features.len() as u32;
            *counts.entry(*features.entry(name).or_insert(next)).or_insert(0.0) += weight;
        });
        let mut row: Vec<(u32, f32)> = counts.drain().collect();
        row.sort_unstable_by_key(|(feature, _)| *feature);
        counted.texts.resize(features.len(), 0);
        row.iter().for_each(|(feature, _)| counted.texts[*feature as usize] += 1);
        counted.rows.push(row);
    }
    counted
}

/// Rows of length 1 at most, and of how many features. One that more than half of many texts have is left out. One that
/// stands in one text alone cannot join two: it counts in the length of its row, which is a measure of how much else the
/// text says, and is then left out as well.
fn weighted(counted: Counted, rarity: f32) -> (Vec<Vec<(u32, f32)>>, u32) {
    let texts = counted.rows.len();
    let too_common = if texts > 100 { texts as u32 / 2 } else { u32::MAX };
    let mut features = 0;
    let kept: Vec<Option<u32>> = counted
        .texts
        .iter()
        .map(|count| {
            let is_kept = *count >= 2 && *count <= too_common;
            is_kept.then(|| {
                features += 1;
                features - 1
            })
        })
        .collect();
    let rows = counted
        .rows
        .into_iter()
        .map(|mut row| {
            let mut square = 0.0;
            for (feature, value) in &mut row {
                let count = counted.texts[*feature as usize];
                let idf = (texts as f32 / count as f32).ln() + 1.0;
                *value = if count > too_common { 0.0 } else { (1.0 + *value).ln() * idf.powf(rarity) };
                square += *value * *value;
            }
            let length = square.sqrt().max(1e-6);
            let scaled =
                row.into_iter().filter_map(|(feature, weight)| Some((kept[feature as usize]?, weight / length)));
            scaled.collect()
        })
        .collect();
    (rows, features)
}
