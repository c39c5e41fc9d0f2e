//! A run under way: the work copy, and what will be put in place once it is published.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use anyhow::Result;
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::observer::Observers;
use super::publish::Outbox;
use super::step::Options;
use crate::common::language::{either, t};
use crate::common::progress::grouped;
use crate::config::Config;
use crate::model::Model;
use crate::sql_project::{self, Problem, Project, Relation, Room};
use crate::train::{Catalogue, Choice, Training};
use crate::warehouse::{self, Turn, ident};

/// What training holds beside the process itself for each dataset: its words, candidates and vectors, twice where visits are
/// held out. Measured on 20,000 datasets.
const BYTES_PER_DATASET: u64 = 20_000;

/// What DuckDB needs to get on at all, and the process itself.
const BYTES_AT_LEAST: u64 = 400 << 20;

/// What was trained without the held-out visits: to measure by, and to choose the ranker's kind by.
pub struct HoldoutModel {
    /// When the held-out visits begin.
    pub from: DateTime<Utc>,
    /// What has not seen them.
    pub model: Model,
    /// The ranker that did best on them, where there were enough.
    pub choice: Option<Choice>,
}

/// A run under way.
pub struct Run<'a> {
    pub config: &'a Config,
    pub project: &'a Project,
    pub options: &'a Options,
    /// The work copy.
    pub db: &'a Connection,
    pub observers: Observers<'a>,
    /// What will be put in place beside the warehouse.
    pub outbox: Outbox,
    pub holdout: Option<HoldoutModel>,
    /// What was trained on everything.
    pub trained: Option<Model>,
    /// Why what was trained does not become current, whatever it is worth.
    pub held_back: Option<String>,
    catalogue: Option<Rc<Catalogue>>,
    /// The relations that may be built; all where there is none.
    pub chosen: Option<BTreeSet<String>>,
    built: HashSet<String>,
    /// Views of analysts that could not be made.
    failed: Vec<String>,
    is_sandboxed: bool,
    is_memory_judged: bool,
}

impl<'a> Run<'a> {
    /// A run at its beginning; what an earlier one had written that it goes on with is in `outbox`.
    pub fn new(
        config: &'a Config,
        project: &'a Project,
        options: &'a Options,
        db: &'a Connection,
        outbox: Outbox,
        observers: Observers<'a>,
    ) -> Self {
        Self {
            config,
            project,
            options,
            db,
            observers,
            outbox,
            holdout: None,
            trained: None,
            held_back: None,
            catalogue: None,
            chosen: None,
            built: HashSet::new(),
            failed: Vec::new(),
            is_sandboxed: false,
            is_memory_judged: false,
        }
    }

    /// From here on, what is in `sql/` and `views/` runs: it reads the warehouse, and no file but the Parquet copies.
    pub fn sandbox(&mut self) -> Result<()> {
        if !self.is_sandboxed {
            warehouse::sandbox(self.db, &[self.config.data_dir.join("processed")])?;
            self.is_sandboxed = true;
        }
        Ok(())
    }

    /// Says so before the work begins where `MEMORY_LIMIT` cannot be kept: as soon as it is known how many datasets there are.
    pub fn judge_memory(&mut self) -> Result<()> {
        if self.is_memory_judged || !sql_project::existing(self.db)?.contains_key("datasets") {
            return Ok(());
        }
        self.is_memory_judged = true;
        let datasets: u64 = self.db.query_row("select count(*) from datasets", [], |row| row.get(0))?;
        let least = BYTES_AT_LEAST + datasets * BYTES_PER_DATASET;
        if self.config.memory_limit < least {
            self.observers.note(&t!(
                "MEMORY_LIMIT is {} MB, and this run may take more: {} datasets need about {} MB; set it to that, \
                 where the machine has so much",
                "MEMORY_LIMIT 为 {} MB，本次运行可能超出：{} 个数据集约需 {} MB；机器内存够的话请调到这个值",
                self.config.memory_limit / 1_000_000,
                grouped(datasets),
                least / 1_000_000
            ));
        }
        Ok(())
    }

    /// Runs `with` on what training works on; the catalogue and its vectors are read once a run.
    pub fn with_training<T>(&mut self, with: impl FnOnce(&Training<'_>) -> Result<T>) -> Result<T> {
        let observers = self.observers;
        let catalogue = match &self.catalogue {
            Some(catalogue) => catalogue.clone(),
            None => {
                self.judge_memory()?;
                observers.at(either("texts", "文本"));
                warehouse::share_memory(self.db, self.config, Turn::Rows)?;
                let read = observers.with_progress(|progress| Catalogue::read(self.db, self.config, progress))?;
                self.catalogue.insert(Rc::new(read)).clone()
            }
        };
        warehouse::share_memory(self.db, self.config, Turn::Queries)?;
        let result = with(&Training {
            db: self.db,
            config: self.config,
            project: self.project,
            catalogue: &catalogue,
            as_of: self.options.as_of,
            budget: self.config.train.budget,
            at: &|what| observers.at(what),
        });
        warehouse::share_memory(self.db, self.config, Turn::Queries)?;
        result
    }

    /// Builds the relations of some rooms, with what they need that is missing or older than its inputs; returns their rows.
    pub fn build(&mut self, rooms: &[Room]) -> Result<u64> {
        let there = sql_project::existing(self.db)?;
        let mut rows = 0;
        for relation in self.project.needed_for(rooms) {
            if !self.chosen.as_ref().is_none_or(|chosen| chosen.contains(&relation.name)) {
                continue;
            }
            let wanted = rooms.contains(&relation.room)
                || !there.contains_key(&relation.name)
                || relation.inputs.iter().any(|input| self.built.contains(input));
            if wanted && !self.built.contains(&relation.name) {
                rows += self.build_one(relation)?;
            }
        }
        Ok(rows)
    }

    fn build_one(&mut self, relation: &Relation) -> Result<u64> {
        self.observers.at(&relation.name);
        let built = if relation.room == Room::Views {
            match relation.build_or_keep(self.db, self.config.view_limit) {
                Ok(built) => built,
                Err(problem) => return self.fail_view(&relation.name, &problem).map(|()| 0),
            }
        } else {
            relation.build(self.db)?
        };
        relation.keep_built(self.db, &built)?;
        let ms = built.elapsed.as_millis() as u64;
        tracing::debug!(relation = built.name, rows = built.rows, ms, "built");
        self.built.insert(built.name);
        Ok(built.rows)
    }

    /// Says and keeps that a view of an analyst cannot be made: what an earlier file of its name made stays, if that can still be
    /// read.
    fn fail_view(&mut self, name: &str, problem: &Problem) -> Result<()> {
        let there = sql_project::existing(self.db)?;
        let is_view = there.get(name).is_some_and(|kind| kind == "view");
        let is_readable = |name| self.db.prepare(&format!("from {}", ident(name))).is_ok();
        let is_lost = is_view && !is_readable(name);
        if is_lost {
            self.db.execute_batch(&format!("drop view {}", ident(name)))?;
        }
        let is_there = there.contains_key(name) && !is_lost;
        sql_project::keep_failed(self.db, name, problem, is_there)?;
        let what = match (is_there, is_view) {
            (true, false) => either("its last good rows stay", "保留上次成功的数据"),
            (true, true) => either("its last good form stays", "保留上次可用的定义"),
            (false, _) if is_lost => {
                either("its last form cannot be read any more and is gone", "上次的定义已无法读取，已删除")
            }
            (false, _) => either("there is none of an earlier run", "此前也没有可用的数据"),
        };
        self.observers.note(&t!("view {name} failed, {what}: {problem}", "视图 {name} 失败，{what}：{problem}"));
        self.built.insert(name.to_owned());
        self.failed.push(name.to_owned());
        Ok(())
    }

    /// The files of analysts that something is wrong with before they are run.
    pub fn fail_broken_views(&mut self) -> Result<()> {
        for broken in &self.project.broken {
            // one that has the name of another file's relation has made nothing
            let is_other = self.project.relations.iter().any(|relation| relation.name == broken.name);
            match broken.problems.first() {
                Some(problem) if !is_other && !self.failed.contains(&broken.name) => {
                    self.fail_view(&broken.name, problem)?;
                }
                Some(problem) if is_other => self.observers.note(&problem.to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The views that failed in this run.
    pub fn failed(&self) -> &[String] {
        &self.failed
    }

    /// Whether a view failed in this run.
    pub fn has_failed(&self, name: &str) -> bool {
        self.failed.iter().any(|failed| failed == name)
    }
}
