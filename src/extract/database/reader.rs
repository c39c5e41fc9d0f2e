//! Reading one table, in ranges that fit into memory.

use anyhow::{Context, Result};

use super::plan::Plan;
use super::ranges::{Extent, Part, Range, between};
use super::reading::Reading;
use super::source::Source;
use crate::common::language::{either, t};
use crate::extract::columns;
use crate::extract::intake::Intake;
use crate::extract::merge::{self, Manner};
use crate::extract::tables::Gone;
use crate::extract::watermarks::{Known, keep_watermark};
use crate::warehouse::ident;

/// How many rows a query asks a server for at once, about: some of the row groups that DuckDB writes at once, few enough
/// to be held in memory.
const RANGE_ROWS: i64 = 500_000;

/// Reads one table.
pub struct Reader<'a, 's> {
    /// What it reads into.
    pub intake: Intake<'a>,
    /// What it reads from.
    pub source: &'a mut Source<'s>,
    /// The table.
    pub reading: Reading,
    /// How many rows were read so far.
    pub rows: u64,
}

impl Reader<'_, '_> {
    /// Reads what is to be read, and compares both sides.
    ///
    /// # Errors
    /// The source cannot be read, or the warehouse cannot be written.
    pub fn read(&mut self) -> Result<()> {
        let Reading { table, ref remote, ref plan, .. } = self.reading;
        columns::keep_columns(self.intake.db, table, remote.columns.iter().map(|c| &c.name))
            .context(either("its columns cannot be kept", "列信息无法保存"))?;
        let mut here = self.here(None)?;
        let mut surplus = self.reading.known.surplus;
        match plan {
            Plan::Whole(why) => {
                if here.rows > 0 {
                    self.intake.progress.note(&t!("{}: read whole: {why}", "{}：整表读取：{why}", table.name));
                }
                here = self.read_whole(here)?;
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

    /// Reads all of it in ranges of its key; returns what is stored that was there before.
    fn read_whole(&mut self, mut here: Extent) -> Result<Extent> {
        let table = self.reading.table;
        // what was read from exports, and what was wrong with them, is behind us
        for files in ["files where table_name", "rejected where source_table"] {
            self.intake.db.execute(&format!("delete from raw.{files} = ?"), [table.name])?;
        }
        if table.gone == Gone::Removed {
            self.intake.db.execute_batch(&format!("delete from raw.{}", ident(table.name)))?;
            here = Extent::default();
        }
        let there = self.there(None)?;
        let is_fresh = here.rows == 0;
        let mut parts: Vec<Part> = self.ranges(there, here).into_iter().map(|r| self.part(r)).collect();
        if let (Some(key), true) = (self.reading.remote.number(table), there.keyed < there.rows) {
            // rows without a key are in no range
            parts.push(Part { condition: format!("{} is null", key.there), replaced: None });
        }
        self.read_parts(parts, Some(there.rows), is_fresh)?;
        Ok(here)
    }

    /// The rows that are stored, or those with keys in a range.
    pub(super) fn here(&self, range: Range) -> Result<Extent> {
        let table = self.reading.table;
        let key = match self.reading.remote.number(table) {
            Some(_) => format!("whole_number({})", ident(table.key[0].0)),
            None => "cast(null as bigint)".to_owned(),
        };
        let sql = format!(
            "select count(*), min({key}), max({key}), 0 from raw.{} where {}",
            ident(table.name),
            between(&key, range)
        );
        Ok(self.intake.db.query_row(&sql, [], Extent::read)?)
    }

    /// The same at the source.
    pub(super) fn there(&mut self, range: Range) -> Result<Extent> {
        let Reading { table, ref remote, .. } = self.reading;
        let sql = match remote.number(table) {
            Some(column) => {
                let key = &column.there;
                let condition = if range.is_some() { format!(" where {}", between(key, range)) } else { String::new() };
                format!("select count(*), min({key}), max({key}), count({key}) from {}{condition}", remote.relation)
            }
            None => format!("select count(*), null::bigint, null::bigint, 0 from {}", remote.relation),
        };
        self.source.ask(either("counting rows", "统计行数"), |db| db.query_row(&sql, [], Extent::read))
    }

    /// Cuts a table into ranges of keys, from the first to the last on either side; what was purged stays outside.
    pub(super) fn ranges(&self, there: Extent, here: Extent) -> Vec<Range> {
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
    pub(super) fn part(&self, range: Range) -> Part {
        let table = self.reading.table;
        let key = ident(table.key[0].0);
        let there = self.reading.remote.number(table).map_or(key.clone(), |c| c.there.clone());
        Part {
            condition: between(&there, range),
            replaced: (table.gone != Gone::Kept).then(|| between(&format!("whole_number(stored.{key})"), range)),
        }
    }

    /// Reads parts one after the other, each merged as soon as it is there. The order matters: a row that changes
    /// meanwhile may be in two of them, and the later is the newer.
    pub(super) fn read_parts(&mut self, parts: Vec<Part>, expected: Option<i64>, is_fresh: bool) -> Result<()> {
        let Reading { table, ref remote, ref origin, .. } = self.reading;
        let zone = columns::timezone(table, self.intake.config);
        for Part { condition, replaced } in parts {
            let rows = remote.rows(table, &condition);
            self.source
                .ask(either("reading rows", "读取数据行"), |db| merge::load(db, table, zone, origin, &rows))?;
            if let (Some(replaced), false) = (replaced, is_fresh) {
                merge::replace(self.intake.db, table, &replaced)
                    .context(either("rows gone at the source cannot be taken out", "数据源已删除的行无法移除"))?;
            }
            let how = Manner { keep_newer: false, is_fresh, is_numbered: false, as_of: self.intake.as_of };
            self.rows += merge::merge(self.intake.db, table, how)
                .context(either("its rows cannot be merged", "数据行无法合并"))?;
            let rows = self.rows;
            self.intake.progress.at(&match expected {
                Some(all) => {
                    let percent = (rows as f64 * 100.0 / all.max(1) as f64).min(100.0);
                    t!(
                        "{}: {rows} of {all} rows ({percent:.0} %)",
                        "{}：{rows} / {all} 行（{percent:.0}%）",
                        table.name
                    )
                }
                None => t!("{}: {rows} new rows", "{}：新增 {rows} 行", table.name),
            });
        }
        Ok(())
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
        keep_watermark(self.intake, table, &known)
    }
}
