//! A file of the project: its header and its query.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use duckdb::Connection;

use super::Room;
use super::header::{Column, Header};
use super::source_file::SourceFile;
use super::syntax::Syntax;
use crate::common::language::t;

/// What a relation becomes in the warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Materialize {
    /// Its rows, as of the run.
    Table,
    /// Its query.
    View,
}

/// A file of the project: a relation, or in `sql/checks/` an assertion.
#[derive(Debug)]
pub struct Relation {
    /// The relation's and the file's.
    pub name: String,
    /// The folder the file is in.
    pub room: Room,
    /// As shown to people: relative to the project.
    pub file: PathBuf,
    /// The whole file.
    pub sql: String,
    /// What it is, in a sentence or some.
    pub description: String,
    /// Columns that are described, in the order of the header.
    pub columns: Vec<Column>,
    /// What it becomes in the warehouse.
    pub materialize: Materialize,
    /// Columns whose values are there once; also the order of its rows.
    pub key: Vec<String>,
    /// Whether a Parquet copy goes to `processed/`.
    pub export: bool,
    /// How a page may draw it.
    pub chart: Option<String>,
    /// Why it may feed training with what holds all visits, as its header says.
    pub unwindowed: Option<String>,
    /// Relations it reads, in the project or `raw.…`.
    pub inputs: BTreeSet<String>,
    /// Variables it reads, itself or through macros.
    pub variables: BTreeSet<String>,
    pub(super) functions: BTreeSet<String>,
}

impl Relation {
    pub(super) fn read(parser: &Connection, room: Room, source: SourceFile) -> Result<Self> {
        let SourceFile { name, file, sql } = source;
        let shown = file.display();
        let header = Header::read(&sql).map_err(|error| anyhow!("{shown}:{error}"))?;
        let materialize = match (header.get("materialize"), room) {
            (Some("view"), _) | (None, Room::Views | Room::Legacy) => Materialize::View,
            (Some("table") | None, _) => Materialize::Table,
            (Some(other), _) => bail!(t!(
                "{shown}: materialize: {other:?} is neither table nor view",
                "{shown}：materialize：{other:?} 应为 table 或 view"
            )),
        };
        let export = match header.get("export") {
            None => false,
            Some("parquet") => true,
            Some(other) => {
                bail!(t!("{shown}: export: {other:?} is not parquet", "{shown}：export：{other:?} 应为 parquet"))
            }
        };
        let Syntax { relations, functions, variables } = Syntax::of(parser, &file, &sql)?;
        let key = header.get("key").map(|key| key.split(',').map(|column| column.trim().to_owned()).collect());
        Ok(Self {
            name,
            room,
            description: header.description(&file)?,
            materialize,
            key: key.unwrap_or_default(),
            export,
            chart: header.get("chart").map(str::to_owned),
            unwindowed: header.get("unwindowed").map(str::to_owned),
            columns: header.columns,
            inputs: relations,
            variables,
            functions,
            sql,
            file,
        })
    }
}
