//! Who asks, by what a request says of itself: from where, on what, in which language, with which program. What clients send
//! is theirs to choose: it is cut to a length, and to characters that mean nothing to whoever reads it.

use axum::http::{HeaderMap, HeaderName};

use super::{Agent, params};
use crate::common::device::Device;

static SOURCE: HeaderName = HeaderName::from_static("x-recommend-source");
static CLIENT_APP: HeaderName = HeaderName::from_static("x-client-app");

/// The most characters of a name that is kept.
const LONGEST: usize = 64;

/// Who asks for a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Client {
    /// The place it is shown in, as the front end calls it, in lower case: `search`, `home`.
    pub source: Option<Box<str>>,
    /// What it is shown on.
    pub device: Device,
    /// The language that the browser prefers, as in `zh-CN`.
    pub locale: Option<Box<str>>,
    /// The program that asks.
    pub app: Option<Box<str>>,
}

impl Client {
    /// That of a request: `X-Recommend-Source`, else the parameter `source`.
    pub fn of(headers: &HeaderMap, source: Option<&str>, agent: Agent) -> Self {
        let text = |name| headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        Self {
            source: text(&SOURCE).and_then(source_of).or_else(|| source.and_then(source_of)),
            device: agent.device,
            locale: params::locale(headers),
            app: text(&CLIENT_APP).and_then(|text| cleaned(text, "-_.:/ ()+,;")),
        }
    }
}

/// A source in the one way in which it is compared; `None` for what says nothing.
fn source_of(text: &str) -> Option<Box<str>> {
    cleaned(text, "-_.:/").map(|source| source.to_lowercase().into())
}

/// The start of a text, with `_` for all but letters, digits and a few others; `None` where nothing is left to say.
fn cleaned(text: &str, others: &str) -> Option<Box<str>> {
    let is_kept = |c: char| c.is_alphanumeric() || others.contains(c);
    let kept: String = text.trim().chars().take(LONGEST).map(|c| if is_kept(c) { c } else { '_' }).collect();
    kept.contains(char::is_alphanumeric).then(|| kept.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_say_is_cut_and_cleaned() {
        for (text, expected) in [
            ("search", Some("search")),
            (" Home-Page ", Some("home-page")),
            ("首页", Some("首页")),
            ("a\"b\\c<script>\u{0}\u{202e}\n", Some("a_b_c_script___")),
            ("", None),
            (" \t", None),
            ("\"\"\"", None),
            ("___", None),
        ] {
            assert_eq!(source_of(text).as_deref(), expected, "{text:?}");
        }
        assert_eq!(source_of(&"é".repeat(1000)).map(|source| source.chars().count()), Some(LONGEST));
        let headers = HeaderMap::from_iter([
            (SOURCE.clone(), "Landing".parse().expect("a value")),
            (CLIENT_APP.clone(), "Shop/3.2 (iOS 17; zh)\t<b>".parse().expect("a value")),
        ]);
        let client = Client::of(&headers, Some("search"), Agent::default());
        assert_eq!(
            (client.source.as_deref(), client.app.as_deref()),
            (Some("landing"), Some("Shop/3.2 (iOS 17; zh)__b_"))
        );
        assert_eq!(Client::of(&HeaderMap::new(), Some("search"), Agent::default()).source.as_deref(), Some("search"));
        let odd =
            HeaderMap::from_iter([(SOURCE.clone(), axum::http::HeaderValue::from_bytes(b"\xff\xfe").expect("bytes"))]);
        assert_eq!(Client::of(&odd, Some("search"), Agent::default()).source.as_deref(), Some("search"));
    }
}
