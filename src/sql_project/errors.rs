//! Errors in terms of the project's files: name, line, caret.

use std::path::Path;

use anyhow::anyhow;

use super::Relation;
use crate::warehouse::{Fault, caret, line_of};

/// DuckDB's error told in terms of the relation's file: its line, and the caret. `above` is the number of lines that
/// stand before the file's text in the statement.
pub(super) fn explain(relation: &Relation, statement: &str, fault: &Fault, above: usize) -> anyhow::Error {
    let file = relation.file.display();
    let Fault { message, position } = fault;
    match position {
        Some(position) if line_of(statement, *position) > above => {
            let line = line_of(statement, *position) - above;
            anyhow!("{file}:{line}: {message}\n{}", caret(statement, *position))
        }
        _ => anyhow!("{file}: {message}"),
    }
}

/// An error at a byte of the file's text, with the line and a caret below it.
pub(super) fn caret_at(file: &Path, sql: &str, position: usize, message: &str) -> anyhow::Error {
    anyhow!("{}:{}: {message}\n{}", file.display(), line_of(sql, position), caret(sql, position))
}
