//! What a query reads, from DuckDB's own parse tree: relations, variables, functions.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use duckdb::Connection;
use serde_json::Value;

use super::errors::caret_at;
use crate::common::language::{either, t};
use crate::warehouse::byte_of;

/// Names that a query reads, in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct Syntax {
    /// Relations, of another schema than `main` with its name (`raw.…`); no common table expressions.
    pub relations: BTreeSet<String>,
    /// Functions, macros among them.
    pub functions: BTreeSet<String>,
    /// Variables that it asks `getvariable` for.
    pub variables: BTreeSet<String>,
}

impl Syntax {
    /// Parses one `SELECT`, with `parser` only lending its grammar.
    ///
    /// # Errors
    /// It is not one, it cannot be parsed (with line and caret), or which variable it reads is not to be seen in it.
    pub fn of(parser: &Connection, file: &Path, sql: &str) -> Result<Self> {
        let text: String = parser
            .query_row("select json_serialize_sql(cast(? as varchar))", [sql], |row| row.get(0))
            .with_context(|| t!("{} cannot be parsed", "{} 无法解析", file.display()))?;
        let tree: Value = serde_json::from_str(&text)
            .context(either("DuckDB's parse tree is no JSON", "DuckDB 的语法树不是 JSON"))?;
        if tree["error"] == true {
            let message = tree["error_message"].as_str().unwrap_or(either("it cannot be parsed", "无法解析"));
            // the parser counts characters, and the tree bytes
            let position = tree["position"].as_str().and_then(|p| p.parse().ok()).map(|place| byte_of(sql, place));
            let message = match tree["error_type"].as_str() {
                Some("not implemented") => {
                    either("a file of the project is one SELECT", "项目里的一个文件就是一条 SELECT")
                }
                _ => message,
            };
            return Err(match position {
                Some(position) => caret_at(file, sql, position, message),
                None => anyhow!("{}: {message}", file.display()),
            });
        }
        let Some([statement]) = tree["statements"].as_array().map(Vec::as_slice) else {
            bail!(t!("{}: a file of the project is one SELECT", "{}：项目里的一个文件就是一条 SELECT", file.display()));
        };
        let mut found = Self::default();
        match found.collect(statement, &HashSet::new()) {
            Some(position) => Err(caret_at(
                file,
                sql,
                position,
                either("getvariable takes a name in quotes", "getvariable 的参数是带引号的名字"),
            )),
            None => Ok(found),
        }
    }

    /// Walks the tree with the common table expressions in scope, which hide relations of the same name; returns where a
    /// variable is read whose name is not to be seen.
    fn collect(&mut self, node: &Value, scope: &HashSet<String>) -> Option<usize> {
        match node {
            Value::Array(items) => items.iter().find_map(|item| self.collect(item, scope)),
            Value::Object(fields) => {
                match fields.get("type").and_then(Value::as_str) {
                    Some("BASE_TABLE") => self.add_relation(node, scope),
                    Some("FUNCTION") => {
                        if let Err(position) = self.add_function(node) {
                            return Some(position);
                        }
                    }
                    _ => {}
                }
                let mut inner = scope.clone();
                for cte in fields.get("cte_map").and_then(|m| m["map"].as_array()).into_iter().flatten() {
                    let name = lower(&cte["key"]);
                    let mut own = inner.clone();
                    if cte["value"]["query"]["node"]["type"] == "RECURSIVE_CTE_NODE" {
                        own.insert(name.clone());
                    }
                    if let Some(position) = self.collect(&cte["value"], &own) {
                        return Some(position);
                    }
                    inner.insert(name);
                }
                let rest = fields.iter().filter(|(key, _)| *key != "cte_map");
                rest.map(|(_, value)| value).find_map(|value| self.collect(value, &inner))
            }
            _ => None,
        }
    }

    fn add_relation(&mut self, node: &Value, scope: &HashSet<String>) {
        let (schema, table) = (lower(&node["schema_name"]), lower(&node["table_name"]));
        match schema.as_str() {
            "" if scope.contains(&table) => {}
            "" | "main" => drop(self.relations.insert(table)),
            schema => drop(self.relations.insert(format!("{schema}.{table}"))),
        }
    }

    fn add_function(&mut self, node: &Value) -> Result<(), usize> {
        let name = lower(&node["function_name"]);
        if name == "getvariable" {
            let variable = node["children"][0]["value"]["value"].as_str();
            let position = node["query_location"].as_u64().unwrap_or(0) as usize;
            self.variables.insert(variable.ok_or(position)?.to_lowercase());
        }
        self.functions.insert(name);
        Ok(())
    }
}

fn lower(name: &Value) -> String {
    name.as_str().unwrap_or_default().to_lowercase()
}
