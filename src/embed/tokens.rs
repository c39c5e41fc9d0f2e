//! Text to terms, in Chinese and English.
//!
//! Latin words are lowered and stemmed. Chinese is written without spaces: its characters and their pairs are its words.

use rust_stemmers::{Algorithm, Stemmer};

/// Words so common that they tell nothing of a dataset.
const STOP_WORDS: &[&str] = &[
    "a",
    "about",
    "all",
    "also",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "both",
    "but",
    "by",
    "can",
    "data",
    "dataset",
    "datasets",
    "each",
    "for",
    "from",
    "has",
    "have",
    "how",
    "i",
    "if",
    "in",
    "including",
    "into",
    "is",
    "it",
    "its",
    "may",
    "more",
    "most",
    "not",
    "of",
    "on",
    "one",
    "or",
    "other",
    "our",
    "over",
    "s",
    "such",
    "than",
    "that",
    "the",
    "their",
    "them",
    "there",
    "these",
    "they",
    "this",
    "to",
    "two",
    "use",
    "used",
    "using",
    "was",
    "we",
    "were",
    "which",
    "while",
    "who",
    "will",
    "with",
    "you",
    "your",
    "的",
    "了",
    "和",
    "与",
    "及",
    "等",
    "在",
    "为",
    "数",
    "据",
    "数据",
    "集",
    "据集",
    "数集",
];

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Calls `each` with every term of `text`.
pub fn terms(text: &str, stemmer: &Stemmer, mut each: impl FnMut(&str)) {
    let mut emit = |term: &str| {
        if !STOP_WORDS.contains(&term) {
            each(term);
        }
    };
    let mut word = String::new();
    let mut han: Option<char> = None;
    let mut pair = String::new();
    for c in text.chars().flat_map(char::to_lowercase).chain(std::iter::once(' ')) {
        if (is_han(c) || !c.is_alphanumeric()) && !word.is_empty() {
            if !STOP_WORDS.contains(&word.as_str()) {
                emit(&stemmer.stem(&word));
            }
            word.clear();
        }
        if is_han(c) {
            emit(c.encode_utf8(&mut [0; 4]));
            if let Some(before) = han.replace(c) {
                pair.clear();
                pair.extend([before, c]);
                emit(&pair);
            }
        } else {
            han = None;
            if c.is_alphanumeric() {
                word.push(c);
            }
        }
    }
}

/// Calls `each` with the 3- to 5-character pieces of every word of `text`, marked at the word's ends: short titles
/// share pieces of words before they share words.
pub fn pieces(text: &str, mut each: impl FnMut(&str)) {
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric() || is_han(c)).filter(|w| w.len() > 2) {
        let marked: Vec<char> = std::iter::once('<').chain(word.chars()).chain(std::iter::once('>')).collect();
        for length in 3..=5 {
            for piece in marked.windows(length) {
                each(&piece.iter().collect::<String>());
            }
        }
    }
}

pub fn stemmer() -> Stemmer {
    Stemmer::create(Algorithm::English)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        terms(text, &stemmer(), |t| found.push(t.to_owned()));
        found
    }

    #[test]
    fn latin_words_are_stemmed_and_chinese_is_cut_into_characters_and_pairs() {
        assert_eq!(
            all("Satellites of the 海洋温度 v2"),
            ["satellit", "海", "洋", "海洋", "温", "洋温", "度", "温度", "v2"]
        );
        assert_eq!(all("NDVI植被"), ["ndvi", "植", "被", "植被"]);
    }

    #[test]
    fn pieces_mark_the_ends_of_words() {
        let mut found = Vec::new();
        pieces("sea", |p| found.push(p.to_owned()));
        assert_eq!(found, ["<se", "sea", "ea>", "<sea", "sea>", "<sea>"]);
    }
}
