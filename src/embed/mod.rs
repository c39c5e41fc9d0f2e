//! Text to vectors, with nothing to download: words, characters and what they share across the catalogue.
//!
//! Two views of the same text work together: sparse TF-IDF vectors (exact words) and dense LSA vectors (words that keep
//! the same company). Each finds what the other misses.

mod comparable;
mod embedding;
mod lexical;
mod lsa;
pub mod neural;
mod stop_words;
mod text;
pub mod tokens;

pub use comparable::comparable;
pub use embedding::{Embedding, embed, words};
pub use lexical::{Postings, Sparse};
pub use lsa::reduce;
pub use text::Text;
