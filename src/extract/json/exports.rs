//! A source's exports: which of them are new, and in what order they come in.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use duckdb::Connection;

use super::file::Taking;
use super::listing::{ExportFile, Unknown, is_full_name, list};
use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::config::{Config, Source};
use crate::extract::SOURCES;
use crate::extract::foreseen::Foreseen;
use crate::extract::intake::Intake;
use crate::extract::tables::{TABLES, Table};
use crate::extract::watermarks::{Known, keep_watermark, known};
use crate::warehouse;

/// How many exports of a table are looked at where none is read: the newest.
const LOOKED_AT: usize = 30;

/// The folder of exports.
///
/// # Errors
/// It is not set.
pub fn folder(config: &Config) -> Result<&Path> {
    config.sources.json_dir.as_deref().context(either(
        "DATA_JSON_DIR is not set; point it at the folder of JSON exports (dataset.json and others)",
        "未设置 DATA_JSON_DIR；请将其指向 JSON 导出文件的目录（dataset.json 等）",
    ))
}

/// Looks at what exports there are of what a run needs.
///
/// # Errors
/// The folder cannot be read.
pub fn inspect(config: &Config, name: &str) -> Result<Vec<Finding>> {
    let listing = list(folder(config)?)?;
    let tables: Vec<&Table> = TABLES.iter().filter(|t| t.source == name).collect();
    let absent: Vec<&str> = tables.iter().map(|t| t.name).filter(|t| !listing.files.contains_key(t)).collect();
    let verdict = match absent.len() {
        _ if absent.contains(&"dataset") => Verdict::Broken,
        n if n == tables.len() => Verdict::Odd,
        _ => Verdict::Fine,
    };
    let (there, all, dir) = (tables.len() - absent.len(), tables.len(), folder(config)?.display());
    let mut text = t!(
        "{there} of {all} tables have exports in DATA_JSON_DIR ({dir})",
        "DATA_JSON_DIR（{dir}）中有 {all} 张表中 {there} 张的导出文件"
    );
    if !absent.is_empty() {
        text += &t!("; none of {}", "；没有 {}", absent.join(", "));
    }
    if absent.contains(&"dataset") {
        text += &t!("; dataset.json (or .json.gz) is needed", "；dataset.json（或 .json.gz）必不可少");
    }
    let mut findings = vec![Finding::new(verdict, name, text)];
    let db = warehouse::in_memory(config)?;
    let intake = Intake { db: &db, config, as_of: Utc::now(), progress: &Progress::SILENT };
    for table in tables {
        let files = listing.files.get(table.name).map(Vec::as_slice).unwrap_or_default();
        let faults = faults_of(intake, table, files);
        findings.extend(faults.into_iter().map(|fault| Finding::new(Verdict::Broken, name, fault)));
    }
    if is_first(config, name) && !listing.unknown.is_empty() {
        let notes: Vec<String> = listing.unknown.iter().map(Unknown::note).collect();
        findings.push(Finding::new(Verdict::Odd, name, notes.join("\n")));
    }
    Ok(findings)
}

/// Why a table's exports could not be taken in, as far as their beginnings tell; the newest [`LOOKED_AT`] are looked at.
fn faults_of(intake: Intake<'_>, table: &Table, files: &[ExportFile]) -> Vec<String> {
    let taking = Taking::new(intake, table);
    let (mut faults, mut has_rows) = (Vec::new(), files.len() > LOOKED_AT);
    for file in files.iter().rev().take(LOOKED_AT).rev() {
        match file.fault().map_or_else(|| taking.look_at(file).map_err(|error| describe(&error)), Err) {
            Ok(holds_row) => has_rows |= holds_row,
            Err(fault) => faults.push(fault),
        }
    }
    if table.name == "dataset" && !files.is_empty() && faults.is_empty() && !has_rows {
        let names = files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
        faults.push(t!(
            "{names} holds no row, and at least one dataset is needed: export the table again",
            "{names} 没有数据行，而至少需要一个数据集：请重新导出该表"
        ));
    }
    faults
}

/// Whether a source is the first that is read from exports: it tells of what is in their folder besides.
fn is_first(config: &Config, name: &str) -> bool {
    SOURCES.iter().find(|source| matches!(config.source(source), Source::Json)) == Some(&name)
}

/// What to say of a file that may be meant as an export of a table; none where no file's name is like it.
///
/// # Errors
/// The folder cannot be read.
pub fn similar(config: &Config, table: &str) -> Result<Option<String>> {
    let listing = list(folder(config)?)?;
    let is_meant = |unknown: &&Unknown| unknown.meant.as_ref().is_some_and(|(name, _)| *name == table);
    Ok(listing.unknown.iter().find(is_meant).map(Unknown::note))
}

/// Takes in the new exports of a source's tables; returns how many rows that was.
///
/// # Errors
/// The folder or a file cannot be read; the error names it.
pub fn take_in(intake: Intake<'_>, name: &str) -> Result<u64> {
    let mut rows = 0;
    let config = intake.config;
    let listing = list(folder(config)?)?;
    if is_first(config, name) {
        for unknown in &listing.unknown {
            intake.progress.note(&unknown.note());
        }
    }
    for table in TABLES.iter().filter(|t| t.source == name) {
        let files = listing.files.get(table.name).map(Vec::as_slice).unwrap_or_default();
        rows += take_in_table(intake, table, files).with_context(|| t!("table {}", "表 {}", table.name))?;
    }
    Ok(rows)
}

/// Takes in a table's new exports, in their order.
fn take_in_table(intake: Intake<'_>, table: &Table, files: &[ExportFile]) -> Result<u64> {
    let Intake { db, progress, .. } = intake;
    let before = known(db, table)?.unwrap_or_default();
    if before.is_database() && before.rows > 0 {
        progress.note(&t!(
            "{}: read from {} before; exports are folded into its rows, the newer of each staying; --full-refresh starts \
             from the exports alone",
            "{}：此前读自 {}；导出将并入其已有的行，各取较新者；--full-refresh 只从导出重新开始",
            table.name, before.origin
        ));
    }
    let mut rows = 0;
    let taken = taken_files(db, table)?;
    let taking = Taking::new(intake, table);
    for file in files {
        match taken.get(&file.name) {
            None if file.is_full() && taken.keys().any(|name| is_full_name(table, name)) => bail!(t!(
                "{} is a full export, but the table's full export was taken in before under another name; \
                 --full-refresh reads everything anew, --data-dir keeps it apart",
                "{} 是全量导出，但该表的全量导出此前已以另一文件名读取；--full-refresh 全部重读，--data-dir 可另存一处",
                file.name
            )),
            None => rows += taking.take_in(file)?,
            Some(then) if file.fingerprint()? == *then => {}
            Some(then) if file.began_as(then)? => {
                progress.note(&t!(
                    "{} has grown since it was taken in, and is read again",
                    "{} 读取后又有增长，已重新读取",
                    file.name
                ));
                rows += taking.take_in(file)?;
            }
            Some(_) => progress.note(&t!(
                "{} changed since it was taken in and was not read again; --full-refresh reads it",
                "{} 读取后有改动，未重新读取；--full-refresh 会读取",
                file.name
            )),
        }
    }
    let is_there = !files.is_empty() || !taken.is_empty();
    if !is_there {
        progress.note(&t!("{}: no export; the run goes on without it", "{}：没有导出，略过此表继续运行", table.name));
    }
    let now = Known { mode: "json".to_owned(), origin: "exports".to_owned(), is_there, ..Known::default() };
    keep_watermark(intake, table, &now)?;
    Ok(rows)
}

/// What a run would take in, a line a table.
///
/// # Errors
/// The folder cannot be read.
pub fn preview(published: Option<&Connection>, config: &Config, name: &str) -> Result<Vec<Foreseen>> {
    let listing = list(folder(config)?)?;
    let mut lines = Vec::new();
    for table in TABLES.iter().filter(|t| t.source == name) {
        let taken = match published {
            Some(db) => taken_files(db, table)?,
            None => BTreeMap::new(),
        };
        let files = listing.files.get(table.name).map(Vec::as_slice).unwrap_or_default();
        let fresh: Vec<&str> = files.iter().map(|f| f.name.as_str()).filter(|f| !taken.contains_key(*f)).collect();
        let text = match fresh.len() {
            0 => t!("{}: nothing new", "{}：没有新内容", table.name),
            n => t!("{}: {n} file(s): {}", "{}：{n} 个文件：{}", table.name, fresh.join(", ")),
        };
        let files = fresh.iter().map(|file| (*file).to_owned()).collect();
        lines.push(Foreseen { table: table.name, files, rows: None, text, notes: Vec::new() });
    }
    Ok(lines)
}

/// The files already taken in, with their size and hash.
fn taken_files(db: &Connection, table: &Table) -> Result<BTreeMap<String, (u64, String)>> {
    let mut statement = db.prepare("select file, bytes, sha256 from raw.files where table_name = ?")?;
    let rows = statement.query_map([table.name], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}
