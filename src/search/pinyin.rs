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

/// Whether some stretch of a text is typed so, with at least one character by its sound. `short`: characters may also be
/// typed by the first letter of their sound, or by zh, ch, sh. Of a character with several sounds each will do.
pub(super) fn is_typed(typed: &str, text: &str, short: bool) -> bool {
    // how much of what is typed the characters up to here are, and whether one of them by its sound
    let mut reached: Vec<(usize, bool)> = Vec::new();
    let mut next = Vec::new();
    text.chars().any(|c| {
        if typed.starts_with(c) || beginnings(c) & bit(typed) != 0 {
            reached.push((0, false));
        }
        if reached.is_empty() {
            return false;
        }
        for (end, heard) in reached.drain(..) {
            let left = &typed[end..];
            if left.starts_with(c) {
                next.push((end + c.len_utf8(), heard));
            }
            for sound in c.to_pinyin_multi().into_iter().flatten() {
                next.extend(parts(sound.plain(), short).filter_map(|part| Some((end + length(left, part)?, true))));
            }
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
    let first = sound.get(..1);
    let two = sound.get(..2).filter(|two| matches!(*two, "zh" | "ch" | "sh"));
    std::iter::once(sound).chain([first, two].into_iter().flatten().filter(move |_| short))
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
    fn chinese_is_typed_by_its_sounds_their_beginnings_and_what_stands_there() {
        let text = "全国空气质量 gdp增长";
        for typed in
            ["kongqizhiliang", "kqzl", "kqzhl", "kqzliang", "kq质量", "kongqi质量", "gdpzz", "gdpzengzhang", "qgkq"]
        {
            assert!(is_typed(typed, text, true), "{typed}");
        }
        for typed in ["kqz l", "kqzlg", "gdp", "空气", "ongqi", "kongqizhilian"] {
            assert!(!is_typed(typed, text, true), "{typed}");
        }
        assert!(
            is_typed("zhiliang", text, false) && !is_typed("kqzl", text, false) && !is_typed("kqzhiliang", text, false)
        );
    }

    #[test]
    fn each_sound_of_a_character_will_do() {
        assert!(["zhongqing", "chongqing", "cq"].into_iter().all(|typed| is_typed(typed, "重庆", true)));
        assert!(["lvse", "luse", "ls"].into_iter().all(|typed| is_typed(typed, "绿色", true)));
        assert!(!is_typed("kq", "kq", true));
    }
}
