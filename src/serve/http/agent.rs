//! What a User-Agent says of who asks: whether it is a crawler's, and of which kind of device. The same few come again and
//! again: what was found of one is kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use axum::http::{HeaderMap, header};

use crate::common::device::Device;

/// The most bytes of a User-Agent that are looked at.
const LOOKED_AT: usize = 512;

/// Of how many User-Agents each thread keeps what was found.
const KEPT: usize = 1000;

/// What the User-Agents of crawlers, previews and monitors hold, in lower case, and those of people's browsers do not.
const CRAWLERS: [&str; 14] = [
    "bot/",
    "bot;",
    "bot)",
    "bot-",
    "-bot",
    "spider",
    "crawl",
    "slurp",
    "bingpreview",
    "mediapartners-google",
    "facebookexternalhit",
    "headlesschrome",
    "lighthouse",
    "pingdom",
];

/// What User-Agents of tablets hold, in lower case. `android` without `mobi` is one, too, but in what apps send by themselves
/// (`Dalvik/…`), which says `mobi` on no device.
const TABLETS: [&str; 7] = ["ipad", "tablet", "kindle", "silk/", "playbook", "sm-t", "matepad"];

/// What those of phones hold.
const PHONES: [&str; 9] = [
    "mobi",
    "iphone",
    "ipod",
    "windows phone",
    "openharmony",
    "opera mini",
    "micromessenger",
    "miniprogram",
    "dalvik/",
];

/// What those of computers hold.
const COMPUTERS: [&str; 5] = ["windows nt", "macintosh", "x11;", "cros ", "wayland"];

/// What a User-Agent says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agent {
    /// It is a crawler's, a preview's or a monitor's.
    pub is_crawler: bool,
    /// What lists are shown on.
    pub device: Device,
}

#[derive(Default)]
struct Known {
    /// Nobody can tell which other User-Agent has the same hash.
    hasher: RandomState,
    agents: HashMap<u64, Agent>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// The User-Agent of a request, as far as it is looked at.
pub fn bytes(headers: &HeaderMap) -> &[u8] {
    let agent = headers.get(header::USER_AGENT).map_or(&[][..], |value| value.as_bytes());
    &agent[..agent.len().min(LOOKED_AT)]
}

impl Agent {
    /// That of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let agent = bytes(headers);
        KNOWN.with_borrow_mut(|Known { hasher, agents }| {
            if agents.len() >= KEPT {
                agents.clear();
            }
            *agents.entry(hasher.hash_one(agent)).or_insert_with(|| Self::read(agent))
        })
    }

    fn read(agent: &[u8]) -> Self {
        let text = String::from_utf8_lossy(agent).to_ascii_lowercase();
        let has = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
        // a make of phones, and no bot
        let other = text.replace("cubot", "");
        let is_crawler = CRAWLERS.iter().any(|sign| other.contains(sign));
        let device = match () {
            () if is_crawler => Device::Bot,
            () if !text.contains('/') => Device::Unknown,
            () if has(&TABLETS) => Device::Tablet,
            () if text.contains("android") && !has(&["mobi", "dalvik/"]) => Device::Tablet,
            () if has(&PHONES) => Device::Mobile,
            // a tablet that says it is a computer, as iPads do, cannot be told from one
            () if has(&COMPUTERS) => Device::Desktop,
            () => Device::Unknown,
        };
        Self { is_crawler, device }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(agent: &str) -> Agent {
        Agent::of(&HeaderMap::from_iter([(header::USER_AGENT, agent.parse().expect("a value"))]))
    }

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
            ("Dalvik/2.1.0 (Linux; U; Android 12; SM-G991B Build/SP1A)", "mobile"),
            ("curl/8.5.0", "unknown"),
            ("python-requests/2.32", "unknown"),
            ("mobile", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(of(agent).device.name(), expected, "{agent}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_right() {
        for number in 0..3 * KEPT {
            assert_eq!(of(&format!("shop/{number} (iphone)")).device, Device::Mobile);
            assert_eq!(of(&format!("shop/{number} (windows nt)")).device, Device::Desktop);
        }
        assert!(KNOWN.with_borrow(|known| known.agents.len()) <= KEPT);
    }
}
