//! What a query reads, from DuckDB's own parse tree: relations, variables, functions.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use duckdb::Connection;
use serde_json::Value;

use super::errors::Problem;
use crate::common::language::{either, t};
use crate::warehouse::{byte_of, refused, short_error};

/// Beside what no query may call, what no file of the project calls, since what it says would not be what it reads: extensions
/// bring such functions, known by how they begin or end.
const FENCED: [&str; 4] = ["duckdb_variables", "from_substrait", "sleep_ms", "st_read"];
const FENCED_BEGINNINGS: [&str; 9] =
    ["read_", "parquet_", "pragma_", "duckdb_secret", "duckdb_log", "mysql_", "postgres_", "sqlite_", "http_"];
const FENCED_ENDS: [&str; 2] = ["_scan", "_query"];

/// Whether a file of the project may not call a function.
fn is_fenced(name: &str) -> bool {
    refused(name).is_some()
        || FENCED.contains(&name)
        || FENCED_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || FENCED_ENDS.iter().any(|end| name.ends_with(end))
}

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
    /// It is not one, it cannot be parsed (with line and caret), it calls what no file may call, or which variable it reads is
    /// not to be seen in it.
    pub fn of(parser: &Connection, file: &Path, sql: &str) -> Result<Self, Problem> {
        let cannot = |what: &str| Problem::of_file(file, t!("it cannot be parsed: {what}", "无法解析：{what}"));
        let text: String = parser
            .query_row("select json_serialize_sql(cast(? as varchar))", [sql], |row| row.get(0))
            .map_err(|error| cannot(&short_error(&error)))?;
        let tree: Value = serde_json::from_str(&text).map_err(|error| cannot(&error.to_string()))?;
        let one_select = || either("a file of the project is one SELECT", "项目里的一个文件就是一条 SELECT");
        if tree["error"] == true {
            let message = tree["error_message"].as_str().unwrap_or(either("it cannot be parsed", "无法解析"));
            // the parser counts characters, and the tree bytes
            let position = tree["position"].as_str().and_then(|p| p.parse().ok()).map(|place| byte_of(sql, place));
            let is_other = tree["error_type"].as_str() == Some("not implemented");
            let message = if is_other { one_select() } else { message };
            return Err(match position {
                Some(position) => Problem::at_byte(file, sql, position, message),
                None => Problem::of_file(file, message),
            });
        }
        let Some([statement]) = tree["statements"].as_array().map(Vec::as_slice) else {
            return Err(Problem::of_file(file, one_select()));
        };
        let mut found = Self::default();
        match found.collect(statement, &HashSet::new()) {
            Some((position, message)) => Err(Problem::at_byte(file, sql, position, message)),
            None => Ok(found),
        }
    }

    /// Walks the tree with the common table expressions in scope, which hide relations of the same name; returns where it calls
    /// what it may not, and why.
    fn collect(&mut self, node: &Value, scope: &HashSet<String>) -> Option<(usize, String)> {
        match node {
            Value::Array(items) => items.iter().find_map(|item| self.collect(item, scope)),
            Value::Object(fields) => {
                match fields.get("type").and_then(Value::as_str) {
                    Some("BASE_TABLE") => self.add_relation(node, scope),
                    Some("FUNCTION") => {
                        if let Err(refused) = self.add_function(node) {
                            return Some(refused);
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
                    if let Some(refused) = self.collect(&cte["value"], &own) {
                        return Some(refused);
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

    fn add_function(&mut self, node: &Value) -> Result<(), (usize, String)> {
        let name = lower(&node["function_name"]);
        let position = node["query_location"].as_u64().unwrap_or(0) as usize;
        if name == "getvariable" {
            let variable = node["children"][0]["value"]["value"].as_str();
            let quoted = either("getvariable takes a name in quotes", "getvariable 的参数是带引号的名字");
            let variable = variable.ok_or_else(|| (position, quoted.to_owned()))?;
            self.variables.insert(variable.to_lowercase());
        }
        if is_fenced(&name) {
            let message = t!(
                "a file of the project reads relations and nothing else; {name} is not to be called",
                "项目文件只能读取关系；不能调用 {name}"
            );
            return Err((position, message));
        }
        self.functions.insert(name);
        Ok(())
    }
}

fn lower(name: &Value) -> String {
    name.as_str().unwrap_or_default().to_lowercase()
}
