//! Text to terms, in Chinese, English and French.
//!
//! Latin words are lowered, stemmed and freed of accents. Chinese is written without spaces: pairs of characters are its
//! words, a character its own where it stands alone.

use rust_stemmers::{Algorithm, Stemmer};

use super::stop_words;

/// Whether it is a Chinese character.
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// How a text becomes terms: which stems Latin words have, and which words tell nothing.
pub struct Analyzer {
    stemmer: Stemmer,
    stop_words: [&'static [&'static str]; 2],
}

impl Analyzer {
    /// The language most of the Latin words are in, by its commonest small words: English, unless it is French.
    pub fn of<'a>(texts: impl Iterator<Item = &'a String>) -> Self {
        let (mut english, mut french) = (0, 0);
        for text in texts.take(2_000) {
            for word in text.split(|c: char| !c.is_alphanumeric()) {
                match word.to_lowercase().as_str() {
                    "the" | "and" | "of" | "for" | "with" | "from" | "to" | "in" => english += 1,
                    "le" | "la" | "les" | "des" | "du" | "et" | "de" | "pour" | "dans" | "une" => french += 1,
                    _ => {}
                }
            }
        }
        if french > english { Self::french() } else { Self::english() }
    }

    fn english() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::English), stop_words: [stop_words::COMMON, &[]] }
    }

    fn french() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::French), stop_words: [stop_words::COMMON, stop_words::FRENCH] }
    }

    fn is_stop_word(&self, term: &str) -> bool {
        self.stop_words.iter().any(|words| words.contains(&term))
    }

    /// Calls `each` with every term of `text`.
    pub fn terms(&self, text: &str, mut each: impl FnMut(&str)) {
        let mut emit = |term: &str| {
            if !self.is_stop_word(term) {
                each(term);
            }
        };
        let mut word = String::new();
        let mut run = String::new();
        for c in text.chars().flat_map(char::to_lowercase).chain(std::iter::once(' ')) {
            if !is_han(c) && !run.is_empty() {
                let ends: Vec<usize> = run.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
                match ends.len() {
                    1 => emit(&run),
                    _ => {
                        (0..ends.len() - 1).for_each(|i| emit(&run[if i == 0 { 0 } else { ends[i - 1] }..ends[i + 1]]));
                    }
                }
                run.clear();
            }
            if (is_han(c) || !c.is_alphanumeric()) && !word.is_empty() {
                if !self.is_stop_word(&word) {
                    let stem = self.stemmer.stem(&word);
                    match stem.is_ascii() {
                        true => emit(&stem),
                        false => emit(&stem.chars().map(without_accent).collect::<String>()),
                    }
                }
                word.clear();
            }
            if is_han(c) {
                run.push(c);
            } else if c.is_alphanumeric() {
                word.push(c);
            }
        }
    }
}

/// The letter that people type who leave accents out.
fn without_accent(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

/// Neighbouring characters of a text: two to four, filled up with NUL.
pub type Ngram = [char; 4];

/// Calls `each` with every two, three and four neighbouring characters in the first `cut` of `text`, over the ends of
/// words too: what is no letter or number is one space, also before and after all.
pub fn ngrams(text: &str, cut: usize, mut each: impl FnMut(Ngram)) {
    let mut spaced = vec![' '];
    for c in text.chars().take(cut).flat_map(char::to_lowercase).chain(std::iter::once(' ')) {
        let c = if c.is_alphanumeric() { c } else { ' ' };
        if c != ' ' || spaced.last() != Some(&' ') {
            spaced.push(c);
        }
    }
    for length in 2..=4 {
        for window in spaced.windows(length) {
            let mut ngram = ['\0'; 4];
            ngram[..length].copy_from_slice(window);
            each(ngram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        Analyzer::english().terms(text, |t| found.push(t.to_owned()));
        found
    }

    #[test]
    fn latin_words_are_stemmed_and_chinese_is_cut_into_pairs() {
        assert_eq!(all("Satellites of the 海洋温度 v2"), ["satellit", "海洋", "洋温", "温度", "v2"]);
        assert_eq!(all("NDVI植被"), ["ndvi", "植被"]);
    }

    #[test]
    fn french_is_known_by_its_small_words_and_loses_its_accents() {
        let text = "Les données de la qualité de l'air dans les départements".to_owned();
        let mut found = Vec::new();
        Analyzer::of(std::iter::once(&text)).terms(&text, |t| found.push(t.to_owned()));
        assert_eq!(found, ["qualit", "air", "depart"]);
    }

    #[test]
    fn ngrams_go_over_the_ends_of_words() {
        let mut found = Vec::new();
        ngrams("海水, a!  beyond the cut", 6, |p| found.push(p.iter().filter(|c| **c != '\0').collect::<String>()));
        let expected = [" 海", "海水", "水 ", " a", "a ", " 海水", "海水 ", "水 a", " a ", " 海水 ", "海水 a", "水 a "];
        assert_eq!(found, expected);
        found.clear();
        ngrams("", 10, |p| found.push(p.iter().collect()));
        assert!(found.is_empty());
    }
}
