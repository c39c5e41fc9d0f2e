//! Macros: expressions that several files share. They are kept in the warehouse, so that every client has them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use duckdb::Connection;

use super::errors::Problem;
use super::header::Header;
use super::source_file::SourceFile;
use super::syntax::Syntax;
use crate::common::language::t;
use crate::warehouse::{ident, quote, short_error};

/// The macros' folder below the project's.
pub(super) const FOLDER: &str = "sql/macros";

/// The names of DuckDB's own functions, which take as long to list as all macros to read: asked for once.
fn own_functions(parser: &Connection) -> &'static BTreeSet<String> {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let names = || {
            let mut statement = parser.prepare("select distinct function_name from duckdb_functions()")?;
            statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()
        };
        names().unwrap_or_default()
    })
}

/// A file of `sql/macros/`: `create or replace macro NAME(…) as`, and an expression that reads no relation.
#[derive(Debug)]
pub struct Macro {
    /// As it is called; also the file's name.
    pub name: String,
    /// As shown to people: relative to the project.
    pub file: PathBuf,
    /// What it gives, in a sentence.
    pub description: String,
    /// Its parameters, as they stand between the brackets.
    pub parameters: String,
    expression: String,
    pub(super) syntax: Syntax,
    /// Of its text, and of the macros that it calls.
    pub digest: String,
}

impl Macro {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it by itself.
    pub(super) fn read(parser: &Connection, source: SourceFile) -> Result<Self, Vec<Problem>> {
        let SourceFile { name, file, sql } = source;
        let header = Header::read(&sql);
        let mut problems = header.problems(&file);
        let description = header.description(&file).map_err(|problem| problems.push(problem)).unwrap_or_default();
        if own_functions(parser).contains(&name) {
            let message = t!(
                "DuckDB has a function {name} of its own; rename the file and the macro",
                "DuckDB 已有函数 {name}；请给文件与宏改名"
            );
            problems.push(Problem::of_file(&file, message));
        }
        let text = sql.replace("\r\n", "\n");
        let header: usize = text.split_inclusive('\n').take_while(|line| line.starts_with("--")).map(str::len).sum();
        let head = format!("create or replace macro {name}(");
        let Some((parameters, expression)) =
            text[header..].strip_prefix(&head).and_then(|rest| rest.split_once(") as\n"))
        else {
            let message = t!(
                "after its header a macro's file says `{head}…) as`, and on the next lines an expression",
                "宏文件在文件头之后应写 `{head}…) as`，其后是一个表达式"
            );
            problems.push(Problem::of_file(&file, message));
            return Err(problems);
        };
        // in brackets, nothing but one expression is a SELECT; its lines are those of the file
        let above = "\n".repeat(text[..text.len() - expression.len()].matches('\n').count());
        let syntax = match Syntax::of(parser, &file, &format!("select ({above}{expression}\n)")) {
            Ok(syntax) => syntax,
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        if let Some(relation) = syntax.relations.first() {
            let message = t!(
                "a macro reads no relation, and this one reads {relation}; make it a relation itself",
                "宏不能读关系，而它读了 {relation}；请改成关系"
            );
            problems.push(Problem::of_file(&file, message));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (parameters, expression) = (parameters.to_owned(), expression.to_owned());
        Ok(Self { name, file, description, parameters, expression, syntax, digest: String::new() })
    }

    /// What its digest is made of, but for what it calls.
    pub(super) fn text(&self) -> String {
        format!("{}({}) {}", self.name, self.parameters, self.expression)
    }

    /// Why it cannot be made, as a problem of its file.
    pub(super) fn problem(&self, error: &anyhow::Error) -> Problem {
        error.downcast_ref().cloned().unwrap_or_else(|| Problem::of_file(&self.file, format!("{error:#}")))
    }

    /// What it gives, and the variables that a client must have set for it.
    fn comment(&self) -> String {
        let variables: Vec<&str> = self.syntax.variables.iter().map(String::as_str).collect();
        let needed = if variables.is_empty() {
            String::new()
        } else {
            format!(" Needs: set variable {}.", variables.join(", "))
        };
        format!("{}{needed}", self.description)
    }

    /// Makes the macro: in the warehouse, or for this connection alone, where it goes before one of the warehouse's.
    ///
    /// # Errors
    /// DuckDB does not take its expression.
    pub(super) fn create(&self, db: &Connection, is_temporary: bool) -> Result<()> {
        let (kind, name) = (if is_temporary { "temp macro" } else { "macro" }, ident(&self.name));
        db.execute_batch(&format!("create or replace {kind} {name}({}) as\n{}", self.parameters, self.expression))
            .map_err(|e| Problem::of_file(&self.file, short_error(&e)))?;
        if !is_temporary {
            db.execute_batch(&format!("comment on macro {name} is {}", quote(&self.comment()))).with_context(|| {
                t!("{}: its description could not be kept", "{}：说明未能保存", self.file.display())
            })?;
        }
        Ok(())
    }
}
