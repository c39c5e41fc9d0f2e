//! From files to a project in order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use duckdb::Connection;
use sha2::{Digest, Sha256};

use super::errors::{Problem, told};
use super::lineage::Lineage;
use super::source_file::{SourceFile, folders, origin, source_files};
use super::{Macro, Materialize, Relation, Room, TestKind, macros};
use crate::common::language::t;
use crate::common::likeness::hint;
use crate::common::terminal::fault;
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
    /// Files that something is wrong with: they are none of the relations.
    pub broken: Vec<Broken>,
    pub(super) lineage: Lineage,
}

/// A file that something is wrong with.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What would be the relation's name.
    pub name: String,
    /// As shown to people: relative to the project.
    pub file: PathBuf,
    /// The folder it is in; none of a macro, or of what is in no room.
    pub room: Option<Room>,
    /// All of it.
    pub problems: Vec<Problem>,
}

impl Broken {
    /// All that is wrong with it, in words.
    pub fn told(&self) -> String {
        told(&self.problems)
    }
}

impl Project {
    /// The project that the settings name: see [`Project::load`]. Without `LEGACY_FILES` there is no room for these.
    ///
    /// # Errors
    /// See [`Project::load`].
    pub fn of(config: &Config, raw_tables: &BTreeSet<String>) -> Result<Self> {
        Self::read(config, raw_tables)?.sound(|_| true)
    }

    /// The same for a run: what is wrong with a file of an analyst is told in `broken` and stops nothing.
    ///
    /// # Errors
    /// All that is wrong with files of `sql/`, a line each.
    pub fn for_run(config: &Config, raw_tables: &BTreeSet<String>) -> Result<Self> {
        Self::read(config, raw_tables)?.sound(|broken| broken.room != Some(Room::Views))
    }

    /// The same for somebody who looks: the files of analysts that are left out are told on standard error.
    ///
    /// # Errors
    /// See [`Project::for_run`].
    pub fn for_look(config: &Config, raw_tables: &BTreeSet<String>) -> Result<Self> {
        let project = Self::for_run(config, raw_tables)?;
        for problem in project.problems() {
            fault(&t!("left out, since it cannot be used: {problem}", "已略过，因其文件有误：{problem}"));
        }
        Ok(project)
    }

    /// The same with whatever files are in order; all others are in `broken`.
    ///
    /// # Errors
    /// The folders cannot be read.
    pub fn read(config: &Config, raw_tables: &BTreeSet<String>) -> Result<Self> {
        let is_wanted = |room: &Room| config.legacy_files || *room != Room::Legacy;
        Self::read_rooms(config.project.as_deref(), raw_tables, &is_wanted)
    }

    /// Reads `sql/` and `views/`, those below the folder `project` or else those inside the program (and `views/` of the
    /// working folder), and orders them. `raw_tables` are the tables extraction makes, `raw.…`.
    ///
    /// # Errors
    /// All that is wrong with any file, a line each: no single `SELECT`, a syntax error (with file, line and caret),
    /// an unknown relation, one of a later room, a name used twice, a circle (with the way around).
    pub fn load(project: Option<&Path>, raw_tables: &BTreeSet<String>) -> Result<Self> {
        Self::read_rooms(project, raw_tables, &|_| true)?.sound(|_| true)
    }

    /// Itself, where no file that matters is broken.
    fn sound(self, matters: impl Fn(&Broken) -> bool) -> Result<Self> {
        let problems = told(&problems_of(self.broken.iter().filter(|broken| matters(broken))));
        if problems.is_empty() { Ok(self) } else { bail!(problems) }
    }

    /// All that is wrong with its files by themselves, each once.
    pub fn problems(&self) -> Vec<Problem> {
        problems_of(self.broken.iter())
    }

    fn read_rooms(
        project: Option<&Path>,
        raw_tables: &BTreeSet<String>,
        is_wanted: &dyn Fn(&Room) -> bool,
    ) -> Result<Self> {
        let parser = warehouse::small()?;
        let mut broken = unknown_rooms(project)?;
        let mut macros: Vec<Macro> = Vec::new();
        for source in source_files(project, macros::FOLDER)? {
            macros.extend(read_one(source, None, &mut broken, |source| Macro::read(&parser, source)));
        }
        let relations = read_relations(&parser, project, is_wanted, &mut broken)?;
        let about = |m: &Macro| (m.name.clone(), m.syntax.functions.clone(), m.file.clone(), None);
        let (mut macros, _) = in_order(macros, about, "call", &mut broken);
        let mut relations = without_problems(relations, raw_tables, &mut broken);
        resolve_macros(&mut macros, &mut relations);
        relations.retain(|relation| match relation.variable_problem() {
            Some(problem) => {
                let (name, file, room) = (relation.name.clone(), relation.file.clone(), Some(relation.room));
                broken.push(Broken { name, file, room, problems: vec![problem] });
                false
            }
            None => true,
        });
        // among equals by room and name, so that the order is always the same
        relations.sort_by(|a, b| (a.room, &a.name).cmp(&(b.room, &b.name)));
        let about = |r: &Relation| (r.name.clone(), r.inputs.clone(), r.file.clone(), Some(r.room));
        let (relations, lineage) = in_order(relations, about, "read", &mut broken);
        Ok(Self { origin: origin(project)?, macros, relations, broken, lineage })
    }

    /// The relation of this name.
    ///
    /// # Errors
    /// There is none, or what is wrong with its file.
    pub fn get(&self, name: &str) -> Result<&Relation> {
        let found = self.relations.iter().find(|r| r.name == name);
        found.ok_or_else(|| match self.broken.iter().find(|broken| broken.name == name) {
            Some(broken) => anyhow!(broken.told()),
            None => anyhow!(t!(
                "the project has no relation {name}; it needs a file {name}.sql in sql/ or views/",
                "项目里没有关系 {name}；它需要 sql/ 或 views/ 里的文件 {name}.sql"
            )),
        })
    }
}

fn problems_of<'a>(broken: impl Iterator<Item = &'a Broken>) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    for problem in broken.flat_map(|broken| &broken.problems) {
        if !found.contains(problem) {
            found.push(problem.clone());
        }
    }
    found
}

/// Reads a file; what is wrong with it goes to the broken ones.
fn read_one<T>(
    source: Result<SourceFile, Problem>,
    room: Option<Room>,
    broken: &mut Vec<Broken>,
    read: impl FnOnce(SourceFile) -> Result<T, Vec<Problem>>,
) -> Option<T> {
    let (file, found) = match source {
        Ok(source) => (source.file.clone(), read(source)),
        Err(problem) => (PathBuf::from(&problem.file), Err(vec![problem])),
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    found.map_err(|problems| broken.push(Broken { name, file, room, problems })).ok()
}

/// Folders of `sql/` that are no rooms: what is in them would never run.
fn unknown_rooms(project: Option<&Path>) -> Result<Vec<Broken>> {
    let known: Vec<&str> = Room::ALL.into_iter().map(Room::folder).chain([macros::FOLDER]).collect();
    let mut found = Vec::new();
    for folder in folders(project)? {
        if !known.contains(&folder.as_str()) && !source_files(project, &folder)?.is_empty() {
            let message = t!(
                "there is no such room; move its files to one of {}",
                "没有这样的目录；请把文件移到其中之一：{}",
                known.join(", ")
            );
            let file = PathBuf::from(folder);
            let problems = vec![Problem::of_file(&file, message)];
            found.push(Broken { name: String::new(), file, room: None, problems });
        }
    }
    Ok(found)
}

fn read_relations(
    parser: &Connection,
    project: Option<&Path>,
    is_wanted: &dyn Fn(&Room) -> bool,
    broken: &mut Vec<Broken>,
) -> Result<Vec<Relation>> {
    let mut relations: Vec<Relation> = Vec::new();
    for room in Room::ALL.into_iter().filter(is_wanted) {
        for source in source_files(project, room.folder())? {
            let read = |source| {
                let relation = Relation::read(parser, room, source)?;
                match relations.iter().find(|r| r.name == relation.name) {
                    Some(other) => Err(vec![relation.odd(t!(
                        "the name {} is taken by {}; rename one of the files",
                        "名字 {} 已被 {} 占用；请给其中一个文件改名",
                        relation.name,
                        other.file.display()
                    ))]),
                    None => Ok(relation),
                }
            };
            if let Some(relation) = read_one(source, Some(room), broken, read) {
                relations.push(relation);
            }
        }
    }
    Ok(relations)
}

/// The relations that are in order among each other; the others become broken. What reads a broken one is in order: its last
/// rows are still there.
fn without_problems(
    relations: Vec<Relation>,
    raw_tables: &BTreeSet<String>,
    broken: &mut Vec<Broken>,
) -> Vec<Relation> {
    let mut known: BTreeMap<&str, Room> = BTreeMap::new();
    known.extend(broken.iter().filter_map(|broken| Some((broken.name.as_str(), broken.room?))));
    known.extend(relations.iter().map(|relation| (relation.name.as_str(), relation.room)));
    known.retain(|_, room| *room != Room::Checks);
    let found: Vec<Vec<Problem>> = relations.iter().map(|one| one.problems(&known, raw_tables)).collect();
    let mut in_order = Vec::new();
    for (relation, problems) in relations.into_iter().zip(found) {
        if problems.is_empty() {
            in_order.push(relation);
        } else {
            let Relation { name, file, room, .. } = relation;
            broken.push(Broken { name, file, room: Some(room), problems });
        }
    }
    in_order
}

/// Adds to each relation the variables that macros read for it, and gives macros and relations their digests. `macros` are in
/// order.
fn resolve_macros(macros: &mut [Macro], relations: &mut [Relation]) {
    let mut known: BTreeMap<String, (BTreeSet<String>, String)> = BTreeMap::new();
    let resolve = |text: &str, functions: &BTreeSet<String>, known: &BTreeMap<String, (BTreeSet<String>, String)>| {
        let called: Vec<_> = functions.iter().filter_map(|name| known.get(name)).collect();
        let mut digest = Sha256::new();
        digest.update(text);
        called.iter().for_each(|(_, its)| digest.update(its));
        let variables: BTreeSet<String> = called.iter().flat_map(|(variables, _)| variables).cloned().collect();
        (variables, hex::encode(&digest.finalize()[..16]))
    };
    for one in macros {
        let (mut variables, digest) = resolve(&one.text(), &one.syntax.functions, &known);
        variables.extend(one.syntax.variables.iter().cloned());
        one.digest.clone_from(&digest);
        known.insert(one.name.clone(), (variables, digest));
    }
    for relation in relations {
        let (variables, digest) = resolve(&relation.sql, &relation.functions, &known);
        relation.variables.extend(variables);
        relation.digest = digest;
    }
}

impl Relation {
    /// Something that is wrong with the file as a whole.
    pub(super) fn odd(&self, message: impl Into<String>) -> Problem {
        Problem::of_file(&self.file, message)
    }

    /// What is wrong with a relation in this company: names with their rooms.
    fn problems(&self, known: &BTreeMap<&str, Room>, raw_tables: &BTreeSet<String>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let hinted = |input: &str| hint(input, known.keys().copied().chain(raw_tables.iter().map(String::as_str)));
        for input in self.inputs.iter().filter(|input| !raw_tables.contains(*input)) {
            let message = match known.get(input.as_str()) {
                Some(room) if self.room.may_read(*room) => continue,
                Some(room) => t!(
                    "{} reads {input}, which is made later, in {}; move one of the files",
                    "{} 读取 {input}，而后者在 {} 里更晚生成；请移动其中一个文件",
                    self.name,
                    room.folder()
                ),
                None => t!("no relation {input}{}", "没有关系 {input}{}", hinted(input)),
            };
            problems.push(Problem::at_byte(&self.file, &self.sql, self.place_of(input), message));
        }
        for test in &self.tests {
            if let TestKind::Relationships(_, other, _) = &test.kind
                && !known.contains_key(other.as_str())
            {
                let message = t!("no relation {other}{}", "没有关系 {other}{}", hinted(other));
                problems.push(Problem::at_line(&self.file, test.line, message));
            }
        }
        problems
    }

    /// What is wrong with a view that reads a variable: whoever asks it knows none.
    pub(super) fn variable_problem(&self) -> Option<Problem> {
        let message = || {
            t!(
                "a view is read by clients that know no variable; write `-- materialize: table` in its header",
                "读取视图的客户端不知道变量；请在文件头写 `-- materialize: table`"
            )
        };
        (self.materialize == Materialize::View && !self.variables.is_empty()).then(|| self.odd(message()))
    }

    /// The first byte of its text where a relation is named, in no line of comment.
    fn place_of(&self, input: &str) -> usize {
        let bare = input.rsplit('.').next().unwrap_or(input);
        let is_apart = |c: char| !(c.is_alphanumeric() || c == '_');
        let mut lines = self.sql.split_inclusive('\n').scan(0, |end, line| {
            *end += line.len();
            Some((*end - line.len(), line))
        });
        let found = lines.find_map(|(start, line)| {
            let mut words = line.split(is_apart).filter(|_| !line.trim_start().starts_with("--"));
            let word = words.find(|word| word.eq_ignore_ascii_case(bare))?;
            Some(start + (word.as_ptr() as usize - line.as_ptr() as usize))
        });
        found.unwrap_or(0)
    }
}

/// `found` in the order of what each reads, as `about` tells it: name, what it reads, file, room. What goes in circles is broken.
fn in_order<T>(
    mut found: Vec<T>,
    about: impl Fn(&T) -> (String, BTreeSet<String>, PathBuf, Option<Room>),
    verb: &str,
    broken: &mut Vec<Broken>,
) -> (Vec<T>, Lineage) {
    loop {
        let nodes: Vec<_> = found.iter().map(&about).collect();
        let lineage =
            |order: &[usize]| Lineage::new(order.iter().map(|place| (nodes[*place].0.as_str(), &nodes[*place].1)));
        let as_found: Vec<usize> = (0..nodes.len()).collect();
        let way = match lineage(&as_found).order() {
            Ok(order) => {
                let lineage = lineage(&order);
                let mut found: Vec<Option<T>> = found.into_iter().map(Some).collect();
                return (order.into_iter().filter_map(|place| found[place].take()).collect(), lineage);
            }
            Err(way) => way,
        };
        let names: Vec<&str> = way.iter().chain(way.first()).map(|place| nodes[*place].0.as_str()).collect();
        let message = t!("these {verb} each other in a circle: {}", "它们循环引用：{0}", names.join(" <- "));
        let files: Vec<String> = way.iter().map(|place| nodes[*place].2.display().to_string()).collect();
        let problem = Problem::of_file(Path::new(&files.join(", ")), message);
        for place in &way {
            let (name, _, file, room) = nodes[*place].clone();
            broken.push(Broken { name, file, room, problems: vec![problem.clone()] });
        }
        let mut place = 0;
        found.retain(|_| {
            place += 1;
            !way.contains(&(place - 1))
        });
    }
}
