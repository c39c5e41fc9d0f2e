//! What the prompt knows of what is being typed: how it may go on, and whether it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::Result;
use duckdb::Connection;
use rustyline::completion::{Completer, FilenameCompleter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Highlighter, Hinter};

use super::commands::{self, MODES, mode_name};
use crate::query::session::Session;
use crate::query::statements::{Kind, Token, is_complete, tokens};
use crate::sql_project::{Project, Room};
use crate::warehouse::ident;

/// The words there are.
#[derive(Default)]
pub struct Words {
    /// Relations with their columns; those of other schemas than `main` with its name.
    relations: BTreeMap<String, Vec<String>>,
    functions: Vec<String>,
    keywords: BTreeSet<String>,
}

impl Words {
    /// Those of an open warehouse and of the project.
    ///
    /// # Errors
    /// DuckDB does not tell them.
    pub fn of(session: &Session<'_>, project: Option<&Project>) -> Result<Self> {
        let db = session.db();
        let mut words = Self {
            functions: texts(db, "select distinct function_name from duckdb_functions() order by all")?,
            keywords: texts(db, "select keyword_name from duckdb_keywords()")?.into_iter().collect(),
            ..Self::default()
        };
        words.functions.retain(|name| is_plain(name));
        let mut statement = db.prepare(
            "select if(schema_name = 'main', '', schema_name || '.') || table_name, column_name from duckdb_columns()
             where not internal order by database_name, table_oid, column_index",
        )?;
        let columns = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        for found in columns {
            let (relation, column) = found?;
            let columns = words.relations.entry(relation).or_default();
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        // what is in no warehouse yet
        for relation in
            project.into_iter().flat_map(|project| &project.relations).filter(|relation| relation.room != Room::Checks)
        {
            let described = || relation.columns.iter().map(|column| column.name.clone()).collect();
            words.relations.entry(relation.name.clone()).or_insert_with(described);
        }
        Ok(words)
    }

    /// Where the word begins that ends at a byte of a text, and what it may become.
    fn complete(&self, text: &str, at: usize) -> (usize, Vec<String>) {
        let before: Vec<Token> = tokens(&text[..at]).collect();
        let (word, before) = match before.split_last() {
            Some((Token { kind: Kind::Text | Kind::Comment, place }, _)) if place.end == at => return (at, Vec::new()),
            Some((Token { kind: Kind::Word, place }, before)) if place.end == at => (place.clone(), before),
            _ => (at..at, &before[..]),
        };
        let begun = text[word.clone()].to_lowercase();
        let named = self.named(&text[statement_around(text, at)]);
        let found: Vec<String> = match qualifier(text, before) {
            Some(qualifier) => {
                let qualifier = qualifier.to_lowercase();
                let schema = format!("{qualifier}.");
                let of_schema = self.relations.keys().filter_map(|name| name.strip_prefix(&schema)).map(str::to_owned);
                let columns = named.get(&qualifier).and_then(|relation| self.relations.get(relation));
                of_schema.chain(columns.into_iter().flatten().map(|name| self.written(name))).collect()
            }
            None => {
                let columns: BTreeSet<&String> =
                    named.values().filter_map(|relation| self.relations.get(relation)).flatten().collect();
                let is_bare = begun.is_empty();
                let others = self.functions.iter().map(|name| format!("{name}(")).chain(self.keywords.iter().cloned());
                let is_shouted = text[word.clone()].chars().all(|c| !c.is_lowercase());
                let others = others.filter(|_| !is_bare);
                let others = others.map(|name| if is_shouted { name.to_uppercase() } else { name });
                let relations = self.relations.keys().filter(|_| !is_bare || named.is_empty()).cloned();
                columns.into_iter().map(|name| self.written(name)).chain(relations).chain(others).collect()
            }
        };
        let mut seen = BTreeSet::new();
        let fits = |name: &String| name.trim_start_matches('"').to_lowercase().starts_with(&begun);
        (word.start, found.into_iter().filter(|name| fits(name) && seen.insert(name.clone())).collect())
    }

    /// Relations that a statement names, each by its name and by what the statement calls it.
    fn named(&self, statement: &str) -> BTreeMap<String, String> {
        let all: Vec<Token> = tokens(statement).filter(|token| token.kind != Kind::Comment).collect();
        let text = |token: &Token| match token.kind {
            Kind::Name => statement[token.place.clone()].trim_matches('"').to_lowercase(),
            _ => statement[token.place.clone()].to_lowercase(),
        };
        let mut named = BTreeMap::new();
        for (index, token) in all.iter().enumerate().filter(|(_, token)| matches!(token.kind, Kind::Word | Kind::Name))
        {
            let name = text(token);
            let before = index.checked_sub(2).map(|_| (text(&all[index - 1]), text(&all[index - 2])));
            let full = match before {
                Some((dot, schema)) if dot == "." && schema != "main" => format!("{schema}.{name}"),
                _ => name.clone(),
            };
            if !self.relations.contains_key(&full) {
                continue;
            }
            let mut after = all[index + 1..].iter().map(text).skip_while(|word| word == "as");
            if let Some(alias) = after.next().filter(|word| is_plain(word) && !self.keywords.contains(word)) {
                named.insert(alias, full.clone());
            }
            named.insert(name, full);
        }
        named
    }

    /// A column as it has to be written.
    fn written(&self, name: &str) -> String {
        if is_plain(name) && !self.keywords.contains(name) { name.to_owned() } else { ident(name) }
    }
}

fn texts(db: &Connection, sql: &str) -> Result<Vec<String>> {
    Ok(db.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?)
}

/// Whether a name can stand without quotes.
fn is_plain(name: &str) -> bool {
    let begins = |c: char| c.is_ascii_lowercase() || c == '_';
    name.starts_with(begins) && name.chars().all(|c| begins(c) || c.is_ascii_digit())
}

/// The name before the dot that the word stands behind.
fn qualifier<'a>(text: &'a str, before: &[Token]) -> Option<&'a str> {
    let [.., name, dot] = before else { return None };
    let is_qualifier = text[dot.place.clone()] == *"." && matches!(name.kind, Kind::Word | Kind::Name);
    is_qualifier.then(|| text[name.place.clone()].trim_matches('"'))
}

/// The statement of a text in which a byte stands.
fn statement_around(text: &str, at: usize) -> Range<usize> {
    let ends = || tokens(text).filter(|token| matches!(token.kind, Kind::End | Kind::VerticalEnd));
    let start = ends().filter(|end| end.place.end <= at).last().map_or(0, |end| end.place.end);
    start..ends().find(|end| end.place.start >= at).map_or(text.len(), |end| end.place.start)
}

/// What the line editor asks while somebody types.
#[derive(Helper, Hinter, Highlighter)]
pub struct Typing {
    /// The words there are now.
    pub words: Words,
    files: FilenameCompleter,
}

impl Typing {
    /// One that knows these words.
    pub fn new(words: Words) -> Self {
        Self { words, files: FilenameCompleter::new() }
    }
}

impl Completer for Typing {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &line[..at];
        let Some((command, begun)) = typed.split_once(' ').filter(|_| typed.starts_with('.')) else {
            return Ok(match typed.starts_with('.') {
                true => (0, commands::names().filter(|name| name.starts_with(typed)).collect()),
                false => self.words.complete(line, at),
            });
        };
        let of = |names: Vec<String>| (at - begun.len(), names.into_iter().filter(|n| n.starts_with(begun)).collect());
        Ok(match command {
            ".read" | ".output" => {
                let (start, found) = self.files.complete_path(line, at)?;
                (start, found.into_iter().map(|pair| pair.replacement).collect())
            }
            ".mode" => of(MODES.into_iter().map(mode_name).collect()),
            ".timer" => of(vec!["on".to_owned(), "off".to_owned()]),
            ".columns" | ".describe" | ".lineage" | ".schema" | ".source" | ".tables" => {
                of(self.words.relations.keys().cloned().collect())
            }
            _ => of(Vec::new()),
        })
    }
}

impl Validator for Typing {
    /// A statement goes on until it ends; a command is a line.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let line = context.input().trim();
        let is_command = line.starts_with(['.', '\\']) || ["quit", "exit", "help"].contains(&line);
        Ok(if is_command || is_complete(line) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let relation = |name: &str, columns: &[&str]| {
            (name.to_owned(), columns.iter().map(|column| (*column).to_owned()).collect())
        };
        Words {
            relations: [
                relation("datasets", &["dataset_id", "title"]),
                relation("orders", &["order_id", "dataset_id", "price", "hit_rate@10", "select"]),
                relation("raw.task", &["id"]),
            ]
            .into(),
            functions: vec!["date_trunc".to_owned(), "datediff".to_owned()],
            keywords: ["as", "desc", "from", "join", "select", "where"].map(str::to_owned).into(),
        }
    }

    /// What `|` may become in a text.
    fn after(text: &str) -> Vec<String> {
        let at = text.find('|').expect("a cursor");
        words().complete(&text.replace('|', ""), at).1
    }

    #[test]
    fn a_word_becomes_what_there_is_where_it_stands() {
        for (text, expected) in [
            ("from dat|", &["datasets", "date_trunc(", "datediff("][..]),
            ("select dat| from orders", &["dataset_id", "datasets", "date_trunc(", "datediff("]),
            (
                "select o.| from orders as o join datasets d",
                &["order_id", "dataset_id", "price", "\"hit_rate@10\"", "\"select\""],
            ),
            ("select d.t| from orders as o join datasets d", &["title"]),
            ("select orders.p| from orders where", &["price"]),
            ("select t.| from raw.task t", &["id"]),
            ("from raw.|", &["task"]),
            ("SEL|", &["SELECT"]),
            ("from |", &["datasets", "orders", "raw.task"]),
            ("select ti| from orders; from datasets", &[]),
            ("select 'dat|", &[]),
            ("-- dat|", &[]),
            ("select hi| from orders", &["\"hit_rate@10\""]),
        ] {
            assert_eq!(after(text), expected, "{text}");
        }
    }
}
