//! Databases: what is new in each table, read in bounded memory, and a count that tells what change times do not.
//!
//! A table is read whole once, in ranges of its key. Later runs read the rows whose change time is not before the
//! watermark less `DB_OVERLAP_MINUTES`, and those with newer keys. Then rows are counted on both sides; where the counts
//! part, the ranges that differ are read again, so that rows deleted at the source go, and rows that came with an old
//! change time are not missed.

mod address;
mod inspect;
mod relay;
mod remote;
mod source;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use duckdb::Connection;

pub use inspect::inspect;

use super::Known;
use super::incoming::{self, Fold};
use super::tables::{Gone, TABLES, Table};
use crate::common::progress::Progress;
use crate::config::{Config, Database};
use crate::warehouse::ident;
use remote::{Clock, Remote};
use source::Source;

/// How many rows a query asks a server for at once, about: some of the row groups that DuckDB writes at once, few enough
/// to be held in memory.
const RANGE_ROWS: i64 = 500_000;
/// How far below the largest key a table is read again: keys are given out before rows are committed.
const KEY_OVERLAP: i64 = 10_000;

/// What is to be read of a table.
#[derive(Debug)]
enum Plan {
    /// All of it, and why.
    Whole(String),
    /// The rows that meet any of these conditions, each of which leaves out what those before it find.
    New { since: String, arms: Vec<String> },
}

/// A table that is there, with what is known of it.
struct Reading {
    table: &'static Table,
    remote: Remote,
    /// The database and the table, in words that hold no secret.
    origin: String,
    known: Known,
    plan: Plan,
    notes: Vec<String>,
}

/// A range of keys, both ends included; none for a table that cannot be cut.
type Range = Option<(i64, i64)>;

/// Rows that are read in one go.
struct Part {
    /// What they meet at the source.
    condition: String,
    /// The stored rows that go where they are not among them.
    replaced: Option<String>,
}

/// Takes in what is new in a source's database.
pub fn take_in(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    (name, settings): (&str, &Database),
    watch: &Progress,
) -> Result<u64> {
    let mut source = Source::open(db, config, name, settings, watch)?;
    let mut rows = 0;
    let readings = readings(Some(db), config, name, &mut source, watch)?;
    for table in TABLES.iter().filter(|t| t.source == name && !readings.iter().any(|r| r.table.name == t.name)) {
        let absent = Known { mode: "database".to_owned(), origin: source.shown(), ..Known::default() };
        super::keep_watermark(db, as_of, table, &absent)?;
    }
    for reading in readings {
        for note in &reading.notes {
            (watch.note)(note);
        }
        let table = reading.table;
        let mut reader = Reader { db, config, as_of, source: &mut source, watch, reading, rows: 0 };
        reader.read().with_context(|| format!("table {}", table.name))?;
        rows += reader.rows;
    }
    Ok(rows)
}

/// What would be read, a line a table. `published` is the warehouse as it is, if any and not to be refreshed.
pub fn preview(
    published: Option<&Connection>,
    config: &Config,
    (name, settings): (&str, &Database),
    watch: &Progress,
) -> Result<Vec<String>> {
    let db = crate::warehouse::in_memory(config)?;
    let mut source = Source::open(&db, config, name, settings, watch)?;
    let mut lines = Vec::new();
    for Reading { table, remote, plan, notes, .. } in readings(published, config, name, &mut source, watch)? {
        let (what, arms) = match plan {
            Plan::Whole(why) => (format!("the whole table ({why})"), vec!["true".to_owned()]),
            Plan::New { since, arms } => (since, arms),
        };
        let mut rows: u64 = 0;
        for arm in &arms {
            let sql = format!("select count(*) from {} where {arm}", remote.relation);
            rows += source.ask(&remote.name, |db| db.query_row(&sql, [], |row| row.get::<_, u64>(0)))?;
        }
        let known = remote.columns.iter().filter(|c| table.columns().any(|k| k == c.name)).count();
        lines.push(format!("{}: {rows} row(s), {known} columns used of {}: {what}", table.name, remote.columns.len()));
        lines.extend(notes.into_iter().map(|note| format!("  {note}")));
    }
    Ok(lines)
}

/// The source's tables that are there, last first, each with what is to be read of it.
fn readings(
    db: Option<&Connection>,
    config: &Config,
    name: &str,
    source: &mut Source,
    watch: &Progress,
) -> Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for table in TABLES.iter().rev().filter(|t| t.source == name) {
        let known = db.map(|db| super::known(db, table)).transpose()?.flatten().unwrap_or_default();
        let Some(mut remote) = source.describe(table)? else {
            if known.is_database() && known.is_there {
                bail!(
                    "{}: the table {} was read before and is gone, or may not be read any more; where that is meant, \
                     --full-refresh goes on without it",
                    source.shown(),
                    table.name
                );
            }
            (watch.note)(&format!("{}: no such table in {}; the run goes on without it", table.name, source.shown()));
            continue;
        };
        let left_out: Vec<String> = remote
            .columns
            .iter()
            .filter(|c| incoming::is_left_out(config, table, &c.name))
            .map(|c| c.name.clone())
            .collect();
        remote.columns.retain(|c| !left_out.contains(&c.name));
        let origin = format!("{} {}", source.shown(), remote.name);
        if let Some(missing) = remote.lacks(table.required).first() {
            bail!("{origin}: the column {missing} is missing; it must be there");
        }
        let mut notes = Vec::new();
        if !known.is_database() {
            let absent = remote.lacks(table.optional);
            if !absent.is_empty() {
                notes.push(format!("{}: without {}", table.name, absent.join(", ")));
            }
            if !left_out.is_empty() {
                notes.push(format!("{}: {} left where they are (LEAVE_OUT_COLUMNS)", table.name, left_out.join(", ")));
            }
        }
        let plan = plan(config, table, &remote, &known, &origin, &mut notes)?;
        readings.push(Reading { table, remote, origin, known, plan, notes });
    }
    let found: Vec<&str> = readings.iter().map(|r| r.table.name).collect();
    need_tables(name, &found, source)?;
    Ok(readings)
}

/// Fails where no table is there that a run of this source needs, and says what may be wrong.
fn need_tables(name: &str, found: &[&str], source: &mut Source) -> Result<()> {
    if if name == "business" { found.contains(&"dataset") } else { !found.is_empty() } {
        return Ok(());
    }
    let names = source.table_names()?;
    let prefix = names.iter().find_map(|n| n.strip_suffix("log_visit"));
    let advice = match (name, prefix) {
        ("matomo", Some(prefix)) => format!("set MATOMO_TABLE_PREFIX={prefix}"),
        ("matomo", None) => {
            format!("no table's name ends in log_visit; check MATOMO_DB_NAME and the user's rights; {}", listed(&names))
        }
        _ => format!("the table dataset is needed; check BUSINESS_DB_NAME and the user's rights; {}", listed(&names)),
    };
    bail!("{}: none of the tables that are needed is there: {advice}", source.shown());
}

fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "the user sees no table at all".to_owned(),
        n => format!("it sees {n}: {}", names.iter().take(8).cloned().collect::<Vec<_>>().join(", ")),
    }
}

/// Decides what is to be read, and says what changed at the source since the last time.
fn plan(
    config: &Config,
    table: &Table,
    remote: &Remote,
    known: &Known,
    origin: &str,
    notes: &mut Vec<String>,
) -> Result<Plan> {
    if known.rows == 0 {
        return Ok(Plan::Whole("nothing was read so far".to_owned()));
    }
    if !known.is_database() {
        return Ok(Plan::Whole("read from exports before".to_owned()));
    }
    if known.origin != origin {
        return Ok(Plan::Whole(format!("read from {} before", known.origin)));
    }
    for (name, before) in &known.columns {
        let is_used = table.columns().any(|c| c == name);
        let breaks = |what: &str| -> Result<()> {
            bail!(
                "{origin}: the column {name}, which is used, {what}; where that is meant, --full-refresh reads the table anew"
            )
        };
        match remote.column(name) {
            None if is_used => breaks("is gone")?,
            None => notes.push(format!("{}: the column {name} is gone; what it held stays", table.name)),
            Some(column) if column.kind != *before => {
                let was_time = before.starts_with("date") || before.starts_with("timestamp");
                if table.change_columns.contains(&name.as_str()) && was_time && column.clock.is_none() {
                    breaks(&format!("was {before} and is {} now: no time", column.kind))?;
                }
                if table.key.iter().any(|(k, _)| k == name) && before.contains("int") && !column.is_integer {
                    breaks(&format!("was {before} and is {} now: no whole number", column.kind))?;
                }
                notes.push(format!("{}: {name} is {} now, was {before}", table.name, column.kind));
            }
            Some(_) => {}
        }
    }
    let added: Vec<&str> =
        remote.columns.iter().map(|c| c.name.as_str()).filter(|c| !known.columns.contains_key(*c)).collect();
    if !added.is_empty() {
        return Ok(Plan::Whole(format!("new column(s) {}", added.join(", "))));
    }
    let arms = arms(config, table, remote, known);
    let keeps_time = table.change_columns.is_empty() || remote.timed(table).next().is_some();
    if arms.is_empty() || !keeps_time {
        return Ok(Plan::Whole("no column of a time type tells what is new".to_owned()));
    }
    let since = arms
        .iter()
        .map(|arm| arm.split(" and (").next().unwrap_or(arm))
        .collect::<Vec<_>>()
        .join(" or ")
        .replace('"', "");
    Ok(Plan::New { since, arms })
}

/// The conditions that find what is new, by each change time and then by key; each leaves out what those before it find.
fn arms(config: &Config, table: &Table, remote: &Remote, known: &Known) -> Vec<String> {
    let mut arms = Vec::new();
    let mut otherwise = String::new();
    if let Some(watermark) = known.watermark {
        for (column, clock) in remote.timed(table) {
            let (name, since) = (ident(&column.name), since(config, table, watermark, clock));
            arms.push(format!("{name} >= {since}{otherwise}"));
            otherwise += &format!(" and ({name} < {since} or {name} is null)");
        }
    }
    if let (Some(column), Some(largest)) = (remote.number(table), known.max_key) {
        arms.push(format!("{} > {}{otherwise}", ident(&column.name), (largest - KEY_OVERLAP).max(0)));
    }
    arms
}

/// The moment from which on a column is read again, as an SQL value to compare it with.
fn since(config: &Config, table: &Table, watermark: DateTime<Utc>, clock: Clock) -> String {
    let zone: Tz = incoming::timezone(table, config).parse().unwrap_or(Tz::UTC);
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    let mut from = watermark - config.sources.overlap;
    // where clocks are turned back, an hour comes twice, and its second time looks older than it is
    let turned = offset(from - TimeDelta::days(1)) - offset(from + TimeDelta::days(1));
    from -= TimeDelta::seconds(i64::from(turned.max(0)));
    let local = from.with_timezone(&zone).naive_local();
    match clock {
        Clock::Local => format!("timestamp '{}'", local.format("%Y-%m-%d %H:%M:%S")),
        Clock::Utc => format!("timestamp '{}'", from.format("%Y-%m-%d %H:%M:%S")),
        Clock::Zoned => format!("timestamptz '{}+00'", from.format("%Y-%m-%d %H:%M:%S")),
        Clock::Day => format!("date '{}'", local.format("%Y-%m-%d")),
    }
}

/// Reads one table.
struct Reader<'a, 's> {
    db: &'a Connection,
    config: &'a Config,
    as_of: DateTime<Utc>,
    source: &'a mut Source<'s>,
    watch: &'a Progress<'a>,
    reading: Reading,
    rows: u64,
}

/// How many rows there are on one side, and between which keys.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    rows: i64,
    min: Option<i64>,
    max: Option<i64>,
    /// Rows with a key that is not NULL.
    keyed: i64,
}

impl Reader<'_, '_> {
    fn read(&mut self) -> Result<()> {
        let Reading { table, ref remote, ref plan, .. } = self.reading;
        incoming::keep_columns(self.db, table, remote.columns.iter().map(|c| &c.name))
            .context("its columns cannot be kept")?;
        let mut here = self.here(None)?;
        let mut surplus = self.reading.known.surplus;
        match plan {
            Plan::Whole(why) => {
                if here.rows > 0 {
                    (self.watch.note)(&format!("{}: read whole: {why}", table.name));
                }
                // what was read from exports, and what was wrong with them, is behind us
                for files in ["files where table_name", "rejected where source_table"] {
                    self.db.execute(&format!("delete from raw.{files} = ?"), [table.name])?;
                }
                if table.gone == Gone::Removed {
                    self.db.execute_batch(&format!("delete from raw.{}", ident(table.name)))?;
                    here = Extent::default();
                }
                let there = self.there(None)?;
                let fresh = here.rows == 0;
                let mut parts: Vec<Part> = self.ranges(there, here).into_iter().map(|r| self.part(r)).collect();
                if let (Some(key), true) = (self.reading.remote.number(table), there.keyed < there.rows) {
                    // rows without a key are in no range
                    parts.push(Part { condition: format!("{} is null", ident(&key.name)), replaced: None });
                }
                self.read_parts(parts, Some(there.rows), fresh)?;
                surplus = None;
            }
            Plan::New { arms, .. } => {
                let parts = arms.iter().map(|arm| Part { condition: arm.clone(), replaced: None }).collect();
                self.read_parts(parts, None, false)?;
            }
        }
        let surplus = self.compare(here, surplus)?;
        self.keep(surplus)
    }

    /// The rows that are stored, or those with keys in a range.
    fn here(&self, range: Range) -> Result<Extent> {
        let table = self.reading.table;
        let key = match self.reading.remote.number(table) {
            Some(_) => format!("try_cast({} as bigint)", ident(table.key[0].0)),
            None => "cast(null as bigint)".to_owned(),
        };
        let sql = format!(
            "select count(*), min({key}), max({key}), 0 from raw.{} where {}",
            ident(table.name),
            between(&key, range)
        );
        Ok(self.db.query_row(&sql, [], Extent::read)?)
    }

    /// The same at the source.
    fn there(&mut self, range: Range) -> Result<Extent> {
        let Reading { table, ref remote, .. } = self.reading;
        let sql = match remote.number(table) {
            Some(column) => {
                let key = ident(&column.name);
                let condition =
                    if range.is_some() { format!(" where {}", between(&key, range)) } else { String::new() };
                format!("select count(*), min({key}), max({key}), count({key}) from {}{condition}", remote.relation)
            }
            None => format!("select count(*), null::bigint, null::bigint, 0 from {}", remote.relation),
        };
        self.source.ask("counting rows", |db| db.query_row(&sql, [], Extent::read))
    }

    /// How many rows are marked as deleted at the source, and how many of those stored: a mark may come without a change
    /// time.
    fn marked(&mut self) -> Result<(i64, i64)> {
        let Reading { table, ref remote, .. } = self.reading;
        let Some(column) = remote.column("is_delete") else { return Ok((0, 0)) };
        let count = |relation: &str, text: &str| {
            format!("select count(*) from {relation} where lower({text}) in ('1', 'true', 't')")
        };
        let stored = count(&format!("raw.{}", ident(table.name)), "is_delete");
        let here = self.db.query_row(&stored, [], |row| row.get(0))?;
        let sql = count(&remote.relation, &column.text);
        let there = self.source.ask("counting rows", |db| db.query_row(&sql, [], |row| row.get(0)))?;
        Ok((there, here))
    }

    /// Cuts a table into ranges of keys, from the first to the last on either side; what was purged stays outside.
    fn ranges(&self, there: Extent, here: Extent) -> Vec<Range> {
        let last = there.max.max(here.max);
        let first = match self.reading.table.gone {
            Gone::Removed => there.min.map(|min| here.min.map_or(min, |here| here.min(min))),
            Gone::RemovedAbovePurge | Gone::Kept => there.min,
        };
        match (first, last) {
            (Some(from), Some(to)) if self.source.address.kind.is_server() => {
                let count = (there.rows / RANGE_ROWS + 1).min(10_000);
                let width = (to - from) / count + 1;
                (0..count)
                    .map(|i| (from + i * width, (from + (i + 1) * width - 1).min(to)))
                    .filter(|(from, to)| from <= to)
                    .map(Some)
                    .collect()
            }
            _ => vec![None],
        }
    }

    /// A range as what is read of it, and what stored rows it stands for.
    fn part(&self, range: Range) -> Part {
        let table = self.reading.table;
        let key = ident(table.key[0].0);
        let there = self.reading.remote.number(table).map_or(key.clone(), |c| ident(&c.name));
        Part {
            condition: between(&there, range),
            replaced: (table.gone != Gone::Kept).then(|| between(&format!("try_cast(stored.{key} as bigint)"), range)),
        }
    }

    /// Reads parts one after the other, each merged as soon as it is there. The order matters: a row that changes
    /// meanwhile may be in two of them, and the later is the newer.
    fn read_parts(&mut self, parts: Vec<Part>, expected: Option<i64>, fresh: bool) -> Result<()> {
        let Reading { table, ref remote, ref origin, .. } = self.reading;
        let zone = incoming::timezone(table, self.config);
        for Part { condition, replaced } in parts {
            let rows = remote.rows(table, &condition);
            self.source.ask("reading rows", |db| incoming::load(db, table, zone, origin, &rows))?;
            if let (Some(replaced), false) = (replaced, fresh) {
                incoming::replace(self.db, table, &replaced).context("rows gone at the source cannot be taken out")?;
            }
            let how = Fold { keep_newer: false, fresh, numbered: false, as_of: self.as_of };
            self.rows += incoming::fold(self.db, table, how).context("its rows cannot be merged")?;
            let rows = self.rows;
            (self.watch.at)(&match expected {
                Some(all) => {
                    let percent = (rows as f64 * 100.0 / all.max(1) as f64).min(100.0);
                    format!("{}: {rows} of {all} rows ({percent:.0} %)", table.name)
                }
                None => format!("{}: {rows} new rows", table.name),
            });
        }
        Ok(())
    }

    /// Counts both sides up to the last key of before, and reads what differs again. Returns by how many rows the source
    /// has more than are stored where all is as it should be: rows that share a key with another, or have none.
    /// `before` is what was stored before this run, `surplus` what it was then; none where all was just read.
    fn compare(&mut self, before: Extent, surplus: Option<i64>) -> Result<i64> {
        let table = self.reading.table;
        let last = before.max.max(self.here(None)?.max);
        let span = |from: Option<i64>| last.map(|last| (from.unwrap_or(i64::MIN), last));
        let counts = |reader: &mut Self| -> Result<(Extent, Extent)> {
            let there = reader.there(span(None))?;
            let from = if table.gone == Gone::Removed { None } else { there.min };
            Ok((there, reader.here(span(from))?))
        };
        let (there, here) = counts(self)?;
        let Some(surplus) = surplus else { return Ok((there.rows - here.rows).max(0)) };
        let is_right = match table.gone {
            Gone::Kept => there.rows - here.rows <= surplus,
            _ => there.rows - here.rows == surplus,
        };
        let marks = self.marked()?;
        if (is_right && marks.0 == marks.1) || (there.rows == 0 && table.gone != Gone::Removed) {
            return Ok(surplus);
        }
        let read = self.rows;
        let mut parts = Vec::new();
        for range in self.ranges(there, here) {
            if range.is_none() || marks.0 != marks.1 || self.there(range)?.rows != self.here(range)?.rows {
                parts.push(self.part(range));
            }
        }
        self.read_parts(parts, None, false)?;
        let (now_there, now_here) = counts(self)?;
        let (gone, came) = ((here.rows - now_here.rows).max(0), (now_here.rows - here.rows).max(0));
        let what = match marks.0 == marks.1 {
            true => format!("the source had {} rows where {} were stored", there.rows, here.rows),
            false => format!("the source had {} rows marked as deleted where {} were stored", marks.0, marks.1),
        };
        (self.watch.note)(&format!(
            "{}: {what}; {} were read again, {gone} taken out, {came} added",
            table.name,
            self.rows - read
        ));
        Ok((now_there.rows - now_here.rows).max(0))
    }

    /// Keeps the watermark, and what the table was like.
    fn keep(&self, surplus: i64) -> Result<()> {
        let Reading { table, ref remote, ref origin, .. } = self.reading;
        let known = Known {
            mode: "database".to_owned(),
            origin: origin.clone(),
            is_there: true,
            columns: remote.columns.iter().map(|c| (c.name.clone(), c.kind.clone())).collect(),
            surplus: Some(surplus),
            ..Known::default()
        };
        super::keep_watermark(self.db, self.as_of, table, &known)
    }
}

/// The condition that a key is in a range.
fn between(key: &str, range: Range) -> String {
    match range {
        None => "true".to_owned(),
        Some((i64::MIN, to)) => format!("{key} <= {to}"),
        Some((from, to)) => format!("{key} between {from} and {to}"),
    }
}

impl Extent {
    fn read(row: &duckdb::Row) -> duckdb::Result<Self> {
        Ok(Self { rows: row.get(0)?, min: row.get(1)?, max: row.get(2)?, keyed: row.get(3)? })
    }
}
