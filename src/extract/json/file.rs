//! How one export is taken in.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use duckdb::Connection;

use super::contents::Contents;
use super::faults;
use super::listing::ExportFile;
use super::rows::{self, Place};
use crate::common::errors::describe;
use crate::common::language::t;
use crate::common::patience::{Patience, may_pass};
use crate::common::scratch::Scratch;
use crate::extract::columns;
use crate::extract::intake::Intake;
use crate::extract::merge::{Manner, load, merge};
use crate::extract::names::{self, Names};
use crate::extract::tables::Table;
use crate::warehouse::{ident, quote, short_error};

/// How many columns that nearset does not know of are kept of a table: no table of a marketplace has more, where values
/// were taken for names an export has thousands.
const UNKNOWN_KEPT: usize = 500;

/// How many bytes of a row DuckDB reads where it is not told of longer ones.
const ROW_BYTES: u64 = 16 << 20;

/// How much memory a run needs for its longest row, as a multiple of it: texts are cleaned in steps. Measured with rows of
/// 40, 100 and 200 MB.
const MEMORY_OF_A_ROW: u64 = 16;

/// A table whose exports are taken in one after the other.
pub struct Taking<'a> {
    pub intake: Intake<'a>,
    pub table: &'a Table,
    /// What was said of one of its files and need not be said of the next.
    said: RefCell<BTreeSet<String>>,
}

impl<'a> Taking<'a> {
    /// Of no export yet.
    pub fn new(intake: Intake<'a>, table: &'a Table) -> Self {
        Self { intake, table, said: RefCell::default() }
    }

    /// Takes one file in. A row replaces the one with its key where its own change time is not older; of rows with one key
    /// in one file the newest stays, and of equally new ones the last. Change times in the future count as unknown, and an
    /// unknown time neither protects a row nor holds it back.
    ///
    /// A file counts as taken in where it is after reading what it was before. One that is still being written gives what
    /// is there already, and is read again by the next run. What was known of the file before is forgotten. Where a share of
    /// the network or a disk stumbles, it is read again.
    ///
    /// # Errors
    /// The file is no JSON, or a column that has to be there is missing.
    pub fn take_in(&self, file: &ExportFile) -> Result<u64> {
        let mut patience = Patience::with_file();
        loop {
            let taken = self.try_to_take_in(file);
            let fault = taken.as_ref().err().map(describe).unwrap_or_default();
            // what was merged already is merged once more, which leaves the same rows
            let is_of_file = fault.contains(&*file.path.to_string_lossy()) && may_pass(&fault);
            if !is_of_file || !patience.wait(self.intake.progress, &fault) {
                return taken;
            }
        }
    }

    /// Looks at the beginning of a file as it would be taken in: its form, its encoding and its columns. Returns whether it
    /// holds a row.
    ///
    /// # Errors
    /// It could not be taken in; the error names the file.
    pub fn look_at(&self, file: &ExportFile) -> Result<bool> {
        let (Intake { config, progress, .. }, table) = (self.intake, self.table);
        let scratch = Scratch::new(&[&config.data_dir])?;
        let dir = scratch.path();
        let look = || -> Result<bool> {
            let (file, is_all) = Contents::beginning(file, dir)?;
            let contents = Contents::open(&file, config.sources.json_encoding, table, dir, progress)?;
            if is_all {
                return Ok(!self.readable(contents, dir)?.1.columns.is_empty());
            }
            let looked = match rows::look_at_beginning(contents.reader()?, table) {
                // DuckDB passes over a comma that is one too many
                Err(fault) if fault.to_string().contains("trailing comma") => return Ok(true),
                looked => looked.map_err(|fault| faults::explain(&contents, &fault))?,
            };
            let are_others = looked.found.get("").is_some_and(|found| found.objects > 0);
            if are_others && looked.places(table).is_empty() {
                bail!(faults::no_rows(table, &looked, &[]));
            }
            Ok(true)
        };
        look().with_context(|| file.path.display().to_string())
    }

    fn try_to_take_in(&self, file: &ExportFile) -> Result<u64> {
        let (Intake { db, config, progress, .. }, table, name) = (self.intake, self.table, &file.name);
        let scratch = Scratch::new(&[&config.data_dir])?;
        forget(db, table, name)?;
        let before = file.fingerprint()?;
        let taken = self.take_in_once(&scratch, file);
        if file.fingerprint()? == before {
            let rows = taken.with_context(|| file.path.display().to_string())?;
            db.execute(
                "insert into raw.files values (?, ?, ?, ?, ?)",
                duckdb::params![table.name, name, before.0, before.1, rows],
            )?;
            return Ok(rows);
        }
        // read while it was written to: what of it was read, nobody knows
        forget(db, table, name)?;
        let now = file.copied(scratch.path().join("growing").join(name))?;
        let rows = self.take_in_once(&scratch, &now).with_context(|| {
            t!("{name} is still being written; run again once it is whole", "{name} 仍在写入，请待其写完后重新运行")
        })?;
        progress.note(&t!(
            "{name} is still being written: what is there was taken in, and the next run reads it again; write an export \
             under another name and rename it once it is whole",
            "{name} 仍在写入：已读取现有内容，下次运行会重新读取；导出时请先写入其他文件名，写完后再改名"
        ));
        Ok(rows)
    }

    fn take_in_once(&self, scratch: &Scratch, file: &ExportFile) -> Result<u64> {
        let (Intake { db, config, as_of, progress }, table) = (self.intake, self.table);
        let contents = Contents::open(file, config.sources.json_encoding, table, scratch.path(), progress)?;
        let (contents, mut names) = self.readable(contents, scratch.path())?;
        names.columns.retain(|_, column| !columns::is_left_out(config, table, column));
        for note in &names.notes {
            if self.said.borrow_mut().insert(note.clone()) {
                progress.note(&format!("{}: {note}", file.name));
            }
        }
        let absent = |column: &&&str| !names.columns.values().any(|c| c == **column);
        let without: Vec<&str> = table.optional.iter().filter(absent).copied().collect();
        if !without.is_empty() && !names.columns.is_empty() && file.is_full() {
            let without = without.join(", ");
            progress.note(&t!("{}: without {without}", "{}：缺少 {without}", file.name));
        }
        self.leave_out_many(&mut names, &file.name)?;
        self.load_incoming(&contents, &names).map_err(|error| self.cannot(&contents, &error))?;
        self.refuse_columns()?;
        merge(db, table, Manner { keep_newer: true, is_fresh: false, is_numbered: true, as_of })
            .map_err(|error| self.cannot(&contents, &error))
    }

    /// What to say where DuckDB cannot read the rows or merge them.
    fn cannot(&self, contents: &Contents, error: &duckdb::Error) -> anyhow::Error {
        let (error, longest) = (short_error(error), contents.longest / 1_000_000);
        if error.contains("Out of Memory") && contents.longest > ROW_BYTES {
            return anyhow!(t!(
                "its longest row has {longest} MB, which is too much for MEMORY_LIMIT; set it to {} MB or more, or export the \
                 table without what is so long",
                "其最长的一行有 {longest} MB，超出 MEMORY_LIMIT 所能容纳；请将其设为 {} MB 以上，或导出时去掉过长的内容",
                longest * MEMORY_OF_A_ROW
            ));
        }
        anyhow!(t!("its rows cannot be read: {error}", "其数据行无法读取：{error}"))
    }

    /// The contents as DuckDB reads them, and the names of the rows: as they are where they are rows alone, each with one
    /// name for a column; else written anew.
    fn readable(&self, contents: Contents, dir: &Path) -> Result<(Contents, Names)> {
        let (db, table) = (self.intake.db, self.table);
        let read = keys_of(db, &contents);
        let names = read.as_ref().map(|keys| Names::of(table, keys.all.clone())).unwrap_or_default();
        let is_plain =
            names.has(table.required) && names.clashing.is_empty() && read.as_ref().is_ok_and(|keys| keys.are_once);
        // MongoDB's rows hold values in objects
        if is_plain && read.as_ref().is_ok_and(|keys| !keys.may_be_extended) {
            return Ok((contents, names));
        }
        let looked = rows::look(contents.reader()?, table).map_err(|fault| faults::explain(&contents, &fault))?;
        let places = looked.places(table);
        let is_root = |place: &Place| place.header.is_none() && place.path.is_empty();
        let (written, mut notes) = match (places.as_slice(), read) {
            ([place], _) if is_root(place) && !looked.is_extended && is_plain => return Ok((contents, names)),
            ([place], read) => {
                let (mut written, rows) = contents.rewritten(dir, "rows.json", |out| {
                    rows::write(contents.reader()?, table, place, out)
                        .map_err(|fault| faults::explain(&contents, &fault))
                })?;
                written.longest = rows.longest;
                let names = match (&place.header, read) {
                    (Some((header, _)), _) => header.iter().cloned().collect(),
                    (None, Ok(keys)) if place.path.is_empty() => keys.all,
                    _ => looked.found.get(&place.path).iter().flat_map(|found| found.names.iter().cloned()).collect(),
                };
                let mut notes = Names::of(table, names).notes;
                notes.extend(place.note());
                notes.extend(rows.twice.map(|name| {
                    t!("{name} stands twice in a row; the last one counts", "{name} 在同一行出现两次，取最后一个")
                }));
                notes.extend((rows.nulls > 0).then(|| {
                    let count = rows.nulls;
                    t!("{count} of its rows are null, and are skipped", "有 {count} 行为 null，已跳过")
                }));
                (written, notes)
            }
            ([], _) if let Some(path) = looked.only_empty() => {
                let (written, ()) = contents.rewritten(dir, "rows.json", |_| Ok(()))?;
                let note =
                    (!path.is_empty()).then(|| t!("it holds no row: `{path}` is empty", "无数据行：`{path}` 为空"));
                (written, note.into_iter().collect())
            }
            _ => bail!(faults::no_rows(table, &looked, &places)),
        };
        let keys = keys_of(db, &written).map_err(|error| self.cannot(&written, &error))?;
        let names = Names::of(table, keys.all);
        notes.extend(names.notes);
        Ok((written, Names { notes, ..names }))
    }

    /// Fails where the only row holds whole columns, as pandas writes them where it is not told otherwise.
    fn refuse_columns(&self) -> Result<()> {
        let key = ident(self.table.key[0].0);
        let sql = format!("select count(*), count(*) filter ({key} like '{{%') from incoming");
        let (rows, objects): (u64, u64) = self.intake.db.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if rows == 1 && objects == 1 {
            bail!(t!(
                "it holds columns and not rows; in pandas, write it with to_json(..., orient=\"records\")",
                "文件按列而非按行存放；pandas 请用 to_json(..., orient=\"records\") 导出"
            ));
        }
        Ok(())
    }

    /// Leaves out columns that the raw table does not have yet and that would be beyond [`UNKNOWN_KEPT`], and says so.
    fn leave_out_many(&self, names: &mut Names, file: &str) -> Result<()> {
        let is_unknown = |column: &str| !self.table.columns().any(|known| known == column);
        let sql = "select lower(column_name) from duckdb_columns()
                   where database_name = current_database() and schema_name = 'raw' and table_name = ?";
        let mut statement = self.intake.db.prepare(sql)?;
        let kept =
            statement.query_map([self.table.name], |row| row.get(0))?.collect::<duckdb::Result<Vec<String>>>()?;
        let kept: BTreeSet<String> = kept.into_iter().filter(|c| is_unknown(c) && !names::is_unusable(c)).collect();
        let fresh = names.columns.iter().filter(|(_, c)| is_unknown(c) && !kept.contains(&c.to_lowercase()));
        let room = UNKNOWN_KEPT.saturating_sub(kept.len());
        let surplus: BTreeSet<String> = fresh.skip(room).map(|(name, _)| name.clone()).collect();
        if let Some(first) = surplus.first() {
            let (count, many) = (names.columns.len(), surplus.len());
            self.intake.progress.note(&t!(
                "{file} has {count} columns; {many} of those that nearset does not use are left out, such as {first} \
                 ({UNKNOWN_KEPT} are kept of a table)",
                "{file} 有 {count} 列；其中 nearset 不使用的 {many} 列已略去，如 {first}（每张表至多保留 {UNKNOWN_KEPT} 列）"
            ));
        }
        names.columns.retain(|name, _| !surplus.contains(name));
        Ok(())
    }

    /// Reads the rows into the temporary table `incoming`.
    fn load_incoming(&self, contents: &Contents, names: &Names) -> duckdb::Result<()> {
        let (Intake { db, config, .. }, table) = (self.intake, self.table);
        columns::keep_columns(db, table, names.columns.values())?;
        let there = names.columns.iter().map(|(name, column)| format!("{} as {}", ident(name), ident(column)));
        let absent = table
            .columns()
            .filter(|known| !names.columns.values().any(|column| column == known))
            .map(|column| format!("cast(null as varchar) as {}", ident(column)));
        let zone = columns::timezone(table, config);
        let keys = table
            .key
            .iter()
            .map(|(column, fallback)| format!("{} as {}", columns::key_text(column, fallback), ident(column)));
        // a file without rows has no names, and still columns
        let spec = match names.columns.is_empty() {
            true => "'id': 'varchar'".to_owned(),
            false => names.columns.keys().map(|c| format!("{}: 'varchar'", quote(c))).collect::<Vec<_>>().join(", "),
        };
        let rows = format!(
            "select * replace ({}), row_number() over () as _row
             from (select {} from read_json({}, columns = {{{spec}}}))",
            keys.collect::<Vec<_>>().join(", "),
            there.chain(absent).collect::<Vec<_>>().join(", "),
            arguments(contents),
        );
        load(db, table, zone, &contents.name, &rows)
    }
}

/// Forgets that a file was taken in, and what was wrong with its rows; the rows stay, and are replaced by themselves when
/// it is read again.
fn forget(db: &Connection, table: &Table, name: &str) -> Result<()> {
    db.execute("delete from raw.files where table_name = ? and file = ?", [table.name, name])?;
    db.execute("delete from raw.rejected where source_table = ? and file = ?", [table.name, name])?;
    Ok(())
}

/// What DuckDB is told of a file that it reads.
fn arguments(contents: &Contents) -> String {
    format!(
        "{}, format = 'auto', compression = '{}', maximum_object_size = {}",
        quote(&contents.path.to_string_lossy()),
        if contents.is_packed { "gzip" } else { "uncompressed" },
        contents.longest.max(ROW_BYTES)
    )
}

/// The names that a file's values have.
struct Keys {
    all: BTreeSet<String>,
    /// Whether every value has names, and none twice.
    are_once: bool,
    /// Whether a text starts with `$`, as MongoDB's names of types do.
    may_be_extended: bool,
}

/// Asks DuckDB for the names in a file. There may be as many lists of them as rows: they stay there.
fn keys_of(db: &Connection, contents: &Contents) -> duckdb::Result<Keys> {
    let sql = format!(
        "with lists as materialized (
             select coalesce(json_keys(json), []) as keys, bool_or(contains(json::varchar, '\"$')) as has_dollar
             from read_json_objects({})
             group by all
         )
         select
             null as name,
             coalesce(bool_and(len(keys) > 0 and len(keys) = len(list_distinct(keys))), true),
             coalesce(bool_or(has_dollar), false)
         from lists
         union all
         select name, null, null from (select distinct unnest(keys) as name from lists)",
        arguments(contents)
    );
    let mut keys = Keys { all: BTreeSet::new(), are_once: false, may_be_extended: false };
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match row.get::<_, Option<String>>(0)? {
            Some(name) => {
                keys.all.insert(name);
            }
            None => (keys.are_once, keys.may_be_extended) = (row.get(1)?, row.get(2)?),
        }
    }
    Ok(keys)
}
