//! Parameters of requests: what each may be, and what is said of one that is malformed.

use axum::http::{HeaderMap, header};

use super::ApiError;
use crate::common::language::Language;
use crate::model::TIMEFRAMES;

/// An id: a whole number, 0 or more, in the digits 0 to 9 and nothing else.
///
/// # Errors
/// It is none; the error says `name`.
pub fn id(name: &str, text: &str) -> Result<i64, ApiError> {
    whole(text).and_then(|number| i64::try_from(number).ok()).ok_or_else(|| {
        let most = i64::MAX;
        ApiError::BadRequest(format!("{name} is {text:?}; it must be a whole number from 0 to {most}, such as 1001"))
    })
}

/// Ids between commas, full-width ones too; blanks around them and parts without any say nothing.
///
/// # Errors
/// One is no id; the error says `name`.
pub fn ids(name: &str, text: &str) -> Result<Vec<i64>, ApiError> {
    text.split([',', '，']).map(str::trim).filter(|text| !text.is_empty()).map(|text| id(name, text)).collect()
}

/// How many items, 1 to 100.
///
/// # Errors
/// It is no such number; the error says `name`.
pub fn count(name: &str, text: Option<&str>, default: usize) -> Result<usize, ApiError> {
    let Some(text) = text else { return Ok(default) };
    let count = whole(text).filter(|count| (1..=100).contains(count));
    count.map(|count| count as usize).ok_or_else(|| {
        ApiError::BadRequest(format!("{name} is {text:?}; it must be a whole number from 1 to 100, such as 10"))
    })
}

/// A number in the one way to write it: the digits 0 to 9, no sign, no blank, no leading zero. What could be read as another
/// number elsewhere names no dataset here.
fn whole(text: &str) -> Option<u64> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_plain)
}

/// One of [`TIMEFRAMES`], `24h` where it is left out.
///
/// # Errors
/// There is no such timeframe.
pub fn timeframe(text: Option<&str>) -> Result<&'static str, ApiError> {
    let text = text.unwrap_or("24h");
    TIMEFRAMES
        .into_iter()
        .find(|timeframe| *timeframe == text)
        .ok_or_else(|| ApiError::BadRequest(format!("timeframe is {text:?}; it may be {}", TIMEFRAMES.join(", "))))
}

/// The language asked for: that of `lang`, where it is one of ours; else the one of ours that Accept-Language prefers; else
/// English. No language costs anybody a list.
pub fn language(lang: Option<&str>, headers: &HeaderMap) -> Language {
    let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    lang.and_then(Language::of_tag).or_else(|| accepted().and_then(preferred)).unwrap_or_default()
}

/// The language that Accept-Language prefers, ours or not, as in `zh-CN`; `None` where it names none.
pub fn locale(headers: &HeaderMap) -> Option<Box<str>> {
    /// The longest tag that is kept; that of a language, a script, a region and some variants.
    const LONGEST: usize = 35;
    let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(&str, f32)> = None;
    for (tag, quality) in accepted.split(',').map(range) {
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic())
            && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if is_tag && tag.len() <= LONGEST && quality > best.map_or(0.0, |(_, best)| best) {
            best = Some((tag, quality));
        }
    }
    best.map(|(tag, _)| tag.into())
}

/// One range of an Accept-Language header with its quality.
fn range(text: &str) -> (&str, f32) {
    let (tag, rest) = text.split_once(';').unwrap_or((text, ""));
    let quality = rest.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()).unwrap_or(1.0);
    (tag.trim(), quality)
}

/// The language of ours with the highest quality in an Accept-Language header (RFC 9110, 12.5.4), the first of equal ones;
/// `*` stands for those of ours that are not named.
fn preferred(accepted: &str) -> Option<Language> {
    let (mut ranges, mut any) = (Vec::new(), None);
    for (tag, quality) in accepted.split(',').map(range) {
        match Language::of_tag(tag) {
            Some(language) => ranges.push((language, quality)),
            None if tag == "*" => any = Some(quality),
            None => {}
        }
    }
    let named: Vec<Language> = ranges.iter().map(|(language, _)| *language).collect();
    let unnamed = [Language::English, Language::Chinese].into_iter().filter(|language| !named.contains(language));
    ranges.extend(any.into_iter().flat_map(|quality| unnamed.clone().map(move |language| (language, quality))));
    let mut best = (None, 0.0);
    for (language, quality) in ranges {
        if quality > best.1 {
            best = (Some(language), quality);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_by_its_qualities_and_never_fails() {
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, text.parse().expect("a header"))]);
            language(None, &headers)
        };
        for (text, expected) in [
            ("", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en;q=0.3, zh;q=0.7", Language::Chinese),
            ("ZH", Language::Chinese),
            ("de, fr;q=0.9", Language::English),
            ("de, zh;q=0.1", Language::Chinese),
            ("zh;q=0, en;q=0.1", Language::English),
            ("zh;q=0", Language::English),
            ("zh;q=nonsense", Language::Chinese),
            ("en;q=nan, zh;q=0.5", Language::Chinese),
            ("*", Language::English),
            ("ja, *;q=0.5", Language::English),
            ("*, zh;q=0.5", Language::English),
            ("en;q=0, *;q=0.1", Language::Chinese),
            ("zh, *", Language::Chinese),
            ("zh-Hant-TW", Language::Chinese),
            ("zh_CN", Language::Chinese),
            ("zhuang, en;q=0.1", Language::English),
            (";;q=,,;q=1;zh", Language::English),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(of(&format!("{}zh", "x;q=nan,".repeat(1000))), Language::Chinese);
    }

    #[test]
    fn a_locale_is_the_tag_that_is_preferred() {
        for (text, expected) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some("zh-CN")),
            ("en;q=0.3, ja;q=0.7", Some("ja")),
            ("*", None),
            ("*;q=1, pt-BR;q=0.5", Some("pt-BR")),
            ("", None),
            ("\"><script>, de", Some("de")),
            ("fr;q=0", None),
            ("fr;q=nan", None),
            ("1-2", None),
            (&"a".repeat(36), None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, text.parse().expect("a header"))]);
            assert_eq!(locale(&headers).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_language_that_is_none_of_ours_falls_back_to_the_browsers() {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, "zh".parse().expect("a header"))]);
        for lang in ["en-GB", "EN", "en_us", " en "] {
            assert_eq!(language(Some(lang), &headers), Language::English, "{lang}");
        }
        for lang in ["ja", "", "-", "english", "日本語", "null", "\u{0}"] {
            assert_eq!(language(Some(lang), &headers), Language::Chinese, "{lang}");
            assert_eq!(language(Some(lang), &HeaderMap::new()), Language::English, "{lang}");
        }
        for lang in ["zh", "ZH", "zh-Hant-TW", "zh_CN", "zh-CN.UTF-8"] {
            assert_eq!(language(Some(lang), &HeaderMap::new()), Language::Chinese, "{lang}");
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        let said = |error: ApiError| match error {
            ApiError::BadRequest(message) => message,
            other => format!("{other:?}"),
        };
        assert_eq!(id("user_id", "7").ok(), Some(7));
        assert_eq!(
            said(id("user_id", "-7").expect_err("an error")),
            "user_id is \"-7\"; it must be a whole number from 0 to 9223372036854775807, such as 1001"
        );
        assert_eq!(ids("recent", " 3,,1 ,").ok(), Some(vec![3, 1]));
        assert_eq!(ids("recent", "3， 1,\u{3000}2\u{3000},").ok(), Some(vec![3, 1, 2]));
        assert_eq!(ids("recent", " , ，").ok(), Some(Vec::new()));
        assert!(said(ids("recent", "3,x").expect_err("an error")).contains("recent is \"x\""));
        assert_eq!((count("top_n", None, 10).ok(), count("top_n", Some("100"), 10).ok()), (Some(10), Some(100)));
        assert_eq!((id("x", "0").ok(), id("x", "9223372036854775807").ok()), (Some(0), Some(i64::MAX)));
        for text in [
            "７",
            " 7",
            "7 ",
            "7.0",
            "1e2",
            "+7",
            "007",
            "-0",
            "00",
            "9223372036854775808",
            "",
            "0x7",
            "7,8",
            "1_0",
            "٧",
        ] {
            assert!(id("x", text).is_err() && count("top_n", Some(text), 10).is_err(), "{text:?}");
        }
        assert!(count("top_n", Some("１０"), 10).is_err());
        assert!(count("top_n", Some("101"), 10).is_err() && count("top_n", Some("0"), 10).is_err());
        assert_eq!((timeframe(None).ok(), timeframe(Some("7d")).ok()), (Some("24h"), Some("7d")));
        assert!(said(timeframe(Some("2h")).expect_err("an error")).ends_with("it may be 1h, 24h, 7d, 30d"));
    }
}
