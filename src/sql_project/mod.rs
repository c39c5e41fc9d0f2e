//! The SQL project: one `SELECT` a file in `sql/` and `views/`, ordered by what each reads.
//!
//! A file's name is its relation's name and its first comment lines are its header. There are no templates: what feeds
//! what is read from DuckDB's own parse tree, so a file runs as it is in any DuckDB client.

mod bound;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use duckdb::Connection;
use serde_json::Value;

use crate::common::files;
use crate::warehouse::{self, ident, quote};

pub use bound::check_against_warehouse;

/// The rooms of the project, in the order data walks through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    Staging,
    Clean,
    Features,
    Evaluate,
    Reconcile,
    Checks,
    Views,
}

impl Room {
    const ALL: [Self; 7] =
        [Self::Staging, Self::Clean, Self::Features, Self::Evaluate, Self::Reconcile, Self::Checks, Self::Views];

    /// The room's folder below the project's.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Staging => "sql/staging",
            Self::Clean => "sql/clean",
            Self::Features => "sql/features",
            Self::Evaluate => "sql/evaluate",
            Self::Reconcile => "sql/reconcile",
            Self::Checks => "sql/checks",
            Self::Views => "views",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Materialize {
    Table,
    View,
}

/// A file of the project: a relation, or in `sql/checks/` an assertion.
#[derive(Debug)]
pub struct Relation {
    pub name: String,
    pub room: Room,
    /// As shown to people: relative to the project.
    pub file: PathBuf,
    pub sql: String,
    pub description: String,
    pub materialize: Materialize,
    /// Columns whose values are there once; also the order of its rows.
    pub key: Vec<String>,
    /// Whether a Parquet copy goes to `processed/`.
    pub export: bool,
    pub chart: Option<String>,
    /// Relations it reads, in the project or `raw.…`.
    pub inputs: BTreeSet<String>,
}

/// What building one relation took.
#[derive(Debug)]
pub struct Built {
    pub name: String,
    pub rows: u64,
    pub elapsed: Duration,
}

/// All relations, inputs before what reads them.
pub struct Project {
    pub relations: Vec<Relation>,
}

impl Project {
    /// Reads `sql/` and `views/` below `dir`, and orders them. `raw_tables` are the tables extraction makes.
    ///
    /// # Errors
    /// All that is wrong with any file, a line each: no single `SELECT`, a syntax error (with file, line and caret),
    /// an unknown relation, a name used twice, a cycle (with the way around).
    pub fn load(dir: &Path, raw_tables: &[String]) -> Result<Self> {
        let parser = warehouse::small()?;
        let mut relations: Vec<Relation> = Vec::new();
        let mut problems = Vec::new();
        for room in Room::ALL {
            for file in sql_files(&dir.join(room.folder()))? {
                match read_relation(&parser, dir, room, &file) {
                    Ok(relation) => {
                        if let Some(twin) = relations.iter().find(|r| r.name == relation.name) {
                            problems.push(format!(
                                "{}: the name {} is taken by {}; rename one of the files",
                                relation.file.display(),
                                relation.name,
                                twin.file.display()
                            ));
                        } else {
                            relations.push(relation);
                        }
                    }
                    Err(problem) => problems.push(format!("{problem:#}")),
                }
            }
        }
        let known: BTreeSet<&str> = relations
            .iter()
            .filter(|r| r.room != Room::Checks)
            .map(|r| r.name.as_str())
            .chain(raw_tables.iter().map(String::as_str))
            .collect();
        for relation in &relations {
            for input in relation.inputs.iter().filter(|input| !known.contains(input.as_str())) {
                problems.push(unknown_relation(relation, input, &known));
            }
        }
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        Ok(Self { relations: ordered(relations)? })
    }

    pub fn get(&self, name: &str) -> Result<&Relation> {
        self.relations.iter().find(|r| r.name == name).with_context(|| {
            format!("the project has no relation {name}; it needs a file {name}.sql in sql/ or views/")
        })
    }

    /// The relations of the rooms asked for and all they need, inputs first.
    pub fn needed_for(&self, rooms: &[Room]) -> Vec<&Relation> {
        let mut needed: BTreeSet<&str> =
            self.relations.iter().filter(|r| rooms.contains(&r.room)).map(|r| r.name.as_str()).collect();
        for relation in self.relations.iter().rev() {
            if needed.contains(relation.name.as_str()) {
                needed.extend(relation.inputs.iter().map(String::as_str));
            }
        }
        self.relations.iter().filter(|r| r.room != Room::Checks && needed.contains(r.name.as_str())).collect()
    }

    /// Drops relations whose files are gone.
    pub fn drop_strangers(&self, db: &Connection) -> Result<()> {
        for (name, kind) in existing(db)? {
            if !self.relations.iter().any(|r| r.name == name) {
                db.execute_batch(&format!("drop {kind} {} cascade", ident(&name)))
                    .with_context(|| format!("the {kind} {name}, whose file is gone, could not be dropped"))?;
            }
        }
        Ok(())
    }

    /// Runs every check and returns the violations, a line each.
    pub fn violations(&self, db: &Connection) -> Result<Vec<String>> {
        let mut found = Vec::new();
        // a run of one step alone may leave others for the next
        let there = existing(db)?;
        let is_there = |relation: &&Relation| relation.room == Room::Checks || there.contains_key(&relation.name);
        for relation in self.relations.iter().filter(is_there) {
            match relation.room {
                Room::Checks => {
                    let sql = format!(
                        "select count(*), any_value(to_json(violations)) from (\n{}\n) as violations",
                        relation.sql
                    );
                    let (rows, example): (u64, Option<String>) = db
                        .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
                        .map_err(|e| explain(relation, &e, 1))?;
                    if rows > 0 {
                        found.push(format!(
                            "{}: {rows} row(s), such as {}",
                            relation.file.display(),
                            example.unwrap_or_default()
                        ));
                    }
                }
                _ if !relation.key.is_empty() => {
                    let key = relation.key.iter().map(|c| ident(c)).collect::<Vec<_>>().join(", ");
                    let sql = format!(
                        "select count(*), any_value(example) from (
                             select concat_ws(', ', {key}) as example from {} group by {key} having count(*) > 1)",
                        ident(&relation.name)
                    );
                    let (keys, example): (u64, Option<String>) =
                        db.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|e| {
                            anyhow!(
                                "{}: its key ({key}) cannot be checked: {}",
                                relation.file.display(),
                                warehouse::short_error(&e)
                            )
                        })?;
                    if keys > 0 {
                        found.push(format!(
                            "{}: {keys} value(s) of its key ({}) stand in more than one row, such as {}",
                            relation.file.display(),
                            relation.key.join(", "),
                            example.unwrap_or_default()
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// What feeds what, as (input, relation) pairs.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.relations.iter().flat_map(|r| r.inputs.iter().map(move |i| (i.as_str(), r.name.as_str())))
    }
}

impl Relation {
    /// Checks names, columns and types against the relations that `db` holds, without running anything.
    pub fn bind(&self, db: &Connection) -> Result<()> {
        db.prepare(&format!("describe\n{}", self.sql))
            .and_then(|mut statement| statement.query([]).map(drop))
            .map_err(|e| explain(self, &e, 1))
    }

    /// Makes the relation in the warehouse.
    pub fn build(&self, db: &Connection) -> Result<Built> {
        let started = Instant::now();
        let name = ident(&self.name);
        let other = match self.materialize {
            Materialize::Table => "view",
            Materialize::View => "table",
        };
        if existing(db)?.get(&self.name).map(String::as_str) == Some(other) {
            db.execute_batch(&format!("drop {other} {name} cascade"))?;
        }
        let (kind, order) = match self.materialize {
            Materialize::View => ("view", String::new()),
            Materialize::Table if self.key.is_empty() => ("table", String::new()),
            Materialize::Table => {
                ("table", format!(" order by {}", self.key.iter().map(|c| ident(c)).collect::<Vec<_>>().join(", ")))
            }
        };
        // the file starts on the statement's third line, so that DuckDB's line numbers can be taken back to it
        let statement = format!("create or replace {kind} {name} as\nfrom (\n{}\n){order}", self.sql);
        db.execute_batch(&statement).map_err(|e| explain(self, &e, 2))?;
        let rows = match self.materialize {
            Materialize::Table => db.query_row(&format!("select count(*) from {name}"), [], |row| row.get(0))?,
            Materialize::View => 0,
        };
        Ok(Built { name: self.name.clone(), rows, elapsed: started.elapsed() })
    }
}

/// Tables and views of the main schema, each with its kind.
pub fn existing(db: &Connection) -> Result<BTreeMap<String, String>> {
    let mut statement = db.prepare(
        "select table_name, case table_type when 'VIEW' then 'view' else 'table' end
         from information_schema.tables where table_schema = 'main' and table_catalog = current_database()",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

fn sql_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let within = folder.canonicalize().with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "sql") {
            files::plain(&path)?;
            // what an error shows of a file must not be any file's
            if !path.canonicalize().is_ok_and(|real| real.starts_with(&within)) {
                bail!("{} is a link that leaves its folder; put the file itself there", path.display());
            }
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_relation(parser: &Connection, dir: &Path, room: Room, path: &Path) -> Result<Relation> {
    let file = path.strip_prefix(dir).unwrap_or(path).to_path_buf();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        bail!("{}: a relation's name is made of a-z, 0-9 and _; rename the file", file.display());
    }
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read as UTF-8", file.display()))?;
    let sql = text.trim_end().trim_end_matches(';').to_owned();
    let header = header(&text);
    let get = |key: &str| header.get(key).cloned();
    let materialize = match (get("materialize").as_deref(), room) {
        (Some("table"), _) => Materialize::Table,
        (Some("view"), _) | (None, Room::Views) => Materialize::View,
        (None, _) => Materialize::Table,
        (Some(other), _) => bail!("{}: materialize: {other:?} is neither table nor view", file.display()),
    };
    let inputs = references(parser, &file, &sql)?;
    if materialize == Materialize::View && sql.to_lowercase().contains("getvariable") {
        bail!(
            "{}: a view is read by clients that know no variable; write `-- materialize: table` in its header",
            file.display()
        );
    }
    Ok(Relation {
        name,
        room,
        description: get("description")
            .with_context(|| format!("{}: the first line must be `-- description: …`", file.display()))?,
        materialize,
        key: get("key").map(|k| k.split(',').map(|c| c.trim().to_owned()).collect()).unwrap_or_default(),
        export: get("export").as_deref() == Some("parquet"),
        chart: get("chart"),
        file,
        sql,
        inputs,
    })
}

/// The `-- key: value` lines a file opens with; a comment line without a key goes on with the value before it.
fn header(text: &str) -> BTreeMap<String, String> {
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        let Some(comment) = line.strip_prefix("--") else { break };
        let comment = comment.trim();
        match comment.split_once(": ") {
            Some((key, value)) if !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase()) => {
                entries.insert(key.to_owned(), value.trim().to_owned());
                last = Some(key.to_owned());
            }
            _ => {
                if let Some(value) = last.as_ref().and_then(|key| entries.get_mut(key)) {
                    value.push(' ');
                    value.push_str(comment);
                }
            }
        }
    }
    entries
}

/// The relations a query reads, from DuckDB's parse tree.
fn references(parser: &Connection, file: &Path, sql: &str) -> Result<BTreeSet<String>> {
    let text: String = parser
        .query_row("select json_serialize_sql(cast(? as varchar))", [sql], |row| row.get(0))
        .with_context(|| format!("{} cannot be parsed", file.display()))?;
    let tree: Value = serde_json::from_str(&text).context("DuckDB's parse tree is no JSON")?;
    if tree["error"] == true {
        let message = tree["error_message"].as_str().unwrap_or("it cannot be parsed");
        let position = tree["position"].as_str().and_then(|p| p.parse().ok());
        let message = match tree["error_type"].as_str() {
            Some("not implemented") => "a file of the project is one SELECT",
            _ => message,
        };
        return Err(match position {
            Some(position) => caret_at(file, sql, position, message),
            None => anyhow!("{}: {message}", file.display()),
        });
    }
    match tree["statements"].as_array().map(Vec::as_slice) {
        Some([statement]) => {
            let mut found = BTreeSet::new();
            collect(statement, &HashSet::new(), &mut found);
            Ok(found)
        }
        _ => bail!("{}: a file of the project is one SELECT", file.display()),
    }
}

/// Walks the tree with the common table expressions in scope, which hide relations of the same name.
fn collect(node: &Value, scope: &HashSet<String>, found: &mut BTreeSet<String>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| collect(item, scope, found)),
        Value::Object(fields) => {
            if fields.get("type").and_then(Value::as_str) == Some("BASE_TABLE") {
                let schema = fields.get("schema_name").and_then(Value::as_str).unwrap_or_default();
                let table = fields.get("table_name").and_then(Value::as_str).unwrap_or_default().to_lowercase();
                match schema {
                    "" if scope.contains(&table) => {}
                    "" | "main" => drop(found.insert(table)),
                    schema => drop(found.insert(format!("{}.{table}", schema.to_lowercase()))),
                }
            }
            let mut inner = scope.clone();
            if let Some(ctes) = fields.get("cte_map").and_then(|m| m["map"].as_array()) {
                for cte in ctes {
                    let name = cte["key"].as_str().unwrap_or_default().to_lowercase();
                    let mut own = inner.clone();
                    if cte["value"]["query"]["node"]["type"] == "RECURSIVE_CTE_NODE" {
                        own.insert(name.clone());
                    }
                    collect(&cte["value"], &own, found);
                    inner.insert(name);
                }
            }
            for (_, value) in fields.iter().filter(|(key, _)| *key != "cte_map") {
                collect(value, &inner, found);
            }
        }
        _ => {}
    }
}

fn unknown_relation(relation: &Relation, input: &str, known: &BTreeSet<&str>) -> String {
    let bare = input.rsplit('.').next().unwrap_or(input);
    let line = relation
        .sql
        .lines()
        .position(|line| {
            !line.trim_start().starts_with("--")
                && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word.eq_ignore_ascii_case(bare))
        })
        .map_or(1, |index| index + 1);
    let near = known
        .iter()
        .map(|name| (strsim::jaro_winkler(name, input), name))
        .filter(|(similarity, _)| *similarity > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = near.map(|(_, name)| format!("; did you mean {name}?")).unwrap_or_default();
    format!("{}:{line}: no relation {input}{hint}", relation.file.display())
}

/// Inputs before what reads them; among equals by room and name, so that the order is always the same.
fn ordered(relations: Vec<Relation>) -> Result<Vec<Relation>> {
    let names: HashSet<String> = relations.iter().map(|r| r.name.clone()).collect();
    let mut waiting = relations;
    waiting.sort_by(|a, b| (a.room, &a.name).cmp(&(b.room, &b.name)));
    let mut done: Vec<Relation> = Vec::with_capacity(waiting.len());
    let mut built: HashSet<String> = HashSet::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|r| r.inputs.iter().all(|i| !names.contains(i) || built.contains(i)));
        match ready {
            Some(index) => {
                let relation = waiting.remove(index);
                built.insert(relation.name.clone());
                done.push(relation);
            }
            None => bail!("{}", cycle(&waiting)),
        }
    }
    Ok(done)
}

/// Names one cycle among relations that all wait for each other.
fn cycle(waiting: &[Relation]) -> String {
    let find = |name: &str| waiting.iter().find(|r| r.name == name);
    let mut way: Vec<&Relation> = vec![&waiting[0]];
    loop {
        let last = way[way.len() - 1];
        let Some(next) = last.inputs.iter().find_map(|input| find(input)) else {
            return format!("{}: it waits for itself", last.file.display());
        };
        if let Some(start) = way.iter().position(|r| r.name == next.name) {
            let mut names: Vec<&str> = way[start..].iter().map(|r| r.name.as_str()).collect();
            names.push(&next.name);
            let files: Vec<String> = way[start..].iter().map(|r| r.file.display().to_string()).collect();
            return format!(
                "{}: these relations read each other in a circle: {}",
                files.join(", "),
                names.join(" <- ")
            );
        }
        way.push(next);
    }
}

/// DuckDB's error told in terms of the relation's file: its line, and the caret. `above` is the number of lines that
/// stand before the file's text in the statement.
fn explain(relation: &Relation, error: &duckdb::Error, above: usize) -> anyhow::Error {
    let text = warehouse::message(error);
    let file = relation.file.display();
    let Some((message, rest)) = text.split_once("\n\nLINE ") else {
        return anyhow!("{file}: {text}");
    };
    let mut lines = rest.lines();
    let (Some((number, source)), caret) = (lines.next().and_then(|l| l.split_once(": ")), lines.next()) else {
        return anyhow!("{file}: {message}");
    };
    let line = number.parse::<usize>().unwrap_or(above + 1).saturating_sub(above);
    // DuckDB counts the caret from the start of its own "LINE n: "
    let shift = "LINE ".len() + number.len() + ": ".len();
    let caret = caret.map(|c| c.chars().skip(shift).collect::<String>()).unwrap_or_default();
    anyhow!("{file}:{line}: {}\n  {source}\n  {caret}", message.trim())
}

/// An error at a byte of the file's text, with the line and a caret below it.
fn caret_at(file: &Path, sql: &str, position: usize, message: &str) -> anyhow::Error {
    let before = sql.get(..position).unwrap_or(sql);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let source = sql.lines().nth(line - 1).unwrap_or_default();
    anyhow!("{}:{line}: {message}\n  {source}\n  {}^", file.display(), " ".repeat(column))
}

/// Copies a relation to a Parquet file, in the order of its key.
pub fn export_parquet(db: &Connection, relation: &Relation, path: &Path) -> Result<()> {
    db.execute_batch(&format!(
        "copy (from {}) to {} (format parquet)",
        ident(&relation.name),
        quote(&path.to_string_lossy())
    ))
    .with_context(|| format!("{} cannot be written", path.display()))
}
