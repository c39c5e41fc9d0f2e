//! What is checked of a project: that it binds against a warehouse, and what its assertions and keys find there.

use anyhow::{Result, anyhow, bail, ensure};
use duckdb::Connection;

use super::errors::explain;
use super::{Dashboards, Project, Relation, Room, existing};
use crate::common::language::{either, t};
use crate::common::likeness::hint;
use crate::config::Config;
use crate::warehouse::{self, ident, located};

impl Project {
    /// Binds every relation against the published warehouse, where there is one, without building any; says so in words
    /// to append to a verdict.
    ///
    /// # Errors
    /// All that does not bind, a line each (with file, line and caret); what is wrong with the dashboards.
    pub fn check(&self, config: &Config) -> Result<&'static str> {
        let dashboards = Dashboards::read(config.project.as_deref())?.problems(&self.relations);
        ensure!(dashboards.is_empty(), "{}", dashboards.join("\n"));
        if !config.warehouse_path().exists() {
            return Ok(either(
                "; columns are checked once there is a warehouse (`nearset run`)",
                "；有了仓库（`nearset run`）之后才能检查列",
            ));
        }
        let published = warehouse::open_published(config)?;
        self.bind(config, &published)
    }

    /// The same against this connection to the published warehouse.
    ///
    /// # Errors
    /// As of [`Project::check`].
    pub fn bind(&self, config: &Config, published: &Connection) -> Result<&'static str> {
        warehouse::set_parameters(published, config, warehouse::published_as_of(published)?)?;
        self.macros.iter().try_for_each(|one| one.create(published, true))?;
        let found = self.relations.iter().filter_map(|relation| relation.bind(published).err());
        let problems: Vec<String> = found.map(|error| format!("{error:#}")).collect();
        if problems.is_empty() {
            Ok(either(", and bind against the warehouse", "，且与仓库相符"))
        } else {
            bail!("{}", problems.join("\n"))
        }
    }

    /// Runs every check and returns the violations, a line each.
    ///
    /// # Errors
    /// A check cannot be run.
    pub fn violations(&self, db: &Connection) -> Result<Vec<String>> {
        let mut found = Vec::new();
        // a run of one step alone may leave others for the next
        let there = existing(db)?;
        for relation in &self.relations {
            match relation.room {
                Room::Checks => found.extend(relation.violation(db)?),
                _ if there.contains_key(&relation.name) && !relation.key.is_empty() => {
                    found.extend(relation.key_violation(db)?);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

impl Relation {
    /// Checks names, columns and types against the relations that `db` holds, without running anything.
    ///
    /// # Errors
    /// DuckDB's, with file, line and caret; a column is described that is not there.
    pub fn bind(&self, db: &Connection) -> Result<()> {
        self.check_columns(db, &format!("describe\n{}", self.sql))
    }

    /// Checks that the columns it describes are among those that `describe` names.
    pub(super) fn check_columns(&self, db: &Connection, describe: &str) -> Result<()> {
        let names: Vec<String> =
            located(db, describe, |sql| db.prepare(sql)?.query_map([], |row| row.get(0))?.collect())
                .map_err(|fault| explain(self, describe, &fault, 1))?;
        let is_there = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
        match self.columns.iter().find(|column| !is_there(&column.name)) {
            None => Ok(()),
            Some(column) => bail!(t!(
                "{}: it describes a column {}, which it does not have{}",
                "{}：说明了不存在的列 {}{}",
                self.file.display(),
                column.name,
                hint(&column.name, names.iter().map(String::as_str))
            )),
        }
    }

    /// What an assertion finds, if anything.
    fn violation(&self, db: &Connection) -> Result<Option<String>> {
        let sql = format!("select count(*), any_value(to_json(violations)) from (\n{}\n) as violations", self.sql);
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
