//! What is wrong with the project's files: file, line, column, message, caret.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Relation;
use crate::warehouse::{Fault, caret, line_of};

/// Something that is wrong with a file of the project; shown as `file:line: message` with the line and a caret below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, relative to the project; of a circle all of them.
    pub file: String,
    /// From 1; none of what concerns the whole file.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    /// What is wrong, and what would mend it.
    pub message: String,
    /// The line, and below it a caret.
    pub caret: Option<String>,
}

impl Problem {
    /// One of a file as a whole.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.display().to_string(), line: None, column: None, message: message.into(), caret: None }
    }

    /// One of a line.
    pub fn at_line(file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::of_file(file, message) }
    }

    /// One at a byte of the file's text.
    pub fn at_byte(file: &Path, text: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = &text[..(0..=byte.min(text.len())).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0)];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[start..].chars().count() + 1;
        let caret = Some(caret(text, byte));
        Self { column: Some(column), caret, ..Self::at_line(file, line_of(text, byte), message) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)?;
        self.caret.as_ref().map_or(Ok(()), |caret| write!(f, "\n{caret}"))
    }
}

impl std::error::Error for Problem {}

/// All of them in words, a line or more each.
pub fn told(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// DuckDB's error told in terms of the relation's file. `above` is the number of lines that stand before the file's text in the
/// statement.
pub(super) fn explain(relation: &Relation, statement: &str, fault: &Fault, above: usize) -> Problem {
    let before: usize = statement.split_inclusive('\n').take(above).map(str::len).sum();
    match fault.position.and_then(|position| position.checked_sub(before)) {
        Some(place) if place <= relation.sql.len() => {
            Problem::at_byte(&relation.file, &relation.sql, place, &*fault.message)
        }
        _ => Problem::of_file(&relation.file, &*fault.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters_whatever_stands_before() {
        let file = Path::new("views/a.sql");
        let of = |text: &str| {
            let problem = Problem::at_byte(file, text, text.find("wrong").unwrap_or_default(), "odd");
            (problem.line, problem.column)
        };
        assert_eq!(of("select wrong"), (Some(1), Some(8)));
        assert_eq!(of("-- 中文\r\nselect '中文😀',\twrong\r\n"), (Some(2), Some(15)));
        let past = Problem::at_byte(file, "中", 2, "odd");
        assert_eq!(
            (past.line, past.column, past.to_string().as_str()),
            (Some(1), Some(1), "views/a.sql:1: odd\n  中\n  ^")
        );
    }
}
