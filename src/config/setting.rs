//! What a setting is, and [`settings!`], in which each is written once: its name, default, sentence and reader.

use anyhow::Result;

use super::chinese;
use super::values::Values;
use crate::common::language::either;

/// One setting, as the help and the example file show it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name in the environment; in lower case its name in `nearset.toml`.
    pub name: String,
    /// The value it has where nobody sets it; empty where it has none.
    pub default: &'static str,
    /// A value that shows the form, for one without a default.
    pub example: &'static str,
    /// The lines of its documentation: a sentence, and after an empty line what only the example file says.
    pub(super) lines: Vec<&'static str>,
    /// What its name begins with, where a group of settings is there more than once.
    prefix: &'static str,
    /// Reads its value, given that prefix, for what is wrong with it.
    check: fn(&Values, &str) -> Result<()>,
}

impl Setting {
    pub(super) fn new(
        (prefix, name): (&'static str, &str),
        (word, text): (&str, &'static str),
        lines: impl IntoIterator<Item = &'static str>,
        check: fn(&Values, &str) -> Result<()>,
    ) -> Self {
        let (default, example) = if word == "default" { (text, "") } else { ("", text) };
        let lines = lines.into_iter().map(str::trim).collect();
        Self { name: format!("{prefix}{name}"), default, example, lines, prefix, check }
    }

    /// What is wrong with its value, if anything.
    pub(super) fn problem(&self, values: &Values) -> Option<String> {
        (self.check)(values, self.prefix).err().map(|error| error.to_string())
    }

    /// What it is for, in a sentence of the language in force.
    pub fn about(&self) -> String {
        let sentence = self.sentence();
        either(None, chinese::of(&sentence)).map_or(sentence, str::to_owned)
    }

    /// The same in English.
    pub(super) fn sentence(&self) -> String {
        let sentence: Vec<&str> = self.lines.iter().take_while(|line| !line.is_empty()).copied().collect();
        sentence.join(" ")
    }
}

/// Settings that belong together. The documentation of a field is the setting's; `default` is the value it has where it
/// is not set, `example` one that shows the form; the last expression is a [`Kind`](super::kinds::Kind). What stands
/// after `with` is no setting of its own and is handed to `read`.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $group:ident $(with { $($(#[$extra_meta:meta])* $extra:ident: $extra_type:ty,)+ })? {
            $($(#[doc = $line:literal])+ $field:ident: $type:ty = $name:ident, $word:ident $text:literal, $kind:expr;)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $group {
            $($($(#[$extra_meta])* pub $extra: $extra_type,)+)?
            $($(#[doc = $line])+ pub $field: $type,)+
        }

        impl $group {
            /// The settings themselves; their names begin with `prefix`.
            pub(super) fn settings(prefix: &'static str) -> Vec<Setting> {
                vec![$(Setting::new(
                    (prefix, stringify!($name)),
                    (stringify!($word), $text),
                    [$($line),+],
                    |values, prefix| {
                        let kind: Kind<$type> = $kind;
                        values.read(prefix, stringify!($name), &kind).map(drop)
                    },
                ),)+]
            }

            /// Reads the values of the settings whose names begin with `prefix`; the others are given.
            pub(super) fn read(values: &Values, prefix: &str, ($($($extra,)+)?): ($($($extra_type,)+)?)) -> Result<Self> {
                Ok(Self { $($($extra,)+)? $($field: values.read(prefix, stringify!($name), &$kind)?,)+ })
            }
        }
    };
}
pub(super) use settings;
