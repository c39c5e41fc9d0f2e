//! The exposure log: what the server showed, read back by the next run.
//!
//! The log grows while it is read, is rotated under other names, and may end in a line cut short by a crash. Each run
//! takes what was added since the last, up to the last whole line; a request id counts once wherever it stands.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use duckdb::Connection;
use flate2::read::MultiGzDecoder;
use serde::Serialize;

use super::lines::{LONGEST_LINE, Taken, next_line};
use super::{exclusions, files, record};
use crate::common::files::sha256_start;
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::common::scratch::Scratch;
use crate::config::Config;
use crate::warehouse::{quote, short_error};

/// How much of a file's start tells it apart from another of the same name.
const HEAD_BYTES: u64 = 4096;

/// The longest line as an object for DuckDB, whose buffers are twice as long: a byte takes up to six in JSON.
const LONGEST_OBJECT: u64 = 8 * LONGEST_LINE;

/// How many characters are kept of a line that is too long to be read.
const KEPT_OF_LONG: usize = 1000;

/// Makes the tables that exposures are taken in to, where they are not there.
///
/// # Errors
/// DuckDB cannot make them.
pub fn create_tables(db: &Connection) -> Result<()> {
    db.execute_batch(&format!(
        "create table if not exists raw.exposure_log ({}, _file varchar);
         create table if not exists raw.exposure_files (file varchar, head varchar, head_bytes bigint, bytes bigint);",
        record::columns()
    ))
    .context(either("the exposure tables could not be made", "曝光表未能创建"))?;
    exclusions::create_tables(db)
}

/// Whether a run has taken in all of a packed file, as it is now.
///
/// # Errors
/// The file or the warehouse cannot be read.
pub fn is_taken_in(db: &Connection, path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let size = fs::metadata(path)?.len();
    let mut statement = db.prepare("select head, head_bytes from raw.exposure_files where file = ? and bytes = ?")?;
    let known: Vec<(String, u64)> = statement
        .query_map(duckdb::params![name, size], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<duckdb::Result<_>>()?;
    for (head, bytes) in known {
        if sha256_start(path, bytes)? == head {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes in what was logged since the last run; returns the number of new responses.
///
/// # Errors
/// A file cannot be read, or what is in it cannot be kept.
pub fn take_in(db: &Connection, config: &Config, progress: &Progress) -> Result<u64> {
    let dir = config.evaluation_dir();
    let scratch = Scratch::new(&[&config.data_dir])?;
    let mut rows = 0;
    for path in files::all(&dir).with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))? {
        match take_in_file(db, &path, &scratch.path().join("exposures.jsonl"), progress) {
            // rotated or packed just now: what it held is read under its new name, now or by the next run
            Err(error) if is_gone(&error) && !path.exists() => {}
            taken => rows += taken.with_context(|| t!("{} cannot be taken in", "{} 无法读入", path.display()))?,
        }
    }
    Ok(rows)
}

fn is_gone(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}

/// Takes in one file by way of `chunk`, a file for what is new in it.
fn take_in_file(db: &Connection, path: &Path, chunk: &Path, progress: &Progress) -> Result<u64> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = fs::metadata(path)?.len();
    let mut statement = db.prepare(
        "select head, head_bytes, bytes, file = ? from raw.exposure_files order by file = ? desc, bytes desc",
    )?;
    let known: Vec<(String, u64, u64, bool)> = statement
        .query_map([&name, &name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<duckdb::Result<_>>()?;
    // the same file grown longer is read on from where the last run stopped, also after it was rotated; any other from
    // its start
    let mut start = 0;
    for (head, head_bytes, bytes, is_named_so) in known {
        let may_be = size >= bytes && (is_named_so || head_bytes == HEAD_BYTES);
        if may_be && sha256_start(path, head_bytes)? == head {
            start = bytes;
            break;
        }
    }
    if start == size {
        return Ok(0);
    }
    let head_bytes = size.min(HEAD_BYTES);
    let head = sha256_start(path, head_bytes)?;
    let read = copy_whole_lines(path, start, chunk)?;
    let rows = insert(db, chunk, &name, progress)?;
    db.execute("delete from raw.exposure_files where file = ?", [&name])?;
    match read {
        Read::To(end) => {
            let known = duckdb::params![name, head, head_bytes, end];
            db.execute("insert into raw.exposure_files values (?, ?, ?, ?)", known)?;
        }
        Read::UntilDamaged { lines, why } => set_damage_aside(db, &name, lines, &why, progress)?,
    }
    Ok(rows)
}

/// Says that a packed file is damaged. It is read again by every run, so that a whole copy in its place is noticed.
fn set_damage_aside(db: &Connection, name: &str, lines: u64, why: &str, progress: &Progress) -> Result<()> {
    progress.note(&t!(
        "{name} is damaged ({why}): the {lines} lines before that were taken in, what comes after them \
         cannot be read; put a whole copy in its place, or move it out of the folder",
        "{name} 已损坏（{why}）：此前的 {lines} 行已读入，其后无法读取；请换上完整的副本，或把它移出该目录"
    ));
    db.execute(
        "insert into raw.rejected
         select 'exposure_log', ?1, 'damaged_file', null, ?2, 'dropped', ?1, null, null
         where not exists (from raw.rejected where file = ?1 and reason = 'damaged_file')",
        [name, why],
    )?;
    Ok(())
}

/// How far a file was read.
enum Read {
    /// The next run goes on at this byte.
    To(u64),
    /// What a packed file holds ends in the middle, or makes no sense from there on.
    UntilDamaged { lines: u64, why: String },
}

/// A line on its way to DuckDB: as text, so that one which is no JSON can be kept aside as it is.
#[derive(Serialize)]
struct Line<'a> {
    line: &'a str,
    /// What is wrong with it, where that is known already.
    known_fault: Option<&'static str>,
}

impl<'a> Line<'a> {
    /// A line, or the start of one that is too long; `None` for a blank one.
    fn of(text: &'a str, is_too_long: bool) -> Option<Self> {
        let line = text.trim();
        match is_too_long {
            _ if line.is_empty() => None,
            true => {
                let start = line.char_indices().nth(KEPT_OF_LONG).map_or(line, |(end, _)| &line[..end]);
                Some(Self { line: start, known_fault: Some("line_too_long") })
            }
            false => Some(Self { line, known_fault: None }),
        }
    }
}

/// Copies the whole lines from byte `start` on to `chunk`, one [`Line`] a line. The next run goes on after the last whole
/// line (of a packed file, which does not grow, at its end).
fn copy_whole_lines(path: &Path, start: u64, chunk: &Path) -> Result<Read> {
    let packed = files::is_packed(path);
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let source: Box<dyn std::io::Read> = if packed {
        Box::new(MultiGzDecoder::new(BufReader::new(file)))
    } else {
        file.seek(SeekFrom::Start(start))?;
        Box::new(file)
    };
    let mut reader = BufReader::new(source);
    let unwritable = || t!("{} cannot be written", "{} 无法写入", chunk.display());
    let mut out = BufWriter::new(File::create(chunk).with_context(unwritable)?);
    let (mut end, mut lines, mut line) = (start, 0, Vec::new());
    let damage = loop {
        let is_too_long = match next_line(&mut reader, &mut line) {
            Err(error) if packed && is_damage(&error) => break Some(error.to_string()),
            Err(error) => return Err(error.into()),
            Ok(Taken { bytes: 0, .. }) => break None,
            Ok(taken) if !taken.is_whole && !packed => break None,
            Ok(taken) => {
                end += taken.bytes;
                taken.is_too_long
            }
        };
        lines += 1;
        if let Some(line) = Line::of(&String::from_utf8_lossy(&line), is_too_long) {
            let object = serde_json::to_vec(&line)?;
            out.write_all(&object).and_then(|()| out.write_all(b"\n")).with_context(unwritable)?;
        }
    };
    out.flush().with_context(unwritable)?;
    Ok(match damage {
        Some(why) => Read::UntilDamaged { lines, why },
        None => Read::To(if packed { size } else { end }),
    })
}

/// Whether a packed file's bytes are to blame, and not the disk they are on.
fn is_damage(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

fn insert(db: &Connection, chunk: &Path, name: &str, progress: &Progress) -> Result<u64> {
    let bad: u64 = db
        .execute_batch(&format!(
            "create or replace temp table lines as
             select line, row_number() over () as _row,
                 case when json_valid(line) then line::json ->> 'request_id' end as request_id,
                 case
                     when known_fault is not null then known_fault
                     when not json_valid(line) then 'not_json'
                     when coalesce(line::json ->> 'request_id', '') = '' then 'no_request_id'
                     when try_cast(line::json ->> 'timestamp' as timestamp) is null then 'no_timestamp'
                     when json_type(line::json -> 'items') is distinct from 'ARRAY' then 'no_items'
                 end as fault
             from read_json({chunk}, columns = {{line: 'varchar', known_fault: 'varchar'}}, format = 'newline_delimited',
                 maximum_object_size = {LONGEST_OBJECT});
             insert into raw.rejected
             select 'exposure_log', request_id, fault, null, null, 'dropped', {name}, null, line from lines
             where fault is not null
                 and line not in (select row_json from raw.rejected where source_table = 'exposure_log');
             create or replace temp table fresh as
             select request_id, _row, line::json as record
             from lines
             where fault is null
             qualify row_number() over (partition by request_id order by _row) = 1
             order by _row;
             delete from fresh where request_id in (select request_id from raw.exposure_log);
             insert into raw.exposure_log
             select {values}, {name}
             from fresh;
             insert into raw.rejected
             select 'exposure_log', lines.request_id, 'request_id_again', 'request_id', lines.request_id, 'dropped', {name}, null, line
             from (from lines where fault is null and _row not in (select _row from fresh)) as lines
             inner join raw.exposure_log as known on known.request_id = lines.request_id
             where (line::json ->> 'timestamp', line::json ->> 'page_id') is distinct from (known.timestamp, known.page_id)
                 and line not in (select row_json from raw.rejected where reason = 'request_id_again');",
            chunk = quote(&chunk.to_string_lossy()),
            name = quote(name),
            values = record::values("record"),
        ))
        .and_then(|()| db.query_row("select count(*) from lines where fault is not null", [], |row| row.get(0)))
        .map_err(|e| anyhow!("{}", short_error(&e)))?;
    if bad > 0 {
        progress.note(&t!(
            "{name}: {bad} line(s) are no exposure; kept aside in rejected_rows",
            "{name}：{bad} 行不是曝光记录；已另存于 rejected_rows"
        ));
    }
    let rows: u64 = db.query_row("select count(*) from fresh", [], |row| row.get(0))?;
    db.execute_batch("drop table lines; drop table fresh;")?;
    Ok(rows)
}
