//! Chinese as it is typed in Latin letters: 空气质量 is `kongqizhiliang`, `kqzl` or `kq质量`.

use std::sync::LazyLock;

use pinyin::ToPinyinMulti;

/// By which letters the sounds of the characters from `FIRST` on begin, a bit each: most characters are passed over by it.
static BEGINNINGS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let sounds = |c: char| c.to_pinyin_multi().into_iter().flatten();
    let characters = (FIRST..0xa000).filter_map(char::from_u32);
    characters.map(|c| sounds(c).fold(0, |bits, sound| bits | bit(sound.plain()))).collect()
});
const FIRST: u32 = 0x3000;

/// Whether some stretch of a text is typed so: two characters or more, at least one by its sound, those either whole or,
/// where `short`, by first letters (zh, ch, sh may be two). Of a character with several sounds each will do.
pub(super) fn is_typed(typed: &str, text: &str, short: bool) -> bool {
    let (first, first_bit) = (typed.chars().next(), bit(typed));
    // how much of what is typed the characters up to here are, and whether one of them by its sound
    let mut reached: Vec<(usize, bool)> = Vec::new();
    let mut next = Vec::new();
    text.chars().any(|c| {
        if first == Some(c) || beginnings(c) & first_bit != 0 {
            reached.push((0, false));
        }
        if reached.is_empty() {
            return false;
        }
        for (begin, heard) in reached.drain(..) {
            let left = &typed[begin..];
            let as_it_is = left.starts_with(c).then(|| (begin + c.len_utf8(), heard));
            let sounds = c.to_pinyin_multi().into_iter().flatten().flat_map(|sound| parts(sound.plain(), short));
            let by_sound = sounds.filter_map(|sound| Some((begin + length(left, sound)?, true)));
            next.extend(as_it_is.into_iter().chain(by_sound).filter(|(end, _)| begin > 0 || *end < typed.len()));
        }
        next.sort_unstable();
        next.dedup();
        std::mem::swap(&mut reached, &mut next);
        reached.contains(&(typed.len(), true))
    })
}

fn beginnings(c: char) -> u32 {
    let at = u32::from(c).checked_sub(FIRST);
    at.and_then(|at| BEGINNINGS.get(at as usize)).copied().unwrap_or_default()
}

/// The bit of the letter that a word begins with.
fn bit(word: &str) -> u32 {
    word.bytes().next().filter(u8::is_ascii_lowercase).map_or(0, |letter| 1 << (letter - b'a'))
}

/// What a sound is typed as.
fn parts(sound: &str, short: bool) -> impl Iterator<Item = &str> {
    let two = sound.get(..2).filter(|two| matches!(*two, "zh" | "ch" | "sh"));
    let [one, two] = if short { [sound.get(..1), two] } else { [Some(sound), None] };
    one.into_iter().chain(two)
}

/// How much of what is typed a sound is, where it begins with it; ü is typed as v or u.
fn length(typed: &str, sound: &str) -> Option<usize> {
    let mut typed = typed.chars();
    let is = |typed: char, c: char| typed == c || c == 'ü' && matches!(typed, 'u' | 'v');
    sound.chars().map(|c| typed.next().filter(|letter| is(*letter, c)).map(char::len_utf8)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_typed_by_its_sounds_or_their_first_letters_and_by_what_stands_there() {
        let text = "全国空气质量 gdp增长";
        for typed in ["kqzl", "kqzhl", "kq质量", "gdpzz", "qgkq"] {
            assert!(is_typed(typed, text, true) && !is_typed(typed, text, false), "{typed}");
        }
        for typed in ["kongqizhiliang", "kongqi质量", "gdpzengzhang", "quanguo", "气zhi"] {
            assert!(is_typed(typed, text, false) && !is_typed(typed, text, true), "{typed}");
        }
        for typed in ["kqz l", "kqzlg", "gdp", "空气", "ongqi", "kongqizhilian", "kongqizl", "kong", "k"] {
            assert!(!is_typed(typed, text, true) && !is_typed(typed, text, false), "{typed}");
        }
    }

    #[test]
    fn each_sound_of_a_character_will_do() {
        assert!(["zhongqing", "chongqing"].into_iter().all(|typed| is_typed(typed, "重庆", false)));
        assert!(["lvse", "luse"].into_iter().all(|typed| is_typed(typed, "绿色", false)));
        assert!(is_typed("cq", "重庆", true) && is_typed("ls", "绿色", true));
        // what could be read in many ways is read once
        assert!(!is_typed(&"a".repeat(300), &"啊".repeat(299), true));
    }
}
