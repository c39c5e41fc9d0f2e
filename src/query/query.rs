//! Statements of somebody's on the published warehouse: their text, how their results are written, and what is said of a slip.

use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::ValueEnum;
use duckdb::Connection;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::session::{Look, Session};
use super::statements::{Statement, first_word, statements};
use crate::common::files;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::warehouse::{Fault, byte_of, caret, line_of};

/// How a query's result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// Each row's columns below each other, for people.
    Vertical,
    /// An array of objects.
    Json,
    /// With a header.
    Csv,
    /// A file's bytes.
    Parquet,
}

/// Statements of somebody's.
#[derive(Debug)]
pub struct Query {
    /// The file they stand in, where they stand in one.
    file: Option<PathBuf>,
    pub(super) text: String,
}

/// What DuckDB's parser makes of a statement.
#[derive(Deserialize)]
struct Parsed {
    error_type: Option<String>,
    error_message: Option<String>,
    /// The character at which it goes wrong.
    position: Option<String>,
    /// There, where it is a `SELECT`.
    statements: Option<Vec<IgnoredAny>>,
}

impl Parsed {
    fn of(db: &Connection, text: &str) -> Result<Self> {
        let sql = "select json_serialize_sql(cast(? as varchar))";
        let tree: String = db
            .query_row(sql, [text], |row| row.get(0))
            .context(either("the query cannot be parsed", "查询无法解析"))?;
        serde_json::from_str(&tree).context(either("DuckDB's parse tree is no JSON", "DuckDB 的语法树不是 JSON"))
    }
}

impl Query {
    /// The query that stands in a file, where `text` is a file's name (it ends in `.sql`), that of standard input, where it is
    /// `-`, else the text itself.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(text: &str) -> Result<Self> {
        let file = Path::new(text);
        if text == "-" {
            let mut text = String::new();
            let cannot = || either("standard input cannot be read", "标准输入无法读取");
            std::io::stdin().read_to_string(&mut text).with_context(cannot)?;
            return Ok(Self { file: None, text });
        }
        if file.extension().is_none_or(|extension| extension != "sql") {
            return Ok(Self::of(text.to_owned()));
        }
        Self::of_file(file)
    }

    /// That of a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_file(file: &Path) -> Result<Self> {
        let text = files::read_text(file)?.with_context(|| t!("{} does not exist", "{} 不存在", file.display()))?;
        Ok(Self { file: Some(file.to_owned()), text })
    }

    /// That of the program's own, or of somebody who types it.
    pub fn of(text: String) -> Self {
        Self { file: None, text }
    }

    /// Its statements; each can be parsed.
    ///
    /// # Errors
    /// There is none; one has a slip (with line and caret).
    pub(super) fn statements(&self, db: &Connection) -> Result<Vec<Statement>> {
        let found = statements(&self.text);
        let shown = || self.file.as_ref().map_or(t!("the query", "查询"), |file| file.display().to_string());
        ensure!(
            !found.is_empty(),
            t!(
                "{} is empty; write one, as in nearset sql \"from funnel_by_day\"",
                "{}为空；请写一条，例如 nearset sql \"from funnel_by_day\"",
                shown()
            )
        );
        for Statement { place, .. } in &found {
            let parsed = Parsed::of(db, &self.text[place.clone()])?;
            if parsed.error_type.as_deref() == Some("parser") {
                let sql = &self.text[place.clone()];
                let position = parsed.position.and_then(|place| place.parse().ok()).map(|at| byte_of(sql, at));
                let message = format!("Parser Error: {}", parsed.error_message.unwrap_or_default());
                return Err(self.told(&Fault { message, position }, place, 0));
            }
        }
        Ok(found)
    }

    /// Whether it may make or set something that goes with the connection.
    pub(super) fn makes_own(&self) -> bool {
        let makes = |one: &Statement| ["create", "set"].contains(&first_word(&self.text[one.place.clone()]).as_str());
        statements(&self.text).iter().any(makes)
    }

    /// Whether DuckDB takes a statement for a `SELECT`.
    pub(super) fn is_select(db: &Connection, sql: &str) -> Result<bool> {
        Ok(Parsed::of(db, sql)?.statements.is_some())
    }

    /// DuckDB's error with the line of the whole text and a caret; `before` bytes stood before the statement in what was asked.
    pub(super) fn told(&self, fault: &Fault, statement: &Range<usize>, before: usize) -> anyhow::Error {
        let position = fault.position.and_then(|position| position.checked_sub(before));
        let Some(position) = position.filter(|position| *position <= statement.len()) else {
            return anyhow!("{}", fault.message);
        };
        let position = statement.start + position;
        let line = line_of(&self.text, position);
        let place = match &self.file {
            Some(file) => format!("{}:{line}: ", file.display()),
            None if self.text.trim().contains('\n') => t!("line {line}: ", "第 {line} 行："),
            None => String::new(),
        };
        anyhow!("{place}{}\n{}", fault.message, caret(&self.text, position))
    }
}

/// Runs the statements of a query on the published warehouse and writes their rows to `out` as they come. They can read the
/// warehouse and nothing else: no file, no network.
///
/// # Errors
/// There is no warehouse, a statement is wrong (with DuckDB's line and caret) or none, or `out` does not take its rows.
pub fn run_query(config: &Config, query: &Query, format: Format, out: &mut (impl Write + Send)) -> Result<()> {
    Session::open(config, false)?.run(query, &Look::of(format), out)
}

impl Session<'_> {
    /// Runs the statements of a query, one after the other.
    ///
    /// # Errors
    /// As of [`run_query`].
    pub fn run(&self, query: &Query, look: &Look, out: &mut (impl Write + Send)) -> Result<()> {
        let all = query.statements(self.db())?;
        if look.format == Format::Parquet && all.len() > 1 {
            bail!(t!(
                "a Parquet file holds one result, and these are {} statements; ask them one at a time",
                "一个 Parquet 文件只能存放一个结果，而这里有 {} 条语句；请逐条执行",
                all.len()
            ));
        }
        let mut look = Look { is_one_of_several: all.len() > 1, ..*look };
        for statement in &all {
            look.is_after_another |= self.ask(query, statement, &look, out)?;
        }
        Ok(())
    }
}
