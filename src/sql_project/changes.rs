//! What the project's files say now that the published warehouse does not yet: edited relations stand before the published ones,
//! for one connection, and nothing is published.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Result, bail};
use duckdb::Connection;
use petgraph::Direction;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::built::digests;
use super::dashboards;
use super::errors::explain;
use super::source_file::sql_files;
use super::{Materialize, Problem, Project, Relation, Room};
use crate::common::language::either;
use crate::config::Config;
use crate::warehouse::{ident, located, quote};

/// Why a relation is another than the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its file, or a macro that it calls, says something else.
    Edited,
    /// Nothing of its name is published.
    New,
    /// Its file is gone; what it made is still published.
    Removed,
    /// It reads one that is another.
    Depends,
}

impl Why {
    /// In a word of the language in force.
    pub fn word(self) -> &'static str {
        match self {
            Self::Edited => either("edited", "已修改"),
            Self::New => either("new", "新增"),
            Self::Removed => either("removed", "已删除"),
            Self::Depends => either("depends on it", "受其影响"),
        }
    }
}

/// A relation that is another than the published one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// Its file, relative to the project; that which is gone where it was removed.
    pub file: String,
    /// Why.
    pub why: Why,
    /// Why it is not shown: the published one stays in force.
    pub problem: Option<Problem>,
}

/// Has this connection to the published warehouse see the files of `sql/` and `views/` as they are now: whatever differs from what
/// is published, and what reads it, stands as temporary views and tables before the published relations. `query` is what will be
/// asked: only what it names, and what that reads, is made; without one, all views that differ and what they read.
///
/// The connection is in its sandbox already, and may be locked; what was made for an earlier query and is as it was stays.
///
/// # Errors
/// The project's folders or the warehouse cannot be read. What is wrong with a file is told with its change.
pub fn see_changes_for(config: &Config, db: &Connection, query: Option<&str>) -> Result<Vec<Change>> {
    see(config, db, query, |_| true).map(|(changes, _)| changes)
}

/// What differs and is shown, and whether nothing differs at all.
fn see(
    config: &Config,
    db: &Connection,
    query: Option<&str>,
    is_seen: impl Fn(Room) -> bool,
) -> Result<(Vec<Change>, bool)> {
    if db.query_row("select current_setting('enable_external_access')::boolean", [], |row| row.get(0))? {
        bail!(either("files of the project are seen in a sandbox only", "项目文件只能在沙箱中查看"));
    }
    let Some(published) = digests(db)? else { return Ok((Vec::new(), true)) };
    let project = current(config, db)?;
    let changes = Changes::of(&project, &published, is_seen);
    let is_plain = changes.changed.is_empty() && changes.others.is_empty();
    Ok((changes.make(db, query, &published)?, is_plain))
}

/// A server's look at the files that analysts save: what differs in `views/` alone, since a page that asks for ten figures cannot
/// wait for all relations to be made anew, as after an upgrade.
#[derive(Default)]
pub struct Sight {
    /// The files at the last look, where nothing differed then.
    plain: Option<Files>,
}

impl Sight {
    /// Has a connection, which is always the same one, see saved views that a query names.
    ///
    /// # Errors
    /// As of [`see_changes_for`].
    pub fn look(&mut self, config: &Config, db: &Connection, query: &str) -> Result<Vec<Change>> {
        let files = files_of(config)?;
        if self.plain.as_ref() == Some(&files) {
            return Ok(Vec::new());
        }
        let (changes, is_plain) = see(config, db, Some(query), |room| room == Room::Views)?;
        self.plain = is_plain.then_some(files);
        Ok(changes)
    }
}

/// All that differs from what is published; nothing is made.
///
/// # Errors
/// As of [`see_changes_for`].
pub fn all_changes(config: &Config, db: &Connection) -> Result<Vec<Change>> {
    let Some(published) = digests(db)? else { return Ok(Vec::new()) };
    let project = current(config, db)?;
    Ok(Changes::of(&project, &published, |_| true).all())
}

/// The project as its files are now; they are read again where one has changed.
///
/// # Errors
/// The project's folders cannot be read.
pub fn current(config: &Config, db: &Connection) -> Result<Arc<Project>> {
    static LAST: Mutex<Option<(Stamp, Arc<Project>)>> = Mutex::new(None);
    let stamp = Stamp::of(config, db)?;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, project)) = last.as_ref().filter(|(of, _)| *of == stamp) {
        return Ok(project.clone());
    }
    let project = Arc::new(Project::read(config, &stamp.raw_tables)?);
    *last = Some((stamp, project.clone()));
    Ok(project)
}

/// Files with what tells that one was edited: names, lengths, times.
type Files = Vec<(String, u64, Option<SystemTime>)>;

/// What tells whether a project is another.
#[derive(PartialEq, Eq)]
struct Stamp {
    files: Files,
    raw_tables: BTreeSet<String>,
    legacy_files: bool,
}

impl Stamp {
    fn of(config: &Config, db: &Connection) -> Result<Self> {
        let sql = "select 'raw.' || table_name from duckdb_tables() where schema_name = 'raw' and not temporary";
        let mut statement = db.prepare(sql)?;
        let raw_tables = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
        Ok(Self { files: files_of(config)?, raw_tables, legacy_files: config.legacy_files })
    }
}

/// The files of the project that somebody may edit, with what tells that they were.
fn files_of(config: &Config) -> Result<Files> {
    let (dir, folders) = match &config.project {
        Some(dir) => (dir.as_path(), ["sql", "views"].as_slice()),
        None => (Path::new("."), ["views"].as_slice()),
    };
    let mut found = vec![(dir.display().to_string(), 0, None)];
    for folder in folders {
        let others = (*folder == "views").then(|| PathBuf::from(dashboards::FILE));
        for file in sql_files(dir, folder)?.into_iter().chain(others) {
            let about = fs::metadata(dir.join(&file)).ok();
            let (length, time) = about.map_or((0, None), |about| (about.len(), about.modified().ok()));
            found.push((file.display().to_string(), length, time));
        }
    }
    Ok(found)
}

/// A short word for the state of the project's files: another one where somebody has saved one.
///
/// # Errors
/// The project's folders cannot be read.
pub fn files_stamp(config: &Config) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(format!("{:?}", files_of(config)?));
    Ok(hex::encode(&digest.finalize()[..8]))
}

/// How a project differs from what is published.
struct Changes<'a> {
    project: &'a Project,
    /// Places in the project with why they differ, inputs first.
    changed: BTreeMap<usize, Why>,
    /// What is broken, or gone.
    others: Vec<Change>,
}

impl<'a> Changes<'a> {
    /// That of a project and the digests of what was published, of the rooms that are looked at.
    fn of(project: &'a Project, published: &BTreeMap<String, String>, is_seen: impl Fn(Room) -> bool) -> Self {
        let why = |relation: &Relation| match published.get(&relation.name) {
            Some(digest) if *digest == relation.digest => None,
            Some(_) => Some(Why::Edited),
            None => Some(Why::New),
        };
        let is_seen = |room: Room| room != Room::Checks && is_seen(room);
        let relations = || project.relations.iter().enumerate().filter(|(_, one)| is_seen(one.room));
        let direct: BTreeMap<usize, Why> = relations().filter_map(|(place, one)| Some((place, why(one)?))).collect();
        let reached = project.lineage.reached(direct.keys().copied(), Direction::Outgoing);
        let changed = reached
            .into_iter()
            .filter(|place| project.relations[*place].room != Room::Checks)
            .map(|place| (place, direct.get(&place).copied().unwrap_or(Why::Depends)))
            .collect();
        let broken = project.broken.iter().filter(|broken| broken.room.is_some_and(&is_seen));
        let broken = broken.map(|broken| Change {
            name: broken.name.clone(),
            file: broken.file.display().to_string(),
            why: if published.contains_key(&broken.name) { Why::Edited } else { Why::New },
            problem: broken.problems.first().cloned(),
        });
        let is_gone = |name: &&String| !project.has(name) && !project.macros.iter().any(|one| one.name == **name);
        let gone = published.keys().filter(is_gone).map(|name| Change {
            name: name.clone(),
            file: String::new(),
            why: Why::Removed,
            problem: None,
        });
        Self { project, changed, others: broken.chain(gone).collect() }
    }

    /// All of them, whether anybody asks for them or not.
    fn all(&self) -> Vec<Change> {
        let changed = self.changed.iter().map(|(place, why)| self.change(*place, *why, None));
        changed.chain(self.others.iter().cloned()).collect()
    }

    fn change(&self, place: usize, why: Why, problem: Option<Problem>) -> Change {
        let relation = &self.project.relations[place];
        Change { name: relation.name.clone(), file: relation.file.display().to_string(), why, problem }
    }

    /// The places to make for a query, inputs first.
    fn needed(&self, query: Option<&str>) -> BTreeSet<usize> {
        let asked = query.map(words);
        let is_asked = |place: &usize| {
            let relation = &self.project.relations[*place];
            asked.as_ref().map_or(relation.room == Room::Views, |words| words.contains(&relation.name))
        };
        let reached = self.project.lineage.reached(self.changed.keys().copied().filter(is_asked), Direction::Incoming);
        reached.into_iter().filter(|place| self.changed.contains_key(place)).collect()
    }

    /// Makes what a query needs; returns what the query will see, and what is wrong with what it names.
    fn make(&self, db: &Connection, query: Option<&str>, published: &BTreeMap<String, String>) -> Result<Vec<Change>> {
        let needed = self.needed(query);
        let mut made = Made::of(db)?;
        let asked = query.map(words);
        let is_asked = |change: &&Change| asked.as_ref().is_none_or(|words| words.contains(&change.name));
        let mut changes: Vec<Change> = self.others.iter().filter(is_asked).cloned().collect();
        let macros = || self.project.macros.iter();
        let differs = |one: &super::Macro| published.get(&one.name) != Some(&one.digest);
        let is_named = |one: &super::Macro| asked.as_ref().is_none_or(|words| words.contains(&one.name));
        if needed.is_empty() && made.is_empty() && !macros().any(|one| differs(one) && is_named(one)) {
            return Ok(changes);
        }
        drop_macros(db, |name| macros().any(|one| one.name == name && !differs(one)))?;
        for one in macros().filter(|one| differs(one)) {
            let error = one.create(db, true).err();
            let why = if published.contains_key(&one.name) { Why::Edited } else { Why::New };
            let (name, file) = (one.name.clone(), one.file.display().to_string());
            if is_named(one) || error.is_some() {
                changes.push(Change { name, file, why, problem: error.map(|error| one.problem(&error)) });
            }
        }
        let inputs: BTreeSet<&String> =
            needed.iter().flat_map(|place| &self.project.relations[*place].inputs).collect();
        // of what is made here, by its own text and by that of what it reads
        let mut states: BTreeMap<&str, String> = BTreeMap::new();
        for place in &needed {
            let relation = &self.project.relations[*place];
            let mut digest = Sha256::new();
            digest.update(&relation.digest);
            relation.inputs.iter().filter_map(|input| states.get(input.as_str())).for_each(|one| digest.update(one));
            let state = hex::encode(&digest.finalize()[..8]);
            // what others read is worked out once, as a run does; what the query reads itself, as far as it is read
            let is_table = relation.materialize == Materialize::Table && inputs.contains(&relation.name);
            let problem = made.make(db, relation, &state, is_table).err();
            if problem.is_none() {
                states.insert(&relation.name, state);
            }
            changes.push(self.change(*place, self.changed[place], problem));
        }
        let changed = |name: &str| self.changed.keys().any(|place| self.project.relations[*place].name == name);
        made.drop_others(db, changed)?;
        Ok(changes)
    }
}

/// What stands on a connection before the published relations: kind and state by name.
#[derive(Default)]
pub(super) struct Made(BTreeMap<String, (String, String)>);

/// What the comment of such a relation ends with, before its state.
const STATE: &str = " [file as it is now: ";

impl Made {
    fn of(db: &Connection) -> Result<Self> {
        let sql = "select view_name, 'view', comment from duckdb_views() where temporary and not internal
             union all select table_name, 'table', comment from duckdb_tables() where temporary";
        let mut statement = db.prepare(sql)?;
        let row = |row: &duckdb::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?));
        let rows = statement.query_map([], row)?.collect::<duckdb::Result<Vec<(String, String, _)>>>()?;
        let state = |comment: Option<String>| Some(comment?.rsplit_once(STATE)?.1.trim_end_matches(']').to_owned());
        Ok(Self(rows.into_iter().filter_map(|(name, kind, comment)| Some((name, (kind, state(comment)?)))).collect()))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes one, unless it is there.
    pub(super) fn make(
        &mut self,
        db: &Connection,
        relation: &Relation,
        state: &str,
        is_table: bool,
    ) -> Result<(), Problem> {
        let there = self.0.get(&relation.name);
        if there.is_some_and(|(kind, of)| of == state && (kind == "table" || !is_table)) {
            return Ok(());
        }
        let odd = |error: duckdb::Error| relation.odd(crate::warehouse::short_error(&error));
        let name = ident(&relation.name);
        if let Some((kind, _)) = there {
            db.execute_batch(&format!("drop {kind} temp.{name}")).map_err(odd)?;
            self.0.remove(&relation.name);
        }
        let kind = if is_table { "table" } else { "view" };
        let statement = format!("create temp {kind} {name} as\nfrom (\n{}\n)", relation.sql);
        located(db, &statement, |sql| db.execute_batch(sql))
            .map_err(|fault| explain(relation, &statement, &fault, 2))?;
        let comment = quote(&format!("{}{STATE}{state}]", relation.description));
        db.execute_batch(&format!("comment on {kind} temp.{name} is {comment}")).map_err(odd)?;
        self.0.insert(relation.name.clone(), (kind.to_owned(), state.to_owned()));
        let problem = relation.column_problems(db).ok().and_then(|found| found.into_iter().next());
        problem.map_or(Ok(()), Err)
    }

    /// Drops what no longer stands for a file that differs.
    fn drop_others(&self, db: &Connection, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
        for (name, (kind, _)) in self.0.iter().filter(|(name, _)| !is_wanted(name)) {
            db.execute_batch(&format!("drop {kind} temp.{}", ident(name)))?;
        }
        Ok(())
    }
}

/// Drops temporary macros that stand before published ones which are the same again.
fn drop_macros(db: &Connection, is_same: impl Fn(&str) -> bool) -> Result<()> {
    let sql = "select distinct function_name from duckdb_functions() where database_name = 'temp' and function_type = 'macro'";
    let mut statement = db.prepare(sql)?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    for name in names.iter().filter(|name| is_same(name)) {
        db.execute_batch(&format!("drop macro temp.{}", ident(name)))?;
    }
    Ok(())
}

/// The words of a text, in lower case: whatever may name a relation in it.
fn words(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
