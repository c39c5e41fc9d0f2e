//! The exposure log: what the server showed, read back by the next run.
//!
//! The log grows while it is read, is rotated under other names, and may end in a line cut short by a crash. Each run
//! takes what was added since the last, up to the last whole line; a request id counts once wherever it stands.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use duckdb::Connection;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::Watch;
use crate::config::Config;
use crate::warehouse::{quote, short_error};

/// The name of the log that is being written; its rotated siblings start with the same.
pub const LOG_NAME: &str = "exposure_log.jsonl";

/// How much of a file's start tells it apart from another of the same name.
const HEAD_BYTES: u64 = 4096;

pub fn create_table(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.exposure_log (
             request_id varchar, user_id varchar, page_id varchar, algorithm_version varchar, timestamp varchar,
             items struct(dataset_id varchar, score double, reason varchar)[], context json, _file varchar);
         create table if not exists raw.exposure_files (file varchar, head varchar, head_bytes bigint, bytes bigint);",
    )
    .context("the exposure tables could not be made")
}

/// Takes in what was logged since the last run; returns the number of new responses.
pub fn extract(db: &Connection, config: &Config, watch: &Watch) -> Result<u64> {
    let mut rows = 0;
    for path in log_files(&config.evaluation_dir())? {
        match take_in(db, config, &path, watch) {
            // rotated or compressed just now: what it held is read under its new name, now or by the next run
            Err(error) if is_gone(&error) && !path.exists() => {}
            taken => rows += taken.with_context(|| path.display().to_string())?,
        }
    }
    Ok(rows)
}

fn is_gone(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}

/// The log and its rotated siblings, the siblings first.
fn log_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if dir.is_dir() {
        for entry in fs::read_dir(dir).with_context(|| format!("{} cannot be read", dir.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_log = name.starts_with("exposure_log") && name.contains(".jsonl") && !name.ends_with(".part");
            if is_log && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort_by_key(|path| (path.file_name().is_some_and(|n| n == LOG_NAME), path.clone()));
    Ok(files)
}

fn take_in(db: &Connection, config: &Config, path: &Path, watch: &Watch) -> Result<u64> {
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
        if may_be && head_hash(path, head_bytes)? == head {
            start = bytes;
            break;
        }
    }
    if start == size {
        return Ok(0);
    }
    let head_bytes = size.min(HEAD_BYTES);
    let head = head_hash(path, head_bytes)?;
    let chunk = config.data_dir.join("exposures.work.jsonl");
    let end = copy_whole_lines(path, start, &chunk)?;
    let result = insert(db, &chunk, &name, watch);
    fs::remove_file(&chunk).ok();
    let rows = result?;
    db.execute("delete from raw.exposure_files where file = ?", [&name])?;
    db.execute("insert into raw.exposure_files values (?, ?, ?, ?)", duckdb::params![name, head, head_bytes, end])?;
    Ok(rows)
}

fn head_hash(path: &Path, bytes: u64) -> Result<String> {
    let mut head = Vec::new();
    File::open(path)?.take(bytes).read_to_end(&mut head)?;
    Ok(super::hex(&Sha256::digest(&head)))
}

/// Copies the whole lines from byte `start` on to `chunk`, as `{"line": "…"}` objects, so that a line which is no JSON
/// can be kept aside with its text. Returns where the next run goes on: behind the last whole line (of a packed file,
/// which does not grow, its end).
fn copy_whole_lines(path: &Path, start: u64, chunk: &Path) -> Result<u64> {
    let packed = path.extension().is_some_and(|e| e == "gz");
    let mut file = File::open(path)?;
    let mut reader: Box<dyn BufRead> = if packed {
        Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
    } else {
        file.seek(SeekFrom::Start(start))?;
        Box::new(BufReader::new(file))
    };
    let mut out = BufWriter::new(File::create(chunk)?);
    let mut end = start;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || (line.last() != Some(&b'\n') && !packed) {
            break;
        }
        end += read as u64;
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            serde_json::to_writer(&mut out, &serde_json::json!({ "line": text.trim() }))?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(if packed { fs::metadata(path)?.len() } else { end })
}

fn insert(db: &Connection, chunk: &Path, name: &str, watch: &Watch) -> Result<u64> {
    let bad: u64 = db
        .execute_batch(&format!(
            "create or replace temp table lines as
             select line, row_number() over () as _row,
                 case when json_valid(line) then line::json ->> 'request_id' end as request_id,
                 case
                     when not json_valid(line) then 'not_json'
                     when coalesce(line::json ->> 'request_id', '') = '' then 'no_request_id'
                     when try_cast(line::json ->> 'timestamp' as timestamp) is null then 'no_timestamp'
                     when json_type(line::json -> 'items') is distinct from 'ARRAY' then 'no_items'
                 end as fault
             from read_json({}, columns = {{line: 'varchar'}}, format = 'newline_delimited', maximum_object_size = 134217728);
             insert into raw.rejected
             select 'exposure_log', request_id, fault, null, null, 'dropped', {name}, null, line from lines
             where fault is not null
                 and line not in (select row_json from raw.rejected where source_table = 'exposure_log');
             create or replace temp table fresh as
             select request_id, line::json as record
             from lines
             where fault is null
             qualify row_number() over (partition by request_id order by _row) = 1
             order by _row;
             delete from fresh where request_id in (select request_id from raw.exposure_log);
             insert into raw.exposure_log
             select request_id, record ->> 'user_id', record ->> 'page_id', record ->> 'algorithm_version',
                 record ->> 'timestamp',
                 from_json(record -> 'items', '[{{\"dataset_id\":\"VARCHAR\",\"score\":\"DOUBLE\",\"reason\":\"VARCHAR\"}}]'),
                 coalesce(record -> 'context', '{{}}'::json), {name}
             from fresh;",
            quote(&chunk.to_string_lossy()),
            name = quote(name),
        ))
        .and_then(|()| db.query_row("select count(*) from lines where fault is not null", [], |row| row.get(0)))
        .map_err(|e| anyhow!("{}", short_error(&e)))?;
    if bad > 0 {
        (watch.note)(&format!("{name}: {bad} line(s) are no exposure; kept aside in rejected_rows"));
    }
    let rows: u64 = db.query_row("select count(*) from fresh", [], |row| row.get(0))?;
    db.execute_batch("drop table lines; drop table fresh;")?;
    Ok(rows)
}
