//! A query of somebody's on the published warehouse, read-only, in the format asked for.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use duckdb::Connection;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::table;
use crate::common::files;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::warehouse::arrow::next_batch;
use crate::warehouse::{
    Database, Fault, byte_of, caret, line_of, locate_errors, lock, open_outside_sandbox, published_as_of, quote,
    sandbox, set_parameters,
};

/// How a query's result is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// An array of objects.
    Json,
    /// With a header.
    Csv,
    /// A file's bytes.
    Parquet,
}

/// A query of somebody's.
#[derive(Debug)]
pub struct Query {
    /// The file it stands in, where it stands in one.
    file: Option<PathBuf>,
    text: String,
}

/// What DuckDB's parser makes of a text.
#[derive(Deserialize)]
struct Parsed {
    error_type: Option<String>,
    error_message: Option<String>,
    /// The character at which it goes wrong.
    position: Option<String>,
    /// There, where all are `SELECT`s.
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

    fn is_empty(&self) -> bool {
        self.statements.as_ref().is_some_and(Vec::is_empty)
    }
}

impl Query {
    /// The query that stands in a file, where `text` is a file's name (it ends in `.sql`), else the text itself.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(text: &str) -> Result<Self> {
        let file = Path::new(text);
        if file.extension().is_none_or(|extension| extension != "sql") {
            return Ok(Self::of(text.to_owned()));
        }
        let text = files::read_text(file)?.with_context(|| t!("{} does not exist", "{} 不存在", file.display()))?;
        Ok(Self { file: Some(file.to_owned()), text })
    }

    /// That of the program's own.
    pub fn of(text: String) -> Self {
        Self { file: None, text }
    }

    /// The one statement that it is, without the semicolon behind it.
    fn statement(&self, db: &Connection) -> Result<&str> {
        let mut sql = self.text.trim_end();
        let parsed = Parsed::of(db, sql)?;
        if parsed.error_type.as_deref() == Some("parser") {
            let place = parsed.position.and_then(|place| place.parse().ok()).map(|place| byte_of(sql, place));
            let message = format!("Parser Error: {}", parsed.error_message.unwrap_or_default());
            return Err(self.told(&Fault { message, position: place }, sql, 0));
        }
        let shown = self.file.as_ref().map_or(t!("the query", "查询"), |file| file.display().to_string());
        match parsed.statements.map(|all| all.len()) {
            Some(0) => bail!(t!(
                "{shown} is empty; write one, as in nearset sql \"from funnel_by_day\"",
                "{shown}为空；请写一条，例如 nearset sql \"from funnel_by_day\""
            )),
            Some(count @ 2..) => bail!(t!(
                "{shown} holds {count} queries; ask them one at a time",
                "{shown}含有 {count} 条查询；请逐条执行"
            )),
            // one, or something that is no SELECT
            _ => {}
        }
        while let Some(end) = sql.rfind(';').filter(|end| Parsed::of(db, &sql[end + 1..]).is_ok_and(|p| p.is_empty())) {
            sql = &sql[..end];
        }
        Ok(sql)
    }

    /// DuckDB's error with the query's line and a caret; `above` lines stand before the query in the statement.
    fn told(&self, fault: &Fault, statement: &str, above: usize) -> anyhow::Error {
        let Some(position) = fault.position.filter(|place| line_of(statement, *place) > above) else {
            return anyhow!("{}", fault.message);
        };
        let line = line_of(statement, position) - above;
        let place = match &self.file {
            Some(file) => format!("{}:{line}: ", file.display()),
            None if self.text.trim().contains('\n') => t!("line {line}: ", "第 {line} 行："),
            None => String::new(),
        };
        anyhow!("{place}{}\n{}", fault.message, caret(statement, position))
    }
}

/// Runs one query on the published warehouse and writes its rows to `out` as they come. The query can read the warehouse
/// and nothing else: no file, no network.
///
/// # Errors
/// There is no warehouse, the query is wrong (with DuckDB's line and caret) or not one, or `out` does not take its rows.
pub fn run_query(config: &Config, query: &Query, format: Format, out: &mut (impl Write + Send)) -> Result<()> {
    let db = open_outside_sandbox(config)?;
    set_parameters(&db, config, published_as_of(&db)?)?;
    let sql = query.statement(&db)?;
    let unlimited = |error: anyhow::Error| match error.to_string().contains("Out of Memory") {
        true => {
            let limit = config.memory_limit / 1_000_000;
            anyhow!(t!(
                "the query needs more memory than MEMORY_LIMIT ({limit} MB) leaves it",
                "查询所需的内存超出 MEMORY_LIMIT（{limit} MB）所余"
            ))
        }
        false => error,
    };
    let options = match format {
        Format::Table => return print_table(&db, (query, sql), out).map_err(unlimited),
        Format::Json => "format json, array true",
        Format::Csv => "format csv, header true",
        Format::Parquet => "format parquet",
    };
    stream(&db, (query, sql), options, out).map_err(unlimited)
}

/// Lets DuckDB write the result into a pipe, in the one folder that the connection may touch, and hands on what comes.
fn stream(db: &Database, query: (&Query, &str), options: &str, out: &mut (impl Write + Send)) -> Result<()> {
    let pipe = db.folder().join("result");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .with_context(|| t!("{} cannot be made", "{} 无法创建", pipe.display()))?;
    sandbox(db, &[db.folder().to_path_buf()])?;
    locate_errors(db, true)?;
    lock(db)?;
    // opened for both, no side waits for the other; what is held here goes once DuckDB has written all
    let held = OpenOptions::new().read(true).write(true).open(&pipe)?;
    let copied = std::thread::scope(|scope| {
        let mut reader = OpenOptions::new().read(true).open(&pipe)?;
        let handing_on = scope.spawn(move || {
            let copied = io::copy(&mut reader, out).and_then(|_| out.flush());
            // who reads no more must not keep DuckDB waiting
            if copied.is_err() {
                io::copy(&mut reader, &mut io::sink()).ok();
            }
            copied
        });
        let written = write_into(db, query, options, &pipe);
        drop(held);
        let copied = handing_on.join().map_err(|_| anyhow!(t!("the result could not be handed on", "结果未能传出")))?;
        written.map(|()| copied)
    })?;
    Ok(copied?)
}

fn write_into(db: &Connection, (query, sql): (&Query, &str), options: &str, pipe: &Path) -> Result<()> {
    // what only describes can be read from, and not be copied
    let word = sql.split_whitespace().next().unwrap_or_default().to_lowercase();
    let describes = ["describe", "desc", "show", "summarize"].contains(&word.as_str());
    let (before, after) = if describes { ("from (", ")") } else { ("", "") };
    let place = quote(&pipe.to_string_lossy());
    let statement = format!("copy ({before}\n{sql}\n{after}) to {place} ({options}, use_tmp_file false)");
    db.execute_batch(&statement).map_err(|error| query.told(&Fault::of(&error, &statement), &statement, 1))
}

fn print_table(db: &Connection, (query, sql): (&Query, &str), out: &mut impl Write) -> Result<()> {
    sandbox(db, &[])?;
    locate_errors(db, true)?;
    lock(db)?;
    let fault = |error: &duckdb::Error| query.told(&Fault::of(error, sql), sql, 0);
    let mut statement = db.prepare(sql).map_err(|error| fault(&error))?;
    let mut batches = statement.stream_arrow([]).map_err(|error| fault(&error))?;
    let schema = batches.get_schema();
    let rows = table::write(&schema, || next_batch(&mut batches), out)?;
    writeln!(out, "{}", if rows == 1 { t!("1 row", "1 行") } else { t!("{rows} rows", "{rows} 行") })?;
    Ok(())
}
