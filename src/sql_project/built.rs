//! What the warehouse keeps of how its relations were made: of which text, with how many rows, and what went wrong since.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use duckdb::{Connection, OptionalExt, params};
use serde::{Deserialize, Serialize};

use super::{Built, Macro, Problem, Project, Relation, Room};
use crate::common::language::either;
use crate::warehouse::quote;

/// The state of a relation that is as its file says.
pub const BUILT: &str = "built";

/// The state of one whose file cannot be used: what is there is what an earlier one made.
pub const FAILED: &str = "failed";

/// Makes the tables of what builds do, where they are not there. Times stand apart: two runs differ in them.
///
/// # Errors
/// DuckDB cannot write them.
pub fn create_built_tables(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.built_relations (
             name varchar, file varchar, room varchar, digest varchar, materialized varchar, rows bigint,
             state varchar, error varchar, error_line integer);
         create schema if not exists timings;
         create table if not exists timings.built_relations (name varchar, seconds double);",
    )
    .context(either("the table of what is built could not be made", "已生成关系的表未能创建"))
}

/// Whether the warehouse keeps it: one that an earlier nearset published does not.
fn is_kept(db: &Connection) -> Result<bool> {
    let sql = "select exists (from duckdb_tables() where schema_name = 'raw' and table_name = 'built_relations')";
    Ok(db.query_row(sql, [], |row| row.get(0))?)
}

/// The digests of what made each relation and macro; `None` where the warehouse does not say.
///
/// # Errors
/// It cannot be read.
pub(super) fn digests(db: &Connection) -> Result<Option<BTreeMap<String, String>>> {
    if !is_kept(db)? {
        return Ok(None);
    }
    let mut statement = db.prepare("select name, digest from raw.built_relations where digest is not null")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Some(rows.collect::<duckdb::Result<_>>()?))
}

/// What an analyst has to mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedView {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Where in it, as far as that is known.
    pub line: Option<u32>,
    /// What is wrong.
    pub error: String,
}

/// The relations that are not as their files say.
///
/// # Errors
/// They cannot be read.
pub fn failed_views(db: &Connection) -> Result<Vec<FailedView>> {
    if !is_kept(db)? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select name, file, error_line, error from raw.built_relations where state = {} order by name",
        quote(FAILED)
    );
    let mut statement = db.prepare(&sql)?;
    let row = |row: &duckdb::Row<'_>| {
        Ok(FailedView { name: row.get(0)?, file: row.get(1)?, line: row.get(2)?, error: row.get(3)? })
    };
    Ok(statement.query_map([], row)?.collect::<duckdb::Result<_>>()?)
}

impl Relation {
    /// Keeps that it was built.
    ///
    /// # Errors
    /// DuckDB cannot write it.
    pub fn keep_built(&self, db: &Connection, built: &Built) -> Result<()> {
        db.execute("delete from raw.built_relations where name = ?", [&self.name])?;
        db.execute(
            "insert into raw.built_relations values (?, ?, ?, ?, ?, ?, ?, null, null)",
            params![
                self.name,
                self.file.to_string_lossy(),
                self.room.folder(),
                self.digest,
                self.kind(),
                built.rows,
                BUILT
            ],
        )?;
        db.execute("delete from timings.built_relations where name = ?", [&self.name])?;
        db.execute(
            "insert into timings.built_relations values (?, ?)",
            params![self.name, built.elapsed.as_secs_f64()],
        )?;
        Ok(())
    }
}

/// Keeps that a file of an analyst cannot be used; `is_there` says whether what it made before is still there.
///
/// # Errors
/// DuckDB cannot write it.
pub fn keep_failed(db: &Connection, name: &str, problem: &Problem, is_there: bool) -> Result<()> {
    let known = "select 1 from raw.built_relations where name = ?";
    let is_known = db.query_row(known, [name], |_| Ok(())).optional()?.is_some();
    if !is_known {
        let insert = "insert into raw.built_relations (name, file, room) values (?, ?, ?)";
        db.execute(insert, params![name, problem.file, Room::Views.folder()])?;
    }
    if !is_there {
        db.execute(
            "update raw.built_relations set digest = null, materialized = null, rows = null where name = ?",
            [name],
        )?;
    }
    db.execute(
        "update raw.built_relations set state = ?, error = ?, error_line = ? where name = ?",
        params![FAILED, problem.message, problem.line.map(|line| line as u32), name],
    )?;
    Ok(())
}

impl Project {
    /// The relations whose files say something else than what is published was made of, and those that failed then; all where that
    /// is not known.
    ///
    /// # Errors
    /// The warehouse cannot be read.
    pub fn differing(&self, published: &Connection) -> Result<BTreeSet<String>> {
        let (known, failed) = (digests(published)?.unwrap_or_default(), failed_views(published)?);
        let differs = |one: &&Relation| {
            known.get(&one.name) != Some(&one.digest) || failed.iter().any(|view| view.name == one.name)
        };
        let is_relation = |one: &&Relation| one.room != Room::Checks;
        Ok(self.relations.iter().filter(is_relation).filter(differs).map(|one| one.name.clone()).collect())
    }

    /// Keeps what its macros are made of, and forgets relations and macros whose files are gone.
    ///
    /// # Errors
    /// DuckDB cannot write it.
    pub fn keep_made(&self, db: &Connection) -> Result<()> {
        let names: Vec<String> = self.relations.iter().map(|one| &one.name).map(|name| quote(name)).collect();
        let broken: Vec<String> =
            self.broken.iter().filter(|one| one.room.is_some()).map(|one| quote(&one.name)).collect();
        let known = [names, broken].concat().join(", ");
        let mut statements = format!(
            "delete from raw.built_relations where name not in ({known});
             delete from timings.built_relations where name not in ({known});"
        );
        for Macro { name, file, digest, .. } in &self.macros {
            statements.push_str(&format!(
                "insert into raw.built_relations values ({}, {}, 'sql/macros', {}, 'macro', null, {}, null, null);",
                quote(name),
                quote(&file.to_string_lossy()),
                quote(digest),
                quote(BUILT)
            ));
        }
        db.execute_batch(&statements).context(either("what is built could not be kept", "已生成关系的记录未能保存"))
    }
}
