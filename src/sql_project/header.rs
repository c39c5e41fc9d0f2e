//! The comment lines a file opens with: `-- key: value`, and `-- column NAME: sentence`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::common::language::t;
use crate::common::likeness::hint;

/// The keys a header may have, beside `column NAME`.
const KEYS: [&str; 6] = ["description", "key", "materialize", "export", "chart", "unwindowed"];

/// What describes a column, followed by its name.
const COLUMN: &str = "column";

/// What a file says of itself.
#[derive(Debug, Default)]
pub(super) struct Header {
    values: BTreeMap<String, String>,
    /// The columns it describes, in their order.
    pub columns: Vec<Column>,
}

/// A column as its file describes it.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// As in the query's result.
    pub name: String,
    /// What it holds, with its unit.
    #[serde(rename = "description")]
    pub sentence: String,
}

/// What a line begins.
enum Entry<'a> {
    Value(&'a str),
    Column(&'a str),
}

impl Header {
    /// What the file's relation is, in a sentence or some.
    ///
    /// # Errors
    /// It does not say.
    pub fn description(&self, file: &Path) -> Result<String> {
        let description = self.get("description").map(str::to_owned);
        description.with_context(|| {
            t!("{}: the first line must be `-- description: …`", "{}：第一行须为 `-- description: …`", file.display())
        })
    }

    /// Reads the comment lines that `text` opens with; a line without a key goes on with the value before it.
    ///
    /// # Errors
    /// A key that is none, or one that is there twice, with its line.
    pub fn read(text: &str) -> Result<Self> {
        let mut header = Self::default();
        let mut last: Option<String> = None;
        for (index, line) in text.lines().enumerate() {
            let Some(comment) = line.strip_prefix("--").map(str::trim) else { break };
            let (key, value) = comment.split_once(": ").unwrap_or(("", comment));
            match entry(key) {
                Some(Entry::Column(name)) if header.columns.iter().any(|column| column.name == name) => {
                    bail!(t!("{}: column {name} is there twice", "{}：列 {name} 出现两次", index + 1));
                }
                Some(Entry::Column(name)) => {
                    header.columns.push(Column { name: name.into(), sentence: value.trim().into() });
                }
                Some(Entry::Value(key)) if !KEYS.contains(&key) => {
                    let known = KEYS.into_iter().chain([COLUMN]);
                    bail!(t!(
                        "{}: a header has no key {key}{}",
                        "{}：文件头没有 {key} 这一项{}",
                        index + 1,
                        hint(key, known)
                    ));
                }
                Some(Entry::Value(key)) => {
                    if header.values.insert(key.to_owned(), value.trim().to_owned()).is_some() {
                        bail!(t!("{}: {key} is there twice", "{}：{key} 出现两次", index + 1));
                    }
                }
                None if matches!(entry(comment), Some(Entry::Column(_))) => {
                    bail!(t!("{}: write `-- {comment}: …`", "{}：请写 `-- {comment}: …`", index + 1));
                }
                None => {
                    header.go_on(last.as_deref(), comment);
                    continue;
                }
            }
            last = Some(key.to_owned());
        }
        Ok(header)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    fn go_on(&mut self, last: Option<&str>, more: &str) {
        let value = match last {
            Some(key) if key.starts_with(COLUMN) => self.columns.last_mut().map(|column| &mut column.sentence),
            Some(key) => self.values.get_mut(key),
            None => None,
        };
        if let Some(value) = value {
            value.push(' ');
            value.push_str(more);
        }
    }
}

/// What stands before a colon, where that is meant to be a key and not part of a sentence.
fn entry(key: &str) -> Option<Entry<'_>> {
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase());
    match key.split_once(' ') {
        None => is_word(key).then_some(Entry::Value(key)),
        Some((COLUMN, name)) if !name.contains(' ') => Some(Entry::Column(name)),
        Some((word, name)) if is_word(word) && !name.contains(' ') && !hint(word, [COLUMN].into_iter()).is_empty() => {
            Some(Entry::Value(word))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_key_goes_on_with_the_value_before_it() {
        let text = "-- description: What it is,\n-- at length (so: long).\n-- key: a, b\n-- column hit_rate@10: Its\n-- rate.\nselect 1";
        let header = Header::read(text).expect("a header");
        assert_eq!(header.get("description"), Some("What it is, at length (so: long)."));
        assert_eq!(header.get("key"), Some("a, b"));
        assert_eq!(
            (header.columns[0].name.as_str(), header.columns[0].sentence.as_str()),
            ("hit_rate@10", "Its rate.")
        );
    }

    #[test]
    fn a_column_is_described_once_and_with_a_colon() {
        let error = |text: &str| Header::read(text).map(|_| ()).expect_err("a mistake").to_string();
        assert_eq!(error("-- description: x\n-- column a\nselect 1"), "2: write `-- column a: …`");
        assert_eq!(error("-- column a: x\n-- column a: y\nselect 1"), "2: column a is there twice");
    }

    #[test]
    fn a_key_that_is_none_is_refused_with_what_was_meant() {
        let refused = |text: &str| Header::read(text).expect_err("refused").to_string();
        assert_eq!(
            refused("-- description: One.\n-- exprot: parquet"),
            "2: a header has no key exprot; did you mean export?"
        );
        assert_eq!(refused("-- colum views: Many."), "1: a header has no key colum; did you mean column?");
        assert_eq!(refused("-- key: a\n-- key: b"), "2: key is there twice");
    }
}
