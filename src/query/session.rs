//! The published warehouse as somebody asks it from the command line: read-only, seen as changed files of the project have it, and
//! with no way to anything else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::statements::{Statement, first_word};
use super::table::{self, Extent, Seen};
use super::{Column, Format, Query};
use crate::common::language::t;
use crate::common::progress::grouped;
use crate::common::terminal::fault;
use crate::config::Config;
use crate::sql_project::{Change, Why, see_changes_for};
use crate::warehouse::arrow::next_batch;
use crate::warehouse::{
    Database, Fault, locate_errors, lock, open_outside_sandbox, plain_json, published_as_of, quote, sandbox,
    set_parameters,
};

/// What describes, and can be read from as a table can.
const DESCRIBES: [&str; 6] = ["describe", "desc", "show", "summarize", "pivot", "unpivot"];

/// What is no `SELECT` and has rows nevertheless.
const TELLS: [&str; 3] = ["explain", "call", "pragma"];

/// How a result is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How it is written.
    pub format: Format,
    /// What is seen of it, where people read it.
    pub extent: Extent,
    /// What one has to say to see all its rows.
    pub all_rows: &'static str,
    /// Whether other results stand beside it.
    pub is_one_of_several: bool,
    /// Whether another was written before it: a blank line parts them, but for JSON, whose results are a line each.
    pub is_after_another: bool,
}

impl Look {
    /// At all of it.
    pub fn of(format: Format) -> Self {
        Self {
            format,
            extent: Extent::default(),
            all_rows: "--rows 0",
            is_one_of_several: false,
            is_after_another: false,
        }
    }
}

/// An open warehouse.
pub struct Session<'a> {
    db: Database,
    config: &'a Config,
    /// Whether changed files of the project are seen.
    sees_changes: bool,
    /// The file that was opened.
    stamp: Stamp,
    /// The moment that it stands for.
    pub as_of: DateTime<Utc>,
    /// What was said of changed relations: each with what is wrong with its file.
    said: RefCell<BTreeMap<String, Option<String>>>,
}

/// What tells a file from another one in its place.
type Stamp = Option<(u64, SystemTime)>;

impl<'a> Session<'a> {
    /// Opens it.
    ///
    /// # Errors
    /// There is no warehouse.
    pub fn open(config: &'a Config, sees_changes: bool) -> Result<Self> {
        // looked at first: what is published meanwhile is seen the next time
        let stamp = stamp(config);
        let db = open_outside_sandbox(config)?;
        let as_of = published_as_of(&db)?;
        set_parameters(&db, config, as_of)?;
        // the one folder that it may touch is its own
        sandbox(&db, &[db.folder().to_path_buf()])?;
        locate_errors(&db, true)?;
        lock(&db)?;
        Ok(Self { db, config, sees_changes, stamp, as_of, said: RefCell::default() })
    }

    /// The connection.
    pub(super) fn db(&self) -> &Connection {
        &self.db
    }

    /// Whether another warehouse was published since it was opened.
    pub fn is_outdated(&self) -> bool {
        self.stamp != stamp(self.config)
    }

    /// Has what a statement names be as the files of the project have it now, and says so once.
    fn see_changes(&self, sql: &str) -> Result<()> {
        if !self.sees_changes {
            return Ok(());
        }
        let changes = see_changes_for(self.config, &self.db, Some(sql))?;
        let mut said = self.said.borrow_mut();
        let mut is_new = |change: &&Change| {
            let problem = change.problem.as_ref().map(ToString::to_string);
            said.insert(change.name.clone(), problem.clone()) != Some(problem)
        };
        let new: Vec<&Change> = changes.iter().filter(|change| is_new(change)).collect();
        for problem in new.iter().filter_map(|change| change.problem.as_ref()) {
            fault(&t!(
                "as published, since its file cannot be used: {problem}",
                "按已发布的显示，因其文件有误：{problem}"
            ));
        }
        let seen = new.iter().filter(|change| change.problem.is_none() && change.why != Why::Removed);
        let names: Vec<&str> = seen.map(|change| change.name.as_str()).collect();
        if !names.is_empty() {
            fault(&t!(
                "as the files are now, not as published (--published): {}",
                "以下按文件的现状，而非已发布的内容（--published 可改）：{}",
                names.join(", ")
            ));
        }
        Ok(())
    }

    /// Runs one statement of a query and writes what it has to say; returns whether it had anything.
    pub(super) fn ask(
        &self,
        query: &Query,
        statement: &Statement,
        look: &Look,
        out: &mut (impl Write + Send),
    ) -> Result<bool> {
        let sql = &query.text[statement.place.clone()];
        self.see_changes(sql)?;
        let word = first_word(sql);
        let format = if statement.is_vertical { Format::Vertical } else { look.format };
        let asked = Asked { session: self, query, statement, sql };
        let is_read = DESCRIBES.contains(&word.as_str()) || Query::is_select(&self.db, sql)?;
        let is_told = TELLS.contains(&word.as_str());
        if look.is_after_another && look.format != Format::Json && (is_read || is_told) {
            writeln!(out)?;
        }
        let done = if is_read {
            let is_table = !DESCRIBES.contains(&word.as_str());
            let (before, after) = if is_table { ("", "") } else { ("from (", ")") };
            asked.read((before, after), format, look, out).map(|()| true)
        } else if is_told {
            asked.tell(&word, format, look, out).map(|()| true)
        } else {
            asked.execute().map(|()| false)
        };
        done.map_err(|error| match error.to_string().contains("Out of Memory") {
            true => {
                let limit = self.config.memory_limit / 1_000_000;
                anyhow!(t!(
                    "the query needs more memory than MEMORY_LIMIT ({limit} MB) leaves it",
                    "查询所需的内存超出 MEMORY_LIMIT（{limit} MB）所余"
                ))
            }
            false => error,
        })
    }
}

/// A statement that is being asked.
struct Asked<'a> {
    session: &'a Session<'a>,
    query: &'a Query,
    statement: &'a Statement,
    sql: &'a str,
}

impl Asked<'_> {
    /// The error of what was asked with the statement after `before` bytes.
    fn fault(&self, error: &duckdb::Error, asked: &str, before: usize) -> anyhow::Error {
        self.query.told(&Fault::of(error, asked), &self.statement.place, before)
    }

    /// Writes the rows of what can be read from.
    fn read(
        &self,
        (before, after): (&str, &str),
        format: Format,
        look: &Look,
        out: &mut (impl Write + Send),
    ) -> Result<()> {
        let body = |head: &str, tail: &str| {
            let head = format!("{head}{before}\n");
            (format!("{head}{}\n{after}{tail}", self.sql), head.len())
        };
        let options = match format {
            Format::Table | Format::Vertical => {
                let (describe, before) = body("describe ", "");
                let db = &*self.session.db;
                let columns = columns(db, &describe).map_err(|error| self.fault(&error, &describe, before))?;
                let (head, tail) = as_texts(&columns);
                let (asked, before) = body(&head, &tail);
                let fault = |error: &duckdb::Error| self.fault(error, &asked, before);
                let seen = show_texts(db, &asked, &columns, (format, look.extent), fault, out)?;
                return Ok(writeln!(out, "{}", told(seen, columns.len(), look.all_rows))?);
            }
            Format::Json => "format json, array false",
            Format::Csv => "format csv, header true",
            Format::Parquet => "format parquet",
        };
        let pipe = self.session.db.folder().join("result");
        let place = quote(&pipe.to_string_lossy());
        let asked = body("copy (", &format!(") to {place} ({options}, use_tmp_file false)"));
        let write = || self.session.db.execute_batch(&asked.0).map_err(|error| self.fault(&error, &asked.0, asked.1));
        match format {
            Format::Json => {
                let mut lines = Objects::new(out, if look.is_one_of_several { "," } else { ",\n " });
                through(&pipe, write, &mut lines)?;
                Ok(lines.finish()?)
            }
            _ => through(&pipe, write, out),
        }
    }

    /// Writes what a statement tells that cannot be read from.
    fn tell(&self, word: &str, format: Format, look: &Look, out: &mut impl Write) -> Result<()> {
        let fault = |error: &duckdb::Error| self.fault(error, self.sql, 0);
        let mut statement = self.session.db.prepare(self.sql).map_err(|error| fault(&error))?;
        let mut batches = statement.stream_arrow([]).map_err(|error| fault(&error))?;
        let fields = batches.get_schema();
        let columns: Vec<Column> =
            fields.fields().iter().map(|field| Column { name: field.name().clone(), r#type: String::new() }).collect();
        let next = || next_batch(&mut batches);
        match (word, format) {
            ("explain", Format::Table | Format::Vertical) => table::write_plain(next, out),
            (_, Format::Vertical) => table::write_vertical(&columns, look.extent, next, out).map(drop),
            (_, Format::Table) => table::write(&columns, look.extent, next, out).map(drop),
            (_, Format::Json) => table::write_objects(&columns, next, out),
            _ => Err(anyhow!(t!(
                "what {word} tells is written as a table or as JSON alone",
                "{word} 的结果只能写成表格或 JSON"
            ))),
        }
    }

    /// Runs what has nothing to tell: a variable that is set, a temporary table that is made.
    fn execute(&self) -> Result<()> {
        self.session.db.execute_batch(self.sql).map_err(|error| self.fault(&error, self.sql, 0))
    }
}

/// The columns that a `describe` tells of.
fn columns(db: &Connection, describe: &str) -> duckdb::Result<Vec<Column>> {
    let column = |row: &duckdb::Row<'_>| Ok(Column { name: row.get(0)?, r#type: row.get(1)? });
    db.prepare(describe)?.query_map([], column)?.collect()
}

/// What stands before and behind a query whose columns are to be texts as DuckDB writes them; some of them may have one name.
fn as_texts(columns: &[Column]) -> (String, String) {
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    let texts: Vec<String> = names.iter().map(|name| format!("{name}::varchar")).collect();
    (format!("select {} from (", texts.join(", ")), format!(") as t({})", names.join(", ")))
}

/// Shows the rows of a query that has nothing but texts.
fn show_texts(
    db: &Connection,
    asked: &str,
    columns: &[Column],
    (format, extent): (Format, Extent),
    fault: impl Fn(&duckdb::Error) -> anyhow::Error,
    out: &mut impl Write,
) -> Result<Seen> {
    let mut statement = db.prepare(asked).map_err(|error| fault(&error))?;
    let mut batches = statement.stream_arrow([]).map_err(|error| fault(&error))?;
    let next = || next_batch(&mut batches);
    match format {
        Format::Vertical => table::write_vertical(columns, extent, next, out),
        _ => table::write(columns, extent, next, out),
    }
}

/// What stands below a table.
fn told(seen: Seen, columns: usize, all_rows: &str) -> String {
    let Seen { rows, shown, hidden } = seen;
    let mut text = match (rows, shown) {
        (1, 1) => t!("1 row", "1 行"),
        _ if rows == shown => t!("{} rows", "{} 行", grouped(rows)),
        _ => t!(
            "… {} rows, {} shown ({all_rows} shows all)",
            "… {} 行，显示 {} 行（{all_rows} 显示全部）",
            grouped(rows),
            grouped(shown)
        ),
    };
    if hidden > 0 {
        text += &t!(
            "; {columns} columns, {} shown (\\G at the query's end shows all)",
            "；{columns} 列，显示 {} 列（在查询末尾写 \\G 显示全部）",
            columns - hidden
        );
    }
    text
}

/// Has DuckDB write into a pipe, in the one folder that the connection may touch, and hands on what comes.
fn through(pipe: &Path, write: impl FnOnce() -> Result<()>, out: &mut (impl Write + Send)) -> Result<()> {
    fs::remove_file(pipe).ok();
    mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .with_context(|| t!("{} cannot be made", "{} 无法创建", pipe.display()))?;
    // opened for both, no side waits for the other; what is held here goes once DuckDB has written all
    let held = OpenOptions::new().read(true).write(true).open(pipe)?;
    let copied = std::thread::scope(|scope| {
        let mut reader = OpenOptions::new().read(true).open(pipe)?;
        let handing_on = scope.spawn(move || {
            let copied = io::copy(&mut reader, out).and_then(|_| out.flush());
            // who reads no more must not keep DuckDB waiting
            if copied.is_err() {
                io::copy(&mut reader, &mut io::sink()).ok();
            }
            copied
        });
        let written = write();
        drop(held);
        let copied = handing_on.join().map_err(|_| anyhow!(t!("the result could not be handed on", "结果未能传出")))?;
        written.map(|()| copied)
    })?;
    Ok(copied?)
}

/// Objects, a line each, as one array.
struct Objects<'a, W> {
    out: &'a mut W,
    between: &'static str,
    is_begun: bool,
    /// What has come of the next object.
    line: Vec<u8>,
}

impl<'a, W: Write> Objects<'a, W> {
    fn new(out: &'a mut W, between: &'static str) -> Self {
        Self { out, between, is_begun: false, line: Vec::new() }
    }

    fn finish(self) -> io::Result<()> {
        self.out.write_all(if self.is_begun { b"]\n" } else { b"[]\n" })?;
        self.out.flush()
    }
}

impl<W: Write> Write for Objects<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(line);
            let Some(object) = self.line.strip_suffix(b"\n") else { break };
            if !object.is_empty() {
                let before = if self.is_begun { self.between } else { "[" };
                self.out.write_all(before.as_bytes())?;
                self.out.write_all(plain_json(&String::from_utf8_lossy(object)).as_bytes())?;
                self.is_begun = true;
            }
            self.line.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn stamp(config: &Config) -> Stamp {
    let about = fs::metadata(config.warehouse_path()).ok()?;
    Some((about.ino(), about.modified().ok()?))
}
