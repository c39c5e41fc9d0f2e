//! The comment lines a file opens with: `-- key: value`, `-- column NAME: sentence`, and `-- test …: …`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::data_test::{DataTest, TestKind};
use super::errors::Problem;
use crate::common::language::{either, t};
use crate::common::likeness::hint;

/// The keys a header may have, beside `column NAME` and `test …`.
const KEYS: [&str; 6] = ["description", "key", "materialize", "export", CHART, "unwindowed"];

/// What describes a column, followed by its name.
const COLUMN: &str = "column";

/// What says what must be true of the rows, followed by the kind.
const TEST: &str = "test";

/// What follows where a test that fails is only reported.
const WARN: &str = "warn";

/// What says how a page draws the rows.
const CHART: &str = "chart";

/// What a file says of itself.
#[derive(Debug, Default)]
pub(super) struct Header {
    values: BTreeMap<String, (usize, String)>,
    /// The columns it describes, in their order.
    pub columns: Vec<Column>,
    /// What must be true of its rows, as written: the line, the words after `test`, what stands behind the colon.
    tests: Vec<(usize, String, String)>,
    /// What is wrong with it: lines and messages.
    problems: Vec<(usize, String)>,
}

/// A column as its file describes it.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// As in the query's result.
    pub name: String,
    /// What it holds, with its unit.
    #[serde(rename = "description")]
    pub sentence: String,
    /// Where in the file it is described.
    #[serde(skip)]
    pub line: usize,
}

/// What a line begins.
enum Entry<'a> {
    Value(&'a str),
    Column(&'a str),
    Test(&'a str),
}

impl Header {
    /// What the file's relation is, in a sentence or some.
    ///
    /// # Errors
    /// It does not say.
    pub fn description(&self, file: &Path) -> Result<String, Problem> {
        let description = self.get("description").map(str::to_owned);
        description.ok_or_else(|| {
            let message = either("the first line must be `-- description: …`", "第一行须为 `-- description: …`");
            Problem::at_line(file, 1, message)
        })
    }

    /// Reads the comment lines that `text` opens with; a line without a key goes on with the value before it.
    pub fn read(text: &str) -> Self {
        let mut header = Self::default();
        // where a line without a key goes on; nowhere behind what is wrong
        let mut last: Option<Entry<'_>> = None;
        for (index, line) in text.lines().enumerate() {
            let Some(comment) = line.strip_prefix("--").map(str::trim) else { break };
            let (key, value) = comment.split_once(": ").unwrap_or(("", comment));
            match entry(key) {
                None if is_unfinished(comment) => {
                    let key = comment.trim_end_matches(':');
                    header.odd(index, t!("write `-- {key}: …`", "请写 `-- {key}: …`"));
                    last = None;
                }
                None => header.go_on(last.as_ref(), comment),
                Some(entry) => last = header.begin(index, entry, value.trim()),
            }
        }
        header
    }

    fn begin<'a>(&mut self, index: usize, entry: Entry<'a>, value: &str) -> Option<Entry<'a>> {
        match entry {
            Entry::Column(name) if self.columns.iter().any(|column| column.name == name) => {
                self.odd(index, t!("column {name} is there twice", "列 {name} 出现两次"));
                return None;
            }
            Entry::Column(name) => {
                self.columns.push(Column { name: name.into(), sentence: value.into(), line: index + 1 });
            }
            Entry::Test(words) => self.tests.push((index + 1, words.to_owned(), value.to_owned())),
            Entry::Value(key) if !KEYS.contains(&key) => {
                let hint = hint(key, KEYS.into_iter().chain([COLUMN, TEST]));
                self.odd(index, t!("a header has no key {key}{hint}", "文件头没有 {key} 这一项{hint}"));
                return None;
            }
            Entry::Value(key) => {
                if self.values.insert(key.to_owned(), (index + 1, value.to_owned())).is_some() {
                    self.odd(index, t!("{key} is there twice", "{key} 出现两次"));
                }
            }
        }
        Some(entry)
    }

    fn odd(&mut self, index: usize, message: String) {
        self.problems.push((index + 1, message));
    }

    fn go_on(&mut self, last: Option<&Entry<'_>>, more: &str) {
        let value = match last {
            Some(Entry::Column(_)) => self.columns.last_mut().map(|column| &mut column.sentence),
            Some(Entry::Test(_)) => self.tests.last_mut().map(|(_, _, value)| value),
            Some(Entry::Value(key)) => self.values.get_mut(*key).map(|(_, value)| value),
            None => None,
        };
        if let Some(value) = value {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(more);
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|(_, value)| value.as_str())
    }

    /// The line of a key; the first where it is not there.
    pub fn line(&self, key: &str) -> usize {
        self.values.get(key).map_or(1, |(line, _)| *line)
    }

    /// What is wrong with its lines, each by itself.
    pub fn problems(&self, file: &Path) -> Vec<Problem> {
        self.problems.iter().map(|(line, message)| Problem::at_line(file, *line, &**message)).collect()
    }

    /// What must be true of the rows of `relation`; what is wrong with a test is added to `problems`.
    pub fn tests(&self, relation: &str, file: &Path, problems: &mut Vec<Problem>) -> Vec<DataTest> {
        let mut found: Vec<DataTest> = Vec::new();
        for (line, words, value) in &self.tests {
            let is_blocking = !words.split(' ').any(|word| word == WARN);
            let kind: Vec<&str> = words.split(' ').filter(|word| !word.is_empty() && *word != WARN).collect();
            let kind = Some(kind.join(" ")).filter(|kind| !kind.is_empty());
            match TestKind::read(kind.as_deref(), value) {
                Ok(kind) => {
                    let same = found.iter().filter(|other| other.kind.name() == kind.name()).count();
                    found.push(DataTest::new(relation, kind, is_blocking, *line, same));
                }
                Err(message) => problems.push(Problem::at_line(file, *line, message)),
            }
        }
        found
    }
}

/// What stands before a colon, where that is meant to be a key and not part of a sentence.
fn entry(key: &str) -> Option<Entry<'_>> {
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase());
    match key.split_once(' ') {
        None if key == TEST => Some(Entry::Test("")),
        None => is_word(key).then_some(Entry::Value(key)),
        Some((TEST, words)) => (words.split(' ').count() <= 2).then_some(Entry::Test(words)),
        Some((CHART, kind)) if !kind.contains(' ') => Some(Entry::Value(key)),
        Some((COLUMN, name)) if !name.contains(' ') => Some(Entry::Column(name)),
        Some((word, name)) if is_word(word) && !name.contains(' ') && !hint(word, [COLUMN].into_iter()).is_empty() => {
            Some(Entry::Value(word))
        }
        Some(_) => None,
    }
}

/// Whether a line is meant to be that of a column or a test, and nothing stands behind it.
fn is_unfinished(comment: &str) -> bool {
    let key = comment.trim_end_matches(':');
    match entry(key) {
        Some(Entry::Column(_)) => true,
        Some(Entry::Test(words)) => key != comment || words.is_empty() || words.split(' ').all(is_of_a_test),
        _ => false,
    }
}

/// Whether a word names a kind of test, or is a slip for one.
fn is_of_a_test(word: &str) -> bool {
    let known = || TestKind::NAMES.into_iter().chain([WARN]);
    known().any(|name| name == word) || !hint(word, known()).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let (header, file) = (Header::read(text), Path::new("a.sql"));
        let mut problems = header.problems(file);
        header.tests("a", file, &mut problems);
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn a_line_without_a_key_goes_on_with_the_value_before_it() {
        let text = "-- description: What it is,\n-- at length (so: long).\n-- key: a, b\n-- column hit_rate@10: Its\n-- rate.\n-- test warn: a > 1\n-- and b > 2\nselect 1";
        let header = Header::read(text);
        assert_eq!(header.get("description"), Some("What it is, at length (so: long)."));
        assert_eq!(header.get("key"), Some("a, b"));
        assert_eq!(header.line("key"), 3);
        assert_eq!(
            (header.columns[0].name.as_str(), header.columns[0].sentence.as_str()),
            ("hit_rate@10", "Its rate.")
        );
        assert_eq!(header.tests, [(6, "warn".into(), "a > 1 and b > 2".into())]);
        assert!(problems(text).is_empty());
    }

    #[test]
    fn a_column_is_described_once_and_with_a_colon() {
        assert_eq!(problems("-- description: x\n-- column a\nselect 1"), ["a.sql:2: write `-- column a: …`"]);
        assert_eq!(problems("-- column a: x\n-- column a: y\nselect 1"), ["a.sql:2: column a is there twice"]);
    }

    #[test]
    fn a_test_of_no_kind_and_a_chart_before_its_colon_are_no_text() {
        let none = "a test is not_null, unique, accepted_values, relationships or nothing, not";
        assert_eq!(
            problems("-- description: x\n-- test foo: day\n-- test foo bar: day\n-- chart lines: day\n-- test foo:"),
            [
                "a.sql:4: a header has no key chart lines; did you mean chart?".to_owned(),
                "a.sql:5: write `-- test foo: …`".to_owned(),
                format!("a.sql:2: {none} foo"),
                format!("a.sql:3: {none} foo bar"),
            ]
        );
        assert!(problems("-- description: What a\n-- test of this kind: says,\n-- test it well").is_empty());
    }

    #[test]
    fn every_line_that_is_odd_is_told_with_what_was_meant() {
        let text = "-- description: One.\n-- exprot: parquet\n-- colum views: Many.\n-- key: a\n-- key: b\n-- test not_nul: a\n-- test unique";
        assert_eq!(
            problems(text),
            [
                "a.sql:2: a header has no key exprot; did you mean export?",
                "a.sql:3: a header has no key colum; did you mean column?",
                "a.sql:5: key is there twice",
                "a.sql:7: write `-- test unique: …`",
                "a.sql:6: a test is not_null, unique, accepted_values, relationships or nothing, not not_nul; did you mean not_null?",
            ]
        );
    }
}
