//! Sparse TF-IDF vectors over terms and character pieces of all fields.

use std::collections::{BTreeMap, HashMap};

use super::{Text, tokens};
use crate::index::sparse_dot;

/// Sparse rows of length 1 at most: (feature, weight) in the order of features. The dot product of two is their cosine.
#[derive(Debug, Default)]
pub struct Sparse {
    pub rows: Vec<Vec<(u32, f32)>>,
    pub features: usize,
    /// For each feature the rows that have it, with the weight there.
    postings: Vec<Vec<(u32, f32)>>,
}

impl Sparse {
    pub fn new(rows: Vec<Vec<(u32, f32)>>, features: usize) -> Self {
        let mut postings = vec![Vec::new(); features];
        for (row, entries) in rows.iter().enumerate() {
            for (feature, weight) in entries {
                postings[*feature as usize].push((row as u32, *weight));
            }
        }
        Self { rows, features, postings }
    }

    /// Cosines of one row with all rows, added to `out` times `weight`. Features that more than `common` rows have are
    /// passed over.
    pub fn add_cosines(&self, row: usize, weight: f32, common: usize, out: &mut [f32]) {
        for (feature, own) in &self.rows[row] {
            let postings = &self.postings[*feature as usize];
            if postings.len() > common {
                continue;
            }
            for (other, theirs) in postings {
                out[*other as usize] += weight * own * theirs;
            }
        }
    }

    /// The cosine of two rows.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        sparse_dot(&self.rows[a], &self.rows[b])
    }
}

/// What the name of a piece's feature begins with: no word does.
const PIECE: char = '\u{1}';

/// How much a field's words count: a word of the title says more than one deep in the description.
const TITLE: f32 = 3.0;
const TAGS: f32 = 2.0;
const PROVIDER: f32 = 1.0;
const DESCRIPTION: f32 = 1.0;

/// What share of a row's square is its character pieces: where there is little but titles, half; they share pieces of
/// words before they share words. These and the numbers below were chosen on what is used together in nine catalogues
/// (docs/quality.md), English, French and Chinese, long and short.
const PIECES: f32 = 0.35;
const PIECES_OF_SHORT: f32 = 0.5;

/// How many characters of each field are cut into pieces.
const CUT: usize = 300;

/// What power the inverse document frequency has: what few texts have in common says more than what many do.
const RARITY: f32 = 1.4;
const RARITY_OF_PIECES: f32 = 1.8;

/// TF-IDF with sublinear term frequencies (Manning, Raghavan, Schütze 2008, ch. 6), fields weighted. A feature in more
/// than half of many texts is left out. One that stands in one text alone cannot join two: it counts in the length of
/// its row, which is a measure of how much else the text says, and is then left out as well.
pub fn tf_idf(texts: &[Text], are_short: bool) -> Sparse {
    let language = tokens::Language::of(texts.iter().flat_map(|text| [&text.title, &text.description]));
    let mut names: HashMap<String, u32> = HashMap::new();
    let mut document_counts: Vec<u32> = Vec::new();
    let mut counted: Vec<BTreeMap<u32, f32>> = Vec::with_capacity(texts.len());
    for text in texts {
        let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
        let mut add = |name: &str, weight: f32| {
            let feature = match names.get(name) {
                Some(feature) => *feature,
                None => {
                    let feature = names.len() as u32;
                    names.insert(name.to_owned(), feature);
                    document_counts.push(0);
                    feature
                }
            };
            *counts.entry(feature).or_insert(0.0) += weight;
        };
        let fields =
            [(&text.title, TITLE), (&text.tags, TAGS), (&text.provider, PROVIDER), (&text.description, DESCRIPTION)];
        for (field, weight) in fields {
            language.terms(field, |term| add(term, weight));
        }
        for field in [&text.title, &text.tags, &text.description] {
            tokens::pieces(field, CUT, |piece| add(&format!("{PIECE}{piece}"), 1.0));
        }
        for feature in counts.keys() {
            document_counts[*feature as usize] += 1;
        }
        counted.push(counts);
    }
    let pieces_share = if are_short { PIECES_OF_SHORT } else { PIECES };
    let mut is_piece = vec![false; names.len()];
    for (name, feature) in &names {
        is_piece[*feature as usize] = name.starts_with(PIECE);
    }
    let texts_count = texts.len() as f32;
    let too_common = if texts.len() > 100 { texts.len() as u32 / 2 } else { u32::MAX };
    let mut kept: Vec<Option<u32>> = vec![None; document_counts.len()];
    let mut features = 0;
    for (feature, count) in document_counts.iter().enumerate() {
        if *count >= 2 && *count <= too_common {
            kept[feature] = Some(features);
            features += 1;
        }
    }
    let rows = counted
        .into_iter()
        .map(|counts| {
            let mut row: Vec<(u32, f32)> = counts
                .into_iter()
                .filter(|(feature, _)| document_counts[*feature as usize] <= too_common)
                .map(|(feature, count)| {
                    let idf = (texts_count / document_counts[feature as usize] as f32).ln() + 1.0;
                    let power = if is_piece[feature as usize] { RARITY_OF_PIECES } else { RARITY };
                    // 1 + ln(count) goes below zero for the small counts of pieces; this does not
                    (feature, (1.0 + count).ln() * idf.powf(power))
                })
                .collect();
            // words and pieces each have their share, whichever are more
            let square = |row: &[(u32, f32)], of_pieces: bool| {
                row.iter().filter(|(f, _)| is_piece[*f as usize] == of_pieces).map(|(_, w)| w * w).sum::<f32>()
            };
            let (words, cut) = (square(&row, false), square(&row, true));
            let share = match (words > 0.0, cut > 0.0) {
                (true, true) => pieces_share,
                (true, false) => 0.0,
                _ => 1.0,
            };
            let (word_scale, piece_scale) =
                (((1.0 - share) / words.max(1e-12)).sqrt(), (share / cut.max(1e-12)).sqrt());
            row.retain_mut(|(feature, weight)| {
                *weight *= if is_piece[*feature as usize] { piece_scale } else { word_scale };
                match kept[*feature as usize] {
                    Some(new) => {
                        *feature = new;
                        true
                    }
                    None => false,
                }
            });
            row
        })
        .collect();
    Sparse::new(rows, features as usize)
}
