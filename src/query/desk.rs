//! Where a server asks the warehouse.

use std::sync::Arc;

use duckdb::params_from_iter;
use duckdb::types::Value as Cell;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Column, Rows};
use crate::config::Config;
use crate::warehouse::{glance, message, published_as_of, set_parameters};

/// Why a query has no result.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no warehouse yet.
    #[error("there is no warehouse yet; `nearset run` makes it")]
    NoWarehouse,
    /// The query is wrong, or asks for what it may not have; with DuckDB's words.
    #[error("{0}")]
    Wrong(String),
    /// It took longer than it may, or more memory, or too many ask at once.
    #[error("{0}")]
    TooMuch(String),
}

/// Answers the queries of a server's pages and routes, from the warehouse as it was last published.
pub struct Desk {
    config: Arc<Config>,
}

impl Desk {
    /// One for the warehouse in DATA_DIR.
    pub fn new(config: Arc<Config>) -> Self {
        Self { config }
    }

    /// The first `limit` rows of a query; `$1`, `$2`, … in it are `parameters`.
    ///
    /// # Errors
    /// There is no warehouse, or the query cannot be answered.
    pub async fn rows(&self, sql: &str, parameters: Vec<Value>, limit: usize) -> Result<Rows, Refusal> {
        let (config, sql) = (self.config.clone(), sql.to_owned());
        let asked = tokio::task::spawn_blocking(move || ask(&config, &sql, parameters, limit)).await;
        asked.unwrap_or_else(|error| Err(Refusal::TooMuch(error.to_string())))
    }
}

fn ask(config: &Config, sql: &str, parameters: Vec<Value>, limit: usize) -> Result<Rows, Refusal> {
    if !config.warehouse_path().exists() {
        return Err(Refusal::NoWarehouse);
    }
    let said = |error: anyhow::Error| Refusal::Wrong(format!("{error:#}"));
    let wrong = |error: duckdb::Error| Refusal::Wrong(message(&error));
    let db = glance(config).map_err(said)?;
    published_as_of(&db).and_then(|as_of| set_parameters(&db, config, as_of)).map_err(said)?;
    let given = || params_from_iter(parameters.iter().map(cell));
    let columns = |row: &duckdb::Row<'_>| Ok(Column { name: row.get(0)?, r#type: row.get(1)? });
    let columns: Vec<Column> = db
        .prepare(&format!("describe {sql}"))
        .and_then(|mut statement| statement.query_map(given(), columns)?.collect())
        .map_err(wrong)?;
    let texts: Vec<String> = db
        .prepare(&format!("select to_json(t)::varchar from (\n{sql}\n) as t limit {}", limit + 1))
        .and_then(|mut statement| statement.query_map(given(), |row| row.get(0))?.collect())
        .map_err(wrong)?;
    let row = |text: &String| {
        let row: Map<String, Value> = serde_json::from_str(text)?;
        Ok(row.into_iter().map(|(_, value)| exact(value)).collect())
    };
    let rows = texts.iter().take(limit).map(row).collect::<serde_json::Result<_>>();
    let rows = rows.map_err(|error| Refusal::Wrong(error.to_string()))?;
    Ok(Rows { columns, rows, is_cut: texts.len() > limit })
}

/// Whole numbers that a browser would round become text.
fn exact(value: Value) -> Value {
    match value.as_i64() {
        Some(number) if number.unsigned_abs() > 1 << 53 => Value::String(number.to_string()),
        _ => value,
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Boolean(*flag),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Cell::Double(number.as_f64().unwrap_or(f64::NAN)), Cell::BigInt)
        }
        other => Cell::Text(other.as_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}
