//! Vectors kept in the warehouse by model and content: a run embeds only what changed.
//! `select model, count(*) from raw.vectors group by all` shows what is kept.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use duckdb::Connection;
use duckdb::arrow::array::{ArrayRef, Float32Builder, ListBuilder, StringArray};
use duckdb::arrow::record_batch::RecordBatch;

use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::warehouse::arrow::each_batch;
use crate::warehouse::quote;

/// How many texts or pictures are embedded between two lines of progress, and kept together.
const CHUNK: usize = 512;

/// What the warehouse keeps of one model.
pub(super) struct VectorCache<'a> {
    db: &'a Connection,
    model: &'a str,
    /// By what they are of: a hash of it.
    pub(super) vectors: HashMap<String, Vec<f32>>,
    /// A warehouse that is only read keeps nothing new.
    is_writable: bool,
}

impl<'a> VectorCache<'a> {
    /// Reads what is kept of a model.
    pub(super) fn read(db: &'a Connection, model: &'a str) -> Result<Self> {
        let kind: Option<String> = db
            .query_row(
                "select max(table_type) from information_schema.tables
                 where table_schema = 'raw' and table_name = 'vectors' and table_catalog = current_database()",
                [],
                |row| row.get(0),
            )
            .context(either("the warehouse cannot say what it keeps", "无法得知仓库里有什么"))?;
        if kind.is_none() {
            db.execute_batch(
                "create schema if not exists raw;
                 create table raw.vectors (model varchar, content varchar, vector float[])",
            )
            .context(either("the table of vectors cannot be made", "向量表无法创建"))?;
        }
        let mut vectors = HashMap::new();
        let query = format!("select content, vector from raw.vectors where model = {}", quote(model));
        each_batch(db, &query, |batch| {
            let contents = batch.text("content")?;
            for (row, vector) in batch.f32_lists("vector")?.into_iter().enumerate() {
                vectors.insert(contents.value(row).to_owned(), vector);
            }
            Ok(())
        })?;
        Ok(Self { db, model, vectors, is_writable: kind.is_none_or(|kind| kind == "BASE TABLE") })
    }

    /// Embeds what is not kept yet, in `order`.
    pub(super) fn complete(
        &mut self,
        order: &[usize],
        contents: &[String],
        what: &str,
        progress: &Progress,
        mut embed: impl FnMut(&[usize]) -> Result<Vec<Vec<f32>>>,
    ) -> Result<()> {
        let mut seen = HashSet::new();
        let is_new = |row: &usize| !self.vectors.contains_key(&contents[*row]) && seen.insert(&contents[*row]);
        let new: Vec<usize> = order.iter().copied().filter(is_new).collect();
        let started = Instant::now();
        let mut done = 0;
        for rows in new.chunks(CHUNK) {
            let rate = done as f64 / started.elapsed().as_secs_f64();
            let left = if done == 0 {
                String::new()
            } else {
                t!(", {:.0} s left", "，还需 {:.0} 秒", (new.len() - done) as f64 / rate)
            };
            progress.at(&t!(
                "{what}: {done} of {} embedded by {}{left}",
                "{what}：已用 {1} 向量化 {done} / {0}{left}",
                new.len(),
                self.model
            ));
            let vectors = embed(rows)?;
            if self.is_writable {
                self.keep(rows, contents, &vectors)?;
            }
            self.vectors.extend(rows.iter().map(|row| contents[*row].clone()).zip(vectors));
            done += rows.len();
        }
        if !new.is_empty() {
            let seconds = started.elapsed().as_secs_f64();
            progress.note(&t!(
                "{what}: {} embedded by {} in {seconds:.1} s ({:.0} a second), {} kept from before",
                "{what}：用 {1} 向量化 {0} 个，用时 {seconds:.1} 秒（每秒 {2:.0} 个），沿用 {3} 个",
                new.len(),
                self.model,
                new.len() as f64 / seconds,
                self.vectors.len() - new.len()
            ));
        }
        Ok(())
    }

    fn keep(&self, rows: &[usize], contents: &[String], vectors: &[Vec<f32>]) -> Result<()> {
        let mut lists = ListBuilder::new(Float32Builder::new());
        for vector in vectors {
            lists.append_value(vector.iter().map(|value| Some(*value)));
        }
        let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            ("model", text(vec![self.model; rows.len()])),
            ("content", text(rows.iter().map(|row| contents[*row].as_str()).collect())),
            ("vector", Arc::new(lists.finish()) as ArrayRef),
        ])?;
        let mut appender = self.db.appender_to_db("vectors", "raw").map_err(|error| anyhow!("{error}"))?;
        appender.append_record_batch(batch)?;
        Ok(appender.flush()?)
    }

    /// Forgets what nothing has any more.
    pub(super) fn prune(&mut self, contents: &[String]) -> Result<()> {
        let used: HashSet<&String> = contents.iter().collect();
        let stale: Vec<String> = self.vectors.keys().filter(|content| !used.contains(content)).cloned().collect();
        if self.is_writable {
            for part in stale.chunks(1000) {
                let listed = part.iter().map(|content| quote(content)).collect::<Vec<_>>().join(", ");
                let sql =
                    format!("delete from raw.vectors where model = {} and content in ({listed})", quote(self.model));
                self.db.execute_batch(&sql).context(either("old vectors cannot be removed", "旧向量无法删除"))?;
            }
        }
        Ok(())
    }
}
