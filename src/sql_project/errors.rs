//! Errors in terms of the project's files: name, line, caret, and what was probably meant.

use std::path::Path;

use anyhow::anyhow;

use super::Relation;
use crate::warehouse;

/// From how like two names are (Jaro-Winkler, 1 where they are the same) one may be a slip for the other.
const LIKE: f64 = 0.85;

/// What `name` was probably meant to be, as an end to the sentence that refuses it; empty where nothing is near.
pub(super) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known
        .map(|other| (strsim::jaro_winkler(other, name), other))
        .filter(|(likeness, _)| *likeness > LIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    near.map(|(_, other)| format!("; did you mean {other}?")).unwrap_or_default()
}

/// DuckDB's error told in terms of the relation's file: its line, and the caret. `above` is the number of lines that
/// stand before the file's text in the statement.
pub(super) fn explain(relation: &Relation, error: &duckdb::Error, above: usize) -> anyhow::Error {
    let text = warehouse::message(error);
    let file = relation.file.display();
    let Some((message, rest)) = text.split_once("\n\nLINE ") else {
        return anyhow!("{file}: {text}");
    };
    let mut lines = rest.lines();
    let (Some((number, source)), caret) = (lines.next().and_then(|l| l.split_once(": ")), lines.next()) else {
        return anyhow!("{file}: {message}");
    };
    let line = number.parse::<usize>().unwrap_or(above + 1).saturating_sub(above);
    // DuckDB counts the caret from the start of its own "LINE n: "
    let shift = "LINE ".len() + number.len() + ": ".len();
    let caret = caret.map(|c| c.chars().skip(shift).collect::<String>()).unwrap_or_default();
    anyhow!("{file}:{line}: {}\n  {source}\n  {caret}", message.trim())
}

/// An error at a byte of the file's text, with the line and a caret below it.
pub(super) fn caret_at(file: &Path, sql: &str, position: usize, message: &str) -> anyhow::Error {
    let before = sql.get(..position).unwrap_or(sql);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let source = sql.lines().nth(line - 1).unwrap_or_default();
    anyhow!("{}:{line}: {message}\n  {source}\n  {}^", file.display(), " ".repeat(column))
}
