//! Text to terms, in Chinese, English and French.
//!
//! Latin words are lowered, stemmed and freed of accents. Chinese is written without spaces: pairs of characters are its
//! words, a character its own where it stands alone.

use rust_stemmers::{Algorithm, Stemmer};

use super::{comparable, stop_words};

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
    pub fn terms(&self, text: &str, each: impl FnMut(&str)) {
        self.cut(text, false, each);
    }

    /// The same, and with what somebody looks for as one (`compounds`). In lists that says nothing which its parts do not.
    pub fn search_terms(&self, text: &str, each: impl FnMut(&str)) {
        self.cut(text, true, each);
    }

    fn cut(&self, text: &str, with_compounds: bool, mut each: impl FnMut(&str)) {
        let text: Vec<char> = comparable(text).chars().collect();
        let pieces: Vec<&[char]> = text.chunk_by(|a, b| Kind::of(*a) == Kind::of(*b)).collect();
        let mut emit = |term: &str| {
            if !self.is_stop_word(term) {
                each(term);
            }
        };
        for (at, piece) in pieces.iter().enumerate() {
            match Kind::of(piece[0]) {
                Kind::Han if piece.len() == 1 => emit(&written(piece)),
                Kind::Han => piece.windows(2).for_each(|pair| emit(&written(pair))),
                Kind::Word => {
                    let word = written(piece);
                    if !self.is_stop_word(&word) {
                        emit(&self.stemmer.stem(&word).chars().map(without_accent).collect::<String>());
                    }
                }
                Kind::Mark => {}
            }
            if with_compounds {
                compounds(&pieces[at..], &mut emit);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Han,
    Word,
    Mark,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            _ if is_han(c) => Self::Han,
            _ if c.is_alphanumeric() => Self::Word,
            _ => Self::Mark,
        }
    }
}

fn written(chars: &[char]) -> String {
    chars.iter().collect()
}

/// Calls `emit` with what begins with the first of some pieces and says more than they do one by one: a letter and the
/// character it touches (`A股`), a word with its marks (`C++`), a word and the numbers joined to it, however they are
/// (`PM2.5` and `PM25`, `COVID-19` and `COVID19`).
fn compounds(pieces: &[&[char]], emit: &mut impl FnMut(&str)) {
    let [first, rest @ ..] = pieces else { return };
    let [next, ..] = rest else { return };
    match (Kind::of(first[0]), Kind::of(next[0])) {
        (Kind::Word, Kind::Han) if is_letter(first) => emit(&written(&[first[0], next[0]])),
        (Kind::Han, Kind::Word) if is_letter(next) => emit(&written(&[first[first.len() - 1], next[0]])),
        (Kind::Word, Kind::Mark) if matches!(next[0], '+' | '#') => {
            let marks = next.iter().take_while(|mark| matches!(mark, '+' | '#'));
            emit(&first.iter().chain(marks).collect::<String>());
        }
        (Kind::Word, Kind::Mark) if first.iter().any(|c| c.is_alphabetic()) => {
            let numbers = rest.chunks_exact(2).map_while(|pair| match pair {
                [['-' | '.' | '\u{2010}'], number] if number[0].is_numeric() => Some(*number),
                _ => None,
            });
            let whole: Vec<&[char]> = std::iter::once(*first).chain(numbers).collect();
            if whole.len() > 1 {
                emit(&written(&whole.concat()));
            }
        }
        _ => {}
    }
}

fn is_letter(piece: &[char]) -> bool {
    matches!(piece, [c] if c.is_ascii_alphabetic())
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
    let head = text.char_indices().nth(cut).map_or(text, |(end, _)| &text[..end]);
    for c in comparable(head).chars().chain(std::iter::once(' ')) {
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
        assert_eq!(all("ＮＤＶＩ植被數據"), ["ndvi", "植被", "被数"]);
    }

    #[test]
    fn what_letters_numbers_marks_and_characters_say_together_is_looked_for() {
        let all = |text: &str| {
            let mut found = Vec::new();
            Analyzer::english().search_terms(text, |t| found.push(t.to_owned()));
            found
        };
        assert_eq!(all("GDP增长"), ["gdp", "增长"]);
        assert_eq!(all("A股市场"), ["a股", "股市", "市场"]);
        assert_eq!(all("维生素C"), ["维生", "生素", "素c", "c"]);
        assert_eq!(all("5G网络"), ["5g", "网络"]);
        assert_eq!(all("C++编程, C#."), ["c", "c++", "编程", "c", "c#"]);
        assert_eq!(all("PM2.5"), ["pm2", "pm25", "5"]);
        assert_eq!(all("ＰＭ₂.₅浓度"), ["pm2", "pm25", "5", "浓度"]);
        assert_eq!(all("COVID-19疫情"), ["covid", "covid19", "19", "疫情"]);
        assert_eq!(all("GPT-3.5-turbo"), ["gpt", "gpt35", "3", "5", "turbo"]);
        assert_eq!(all("2020-01-02. 3"), ["2020", "01", "02", "3"]);
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
