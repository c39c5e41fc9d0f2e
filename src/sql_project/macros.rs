//! Macros: expressions that several files share. They are kept in the warehouse, so that every client has them.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use duckdb::Connection;

use super::header::Header;
use super::source_file::SourceFile;
use super::syntax::Syntax;
use crate::common::language::t;
use crate::warehouse::{ident, quote, short_error};

/// The macros' folder below the project's.
pub(super) const FOLDER: &str = "sql/macros";

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
}

impl Macro {
    pub(super) fn read(parser: &Connection, source: SourceFile) -> Result<Self> {
        let SourceFile { name, file, sql } = source;
        let shown = file.display();
        let header = Header::read(&sql).map_err(|error| anyhow!("{shown}:{error}"))?;
        let description = header.description(&file)?;
        let is_taken = "select exists (from duckdb_functions() where function_name = ?)";
        if parser.query_row(is_taken, [&name], |row| row.get(0))? {
            bail!(t!(
                "{shown}: DuckDB has a function {name} of its own; rename the file and the macro",
                "{shown}：DuckDB 已有函数 {name}；请给文件与宏改名"
            ));
        }
        let sql = sql.replace("\r\n", "\n");
        let header: usize = sql.split_inclusive('\n').take_while(|line| line.starts_with("--")).map(str::len).sum();
        let head = format!("create or replace macro {name}(");
        let Some((parameters, expression)) =
            sql[header..].strip_prefix(&head).and_then(|rest| rest.split_once(") as\n"))
        else {
            bail!(t!(
                "{shown}: after its header a macro's file says `{head}…) as`, and on the next lines an expression",
                "{shown}：宏文件在文件头之后应写 `{head}…) as`，其后是一个表达式"
            ));
        };
        // in brackets, nothing but one expression is a SELECT; its lines are those of the file
        let above = "\n".repeat(sql[..sql.len() - expression.len()].matches('\n').count());
        let syntax = Syntax::of(parser, &file, &format!("select ({above}{expression}\n)"))?;
        if let Some(relation) = syntax.relations.first() {
            bail!(t!(
                "{shown}: a macro reads no relation, and this one reads {relation}; make it a relation itself",
                "{shown}：宏不能读关系，而它读了 {relation}；请改成关系"
            ));
        }
        let (parameters, expression) = (parameters.to_owned(), expression.to_owned());
        Ok(Self { name, file, description, parameters, expression, syntax })
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
            .map_err(|e| anyhow!("{}: {}", self.file.display(), short_error(&e)))?;
        if !is_temporary {
            db.execute_batch(&format!("comment on macro {name} is {}", quote(&self.comment()))).with_context(|| {
                t!("{}: its description could not be kept", "{}：说明未能保存", self.file.display())
            })?;
        }
        Ok(())
    }
}
