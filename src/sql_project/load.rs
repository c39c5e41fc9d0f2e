//! From files to a project in order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duckdb::Connection;

use super::lineage::Lineage;
use super::source_file::{folders, origin, source_files};
use super::{Macro, Materialize, Relation, Room, macros};
use crate::common::language::t;
use crate::common::likeness::hint;
use crate::config::Config;
use crate::warehouse;

/// All macros and relations, inputs before what reads them.
pub struct Project {
    /// Where its files come from, for people.
    pub origin: String,
    /// Macros, each after those it calls.
    pub macros: Vec<Macro>,
    /// Relations and assertions, each after those it reads.
    pub relations: Vec<Relation>,
    pub(super) lineage: Lineage,
}

impl Project {
    /// The project that the settings name: see [`Project::load`]. Without `LEGACY_FILES` there is no room for these.
    ///
    /// # Errors
    /// See [`Project::load`].
    pub fn of(config: &Config, raw_tables: &BTreeSet<String>) -> Result<Self> {
        let is_wanted = |room: &Room| config.legacy_files || *room != Room::Legacy;
        Self::load_rooms(config.project.as_deref(), raw_tables, &is_wanted)
    }

    /// Reads `sql/` and `views/`, those below the folder `project` or else those inside the program (and `views/` of the
    /// working folder), and orders them. `raw_tables` are the tables extraction makes, `raw.…`.
    ///
    /// # Errors
    /// All that is wrong with any file, a line each: no single `SELECT`, a syntax error (with file, line and caret),
    /// an unknown relation, one of a later room, a name used twice, a circle (with the way around).
    pub fn load(project: Option<&Path>, raw_tables: &BTreeSet<String>) -> Result<Self> {
        Self::load_rooms(project, raw_tables, &|_| true)
    }

    fn load_rooms(
        project: Option<&Path>,
        raw_tables: &BTreeSet<String>,
        is_wanted: &dyn Fn(&Room) -> bool,
    ) -> Result<Self> {
        let parser = warehouse::small()?;
        let mut problems = Vec::new();
        let mut macros: Vec<Macro> = Vec::new();
        for source in source_files(project, macros::FOLDER)? {
            match source.and_then(|source| Macro::read(&parser, source)) {
                Ok(found) => macros.push(found),
                Err(problem) => problems.push(format!("{problem:#}")),
            }
        }
        problems.extend(unknown_rooms(project)?);
        let mut relations = read_relations(&parser, project, is_wanted, &mut problems)?;
        let macros = in_order(macros, |m| (&m.name, &m.syntax.functions, &m.file), "call", &mut problems);
        resolve_macros(&macros, &mut relations);
        for relation in &relations {
            problems.extend(relation.problems(&relations, raw_tables));
        }
        if problems.is_empty() {
            // among equals by room and name, so that the order is always the same
            relations.sort_by(|a, b| (a.room, &a.name).cmp(&(b.room, &b.name)));
            relations = in_order(relations, |r| (&r.name, &r.inputs, &r.file), "read", &mut problems);
        }
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        let lineage = Lineage::new(relations.iter().map(|r| (r.name.as_str(), &r.inputs)));
        Ok(Self { origin: origin(project)?, macros, relations, lineage })
    }

    /// The relation of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Relation> {
        self.relations.iter().find(|r| r.name == name).with_context(|| {
            t!(
                "the project has no relation {name}; it needs a file {name}.sql in sql/ or views/",
                "项目里没有关系 {name}；它需要 sql/ 或 views/ 里的文件 {name}.sql"
            )
        })
    }
}

/// Folders of `sql/` that are no rooms: what is in them would never run.
fn unknown_rooms(project: Option<&Path>) -> Result<Vec<String>> {
    let known: Vec<&str> = Room::ALL.into_iter().map(Room::folder).chain([macros::FOLDER]).collect();
    let mut problems = Vec::new();
    for folder in folders(project)? {
        if !known.contains(&folder.as_str()) && !source_files(project, &folder)?.is_empty() {
            problems.push(t!(
                "{folder}: there is no such room; move its files to one of {}",
                "{folder}：没有这样的目录；请把文件移到其中之一：{}",
                known.join(", ")
            ));
        }
    }
    Ok(problems)
}

fn read_relations(
    parser: &Connection,
    project: Option<&Path>,
    is_wanted: &dyn Fn(&Room) -> bool,
    problems: &mut Vec<String>,
) -> Result<Vec<Relation>> {
    let mut relations: Vec<Relation> = Vec::new();
    for room in Room::ALL.into_iter().filter(is_wanted) {
        for source in source_files(project, room.folder())? {
            match source.and_then(|source| Relation::read(parser, room, source)) {
                Ok(relation) => match relations.iter().find(|r| r.name == relation.name) {
                    Some(other) => problems.push(t!(
                        "{}: the name {} is taken by {}; rename one of the files",
                        "{}：名字 {} 已被 {} 占用；请给其中一个文件改名",
                        relation.file.display(),
                        relation.name,
                        other.file.display()
                    )),
                    None => relations.push(relation),
                },
                Err(problem) => problems.push(format!("{problem:#}")),
            }
        }
    }
    Ok(relations)
}

/// Adds to each macro and relation the variables that macros read for it. `macros` are in order.
fn resolve_macros(macros: &[Macro], relations: &mut [Relation]) {
    let mut variables: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let called = |functions: &BTreeSet<String>, known: &BTreeMap<&str, BTreeSet<String>>| -> BTreeSet<String> {
        functions.iter().filter_map(|name| known.get(name.as_str())).flatten().cloned().collect()
    };
    for one in macros {
        let mut all = called(&one.syntax.functions, &variables);
        all.extend(one.syntax.variables.iter().cloned());
        variables.insert(&one.name, all);
    }
    for relation in relations {
        relation.variables.extend(called(&relation.functions, &variables));
    }
}

impl Relation {
    /// What is wrong with a relation in this company.
    fn problems(&self, relations: &[Self], raw_tables: &BTreeSet<String>) -> Vec<String> {
        let mut problems = Vec::new();
        let file = self.file.display();
        if self.materialize == Materialize::View && !self.variables.is_empty() {
            problems.push(t!(
                "{file}: a view is read by clients that know no variable; write `-- materialize: table` in its header",
                "{file}：读取视图的客户端不知道变量；请在文件头写 `-- materialize: table`"
            ));
        }
        for input in self.inputs.iter().filter(|input| !raw_tables.contains(*input)) {
            match relations.iter().find(|r| r.name == *input && r.room != Room::Checks) {
                Some(other) if self.room.may_read(other.room) => {}
                Some(other) => problems.push(t!(
                    "{file}:{}: {} reads {input}, which is made later, in {}; move one of the files",
                    "{file}:{}：{} 读取 {input}，而后者在 {} 里更晚生成；请移动其中一个文件",
                    self.line_of(input),
                    self.name,
                    other.room.folder()
                )),
                None => {
                    let names = relations.iter().filter(|r| r.room != Room::Checks).map(|r| r.name.as_str());
                    let hint = hint(input, names.chain(raw_tables.iter().map(String::as_str)));
                    problems.push(t!(
                        "{file}:{}: no relation {input}{hint}",
                        "{file}:{}：没有关系 {input}{hint}",
                        self.line_of(input)
                    ));
                }
            }
        }
        problems
    }

    /// The first line of its query that names a relation.
    fn line_of(&self, input: &str) -> usize {
        let bare = input.rsplit('.').next().unwrap_or(input);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let names = |line: &str| line.split(|c| !is_word(c)).any(|word| word.eq_ignore_ascii_case(bare));
        let line = self.sql.lines().position(|line| !line.trim_start().starts_with("--") && names(line));
        line.map_or(1, |index| index + 1)
    }
}

/// `found` in the order of what each reads, as `about` tells it: name, what it reads, file.
fn in_order<T>(
    found: Vec<T>,
    about: impl Fn(&T) -> (&String, &BTreeSet<String>, &PathBuf),
    verb: &str,
    problems: &mut Vec<String>,
) -> Vec<T> {
    let nodes = found.iter().map(|one| (about(one).0.as_str(), about(one).1));
    match Lineage::new(nodes).order() {
        Ok(order) => {
            let mut found: Vec<Option<T>> = found.into_iter().map(Some).collect();
            order.into_iter().filter_map(|place| found[place].take()).collect()
        }
        Err(way) => {
            let file = |place: &usize| about(&found[*place]).2.display().to_string();
            let name = |place: &usize| about(&found[*place]).0.as_str();
            let names: Vec<&str> = way.iter().chain(way.first()).map(name).collect();
            problems.push(t!(
                "{}: these {verb} each other in a circle: {}",
                "{}：它们循环引用：{1}",
                way.iter().map(file).collect::<Vec<_>>().join(", "),
                names.join(" <- ")
            ));
            found
        }
    }
}
