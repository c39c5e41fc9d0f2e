//! A file as it is now, on the published warehouse: what it and what it reads have changed stands before what is published.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use duckdb::Connection;

use super::changes::{Made, see_changes_for};
use super::errors::told;
use super::source_file::SourceFile;
use super::{Change, Chart, Problem, Project, Relation, Room, TestResult, current};
use crate::common::files;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::warehouse;

/// A relation as its file is now; the connection has it under its name.
pub struct Preview {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// What it is.
    pub description: String,
    /// How a page may draw it.
    pub chart: Option<Chart>,
    /// What else is as its file is now, and not as it was published.
    pub changes: Vec<Change>,
    /// What its tests find in it.
    pub tests: Vec<TestResult>,
}

/// Has `db`, which is in its sandbox, see a relation of the project by its name, or any file as if it were in `views/`.
///
/// # Errors
/// There is no such relation or file, or all that is wrong with it.
pub fn preview(config: &Config, db: &Connection, what: &str) -> Result<Preview> {
    let project = current(config, db)?;
    let file = Path::new(what);
    let is_file = file.extension().is_some_and(|extension| extension == "sql");
    let name = if is_file { project.name_of(config, file) } else { Some(what.to_owned()) };
    match name {
        Some(name) => of_project(config, db, &project, &name),
        None => of_file(config, db, file),
    }
}

fn of_project(config: &Config, db: &Connection, project: &Project, name: &str) -> Result<Preview> {
    if let Some(broken) = project.broken.iter().find(|broken| broken.name == name) {
        bail!(broken.told());
    }
    let relation = project.get(name)?;
    if relation.room == Room::Checks {
        Made::default().make(db, relation, "", false)?;
    }
    let changes = see_changes_for(config, db, Some(name))?;
    finish(db, relation, changes)
}

fn of_file(config: &Config, db: &Connection, file: &Path) -> Result<Preview> {
    let text = files::read_text(file)?.with_context(|| t!("{} does not exist", "{} 不存在", file.display()))?;
    let relation = relation_of(file, &text).map_err(|problems| anyhow!(told(&problems)))?;
    let changes = see_changes_for(config, db, Some(&relation.sql))?;
    Made::default().make(db, &relation, "", false)?;
    finish(db, &relation, changes)
}

fn finish(db: &Connection, relation: &Relation, changes: Vec<Change>) -> Result<Preview> {
    if let Some(problem) = changes.iter().find_map(|change| change.problem.as_ref()) {
        bail!(problem.to_string());
    }
    let problems = [relation.column_problems(db)?, relation.bind_tests(db)].concat();
    if !problems.is_empty() {
        bail!(told(&problems));
    }
    Ok(Preview {
        name: relation.name.clone(),
        file: relation.file.display().to_string(),
        description: relation.description.clone(),
        chart: relation.chart.clone(),
        changes: changes.into_iter().filter(|change| change.name != relation.name).collect(),
        tests: relation.tests.iter().map(|test| relation.try_test(db, test)).collect(),
    })
}

/// What a text would be in `views/` as a file of that name.
///
/// # Errors
/// All that is wrong with it by itself.
pub fn relation_of(file: &Path, text: &str) -> Result<Relation, Vec<Problem>> {
    let source = SourceFile::new(file.to_path_buf(), text).map_err(|problem| vec![problem])?;
    let parser = warehouse::small().map_err(|error| vec![Problem::of_file(file, error.to_string())])?;
    Relation::read(&parser, Room::Views, source)
}

impl Project {
    /// The name of the relation that a file on disk makes in this project; none of one outside of it.
    fn name_of(&self, config: &Config, file: &Path) -> Option<String> {
        let (dir, path) = (config.project.as_deref().unwrap_or(Path::new(".")), file.canonicalize().ok()?);
        let is_it = |of: &Path| dir.join(of).canonicalize().is_ok_and(|other| other == path);
        let relations = self.relations.iter().map(|one| (&one.file, &one.name));
        let broken = self.broken.iter().filter(|one| one.room.is_some()).map(|one| (&one.file, &one.name));
        relations.chain(broken).find(|(of, _)| is_it(of)).map(|(_, name)| name.clone())
    }
}

/// What a preview begins with, for people: the file's description, and which others are as their files are now.
impl Preview {
    /// In some lines.
    pub fn head(&self) -> String {
        let mut text = format!("{} ({})\n  {}\n", self.name, self.file, self.description);
        for change in &self.changes {
            text += &t!("  {} as its file is now ({})\n", "  {} 按当前文件（{}）\n", change.name, change.why.word());
        }
        text
    }

    /// What its tests find, in some lines.
    pub fn tail(&self) -> String {
        let line = |test: &TestResult| match &test.message {
            None => t!("  {} holds\n", "  {} 通过\n", test.name),
            Some(message) => format!("  {message}\n"),
        };
        let lines: String = self.tests.iter().map(line).collect();
        if lines.is_empty() { lines } else { format!("{}\n{lines}", either("tests:", "测试：")) }
    }
}
