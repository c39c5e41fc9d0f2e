//! Parameters of requests: what each may be, and what is said of one that is malformed.

use axum::http::{HeaderMap, header};

use super::ApiError;
use crate::model::TIMEFRAMES;
use crate::recommend::Language;

/// An id: a whole number, 0 or more.
///
/// # Errors
/// It is none; the error says `name`.
pub fn id(name: &str, text: &str) -> Result<i64, ApiError> {
    let id = text.parse::<i64>().ok().filter(|id| *id >= 0);
    id.ok_or_else(|| ApiError::BadRequest(format!("{name} is {text:?}; it must be a whole number")))
}

/// Ids between commas, some of which may be blank.
///
/// # Errors
/// One is no id; the error says `name`.
pub fn ids(name: &str, text: &str) -> Result<Vec<i64>, ApiError> {
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(|text| id(name, text)).collect()
}

/// How many items, 1 to 100.
///
/// # Errors
/// It is no such number; the error says `name`.
pub fn count(name: &str, text: Option<&str>, default: usize) -> Result<usize, ApiError> {
    let Some(text) = text else { return Ok(default) };
    let count = text.parse::<usize>().ok().filter(|n| (1..=100).contains(n));
    count.ok_or_else(|| ApiError::BadRequest(format!("{name} is {text:?}; it must be a whole number from 1 to 100")))
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

/// The language asked for: by `lang`, else the one of ours that Accept-Language prefers, else English. A header that makes no
/// sense costs nobody a list.
///
/// # Errors
/// `lang` is none of ours.
pub fn language(lang: Option<&str>, headers: &HeaderMap) -> Result<Language, ApiError> {
    match lang {
        Some(lang) => of_tag(lang).ok_or_else(|| ApiError::BadRequest(format!("lang is {lang:?}; it may be zh or en"))),
        None => {
            let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            Ok(accepted.and_then(preferred).unwrap_or_default())
        }
    }
}

/// The language of a tag such as `zh-CN`.
fn of_tag(tag: &str) -> Option<Language> {
    match tag.trim().get(..2)? {
        zh if zh.eq_ignore_ascii_case("zh") => Some(Language::Chinese),
        en if en.eq_ignore_ascii_case("en") => Some(Language::English),
        _ => None,
    }
}

/// The language of ours with the highest quality in an Accept-Language header (RFC 9110, 12.5.4), the first of equal ones.
fn preferred(accepted: &str) -> Option<Language> {
    let mut best = (None, 0.0);
    for range in accepted.split(',') {
        let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
        let quality = rest.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()).unwrap_or(1.0);
        if let Some(language) = of_tag(tag)
            && quality > best.1
        {
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
            language(None, &headers).expect("a language")
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
            (";;q=,,;q=1;zh", Language::English),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(of(&format!("{}zh", "x;q=nan,".repeat(1000))), Language::Chinese);
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, "zh".parse().expect("a header"))]);
        assert_eq!(language(Some("en-GB"), &headers).expect("a language"), Language::English);
        assert!(language(Some("fr"), &headers).is_err());
    }

    #[test]
    fn what_is_malformed_is_named() {
        let said = |error: ApiError| match error {
            ApiError::BadRequest(message) => message,
            other => format!("{other:?}"),
        };
        assert_eq!(id("user_id", "7").ok(), Some(7));
        assert_eq!(said(id("user_id", "-7").expect_err("an error")), "user_id is \"-7\"; it must be a whole number");
        assert_eq!(ids("recent", " 3,,1 ,").ok(), Some(vec![3, 1]));
        assert!(said(ids("recent", "3,x").expect_err("an error")).contains("recent is \"x\""));
        assert_eq!((count("top_n", None, 10).ok(), count("top_n", Some("100"), 10).ok()), (Some(10), Some(100)));
        assert!(count("top_n", Some("101"), 10).is_err() && count("top_n", Some("0"), 10).is_err());
        assert_eq!((timeframe(None).ok(), timeframe(Some("7d")).ok()), (Some("24h"), Some("7d")));
        assert!(said(timeframe(Some("2h")).expect_err("an error")).ends_with("it may be 1h, 24h, 7d, 30d"));
    }
}
