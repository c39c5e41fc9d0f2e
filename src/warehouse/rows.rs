//! A query's rows as values of Rust.

use anyhow::{Result, anyhow};
use duckdb::Connection;
use serde::de::DeserializeOwned;

use super::errors::message;

/// The rows of a query, each read from its columns by their names; a map keeps the columns' order.
///
/// # Errors
/// The query is wrong, or a row is not of that form.
pub fn rows<T: DeserializeOwned>(db: &Connection, sql: &str) -> Result<Vec<T>> {
    let mut statement = db
        .prepare(&format!("select to_json(t)::varchar from (\n{sql}\n) as t"))
        .map_err(|e| anyhow!("{}", message(&e)))?;
    let texts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    texts.iter().map(|text| Ok(serde_json::from_str(text)?)).collect()
}
