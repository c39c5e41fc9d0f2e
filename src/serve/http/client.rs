//! Who asks, by what a request says of itself: from where, on what, in which language, with which program. What clients send
//! is theirs to choose: it is cut to a length, and to characters that mean nothing to whoever reads it.

use axum::http::{HeaderMap, HeaderName, header};

use super::params;
use crate::common::device::Device;

static SOURCE: HeaderName = HeaderName::from_static("x-recommend-source");
static CLIENT_APP: HeaderName = HeaderName::from_static("x-client-app");

/// The most characters of a name that is kept.
const LONGEST: usize = 64;

/// The most bytes of a User-Agent that are looked at.
const AGENT: usize = 512;

/// What User-Agents of tablets hold, in lower case. `android` without `mobi` is one, too.
const TABLETS: [&str; 7] = ["ipad", "tablet", "kindle", "silk/", "playbook", "sm-t", "matepad"];

/// What those of phones hold.
const PHONES: [&str; 8] =
    ["mobi", "iphone", "ipod", "windows phone", "openharmony", "opera mini", "micromessenger", "miniprogram"];

/// What those of computers hold.
const COMPUTERS: [&str; 5] = ["windows nt", "macintosh", "x11;", "cros ", "wayland"];

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
    /// That of a request: `X-Recommend-Source`, else the parameter `source`; `agent` is its User-Agent as [`agent`] gives it.
    pub fn of(headers: &HeaderMap, source: Option<&str>, agent: &str, is_crawler: bool) -> Self {
        let text = |name| headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        Self {
            source: text(&SOURCE).and_then(source_of).or_else(|| source.and_then(source_of)),
            device: device(agent, is_crawler),
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

/// A request's User-Agent in lower case, as far as it is looked at.
pub fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).map_or(&[][..], |value| value.as_bytes());
    String::from_utf8_lossy(&agent[..agent.len().min(AGENT)]).to_ascii_lowercase()
}

/// What a User-Agent (in lower case) is of. A tablet that says it is a computer, as iPads do, cannot be told from one.
fn device(agent: &str, is_crawler: bool) -> Device {
    let has = |signs: &[&str]| signs.iter().any(|sign| agent.contains(sign));
    match () {
        () if is_crawler => Device::Bot,
        () if !agent.contains('/') => Device::Unknown,
        () if has(&TABLETS) || (agent.contains("android") && !agent.contains("mobi")) => Device::Tablet,
        () if has(&PHONES) => Device::Mobile,
        () if has(&COMPUTERS) => Device::Desktop,
        () => Device::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Purpose;
    use super::*;

    #[test]
    fn a_device_is_told_by_the_user_agent() {
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, expected) in [
            (&*format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36"), "desktop"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0", "desktop"),
            (&*format!("Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36"), "desktop"),
            (&*format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/131.0.0.0 Safari/537.36"), "desktop"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.50", "mobile"),
            (
                &*format!("Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/131.0 Mobile Safari/537.36"),
                "mobile",
            ),
            (&*format!("Mozilla/5.0 (Phone; OpenHarmony 5.0) {WEBKIT} Chrome/114.0 ArkWeb/4.1 Mobile"), "mobile"),
            (&*format!("Mozilla/5.0 (Linux; Android 11; CUBOT KINGKONG 5) {WEBKIT} Chrome/131.0 Mobile"), "mobile"),
            (&*format!("Mozilla/5.0 (Linux; Android 13; SM-X710) {WEBKIT} Chrome/131.0 Safari/537.36"), "tablet"),
            ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1", "tablet"),
            ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "bot"),
            (
                &*format!("Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {WEBKIT} Mobile (compatible; Googlebot/2.1)"),
                "bot",
            ),
            ("curl/8.5.0", "unknown"),
            ("python-requests/2.32", "unknown"),
            ("mobile", "unknown"),
            ("", "unknown"),
        ] {
            let headers = HeaderMap::from_iter([(header::USER_AGENT, agent.parse().expect("a value"))]);
            let lower = super::agent(&headers);
            let is_crawler = Purpose::of(&headers, &lower) == Purpose::Crawler;
            assert_eq!(Client::of(&headers, None, &lower, is_crawler).device.name(), expected, "{agent}");
        }
    }

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
        let client = Client::of(&headers, Some("search"), "", false);
        assert_eq!(
            (client.source.as_deref(), client.app.as_deref()),
            (Some("landing"), Some("Shop/3.2 (iOS 17; zh)__b_"))
        );
        assert_eq!(Client::of(&HeaderMap::new(), Some("search"), "", false).source.as_deref(), Some("search"));
        let odd =
            HeaderMap::from_iter([(SOURCE.clone(), axum::http::HeaderValue::from_bytes(b"\xff\xfe").expect("bytes"))]);
        assert_eq!(Client::of(&odd, Some("search"), "", false).source.as_deref(), Some("search"));
    }
}
