//! The kinds of values that settings have: how each is read, and what is expected where it cannot be.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::TimeDelta;
use encoding_rs::Encoding;

use crate::common::language::{Language, either};

/// With less, DuckDB cannot open a warehouse; in bytes.
const LEAST_MEMORY: u64 = 128_000_000;

/// More is no size that any machine has, in bytes.
const MOST_MEMORY: u64 = 1_000_000_000_000_000_000;

/// How a setting's value is read.
pub struct Kind<T> {
    /// What is expected, in words; `{prefix}` stands for what the setting's name begins with.
    pub expected: &'static str,
    /// `None` where the text is no such value. A setting without a value is an empty text.
    pub read: fn(&str) -> Option<T>,
    /// Whether an error may repeat the value.
    pub is_shown: bool,
}

impl<T> Kind<T> {
    /// A kind whose values may be shown.
    pub fn new(expected: &'static str, read: fn(&str) -> Option<T>) -> Self {
        Self { expected, read, is_shown: true }
    }

    /// A kind whose wrong values may hold a secret.
    pub fn hidden(expected: &'static str, read: fn(&str) -> Option<T>) -> Self {
        Self { expected, read, is_shown: false }
    }
}

/// A value of a type that reads itself.
pub fn parsed<T: FromStr>(expected: &'static str) -> Kind<T> {
    Kind::new(expected, |text| text.parse().ok())
}

/// A whole number.
pub fn whole<T: FromStr>() -> Kind<T> {
    parsed(either("a whole number", "整数"))
}

/// More is no time to wait for anything, and more than a clock can be added to.
const MOST_SECONDS: u64 = 1_000_000_000;

/// A whole number between two.
fn between(text: &str, least: u64, most: u64) -> Option<u64> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

/// Something that is there or not.
pub fn switch() -> Kind<bool> {
    Kind::new(either("on or off", "on 或 off"), yes_or_no)
}

/// A time in seconds that may be 0.
pub fn seconds() -> Kind<Duration> {
    Kind::new(either("a whole number of seconds", "整数秒"), |text| {
        between(text, 0, MOST_SECONDS).map(Duration::from_secs)
    })
}

/// A time of at least a second.
pub fn seconds_from_one() -> Kind<Duration> {
    let read = |text: &str| between(text, 1, MOST_SECONDS).map(Duration::from_secs);
    Kind::new(either("a whole number of seconds, 1 or more", "整数秒，不小于 1"), read)
}

/// A number of megabytes.
pub fn megabytes() -> Kind<u64> {
    Kind::new(either("a whole number of megabytes, as in 64", "以 MB 计的整数，如 64"), |text| {
        between(text, 0, 1_000_000_000)
    })
}

/// A number of connections.
pub fn connections() -> Kind<usize> {
    let read = |text: &str| between(text, 1, 1_000_000).map(|count| count as usize);
    Kind::new(either("a whole number from 1 to 1000000", "1 到 1000000 的整数"), read)
}

/// A time in minutes.
pub fn minutes() -> Kind<TimeDelta> {
    Kind::new(either("a whole number of minutes", "整数分钟"), |text| {
        text.parse::<u32>().ok().map(|m| TimeDelta::minutes(i64::from(m)))
    })
}

/// A time in milliseconds.
pub fn milliseconds() -> Kind<Duration> {
    let read = |text: &str| between(text, 0, MOST_SECONDS).map(Duration::from_millis);
    Kind::new(either("a whole number of milliseconds", "以毫秒计的整数"), read)
}

/// A file or a folder.
pub fn path() -> Kind<PathBuf> {
    Kind::new(expected_path(), written_out)
}

/// A shell writes `~` out before a program sees it; here it would be a folder of that name.
fn expected_path() -> &'static str {
    either("a path (with the home folder in place of ~)", "路径（~ 须写成用户目录的全路径）")
}

fn written_out(text: &str) -> Option<PathBuf> {
    let is_written_out = text != "~" && !text.starts_with("~/");
    is_written_out.then(|| PathBuf::from(text))
}

/// A file or a folder that need not be named.
pub fn path_or_none() -> Kind<Option<PathBuf>> {
    Kind::new(expected_path(), |text| if text.is_empty() { Some(None) } else { written_out(text).map(Some) })
}

/// The folder of the project, which need not be named.
pub fn project() -> Kind<Option<PathBuf>> {
    Kind::new(
        either(
            "a folder that holds sql/staging; `nearset project init DIR` makes one",
            "含有 sql/staging 的目录；可用 `nearset project init DIR` 生成",
        ),
        |text| match some(text) {
            Some(dir) => is_project(Path::new(&dir)).then(|| Some(PathBuf::from(dir))),
            None => Some(None),
        },
    )
}

/// Whether a folder holds the SQL files.
pub fn is_project(dir: &Path) -> bool {
    dir.join("sql/staging").is_dir()
}

/// Any text.
pub fn text() -> Kind<String> {
    parsed(either("a text", "文本"))
}

/// A text that need not be there.
pub fn text_or_none() -> Kind<Option<String>> {
    Kind::new(either("a text", "文本"), |text| Some(some(text)))
}

/// The text, where there is one.
pub fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether a text is a plain name: a URL in its place would be taken for one, and shown with its password.
pub fn is_name(text: &str) -> bool {
    !text.contains("://") && !text.contains(['@', '?', '\n'])
}

/// An IANA time zone's name.
pub fn timezone() -> Kind<String> {
    Kind::new(either("an IANA time zone such as Asia/Shanghai", "IANA 时区名，如 Asia/Shanghai"), |text| {
        text.parse::<chrono_tz::Tz>().ok().map(|zone| zone.name().to_owned())
    })
}

/// An amount of memory in bytes, written as 500MB, 4GB or 1.5GiB.
pub fn memory() -> Kind<u64> {
    Kind::new(either("a size such as 4GB, 128MB or more", "大小，如 4GB，不小于 128MB"), |text| {
        let bytes = text.parse::<ByteSize>().ok()?.as_u64();
        (LEAST_MEMORY..MOST_MEMORY).contains(&bytes).then_some(bytes)
    })
}

/// A number of threads; 0 is as many as there are cores.
pub fn threads() -> Kind<usize> {
    Kind::new(either("a whole number up to 1024", "不大于 1024 的整数"), |text| match between(text, 0, 1024)? {
        0 => Some(std::thread::available_parallelism().map_or(1, |cores| cores.get())),
        threads => Some(threads as usize),
    })
}

/// A text encoding by its name; none where it is empty.
pub fn encoding() -> Kind<Option<&'static Encoding>> {
    Kind::new(either("an encoding such as gbk, gb18030 or big5", "编码，如 gbk、gb18030、big5"), |text| match text
    {
        "" => Some(None),
        label => Encoding::for_label(label.as_bytes()).map(Some),
    })
}

/// Yes or no, as people write it in an environment.
fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A switch that other settings decide where it is left alone.
pub fn switch_or_auto() -> Kind<Option<bool>> {
    Kind::new(either("auto, true or false", "auto、true 或 false"), |text| match text.to_lowercase().as_str() {
        "auto" => Some(None),
        _ => yes_or_no(text).map(Some),
    })
}

/// A share of 1 that is worked out where it is left alone.
pub fn share_or_auto() -> Kind<Option<f32>> {
    Kind::new(either("auto, or a number from 0 to 1", "auto，或 0 到 1 的数"), |text| {
        match text.to_lowercase().as_str() {
            "auto" => Some(None),
            _ => text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).map(Some),
        }
    })
}

/// A number from 0.
pub fn from_zero() -> Kind<f64> {
    Kind::new(either("a number, 0 or more", "不小于 0 的数"), |text| {
        text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
    })
}

/// How much is logged, as this program, Python's logging and its numbers call it.
pub fn log_level() -> Kind<&'static str> {
    Kind::new(either("error, warning, info, debug or trace", "error、warning、info、debug 或 trace"), |text| {
        Some(match text.to_lowercase().as_str() {
            "critical" | "fatal" | "error" | "50" | "40" => "error",
            "warning" | "warn" | "30" => "warn",
            "info" | "20" => "info",
            "debug" | "10" => "debug",
            "trace" | "notset" | "0" => "trace",
            _ => return None,
        })
    })
}

/// A language to speak; `None` is that of the environment.
pub fn language() -> Kind<Option<Language>> {
    Kind::new(either("auto, en or zh", "auto、en 或 zh"), |text| match text.to_lowercase().as_str() {
        "auto" => Some(None),
        "en" => Some(Some(Language::English)),
        "zh" => Some(Some(Language::Chinese)),
        _ => None,
    })
}

/// Names with commas between, in lower case.
pub fn names() -> Kind<Vec<String>> {
    Kind::new(either("names of columns with commas between", "列名，以逗号分隔"), |text| {
        Some(text.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect())
    })
}

/// Numbers of Matomo's custom dimensions.
pub fn dimensions() -> Kind<Vec<u32>> {
    Kind::new(either("numbers from 1 to 5, as in 4,2,3,1", "1 到 5 的数，如 4,2,3,1"), |text| {
        text.split(',').map(dimension).collect()
    })
}

/// The number of a custom dimension, which may be named as its column is: custom_dimension_4.
fn dimension(text: &str) -> Option<u32> {
    let text = text.trim();
    text.strip_prefix("custom_dimension_").unwrap_or(text).parse().ok().filter(|number| (1..=5).contains(number))
}

/// The number of one of Matomo's custom dimensions; none where it is empty.
pub fn dimension_or_none() -> Kind<Option<u32>> {
    Kind::new(either("a number from 1 to 5", "1 到 5 的数"), |text| match text {
        "" => Some(None),
        number => dimension(number).map(Some),
    })
}

/// Ids of Matomo's sites; none where it is empty.
pub fn sites() -> Kind<Vec<u32>> {
    Kind::new(either("numbers of sites, as in 1 or 1,3", "站点编号，如 1 或 1,3"), |text| match text {
        "" => Some(Vec::new()),
        sites => sites.split(',').map(|site| site.trim().parse().ok().filter(|site| *site > 0)).collect(),
    })
}

/// The name of a column, in lower case; none where it is empty.
pub fn column_or_none() -> Kind<Option<String>> {
    Kind::new(either("a column's name, such as email", "列名，如 email"), |text| {
        let is_name = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        is_name.then(|| some(&text.to_lowercase()))
    })
}

/// Origins (scheme, host, port) with commas between.
pub fn origins() -> Kind<Vec<String>> {
    Kind::new(
        either("origins such as https://data.example.cn, or *", "源，如 https://data.example.cn，或 *"),
        |text| text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(origin).collect(),
    )
}

fn origin(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let url = url::Url::parse(text).ok().filter(|url| url.path() == "/" && url.query().is_none())?;
    Some(url.origin()).filter(url::Origin::is_tuple).map(|origin| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_every_spelling_and_refused_where_they_are_none_or_too_small() {
        let read = memory().read;
        for (text, bytes) in [
            ("128MB", 128_000_000),
            ("4GB", 4_000_000_000),
            ("4gb", 4_000_000_000),
            ("1.5 GiB", 1_610_612_736),
            ("500000KB", 500_000_000),
            ("200000kib", 204_800_000),
            ("256MiB", 268_435_456),
            ("1TB", 1_000_000_000_000),
            ("2TiB", 2_199_023_255_552),
        ] {
            assert_eq!(read(text), Some(bytes), "{text}");
        }
        for text in ["lots", "", "-4GB", "4", "127MB", "1e30GB", "NaNGB", "99999999TB"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_plain_and_within_what_can_be_meant() {
        for text in ["", " ", "６４", "2GB", "-1", "1.5", "1e3", "0x10", "1_000", "99999999999999999999", "1000000001"]
        {
            assert_eq!((megabytes().read)(text), None, "{text}");
            assert_eq!((seconds().read)(text), None, "{text}");
            assert_eq!((threads().read)(text), None, "{text}");
            assert_eq!((connections().read)(text), None, "{text}");
            assert_eq!((milliseconds().read)(text), None, "{text}");
        }
        assert_eq!((megabytes().read)("64"), Some(64));
        assert_eq!(((connections().read)("0"), (connections().read)("1")), (None, Some(1)));
        assert_eq!(((seconds_from_one().read)("0"), (seconds().read)("0")), (None, Some(Duration::ZERO)));
    }

    #[test]
    fn a_home_folder_is_written_out() {
        assert_eq!(((path().read)("~/data"), (path_or_none().read)("~")), (None, None));
        assert_eq!((path().read)("a/~b"), Some(PathBuf::from("a/~b")));
        assert_eq!((path_or_none().read)(""), Some(None));
    }

    #[test]
    fn sites_dimensions_and_columns_are_plain_and_may_be_none() {
        assert_eq!((sites().read)(""), Some(Vec::new()));
        assert_eq!((sites().read)("1, 3"), Some(vec![1, 3]));
        for text in ["0", "one", "1,", "1;2", "-1"] {
            assert_eq!((sites().read)(text), None, "{text}");
        }
        assert_eq!(((dimension_or_none().read)(""), (dimension_or_none().read)("5")), (Some(None), Some(Some(5))));
        assert_eq!((dimension_or_none().read)("custom_dimension_2"), Some(Some(2)));
        assert_eq!(((dimension_or_none().read)("6"), (dimension_or_none().read)("4,2")), (None, None));
        assert_eq!((column_or_none().read)("User_Email"), Some(Some("user_email".to_owned())));
        assert_eq!(((column_or_none().read)(""), (column_or_none().read)("a b")), (Some(None), None));
    }

    #[test]
    fn origins_are_whole_and_nothing_more() {
        let read = origins().read;
        assert_eq!(read(""), Some(Vec::new()));
        assert_eq!(read("https://a.cn, http://b.cn:81/"), Some(vec!["https://a.cn".into(), "http://b.cn:81".into()]));
        assert_eq!(read("*"), Some(vec!["*".into()]));
        for text in ["a.cn", "https://a.cn/path", "https://a.cn?x=1", "file:///a"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_url_is_no_name() {
        assert!(is_name("db.example.cn") && is_name("/run/mysqld.sock") && is_name("2001:db8::1"));
        assert!(!is_name("mysql://reader:secret@host/name") && !is_name("reader:secret@host"));
    }
}
