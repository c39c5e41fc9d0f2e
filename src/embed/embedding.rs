//! Both views of a catalogue's texts.

use super::{Sparse, Text, lexical, lsa};
use crate::index::Vectors;

/// Both views of a catalogue; row i belongs to text i.
#[derive(Debug)]
pub struct Embedding {
    /// Words and n-grams.
    pub sparse: Sparse,
    /// What words keep company with.
    pub dense: Vectors,
    /// How much the dense view counts, of 1; the sparse one has the rest.
    pub dense_weight: f32,
}

/// The dense vectors' dimensions, where the catalogue is large enough for so many.
const DIMENSIONS: usize = 128;

/// How much the dense view counts where texts are long: what words keep company with is learned from sentences, not from titles.
/// Chosen, as the shares of n-grams below, on the catalogues of docs/quality.md.
const DENSE_WEIGHT: f32 = 0.12;

/// How much it counts where they are short.
const DENSE_WEIGHT_OF_SHORT: f32 = 0.06;

/// Texts of fewer characters than this, at the median, are short (a Chinese character counts like four).
const SHORT: usize = 160;

/// What share of the sparse view is character n-grams.
const NGRAMS: f32 = 0.5;

/// What share it is where most is Chinese, which has no spaces between words.
const NGRAMS_OF_CHINESE: f32 = 0.65;

/// Embeds a catalogue. The same texts in the same order give the same vectors to the bit.
pub fn embed(texts: &[Text]) -> Embedding {
    let mut lengths: Vec<usize> = texts.iter().map(|text| text.latin() + 4 * text.han()).collect();
    lengths.sort_unstable();
    let are_short = lengths.get(lengths.len() / 2).is_none_or(|median| *median < SHORT);
    let sparse = words(texts);
    let dense = lsa::reduce(&sparse, DIMENSIONS, 1.0);
    Embedding { sparse, dense, dense_weight: if are_short { DENSE_WEIGHT_OF_SHORT } else { DENSE_WEIGHT } }
}

/// The words and n-grams of some texts.
pub fn words(texts: &[Text]) -> Sparse {
    let are_chinese = texts.iter().filter(|text| text.is_chinese()).count() * 2 > texts.len();
    lexical::tf_idf(texts, if are_chinese { NGRAMS_OF_CHINESE } else { NGRAMS })
}
