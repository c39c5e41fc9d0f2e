//! The table of English tokens that the program carries (`table/README.md`), for where settings name no text model.

use std::sync::OnceLock;

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::TextModel;

const TOKENIZER: &[u8] = include_bytes!("table/tokenizer.json");
const WEIGHTS: &[u8] = include_bytes!("table/model.safetensors");

/// Its name with a hash of its files, as [`super::folder::identity`] makes one.
pub fn identity() -> &'static str {
    static IDENTITY: OnceLock<String> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let hash = Sha256::new().chain_update(TOKENIZER).chain_update(WEIGHTS).finalize();
        format!("english-table-{}", hex::encode(&hash[..4]))
    })
}

/// Reads the table.
///
/// # Errors
/// The program was built with a damaged one.
pub fn model() -> Result<TextModel> {
    TextModel::of_table(TOKENIZER, WEIGHTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::neural::Role;

    #[test]
    fn words_that_mean_the_like_are_near() -> Result<()> {
        let texts = ["hospital doctors", "nurses and physicians", "rainfall and storms", "weather"];
        let vectors = model()?.embed(&texts, Role::Document, &|_| ())?;
        let cosine = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum::<f32>();
        assert!(cosine(0, 1) > 0.3 && cosine(2, 3) > 0.3, "{} {}", cosine(0, 1), cosine(2, 3));
        assert!(cosine(0, 2) < 0.15 && cosine(1, 3) < 0.15, "{} {}", cosine(0, 2), cosine(1, 3));
        Ok(())
    }
}
