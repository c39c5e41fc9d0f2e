//! Text to vectors, with nothing to download: words, characters and what they share across the catalogue.
//!
//! Two views of the same text work together: sparse TF-IDF vectors (exact words) and dense LSA vectors (words that keep
//! the same company). Each finds what the other misses.

mod lexical;
mod lsa;
mod tokens;

pub use lexical::Sparse;

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
}

/// The dense vectors' dimensions, where the catalogue is large enough for so many.
const DIMENSIONS: usize = 128;

/// Embeds a catalogue. The same texts in the same order give the same vectors to the bit.
pub fn embed(texts: &[Text]) -> Embedding {
    let sparse = lexical::tf_idf(texts);
    let dense = lsa::reduce(&sparse, DIMENSIONS);
    Embedding { sparse, dense }
}
