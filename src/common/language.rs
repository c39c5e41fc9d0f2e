//! The language of what people read on the terminal: English or Chinese. Both texts of a message stand side by side where
//! it is said, and the compiler checks both:
//!
//! ```ignore
//! bail!(t!("{} does not exist", "{} 不存在", path.display()));
//! ensure!(days > 0, t!("--days is {days}; it must be 1 or more", "--days 为 {days}，须不小于 1"));
//! fs::read(path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
//! db.close().context(either("the warehouse could not be closed", "仓库未能关闭"))?;
//! say!("{}", t!("{rows} rows", "{rows} 行"));
//! ```
//!
//! What is stored (rows, reports, reasons), what machines read (logs, `code`s of the API) and what only a developer can
//! see is English. The program sets the language before it says anything; tests have English.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

static IS_CHINESE: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// What is spoken on this thread, where that is not what is in force elsewhere.
    static SPOKEN_HERE: Cell<Option<Language>> = const { Cell::new(None) };
}

/// A language that nearset speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English, for whoever asks for none that is known.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Chinese, in simplified characters.
    #[serde(rename = "zh")]
    Chinese,
}

impl Language {
    /// The language of a tag such as `zh-Hant-TW`, `zh_CN`, `cmn` or `EN`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.trim().split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "zh" | "cmn" | "yue" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The language the environment's variables ask for, as gettext reads them: the first of LC_ALL, LC_MESSAGES and LANG
    /// that is set; LANGUAGE comes before it, but for the locale C.
    pub fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default();
        let is_c = ["", "C", "POSIX"].contains(&locale.split('.').next().unwrap_or_default());
        let wanted = set(&"LANGUAGE").filter(|_| !is_c).unwrap_or(locale);
        let tag = |name: &str| Self::of_tag(name.split(['.', '@']).next().unwrap_or_default());
        wanted.split(':').find_map(tag).unwrap_or_default()
    }
}

/// Has everything be said in this language from now on.
pub fn set(language: Language) {
    IS_CHINESE.store(language == Language::Chinese, Ordering::Relaxed);
}

/// The language in force.
pub fn in_force() -> Language {
    if let Some(language) = SPOKEN_HERE.get() {
        return language;
    }
    if IS_CHINESE.load(Ordering::Relaxed) { Language::Chinese } else { Language::English }
}

/// The one of two fixed texts that is in the language in force.
pub fn either<T>(english: T, chinese: T) -> T {
    match in_force() {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

/// `format!` in the language in force: the English text, the Chinese text, and what both are filled with.
macro_rules! t {
    ($english:literal, $chinese:literal $(, $($values:tt)*)?) => {
        match $crate::common::language::in_force() {
            $crate::common::language::Language::English => ::std::format!($english $(, $($values)*)?),
            $crate::common::language::Language::Chinese => ::std::format!($chinese $(, $($values)*)?),
        }
    };
}
pub(crate) use t;

/// Runs code with a language in force on its thread alone: for what is sent to somebody who has chosen one.
pub fn spoken<T>(language: Language, code: impl FnOnce() -> T) -> T {
    let before = SPOKEN_HERE.replace(Some(language));
    let done = code();
    SPOKEN_HERE.set(before);
    done
}

/// Runs a test's code with Chinese in force on its thread.
#[cfg(test)]
pub fn in_chinese<T>(code: impl FnOnce() -> T) -> T {
    spoken(Language::Chinese, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_as_gettext_reads_it() {
        for (variables, expected) in [
            (&[][..], Language::English),
            (&[("LANG", "zh_CN.UTF-8")], Language::Chinese),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "en_US.UTF-8")], Language::English),
            (&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "C"), ("LC_ALL", "zh_TW")], Language::Chinese),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")], Language::Chinese),
            (&[("LANG", "de_DE"), ("LANGUAGE", "fr:zh_CN:en")], Language::Chinese),
            (&[("LANG", "C.UTF-8"), ("LANGUAGE", "zh_CN")], Language::English),
            (&[("LANG", "fr_FR.UTF-8")], Language::English),
        ] {
            let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            assert_eq!(Language::of_locale(variable), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_message_is_in_the_language_in_force() {
        let said =
            |rows: i32| (t!("{rows} of {}", "{} 之 {rows}", 9), either("a day", "一天"), t!("100 %", "百分之百"));
        assert_eq!(said(3), ("3 of 9".to_owned(), "a day", "100 %".to_owned()));
        assert_eq!(in_chinese(|| said(3)), ("9 之 3".to_owned(), "一天", "百分之百".to_owned()));
        assert_eq!(said(3).1, "a day");
    }
}
