//! The dot commands of the prompt.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use super::AtPrompt;
use crate::common::language::{either, t};
use crate::common::likeness::hint;
use crate::common::terminal::{left, say};
use crate::query::{Format, Query};
use crate::sql_project::{Project, current};
use crate::warehouse::quote;

/// Every command: its name, what may follow it, and what it does.
const COMMANDS: [(&str, &str, [&str; 2]); 13] = [
    ("help", "", ["this list", "显示本列表"]),
    ("tables", "[WORD]", ["relations, those whose names hold the word", "列出关系（名字含该词的）"]),
    ("columns", "NAME", ["the columns of a relation, with their types and descriptions", "关系的各列、类型与说明"]),
    ("describe", "NAME", ["what a relation is, its file and its columns", "关系的说明、文件与各列"]),
    (
        "schema",
        "[NAME]",
        ["a relation, or each, as DuckDB would make it again", "DuckDB 重建该关系（或全部关系）的语句"],
    ),
    ("source", "NAME", ["the file of a relation", "关系的文件内容"]),
    ("lineage", "NAME", ["what a relation reads and what reads it", "关系读取什么、被什么读取"]),
    (
        "mode",
        "[MODE]",
        ["how results are written: table, vertical, json, csv", "结果的写法：table、vertical、json、csv"],
    ),
    ("rows", "[N]", ["how many rows of a result are shown; 0 shows all", "显示结果的几行；0 为全部"]),
    ("timer", "[on|off]", ["whether the time is told that an answer took", "是否显示用时"]),
    (
        "output",
        "[FILE]",
        ["write results into a file; without one, on the screen again", "把结果写入文件；不写文件名则回到屏幕"],
    ),
    ("read", "FILE", ["run the statements of a file", "执行文件中的语句"]),
    ("quit", "", ["end, as Ctrl-D does", "结束（同 Ctrl-D）"]),
];

/// The names of all commands, with their dots.
pub fn names() -> impl Iterator<Item = String> {
    COMMANDS.iter().map(|(name, ..)| format!(".{name}"))
}

/// How results can be written at a prompt.
pub const MODES: [Format; 4] = [Format::Table, Format::Vertical, Format::Json, Format::Csv];

/// The word for a way to write results.
pub fn mode_name(mode: Format) -> String {
    mode.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl AtPrompt<'_> {
    /// Does a command; `line` is what was typed after its dot.
    pub(super) fn command(&mut self, line: &str) -> Result<()> {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim().trim_end_matches(';').trim_end();
        let named = || {
            ensure!(!rest.is_empty(), t!("name one: .{name} NAME", "请给出名字：.{name} 名字"));
            Ok(rest)
        };
        match name {
            "help" => help(),
            "tables" => return self.tables(rest),
            "columns" => return self.columns(named()?),
            "describe" => return self.describe(named()?),
            "schema" => return self.schema(rest),
            "source" => say!("{}", self.project()?.get(named()?)?.sql),
            "lineage" => say!("{}", self.project()?.neighbours(named()?)?),
            "mode" => return self.mode(rest),
            "rows" if rest.is_empty() => say!("{}", self.prompt.rows.unwrap_or(0)),
            "rows" => {
                let rows: u64 = rest.parse().ok().with_context(|| {
                    t!(
                        "{rest:?} is no number of rows; write one, as .rows 100",
                        "{rest:?} 不是行数；请写数字，如 .rows 100"
                    )
                })?;
                self.prompt.rows = Some(rows).filter(|rows| *rows > 0);
            }
            "timer" => match rest {
                "on" => self.is_timed = true,
                "off" => self.is_timed = false,
                "" => say!("{}", if self.is_timed { "on" } else { "off" }),
                other => bail!(t!("{other:?} is neither on nor off", "{other:?} 应为 on 或 off")),
            },
            "output" => return self.output(rest),
            "read" => return self.ask(&Query::of_file(Path::new(named()?))?),
            "quit" | "exit" => self.is_over = true,
            other => bail!(t!(
                "there is no command .{other}{}; .help lists them",
                "没有命令 .{other}{}；.help 可列出全部",
                hint(other, COMMANDS.iter().map(|(name, ..)| *name))
            )),
        }
        Ok(())
    }

    /// The project as its files are now.
    fn project(&self) -> Result<Arc<Project>> {
        current(self.prompt.config, self.session.db())
    }

    fn tables(&mut self, word: &str) -> Result<()> {
        let word = quote(word);
        self.ask(&Query::of(format!(
            "select if(schema_name = 'main', '', schema_name || '.') || name as relation, kind, description
             from (select schema_name, table_name as name, if(temporary, 'temporary table', 'table') as kind, comment as description
                   from duckdb_tables() where not internal
                   union all
                   select schema_name, view_name, if(temporary, 'temporary view', 'view'), comment
                   from duckdb_views() where not internal)
             where contains(lower(relation), lower({word})) order by all"
        )))
    }

    fn columns(&mut self, name: &str) -> Result<()> {
        let (schema, name) = self.found(name)?;
        let (schema, name) = (quote(&schema), quote(&name));
        self.ask(&Query::of(format!(
            "select column_name, data_type as type, comment as description from duckdb_columns()
             where schema_name = {schema} and table_name = {name}
             qualify dense_rank() over (order by database_name = 'temp' desc) = 1 order by column_index"
        )))
    }

    fn describe(&mut self, name: &str) -> Result<()> {
        let project = self.project()?;
        if let Some(told) = project.head(name) {
            say!("{told}");
            if !project.has(name) {
                return Ok(());
            }
        }
        self.columns(name)
    }

    fn schema(&mut self, name: &str) -> Result<()> {
        let wanted = match name {
            "" => "true".to_owned(),
            name => {
                let (schema, name) = self.found(name)?;
                format!("schema_name = {} and name = {}", quote(&schema), quote(&name))
            }
        };
        let mut statement = self.session.db().prepare(&format!(
            "select sql from (select schema_name, table_name as name, sql from duckdb_tables() where not internal
                              union all select schema_name, view_name, sql from duckdb_views() where not internal)
             where {wanted} order by schema_name, name, sql"
        ))?;
        let texts = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<duckdb::Result<Vec<_>>>()?;
        texts.iter().for_each(|text| say!("{text}"));
        Ok(())
    }

    /// The schema and the name of a relation.
    fn found(&self, name: &str) -> Result<(String, String)> {
        let (schema, bare) = name.split_once('.').unwrap_or(("main", name));
        let mut statement = self
            .session
            .db()
            .prepare("select distinct schema_name, table_name from duckdb_columns() where not internal order by all")?;
        let all: Vec<(String, String)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<duckdb::Result<_>>()?;
        let is_it = |one: &&(String, String)| one.0.eq_ignore_ascii_case(schema) && one.1.eq_ignore_ascii_case(bare);
        let found = all.iter().find(is_it).cloned();
        found.with_context(|| {
            let hint = hint(bare, all.iter().map(|(_, name)| name.as_str()));
            t!("there is no relation {name}{hint}", "没有关系 {name}{hint}")
        })
    }

    fn mode(&mut self, name: &str) -> Result<()> {
        if name.is_empty() {
            say!("{}", mode_name(self.prompt.format));
            return Ok(());
        }
        let found = MODES.into_iter().find(|mode| mode_name(*mode) == name);
        self.prompt.format = found.with_context(|| {
            let names: Vec<String> = MODES.into_iter().map(mode_name).collect();
            t!("there is no mode {name}; there are {}", "没有 {name} 这种写法；可用 {}", names.join(", "))
        })?;
        Ok(())
    }

    fn output(&mut self, name: &str) -> Result<()> {
        self.output = None;
        if !name.is_empty() {
            let cannot = || t!("{name} cannot be written", "{name} 无法写入");
            self.output = Some(File::create(name).with_context(cannot)?);
            say!("{}", t!("results go into {name}; .output ends that", "结果将写入 {name}；.output 可结束"));
        }
        Ok(())
    }
}

fn help() {
    for (name, rest, what) in COMMANDS {
        say!("{}  {}", left(&format!(".{name} {rest}"), 18), either(what[0], what[1]));
    }
    say!(
        "{}",
        either(
            "A statement ends with ; or, for one column a line, with \\G. Tab completes, Ctrl-C stops a query, Ctrl-D ends.",
            "语句以 ; 结尾；以 \\G 结尾则每列一行。Tab 补全，Ctrl-C 中断查询，Ctrl-D 结束。"
        )
    );
}
