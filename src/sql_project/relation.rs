//! A file of the project: its header and its query.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use duckdb::Connection;

use super::Room;
use super::chart::Chart;
use super::data_test::{DataTest, TestKind};
use super::errors::Problem;
use super::header::{Column, Header};
use super::source_file::SourceFile;
use super::syntax::Syntax;
use crate::common::language::{either, t};

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
    pub chart: Option<Chart>,
    /// What must be true of its rows.
    pub tests: Vec<DataTest>,
    /// Why it may feed training with what holds all visits, as its header says.
    pub unwindowed: Option<String>,
    /// Relations it reads, in the project or `raw.…`.
    pub inputs: BTreeSet<String>,
    /// Variables it reads, itself or through macros.
    pub variables: BTreeSet<String>,
    pub(super) functions: BTreeSet<String>,
    /// Of its text, and of the macros that it calls.
    pub digest: String,
    /// Where its header names a chart, and its key.
    pub(super) lines: HeaderLines,
}

/// Lines of a header that something may be wrong with once columns are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderLines {
    pub chart: usize,
    pub key: usize,
}

impl Relation {
    /// Reads a file.
    ///
    /// # Errors
    /// All that is wrong with it by itself.
    pub(super) fn read(parser: &Connection, room: Room, source: SourceFile) -> Result<Self, Vec<Problem>> {
        let SourceFile { name, file, sql } = source;
        let header = Header::read(&sql);
        let mut problems = header.problems(&file);
        let mut odd = |key: &str, message: String| problems.push(Problem::at_line(&file, header.line(key), message));
        let materialize = match (header.get("materialize"), room) {
            (Some("view"), _) | (None, Room::Views | Room::Legacy) => Materialize::View,
            (Some("table") | None, _) => Materialize::Table,
            (Some(other), _) => {
                odd(
                    "materialize",
                    t!("materialize: {other:?} is neither table nor view", "materialize：{other:?} 应为 table 或 view"),
                );
                Materialize::Table
            }
        };
        let export = header.get("export");
        if let Some(other) = export.filter(|export| *export != "parquet") {
            odd("export", t!("export: {other:?} is not parquet", "export：{other:?} 应为 parquet"));
        }
        let chart =
            header.get("chart").and_then(|text| Chart::read(text).map_err(|e| odd("chart", e.to_string())).ok());
        let tests = header.tests(&name, &file, &mut problems);
        for test in &tests {
            problems.extend(expression_problem(parser, &file, test));
        }
        let description = header.description(&file).map_err(|problem| problems.push(problem)).unwrap_or_default();
        let syntax = Syntax::of(parser, &file, &sql).map_err(|problem| problems.push(problem)).unwrap_or_default();
        if !problems.is_empty() {
            return Err(problems);
        }
        let Syntax { relations, functions, variables } = syntax;
        let key = header.get("key").map(|key| key.split(',').map(|column| column.trim().to_owned()).collect());
        Ok(Self {
            name,
            room,
            description,
            materialize,
            key: key.unwrap_or_default(),
            export: export.is_some(),
            chart,
            tests,
            unwindowed: header.get("unwindowed").map(str::to_owned),
            lines: HeaderLines { chart: header.line("chart"), key: header.line("key") },
            columns: header.columns,
            inputs: relations,
            variables,
            functions,
            digest: String::new(),
            sql,
            file,
        })
    }
}

/// What is wrong with the expression of a test: it is none, or it reads more than a row.
fn expression_problem(parser: &Connection, file: &Path, test: &DataTest) -> Option<Problem> {
    let TestKind::Expression(text) = &test.kind else { return None };
    let message = match Syntax::of(parser, file, &format!("select (\n{text}\n)")) {
        Ok(syntax) if syntax.relations.is_empty() => return None,
        Ok(_) => either(
            "a test of a row reads no relation; write a check in sql/checks/",
            "行测试不能读取关系；请在 sql/checks/ 写检查",
        )
        .to_owned(),
        Err(problem) => problem.message,
    };
    Some(Problem::at_line(file, test.line, message))
}
