//! What is checked of a project: that it binds against a warehouse, and what its assertions and keys find there.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use duckdb::Connection;

use super::errors::{Problem, explain};
use super::{Chart, Dashboards, Project, Relation, Room, existing};
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::common::likeness::hint;
use crate::config::Config;
use crate::warehouse::{self, WHOLE_ROW, ident, located};

impl Project {
    /// All that is wrong with its files, and where there is a published warehouse with what they read there: every relation is
    /// bound, none is built. Also says in words to append to a verdict how far was looked.
    ///
    /// # Errors
    /// The warehouse cannot be read.
    pub fn check(&self, config: &Config) -> Result<(Vec<Problem>, &'static str)> {
        let mut problems = self.problems();
        match Dashboards::read(config.project.as_deref()) {
            Ok(dashboards) => problems.extend(dashboards.problems(self)),
            Err(problem) => problems.push(problem),
        }
        if !config.warehouse_path().exists() {
            let later = either(
                "; columns are checked once there is a warehouse (`nearset run`)",
                "；有了仓库（`nearset run`）之后才能检查列",
            );
            return Ok((problems, later));
        }
        let published = warehouse::open_published(config)?;
        problems.extend(self.bind(config, &published)?);
        Ok((problems, either(", and bind against the warehouse", "，且与仓库相符")))
    }

    /// What does not bind against this connection to the published warehouse, each file by itself: every relation becomes an empty
    /// temporary table, so that what reads a changed one sees its new columns.
    ///
    /// # Errors
    /// The warehouse does not say what time it stands for.
    pub fn bind(&self, config: &Config, published: &Connection) -> Result<Vec<Problem>> {
        warehouse::set_parameters(published, config, warehouse::published_as_of(published)?)?;
        let mut problems = Vec::new();
        for one in &self.macros {
            problems.extend(one.create(published, true).err().map(|error| one.problem(&error)));
        }
        let there = existing(published)?;
        let mut lost: BTreeSet<&str> = self.broken.iter().map(|broken| broken.name.as_str()).collect();
        for relation in &self.relations {
            // what is wrong with one is told once, and not again with all that read it
            let is_lost = |name: &String| lost.contains(name.as_str()) && !there.contains_key(name);
            if relation.inputs.iter().any(is_lost) || relation.functions.iter().any(is_lost) {
                lost.insert(&relation.name);
                continue;
            }
            let found = relation.bind(published);
            if !found.is_empty() {
                lost.insert(&relation.name);
            }
            problems.extend(found);
        }
        Ok(problems)
    }

    /// Runs every check and looks for keys that are there twice; returns the violations. A check that cannot be run since it reads
    /// one of the views that `failed` is told as one that stops nothing.
    ///
    /// # Errors
    /// A check cannot be run.
    pub fn violations(&self, db: &Connection, failed: &[String]) -> Result<Vec<Violation<'_>>> {
        let mut found = Vec::new();
        // a run of one step alone may leave others for the next
        let there = existing(db)?;
        for relation in &self.relations {
            let is_told = relation.room == Room::Views;
            let text = match relation.room {
                Room::Checks => match relation.violation(db) {
                    Err(error) if failed.iter().any(|view| self.needs(relation, view)) => {
                        let text = t!("a view that it reads has failed: {error}", "它所读的视图失败了：{error}");
                        found.push(Violation { relation, text, is_told: true });
                        continue;
                    }
                    text => text?,
                },
                _ if there.contains_key(&relation.name) && !relation.key.is_empty() => relation.key_violation(db)?,
                _ => None,
            };
            found.extend(text.map(|text| Violation { relation, text, is_told }));
        }
        Ok(found)
    }

    /// Whether something that is wrong with a relation is wrong with the new model alone: training reads it, or a check of what
    /// training reads.
    pub fn is_of_the_model(&self, relation: &Relation) -> bool {
        let is_of_training =
            |name: &str| self.relations.iter().any(|one| one.name == name && one.room == Room::Training);
        match relation.room {
            Room::Training => true,
            Room::Checks => relation.inputs.iter().any(|input| is_of_training(input)),
            _ => false,
        }
    }
}

/// Rows that should not be there.
pub struct Violation<'a> {
    /// The check, or the relation whose key it is.
    pub relation: &'a Relation,
    /// In a line.
    pub text: String,
    /// Whether it is only told.
    pub is_told: bool,
}

impl Relation {
    /// What is wrong with names, columns and types by the relations that `db` holds; it becomes an empty temporary table there.
    fn bind(&self, db: &Connection) -> Vec<Problem> {
        let name = ident(&self.name);
        let statement = format!("create or replace temp table {name} as\nfrom (\n{}\n) limit 0", self.sql);
        if let Err(fault) = located(db, &statement, |sql| db.execute_batch(sql)) {
            return vec![explain(self, &statement, &fault, 2)];
        }
        let mut problems = self.column_problems(db).unwrap_or_else(|error| vec![self.odd(describe(&error))]);
        if problems.is_empty() {
            problems.extend(self.bind_tests(db));
        }
        problems
    }

    /// Columns that its header names and `db` does not have under its name.
    pub(super) fn column_problems(&self, db: &Connection) -> Result<Vec<Problem>> {
        let names: duckdb::Result<Vec<String>> = db
            .prepare(&format!("describe {}", ident(&self.name)))
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect());
        let names = names.map_err(|error| self.odd(warehouse::short_error(&error)))?;
        let described = self.columns.iter().map(|column| (column.line, "column", column.name.as_str()));
        let drawn = self.chart.iter().flat_map(Chart::columns).map(|column| (self.lines.chart, "chart", column));
        let keys = self.key.iter().map(|column| (self.lines.key, "key", column.as_str()));
        let tested =
            self.tests.iter().flat_map(|test| test.kind.columns().into_iter().map(|one| (test.line, "test", one)));
        let all = described.chain(drawn).chain(keys).chain(tested);
        let missing = all.filter(|(_, _, column)| !names.iter().any(|name| name.eq_ignore_ascii_case(column)));
        let problem = |(line, what, column): (usize, &str, &str)| {
            let hint = hint(column, names.iter().map(String::as_str));
            let message = match what {
                "column" => t!(
                    "it describes a column {column}, which it does not have{hint}",
                    "说明了不存在的列 {column}{hint}"
                ),
                _ => t!("{what}: it has no column {column}{hint}", "{what}：没有列 {column}{hint}"),
            };
            Problem::at_line(&self.file, line, message)
        };
        Ok(missing.map(problem).collect())
    }

    /// What an assertion finds, if anything.
    fn violation(&self, db: &Connection) -> Result<Option<String>> {
        let sql = format!("select count(*), any_value(to_json({WHOLE_ROW})) from (\n{}\n) as {WHOLE_ROW}", self.sql);
        let (rows, example): (u64, Option<String>) =
            located(db, &sql, |sql| db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))))
                .map_err(|fault| explain(self, &sql, &fault, 1))?;
        let text = || {
            t!(
                "{}: {rows} row(s), such as {}",
                "{}：{rows} 行，例如 {}",
                self.file.display(),
                example.unwrap_or_default()
            )
        };
        Ok((rows > 0).then(text))
    }

    /// Values of its key that are there more than once, if any.
    fn key_violation(&self, db: &Connection) -> Result<Option<String>> {
        let (file, key) = (self.file.display(), self.key_columns());
        let sql = format!(
            "select count(*), any_value(example) from (
                 select concat_ws(', ', {key}) as example from {} group by {key} having count(*) > 1)",
            ident(&self.name)
        );
        let (keys, example): (u64, Option<String>) =
            db.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|e| {
                anyhow!(t!(
                    "{file}: its key ({key}) cannot be checked: {}",
                    "{file}：主键（{key}）无法检查：{}",
                    warehouse::short_error(&e)
                ))
            })?;
        let text = || {
            t!(
                "{file}: {keys} value(s) of its key ({}) stand in more than one row, such as {}",
                "{file}：主键（{}）有 {keys} 个值出现在多行，例如 {}",
                self.key.join(", "),
                example.unwrap_or_default()
            )
        };
        Ok((keys > 0).then(text))
    }
}
