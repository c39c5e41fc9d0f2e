//! The project as people read it: what there is, and what is in one relation.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

use super::{Chart, Column, DataTest, Macro, Materialize, Project, Relation, Room, macros};
use crate::common::language::{either, t};

impl Project {
    /// A line for each macro and relation: where it is, its name, what it is.
    pub fn listing(&self) -> String {
        let macros = self.macros.iter().map(|one| (macros::FOLDER, one.call(), one.description.clone()));
        let relations = self.relations.iter().map(|one| {
            let chart = one.chart.as_ref().map_or(String::new(), |chart| format!(" [chart: {}]", chart.text()));
            (one.room.folder(), one.name.clone(), format!("{}{chart}", one.description))
        });
        table(macros.chain(relations).map(|(room, name, text)| [room.to_owned(), name, text]).collect())
    }

    /// What a relation or a macro is, and its columns as its file describes them.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn describe(&self, name: &str) -> Result<String> {
        match self.macros.iter().find(|one| one.name == name) {
            Some(one) => Ok(one.head() + "\n"),
            None => self.get(name).map(Relation::describe),
        }
    }
}

/// A relation or a macro as programs read it.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// `macro`, `table`, `view`, or `check` of an assertion.
    pub kind: &'static str,
    /// The folder of its file.
    pub folder: &'static str,
    /// Its file, relative to the project.
    pub file: &'a Path,
    /// What it is.
    pub description: &'a str,
    /// Columns whose values are there once.
    pub key: &'a [String],
    /// How a page may draw it.
    pub chart: Option<String>,
    /// What it reads.
    pub reads: Vec<&'a str>,
    /// What is tested of it, each in its header's words.
    pub tests: Vec<String>,
    /// Its columns, as far as they are described.
    pub columns: &'a [Column],
}

/// A relation among those that it reads and that read it.
#[derive(Debug, Serialize)]
pub struct Neighbours {
    /// Its name.
    pub name: String,
    /// Its file, relative to the project.
    pub file: PathBuf,
    /// What it reads.
    pub reads: BTreeSet<String>,
    /// What reads it.
    pub read_by: BTreeSet<String>,
}

impl Display for Neighbours {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.file.display())?;
        self.reads.iter().try_for_each(|input| write!(f, "\n{}", t!("  reads   {input}", "  读取    {input}")))?;
        self.read_by.iter().try_for_each(|reader| write!(f, "\n{}", t!("  read by {reader}", "  被读取  {reader}")))
    }
}

impl Project {
    /// All macros and relations, or the one of this name.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn listed(&self, name: Option<&str>) -> Result<Vec<Listed<'_>>> {
        let all = self.macros.iter().map(Macro::listed).chain(self.relations.iter().map(Relation::listed));
        let found: Vec<_> = all.filter(|one| name.is_none_or(|name| one.name == name)).collect();
        match (name, found.is_empty()) {
            (Some(name), true) => self.get(name).map(|_| found),
            _ => Ok(found),
        }
    }

    /// What a relation reads and what reads it.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn neighbours(&self, name: &str) -> Result<Neighbours> {
        let Relation { name, file, inputs, .. } = self.get(name)?;
        let read_by = self.edges().filter(|(input, _)| input == name).map(|(_, reader)| reader.to_owned()).collect();
        Ok(Neighbours { name: name.clone(), file: file.clone(), reads: inputs.clone(), read_by })
    }

    /// What a relation or a macro is and where, without its columns, where the project has it.
    pub fn head(&self, name: &str) -> Option<String> {
        let is_macro = self.macros.iter().find(|one| one.name == name).map(Macro::head);
        is_macro.or_else(|| self.get(name).ok().map(Relation::head))
    }
}

impl Macro {
    /// How it is called.
    fn call(&self) -> String {
        format!("{}({})", self.name, self.parameters)
    }

    fn listed(&self) -> Listed<'_> {
        Listed {
            name: &self.name,
            kind: "macro",
            folder: macros::FOLDER,
            file: &self.file,
            description: &self.description,
            key: &[],
            chart: None,
            reads: Vec::new(),
            tests: Vec::new(),
            columns: &[],
        }
    }

    fn head(&self) -> String {
        format!("{} ({})\n  {}", self.call(), self.file.display(), self.description)
    }
}

impl Relation {
    fn listed(&self) -> Listed<'_> {
        let kind = match (self.room, self.materialize) {
            (Room::Checks, _) => "check",
            (_, Materialize::Table) => "table",
            (_, Materialize::View) => "view",
        };
        Listed {
            name: &self.name,
            kind,
            folder: self.room.folder(),
            file: &self.file,
            description: &self.description,
            key: &self.key,
            chart: self.chart.as_ref().map(Chart::text),
            reads: self.inputs.iter().map(String::as_str).collect(),
            tests: self.tests.iter().map(|test| format!("{}: {}", test.kind.name(), test.kind.text())).collect(),
            columns: &self.columns,
        }
    }

    fn head(&self) -> String {
        let key = if self.key.is_empty() {
            String::new()
        } else {
            t!(", one row for each {}", "，每个 {} 一行", self.key.join(", "))
        };
        format!("{} ({}{key})\n  {}", self.name, self.file.display(), self.description)
    }

    fn describe(&self) -> String {
        let columns: Vec<_> =
            self.columns.iter().map(|column| [format!("  {}", column.name), column.sentence.clone()]).collect();
        let test = |test: &DataTest| {
            let severity = if self.is_held_to(test) { "" } else { either("only told", "仅提示") };
            [format!("  {}", test.kind.name()), test.kind.text(), severity.to_owned()]
        };
        let tests: Vec<_> = self.tests.iter().map(test).collect();
        let tested = if tests.is_empty() { String::new() } else { t!("tests:\n", "测试：\n") + &table(tests) };
        format!("{}\n{}{tested}", self.head(), table(columns))
    }
}

/// Rows with their cells below each other.
fn table<const COLUMNS: usize>(rows: Vec<[String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}
