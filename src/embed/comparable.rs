//! Text as it is compared, in lists and in searches alike: one spelling for what is written in several.

use std::sync::LazyLock;

use icu_normalizer::ComposingNormalizerBorrowed;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// Where the characters begin that have a simplified form.
const FIRST: u32 = 0x3400;

/// What stands for each character from `FIRST` on.
static SIMPLIFIED: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut forms: Vec<char> = (FIRST..0xa000).filter_map(char::from_u32).collect();
    for pair in pairs() {
        let mut pair = pair.chars();
        if let (Some(traditional), Some(simplified)) = (pair.next(), pair.next()) {
            forms[(u32::from(traditional) - FIRST) as usize] = simplified;
        }
    }
    forms
});

/// Each traditional character with its simplified one.
fn pairs() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("simplified.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace)
}

/// A text in small letters, half width, composed and with simplified characters.
///
/// Kanji become simplified characters where they are traditional ones, in texts and in what is looked for alike: that
/// joins what Chinese and Japanese write the same, and parts nothing.
pub fn comparable(text: &str) -> String {
    NFKC.normalize(text).chars().flat_map(char::to_lowercase).map(simplified).collect()
}

fn simplified(c: char) -> char {
    let at = u32::from(c).checked_sub(FIRST);
    at.and_then(|at| SIMPLIFIED.get(at as usize)).copied().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_several_ways_is_compared_in_one() {
        for (written, compared) in [
            ("臺灣氣象數據", "台湾气象数据"),
            ("ＰＭ２．５　浓度（Ⅱ）", "pm2.5 浓度(ii)"),
            ("CO₂ ㎡ ﾃﾞｰﾀ", "co2 m2 データ"),
            ("e\u{301}cologie", "écologie"),
            ("\u{f900}\u{2f00}", "岂一"),
            ("東京の人口", "东京の人口"),
            ("Plain, 简体", "plain, 简体"),
        ] {
            assert_eq!(comparable(written), compared);
            assert_eq!(comparable(compared), compared);
        }
    }

    #[test]
    fn every_pair_of_the_table_is_one_of_two_characters() {
        let pairs: Vec<&str> = pairs().collect();
        assert!(pairs.len() > 3_000 && pairs.iter().all(|pair| pair.chars().count() == 2));
    }
}
