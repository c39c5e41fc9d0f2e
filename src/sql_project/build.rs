//! From a project's files to relations of the warehouse.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use duckdb::Connection;

use super::errors::{Problem, explain};
use super::{Materialize, Project, Relation};
use crate::common::errors::describe;
use crate::common::language::t;
use crate::warehouse::{WHOLE_ROW, ident, locate_errors, located, quote, within};

/// What building one relation took.
#[derive(Debug)]
pub struct Built {
    /// The relation's.
    pub name: String,
    /// How many it has; 0 of a view that was not read.
    pub rows: u64,
    /// Wall-clock time.
    pub elapsed: Duration,
}

impl Project {
    /// Makes the macros in the warehouse, for whatever is built in it after.
    ///
    /// # Errors
    /// DuckDB does not take one, named with its file.
    pub fn create_macros(&self, db: &Connection) -> Result<()> {
        self.macros.iter().try_for_each(|one| one.create(db, false))
    }

    /// Drops relations and macros whose files are gone; what a file made before something was wrong with it stays.
    ///
    /// # Errors
    /// One cannot be dropped.
    pub fn drop_orphans(&self, db: &Connection) -> Result<()> {
        let is_orphan = |name: &str, kind: &str| match kind {
            "macro" => !self.macros.iter().any(|one| one.name == name),
            _ => !self.has(name),
        };
        for (name, kind) in existing(db)?.into_iter().chain(existing_macros(db)?) {
            if is_orphan(&name, &kind) {
                let cascade = if kind == "macro" { "" } else { " cascade" };
                db.execute_batch(&format!("drop {kind} {}{cascade}", ident(&name))).with_context(|| {
                    t!(
                        "the {kind} {name}, whose file is gone, could not be dropped",
                        "{kind} {name} 的文件已不在，但未能删除"
                    )
                })?;
            }
        }
        Ok(())
    }

    /// Whether a file makes a relation of this name, be it in order or not.
    pub fn has(&self, name: &str) -> bool {
        let mut broken = self.broken.iter().filter(|broken| broken.room.is_some());
        self.relations.iter().any(|one| one.name == name) || broken.any(|one| one.name == name)
    }
}

impl Relation {
    /// Makes the relation in the warehouse, with its descriptions as comments.
    ///
    /// # Errors
    /// DuckDB's, with file, line and caret; a column is described that is not there.
    pub fn build(&self, db: &Connection) -> Result<Built> {
        let started = Instant::now();
        self.make(db)?;
        self.comment(db)?;
        let rows = match self.materialize {
            Materialize::Table => self.count(db)?,
            Materialize::View => 0,
        };
        Ok(Built { name: self.name.clone(), rows, elapsed: started.elapsed() })
    }

    /// Makes a relation of an analyst's, which may take so long: where that fails, what was there before stays. A view is read
    /// through once, so that one that fails whenever it is asked is not published.
    ///
    /// # Errors
    /// As of [`Relation::build`], or it took too long.
    pub fn build_or_keep(&self, db: &Connection, limit: Duration) -> Result<Built, Problem> {
        let started = Instant::now();
        let work = || -> Result<u64> {
            db.execute_batch("begin")?;
            self.make(db)?;
            self.comment(db)?;
            let rows = match self.materialize {
                Materialize::Table => self.count(db)?,
                Materialize::View => self.read_through(db)?,
            };
            db.execute_batch("commit")?;
            Ok(rows)
        };
        let (made, is_late) = within(db, limit, work);
        made.map(|rows| Built { name: self.name.clone(), rows, elapsed: started.elapsed() }).map_err(|error| {
            db.execute_batch("rollback").ok();
            // an error in a transaction lets nothing be set
            locate_errors(db, false).ok();
            match error.downcast::<Problem>() {
                _ if is_late => self.odd(late(self.materialize, limit.as_secs())),
                Ok(problem) => problem,
                Err(error) => self.odd(describe(&error)),
            }
        })
    }

    fn count(&self, db: &Connection) -> Result<u64> {
        Ok(db.query_row(&format!("select count(*) from {}", ident(&self.name)), [], |row| row.get(0))?)
    }

    /// Reads every value of it; returns the number of rows.
    fn read_through(&self, db: &Connection) -> Result<u64> {
        // the statement has the file's lines, so that its errors have, too
        let statement = format!("select count(*), bit_xor(hash({WHOLE_ROW})) from (\n{}\n) as {WHOLE_ROW}", self.sql);
        let read = located(db, &statement, |sql| db.query_row(sql, [], |row| row.get(0)));
        Ok(read.map_err(|fault| explain(self, &statement, &fault, 1))?)
    }

    fn make(&self, db: &Connection) -> Result<()> {
        let (kind, name) = (self.kind(), ident(&self.name));
        if let Some(other) = existing(db)?.get(&self.name).filter(|other| *other != kind) {
            db.execute_batch(&format!("drop {other} {name} cascade"))?;
        }
        let order = match self.materialize {
            Materialize::Table if !self.key.is_empty() => format!(" order by {}", self.key_columns()),
            _ => String::new(),
        };
        // the file starts on the statement's third line, so that DuckDB's line numbers can be taken back to it
        let statement = format!("create or replace {kind} {name} as\nfrom (\n{}\n){order}", self.sql);
        let made = located(db, &statement, |sql| db.execute_batch(sql));
        Ok(made.map_err(|fault| explain(self, &statement, &fault, 2))?)
    }

    fn comment(&self, db: &Connection) -> Result<()> {
        let (kind, name) = (self.kind(), ident(&self.name));
        if let Some(problem) = self.column_problems(db)?.into_iter().next() {
            return Err(problem.into());
        }
        let mut statements = format!("comment on {kind} {name} is {};", quote(&self.description));
        for column in &self.columns {
            let (column, sentence) = (ident(&column.name), quote(&column.sentence));
            statements.push_str(&format!("comment on column {name}.{column} is {sentence};"));
        }
        db.execute_batch(&statements).with_context(|| t!("{}: its descriptions", "{}：说明", self.file.display()))
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.materialize {
            Materialize::Table => "table",
            Materialize::View => "view",
        }
    }

    /// The key's columns as SQL.
    pub(super) fn key_columns(&self) -> String {
        self.key.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ")
    }
}

/// That a relation took longer than so many seconds, and what makes it quicker.
fn late(materialize: Materialize, seconds: u64) -> String {
    match materialize {
        Materialize::View => t!(
            "it took longer than VIEW_SECONDS ({seconds}) allows; `materialize: table` or fewer rows make it quicker to read",
            "超出 VIEW_SECONDS（{seconds} 秒）；可用 `materialize: table` 或减少行数"
        ),
        Materialize::Table => t!(
            "it took longer than VIEW_SECONDS ({seconds}) allows; let it read fewer rows, or raise VIEW_SECONDS",
            "超出 VIEW_SECONDS（{seconds} 秒）；请减少所读的行数，或调高 VIEW_SECONDS"
        ),
    }
}

/// Tables and views of the main schema, each with its kind.
///
/// # Errors
/// DuckDB does not say.
pub fn existing(db: &Connection) -> Result<BTreeMap<String, String>> {
    let mut statement = db.prepare(
        "select table_name, case table_type when 'VIEW' then 'view' else 'table' end
         from information_schema.tables where table_schema = 'main' and table_catalog = current_database()",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

fn existing_macros(db: &Connection) -> Result<BTreeMap<String, String>> {
    let mut statement = db.prepare(
        "select distinct function_name, 'macro' from duckdb_functions()
         where function_type = 'macro' and not internal and schema_name = 'main' and database_name = current_database()",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

/// Copies a relation to a Parquet file, in the order of its key: a table has it already.
///
/// # Errors
/// The file cannot be written.
pub fn export_parquet(db: &Connection, relation: &Relation, path: &Path) -> Result<()> {
    let order = match relation.materialize {
        Materialize::View if !relation.key.is_empty() => format!(" order by {}", relation.key_columns()),
        _ => String::new(),
    };
    db.execute_batch(&format!(
        "copy (from {}{order}) to {} (format parquet)",
        ident(&relation.name),
        quote(&path.to_string_lossy())
    ))
    .with_context(|| t!("{} cannot be written", "{} 无法写入", path.display()))
}
