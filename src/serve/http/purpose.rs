//! Whether a visitor looks at what is asked for: a browser says where it fetches ahead, and crawlers say who they are.

use axum::http::{HeaderMap, HeaderName};

use super::Agent;

/// What a request is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// A visitor looks at a page.
    #[default]
    View,
    /// A browser fetches ahead what may never be looked at.
    Prefetch,
    /// A browser makes a page ahead that may never be looked at.
    Prerender,
    /// A machine reads pages.
    Crawler,
    /// Somebody tries lists: it is answered and not logged.
    Test,
}

/// Where browsers say it: `Sec-Purpose` is the standard's, the others are older.
static PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

impl Purpose {
    /// That of a request with these headers, from this User-Agent.
    pub fn of(headers: &HeaderMap, agent: Agent) -> Self {
        let said = PURPOSES.iter().filter_map(|name| headers.get(name)?.to_str().ok());
        for text in said.map(str::to_ascii_lowercase) {
            match () {
                () if text.contains("prerender") => return Self::Prerender,
                () if text.contains("prefetch") || text.contains("preview") => return Self::Prefetch,
                () => {}
            }
        }
        if agent.is_crawler { Self::Crawler } else { Self::View }
    }

    /// Its name in answers and in the log; `None` where a visitor looks.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::View => None,
            Self::Prefetch => Some("prefetch"),
            Self::Prerender => Some("prerender"),
            Self::Crawler => Some("crawler"),
            Self::Test => Some("test"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &str) -> Purpose {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().expect("a value"))]);
        Purpose::of(&headers, Agent::of(&headers))
    }

    #[test]
    fn what_is_fetched_ahead_is_told_from_what_is_looked_at() {
        for (name, value, expected) in [
            ("sec-purpose", "prefetch", Purpose::Prefetch),
            ("sec-purpose", "prefetch;prerender", Purpose::Prerender),
            ("sec-purpose", "prefetch;anonymous-client-ip", Purpose::Prefetch),
            ("purpose", "Prefetch", Purpose::Prefetch),
            ("x-purpose", "preview", Purpose::Prefetch),
            ("x-moz", "prefetch", Purpose::Prefetch),
            ("purpose", "reading", Purpose::View),
            ("accept", "prefetch", Purpose::View),
        ] {
            assert_eq!(of(name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn crawlers_are_told_from_browsers_and_programs() {
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
            "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        ] {
            assert_eq!(of("user-agent", agent), Purpose::Crawler, "{agent}");
        }
        for agent in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 11; CUBOT KINGKONG 5 Pro) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 9; CUBOT) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; U; Android 8.0; zh-CN; CUBOT-X18 Build/O; CUBOT; wv) Version/4.0 CUBOT/1.0 Mobile",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.50",
            "Java/21.0.1",
            "python-requests/2.32",
            "curl/8.5.0",
            "",
        ] {
            assert_eq!(of("user-agent", agent), Purpose::View, "{agent}");
        }
    }
}
