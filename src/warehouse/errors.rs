//! What DuckDB says of errors, as people read it.

use duckdb::Connection;
use serde::Deserialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::common::terminal::harmless;

/// How many places of a terminal's line are shown of a source line, before and after the caret.
const SHOWN: [usize; 2] = [60, 40];

/// An error with the place in the statement that it is about.
#[derive(Debug)]
pub struct Fault {
    /// What DuckDB says, without the statement.
    pub message: String,
    /// The byte of the statement.
    pub position: Option<usize>,
}

/// An error as DuckDB tells it in JSON.
#[derive(Deserialize)]
struct Told {
    exception_type: String,
    exception_message: String,
    position: Option<String>,
}

/// Has DuckDB say from now on where in a statement an error is; [`Fault::of`] and [`message`] read what it says then.
///
/// # Errors
/// DuckDB does not take it.
pub fn locate_errors(db: &Connection, is_wanted: bool) -> duckdb::Result<()> {
    db.execute_batch(&format!("set errors_as_json = {is_wanted}"))
}

/// Does `work` with one statement; where that fails, says where in it.
///
/// # Errors
/// That of the statement.
pub fn located<T>(db: &Connection, statement: &str, work: impl FnOnce(&str) -> duckdb::Result<T>) -> Result<T, Fault> {
    // where nothing can be set any more, it says so or not as was settled before
    locate_errors(db, true).ok();
    let done = work(statement);
    locate_errors(db, false).ok();
    done.map_err(|error| Fault::of(&error, statement))
}

impl Fault {
    /// The error of a statement.
    pub fn of(error: &duckdb::Error, statement: &str) -> Self {
        let text = raw(error);
        let Some(told) = told(&text) else { return Self { message: plain(&text).to_owned(), position: None } };
        let position = told.position.as_deref().and_then(|position| position.parse().ok());
        // the parser counts characters, all that comes after it bytes
        let position = match told.exception_type.as_str() {
            "Parser" => position.map(|characters| byte_of(statement, characters)),
            _ => position,
        };
        Self { message: told.sentence(), position }
    }
}

impl Told {
    fn sentence(&self) -> String {
        format!("{} Error: {}", self.exception_type, self.exception_message.trim())
    }
}

fn told(text: &str) -> Option<Told> {
    serde_json::from_str(&text[text.find("{\"exception_type\"")?..]).ok()
}

/// The byte at which a character begins.
pub fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte)
}

fn raw(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// The message without the statement that DuckDB repeats.
fn plain(text: &str) -> &str {
    text.split("\n\nLINE ").next().unwrap_or(text)
}

/// What DuckDB says of an error, without what the driver adds.
pub fn message(error: &duckdb::Error) -> String {
    readable(&raw(error))
}

/// DuckDB's words, also where they come as JSON.
pub fn readable(text: &str) -> String {
    told(text).map_or_else(|| text.to_owned(), |told| told.sentence())
}

/// An error of DuckDB's in one line, without the statement it repeats.
pub fn short_error(error: &duckdb::Error) -> String {
    let text = message(error);
    plain(&text).replace("Invalid Input Error: ", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The number of the line in which a byte stands, from 1.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte.min(text.len())].split(|byte| *byte == b'\n').count()
}

/// The line in which a byte stands, with a caret below it; a long line is cut around the caret. Letters that take two places
/// of a terminal's line count for two.
pub fn caret(text: &str, byte: usize) -> String {
    let byte = (0..=byte.min(text.len())).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0);
    let start = text[..byte].rfind('\n').map_or(0, |end| end + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |end| byte + end);
    let shown = |text: &str| harmless(&text.trim_end_matches('\r').replace('\t', "    ")).into_owned();
    let (mut before, mut after) = (shown(&text[start..byte]), shown(&text[byte..end]));
    let total = before.width() + after.width();
    if total > SHOWN[0] + SHOWN[1] {
        let backwards = before.char_indices().rev();
        if let Some(cut) = cut(backwards.map(|(place, c)| (place + c.len_utf8(), c)), SHOWN[0]) {
            before = format!("...{}", &before[cut..]);
        }
        if let Some(cut) = cut(after.char_indices(), SHOWN[1]) {
            after.truncate(cut);
            after += "...";
        }
    }
    format!("  {before}{after}\n  {}^", " ".repeat(before.width()))
}

/// The place of the first character beyond `places`.
fn cut(chars: impl Iterator<Item = (usize, char)>, places: usize) -> Option<usize> {
    let mut width = 0;
    for (place, c) in chars {
        width += c.width().unwrap_or(0);
        if width > places {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(statement: &str) -> (String, usize, String) {
        let db = Connection::open_in_memory().expect("DuckDB");
        db.execute_batch("create table 数据集 (编号 integer, price double)").expect("a table");
        let fault = located(&db, statement, |sql| db.execute_batch(sql)).expect_err("a mistake");
        let place = fault.position.expect("a place");
        (fault.message, line_of(statement, place), caret(statement, place))
    }

    /// What stands above the caret, by places of a terminal's line.
    fn marked(shown: &str) -> String {
        let (line, below) = shown.split_once('\n').expect("two lines");
        let mut width = 0;
        let is_before = |c: &char| {
            width += c.width().unwrap_or(0);
            width < below.width()
        };
        line.chars().skip_while(is_before).take_while(|c| c.is_alphanumeric()).collect()
    }

    #[test]
    fn the_caret_stands_below_what_is_wrong_whatever_stands_before_it() {
        for (statement, line, word) in [
            ("select pricee from 数据集", 1, "pricee"),
            ("select '中文中文', pricee from 数据集", 1, "pricee"),
            ("-- 中文注释\nselect '中文',\n\t'ｆｕｌｌ',\tpricee from 数据集", 3, "pricee"),
            ("-- 中文注释\r\nselect 名称 from 数据集", 2, "名称"),
            ("-- 中文注释\nselect '中文', a\n form x y z", 3, "x"),
            ("select 编号 form b c", 1, "b"),
            ("/* 注释 */ select 编号 from 数据集 where and", 1, "and"),
            ("select 编号 from 没有", 1, "没有"),
        ] {
            let (_, found, shown) = fault(statement);
            assert_eq!((found, marked(&shown).as_str()), (line, word), "{statement}\n{shown}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let before = "'中文', ".repeat(100);
        let statement = format!("select {before}pricee, {} from 数据集", vec!["1"; 200].join(", "));
        let (message, line, shown) = fault(&statement);
        assert!(message.starts_with("Binder Error: Referenced column \"pricee\" not found"), "{message}");
        assert_eq!((line, marked(&shown).as_str()), (1, "pricee"), "{shown}");
        let line = shown.lines().next().unwrap_or_default();
        assert!(line.starts_with("  ...") && line.ends_with("...") && line.width() <= 110, "{shown}");
    }

    #[test]
    fn what_commands_a_terminal_moves_the_caret_as_it_is_shown() {
        assert_eq!(caret("a\u{1b}b", 2), "  a\\u{1b}b\n         ^");
        assert_eq!(caret("", 7), "  \n  ^");
        assert_eq!(caret("中", 1), "  中\n  ^");
    }
}
