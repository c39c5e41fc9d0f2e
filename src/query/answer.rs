//! Answers queries on the published warehouse, in the process that was made for it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use duckdb::arrow::record_batch::RecordBatch;
use duckdb::types::Value as Cell;
use duckdb::{Connection, params_from_iter};
use serde_json::Value;

use super::Column;
use super::fence::{checked, mistake};
use super::frames::{Ask, Fault, Form, Head, Kind, Mistake, framed_json, write};
use crate::config::Config;
use crate::sql_project::{Change, Sight};
use crate::warehouse::arrow::next_batch;
use crate::warehouse::{
    Database, Fault as Said, locate_errors, lock, message, open_outside_sandbox, plain_json, published_as_of, quote,
    sandbox, set_parameters,
};

/// Where a result stands until it is written.
const RESULT: &str = "temp.main.nearset_result";

/// How many bytes are handed on at a time.
const CHUNK: usize = 64 << 10;

/// How many times the memory of a query it may spill to disk, and its result may have there.
pub const SPILLS: u64 = 4;

/// What DuckDB says of a query that is nested too deep: its planner, and its parser.
const TOO_DEEP: [&str; 2] = ["Max expression depth limit", "Parser Error: memory exhausted at or near"];

/// Which file is open: a run replaces it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64, i64, i64);

impl Identity {
    fn of(config: &Config) -> Option<Self> {
        let about = fs::metadata(config.warehouse_path()).ok()?;
        Some(Self(about.dev(), about.ino(), about.mtime(), about.mtime_nsec()))
    }
}

/// The warehouse as it is open here.
struct Opened {
    /// Changed files of the project stand before what is published on it.
    db: Database,
    /// On it they do not.
    published: Connection,
    identity: Identity,
    sight: Sight,
}

/// Answers queries, one after the other.
pub struct Answerer {
    config: Config,
    opened: Option<Opened>,
}

/// What ended an answer: the query's own fault, or nobody takes it.
pub enum Ended {
    Fault(Fault),
    Gone(io::Error),
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Mistake> for Ended {
    fn from(mistake: Mistake) -> Self {
        Self::Fault(Fault::Wrong(mistake))
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl Answerer {
    /// One that keeps to the memory of a query.
    pub fn new(mut config: Config) -> Self {
        config.memory_limit = config.queries.memory_mb * 1_000_000;
        config.threads = 1;
        Self { config, opened: None }
    }

    /// How many bytes of memory a query may use.
    pub fn memory(&self) -> u64 {
        self.config.memory_limit
    }

    /// Opens the warehouse that a run has published since, so that the old file goes and the next query need not wait.
    pub fn keep_up(&mut self) {
        if self.opened.is_some() && self.open().is_err() {
            self.opened = None;
        }
    }

    /// The warehouse as it is published now.
    fn open(&mut self) -> Result<(&Config, &mut Opened), Fault> {
        let Self { config, opened } = self;
        let identity = Identity::of(config).ok_or(Fault::NoWarehouse)?;
        // what the old one holds goes first
        let opened = match opened.take().filter(|opened| opened.identity == identity) {
            Some(same) => opened.insert(same),
            None => opened.insert(Opened::new(config, identity).map_err(|error| Fault::Broken(format!("{error:#}")))?),
        };
        Ok((config, opened))
    }

    /// Answers one query into `out`.
    ///
    /// # Errors
    /// The query has no answer, or nobody takes it.
    pub fn answer(&mut self, ask: &Ask, out: &mut impl Write) -> Result<(), Ended> {
        let (config, opened) = self.open()?;
        write(out, Kind::Open, &[])?;
        opened.answer(config, ask, out).map_err(|ended| match ended {
            Ended::Fault(Fault::Wrong(mistake)) if mistake.message.contains("Out of Memory") => {
                let megabytes = config.queries.memory_mb;
                let message = format!("the query needs more than SQL_MEMORY_MB ({megabytes} MB) leaves it");
                Ended::Fault(Fault::TooMuch(message))
            }
            Ended::Fault(Fault::Wrong(mistake)) if TOO_DEEP.iter().any(|words| mistake.message.contains(words)) => {
                Ended::Fault(Fault::TooMuch("the query is nested too deep; write it in fewer levels".to_owned()))
            }
            other => other,
        })
    }
}

impl Opened {
    fn new(config: &Config, identity: Identity) -> anyhow::Result<Self> {
        let db = open_outside_sandbox(config)?;
        let (published, as_of) = (db.try_clone()?, published_as_of(&db)?);
        let spilled = SPILLS * config.memory_limit / 1_000_000;
        db.execute_batch(&format!("set max_temp_directory_size = '{spilled}MB'"))?;
        for connection in [&db, &published] {
            set_parameters(connection, config, as_of)?;
            locate_errors(connection, true)?;
        }
        sandbox(&db, &[db.folder().to_path_buf()])?;
        lock(&db)?;
        // the project's files are read before the time of a first query begins
        let mut sight = Sight::default();
        sight.look(config, &db, "select 1").ok();
        Ok(Self { db, published, identity, sight })
    }

    fn answer(&mut self, config: &Config, ask: &Ask, out: &mut impl Write) -> Result<(), Ended> {
        let db: &Connection = if ask.is_published { &self.published } else { &self.db };
        let sql = checked(db, &ask.sql)?;
        let changes = match ask.is_published {
            true => Vec::new(),
            // what is published stays in force where the files cannot be read
            false => self.sight.look(config, db, sql).unwrap_or_default(),
        };
        let answered = match ask.form {
            Form::Cells => cells(db, sql, ask, &changes, out),
            _ => whole(db, self.db.folder(), sql, ask, &changes, out),
        };
        // a file that was saved with a mistake says more than that its relation is not there
        let broken = changes.into_iter().find_map(|change| change.problem);
        answered.map_err(|ended| match (ended, broken) {
            (Ended::Fault(Fault::Wrong(mistake)), Some(problem)) => {
                Mistake { message: format!("{}\n{problem}", mistake.message), ..mistake }.into()
            }
            (ended, _) => ended,
        })
    }
}

/// DuckDB's error on a statement in which the query stands behind `above`.
fn told(error: &duckdb::Error, statement: &str, (above, sql): (&str, &str)) -> Mistake {
    let Said { message, position } = Said::of(error, statement);
    mistake(message, sql, position.and_then(|place| place.checked_sub(above.len())))
}

/// The parameters as DuckDB takes them.
fn given(ask: &Ask) -> impl duckdb::Params + use<'_> {
    params_from_iter(ask.parameters.iter().map(cell))
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Boolean(*flag),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Cell::Double(number.as_f64().unwrap_or(f64::NAN)), Cell::BigInt)
        }
        other => Cell::Text(other.as_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}

/// The columns of a query or a relation.
fn columns(db: &Connection, of: &str, ask: Option<&Ask>) -> duckdb::Result<Vec<Column>> {
    let column = |row: &duckdb::Row<'_>| Ok(Column { name: row.get(0)?, r#type: row.get(1)? });
    let mut statement = db.prepare(of)?;
    match ask {
        Some(ask) => statement.query_map(given(ask), column)?.collect(),
        None => statement.query_map([], column)?.collect(),
    }
}

/// A small answer for pages: it is in memory as a whole.
fn cells(db: &Connection, sql: &str, ask: &Ask, changes: &[Change], out: &mut impl Write) -> Result<(), Ended> {
    let above = "describe select * from (\n";
    let statement = format!("{above}{sql}\n)");
    let columns = columns(db, &statement, Some(ask)).map_err(|error| told(&error, &statement, (above, sql)))?;
    let above = "select json_array(*columns(*))::varchar from (\n";
    let statement = format!("{above}{sql}\n) limit {}", ask.limit + 1);
    let rows: Result<Vec<String>, _> =
        db.prepare(&statement).and_then(|mut prepared| prepared.query_map(given(ask), |row| row.get(0))?.collect());
    let mut rows = rows.map_err(|error| told(&error, &statement, (above, sql)))?;
    let is_cut = rows.len() > ask.limit;
    rows.truncate(ask.limit);
    out.write_all(&framed_json(Kind::Head, &Head { columns, rows: rows.len(), is_cut, changes: changes.to_vec() })?)?;
    let rows: Vec<_> = rows.iter().map(|row| plain_json(row)).collect();
    let all = format!("[{}]", rows.join(","));
    for chunk in all.as_bytes().chunks(CHUNK) {
        write(out, Kind::Bytes, chunk)?;
    }
    Ok(write(out, Kind::End, &[])?)
}

/// An answer of any size: the result is made as a whole first, so that what fails does so before anything is answered.
fn whole(
    db: &Connection,
    folder: &Path,
    sql: &str,
    ask: &Ask,
    changes: &[Change],
    out: &mut impl Write,
) -> Result<(), Ended> {
    let above = format!("create or replace temp table {RESULT} as select * from (\n");
    let statement = format!("{above}{sql}\n) limit {}", ask.limit + 1);
    let _gone = Gone(db);
    db.prepare(&statement)
        .and_then(|mut prepared| prepared.execute(given(ask)))
        .map_err(|error| told(&error, &statement, (above.as_str(), sql)))?;
    let own = |error: duckdb::Error| Mistake::from(message(&error));
    let columns = columns(db, &format!("describe {RESULT}"), None).map_err(own)?;
    let rows: usize = db.query_row(&format!("select count(*) from {RESULT}"), [], |row| row.get(0)).map_err(own)?;
    let is_cut = rows > ask.limit;
    let head = Head { columns, rows: rows.min(ask.limit), is_cut, changes: changes.to_vec() };
    let head = framed_json(Kind::Head, &head)?;
    let all = format!("from {RESULT} limit {}", ask.limit);
    let options = match ask.form {
        Form::Arrow => {
            out.write_all(&head)?;
            arrow(db, &all, out)?;
            return Ok(write(out, Kind::End, &[])?);
        }
        Form::Cells | Form::Json => "format json, array true",
        Form::Csv => "format csv, header true",
        Form::Parquet => "format parquet",
    };
    let file = folder.join("result");
    let copy = format!("copy ({all}) to {} ({options}, use_tmp_file false)", quote(&file.to_string_lossy()));
    let copied = db.execute_batch(&copy);
    let opened = File::open(&file);
    fs::remove_file(&file).ok();
    copied.map_err(own)?;
    out.write_all(&head)?;
    match ask.form {
        Form::Json => by_lines(opened?, out)?,
        _ => by_chunks(opened?, out)?,
    }
    Ok(write(out, Kind::End, &[])?)
}

/// Takes the result away again, whatever became of it.
struct Gone<'a>(&'a Connection);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.execute_batch(&format!("drop table if exists {RESULT}")).ok();
    }
}

fn by_chunks(mut file: File, out: &mut impl Write) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            read => write(out, Kind::Bytes, &chunk[..read])?,
        }
    }
}

/// The lines of JSON objects, an object each.
fn by_lines(file: File, out: &mut impl Write) -> io::Result<()> {
    let mut chunk = String::with_capacity(2 * CHUNK);
    for line in BufReader::new(file).lines() {
        chunk += &plain_json(&line?);
        chunk.push('\n');
        if chunk.len() >= CHUNK {
            write(out, Kind::Bytes, chunk.as_bytes())?;
            chunk.clear();
        }
    }
    write(out, Kind::Bytes, chunk.as_bytes())
}

/// The result as a stream of Arrow IPC.
fn arrow(db: &Connection, all: &str, out: &mut impl Write) -> Result<(), Ended> {
    let own = |error: duckdb::Error| Mistake::from(message(&error));
    let mut statement = db.prepare(all).map_err(own)?;
    let mut batches = statement.stream_arrow([]).map_err(own)?;
    let odd = |error: arrow::error::ArrowError| Ended::from(Mistake::from(error.to_string()));
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batches.get_schema()).map_err(odd)?;
    let mut hand_on = |bytes: &mut Vec<u8>| bytes.chunks(CHUNK).try_for_each(|chunk| write(out, Kind::Bytes, chunk));
    let next = |error: anyhow::Error| Mistake::from(error.to_string());
    while let Some(batch) = next_batch(&mut batches).map_err(next)? {
        let batch: RecordBatch = batch;
        writer.write(&batch).map_err(odd)?;
        hand_on(writer.get_mut())?;
        writer.get_mut().clear();
    }
    writer.finish().map_err(odd)?;
    Ok(hand_on(writer.get_mut())?)
}
