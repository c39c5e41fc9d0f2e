//! Text to vectors, with nothing to download: words, characters and what they share across the catalogue.
//!
//! Two views of the same text work together: sparse TF-IDF vectors (exact words) and dense LSA vectors (words that keep
//! the same company). Each finds what the other misses.

mod lexical;
mod lsa;
pub mod neural;
pub mod tokens;

pub use lexical::{Postings, Sparse};
pub use lsa::reduce;

use crate::index::Vectors;

/// The text of one dataset, by field.
#[derive(Debug, Default)]
pub struct Text {
    pub title: String,
    pub tags: String,
    pub provider: String,
    pub description: String,
}

/// Both views of a catalogue; row i belongs to text i.
#[derive(Debug)]
pub struct Embedding {
    pub sparse: Sparse,
    pub dense: Vectors,
    /// How much the dense view counts, of 1; the sparse one has the rest.
    pub dense_weight: f32,
}

/// The dense vectors' dimensions, where the catalogue is large enough for so many.
const DIMENSIONS: usize = 128;

/// How much the dense view counts where texts are long and where they are short: what words keep company with is learned
/// from sentences, not from titles.
const DENSE_WEIGHT: f32 = 0.12;
const DENSE_WEIGHT_OF_SHORT: f32 = 0.06;

/// Texts of fewer characters than this, at the median, are short (a Chinese character counts like four).
const SHORT: usize = 160;

/// What share of the sparse view is character pieces; where most is Chinese, which has no spaces between words, more.
const PIECES: f32 = 0.5;
const PIECES_OF_CHINESE: f32 = 0.65;

/// Embeds a catalogue. The same texts in the same order give the same vectors to the bit.
pub fn embed(texts: &[Text]) -> Embedding {
    let mut lengths: Vec<usize> = texts.iter().map(|text| text.latin() + 4 * text.han()).collect();
    lengths.sort_unstable();
    let are_short = lengths.get(lengths.len() / 2).is_none_or(|median| *median < SHORT);
    let are_chinese = texts.iter().filter(|text| 4 * text.han() > text.latin()).count() * 2 > texts.len();
    let sparse = lexical::tf_idf(texts, if are_chinese { PIECES_OF_CHINESE } else { PIECES });
    let dense = lsa::reduce(&sparse, DIMENSIONS, 1.0);
    Embedding { sparse, dense, dense_weight: if are_short { DENSE_WEIGHT_OF_SHORT } else { DENSE_WEIGHT } }
}

impl Text {
    fn chars(&self) -> impl Iterator<Item = char> {
        [&self.title, &self.tags, &self.description].into_iter().flat_map(|field| field.chars())
    }

    /// How many Chinese characters there are.
    fn han(&self) -> usize {
        self.chars().filter(|c| tokens::is_han(*c)).count()
    }

    /// How many other characters there are.
    fn latin(&self) -> usize {
        self.chars().filter(|c| !tokens::is_han(*c)).count()
    }
}
