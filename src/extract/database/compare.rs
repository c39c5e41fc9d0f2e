//! Counting both sides, which tells what change times do not: rows that are gone, and rows that came with an old time.

use anyhow::Result;

use super::ranges::Extent;
use super::reader::Reader;
use super::reading::Reading;
use crate::common::language::{either, t};
use crate::extract::tables::Gone;
use crate::warehouse::ident;

impl Reader<'_, '_> {
    /// How many rows are marked as deleted at the source, and how many of those stored: a mark may come without a change
    /// time.
    fn marked(&mut self) -> Result<(i64, i64)> {
        let Reading { table, ref remote, .. } = self.reading;
        let Some(column) = remote.column("is_delete") else { return Ok((0, 0)) };
        let count = |relation: &str, text: &str| format!("select count(*) from {relation} where flag({text})");
        let stored = count(&format!("raw.{}", ident(table.name)), "is_delete");
        let here = self.intake.db.query_row(&stored, [], |row| row.get(0))?;
        let sql = count(&remote.relation, &column.text);
        let there =
            self.source.ask(either("counting rows", "统计行数"), |db| db.query_row(&sql, [], |row| row.get(0)))?;
        Ok((there, here))
    }

    /// Counts both sides up to the last key of before, and reads what differs again. Returns by how many rows the source
    /// has more than are stored where all is as it should be: rows that share a key with another, or have none.
    /// `before` is what was stored before this run, `surplus` what it was then; none where all was just read.
    ///
    /// # Errors
    /// The source cannot be read, or the warehouse cannot be written.
    pub(super) fn compare(&mut self, before: Extent, surplus: Option<i64>) -> Result<i64> {
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
            true => {
                t!("the source had {} rows where {} were stored", "数据源有 {} 行，已存 {} 行", there.rows, here.rows)
            }
            false => t!(
                "the source had {} rows marked as deleted where {} were stored",
                "数据源有 {} 行标记为删除，已存 {} 行",
                marks.0,
                marks.1
            ),
        };
        self.intake.progress.note(&t!(
            "{}: {what}; {} were read again, {gone} taken out, {came} added",
            "{}：{what}；重读 {} 行，移除 {gone} 行，新增 {came} 行",
            table.name,
            self.rows - read
        ));
        Ok((now_there.rows - now_here.rows).max(0))
    }
}
