//! Where a server asks the warehouse.

use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use super::Rows;
use super::frames::{Ask, Form, Head, Mistake};
use super::pool::{Answer, Asker, Observer, Pool};
use crate::config::Config;

/// Why a query has no result.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no warehouse yet.
    #[error("there is no warehouse yet; `nearset run` makes it")]
    NoWarehouse,
    /// The query is wrong, or asks for what it may not have; with DuckDB's words.
    #[error("{0}")]
    Wrong(Mistake),
    /// It took longer than it may, or more memory.
    #[error("{0}")]
    TooMuch(String),
    /// Too many ask at once.
    #[error("too many queries are asked just now; ask again in a moment")]
    Busy,
    /// The warehouse cannot be read.
    #[error("the warehouse cannot be read just now; the server's log says why")]
    Broken,
}

/// Answers the queries of a server's pages and routes, from the warehouse as it was last published.
pub struct Desk {
    pool: Arc<Pool>,
}

impl Desk {
    /// One for the warehouse in DATA_DIR; `observer` is told of every query.
    pub fn new(config: Arc<Config>, observer: Observer) -> Self {
        Self { pool: Arc::new(Pool::new(config, observer)) }
    }

    /// Has a process ready before the first query, where there is a warehouse.
    pub async fn warm(&self) {
        if let Err(error) = self.rows("select 1", Vec::new(), 1).await {
            tracing::debug!("no process for queries is ready yet: {error}");
        }
    }

    /// The first `limit` rows of a query; `$1`, `$2`, … in it are `parameters`.
    ///
    /// # Errors
    /// There is no warehouse, or the query cannot be answered.
    pub async fn rows(&self, sql: &str, parameters: Vec<Value>, limit: usize) -> Result<Rows, Refusal> {
        let ask = Ask { sql: sql.to_owned(), parameters, limit, form: Form::Cells, is_published: false };
        let broken = |error: &dyn std::fmt::Display| Refusal::TooMuch(format!("the answer broke off: {error}"));
        let mut answer = self.pool.ask(Asker::Server, &ask).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.next().await.map_err(|error| broken(&error))? {
            bytes.extend(chunk);
        }
        let rows: Vec<Vec<Value>> = serde_json::from_slice(&bytes).map_err(|error| broken(&error))?;
        let rows = rows.into_iter().map(|row| row.into_iter().map(exact).collect()).collect();
        Ok(Rows { is_cut: answer.head.is_cut, columns: answer.head.columns, rows })
    }

    /// What is known of a query's answer before its rows: its columns, what of it is shown as saved files have it, and what is
    /// wrong with those that it is not shown as.
    ///
    /// # Errors
    /// There is no warehouse, or the query cannot be answered.
    pub async fn head(&self, sql: &str) -> Result<Head, Refusal> {
        let ask = Ask { sql: sql.to_owned(), parameters: Vec::new(), limit: 0, form: Form::Cells, is_published: false };
        let mut answer = self.pool.ask(Asker::Server, &ask).await?;
        // one that is not taken to its end costs a process
        while answer.next().await.is_ok_and(|chunk| chunk.is_some()) {}
        Ok(answer.head)
    }

    /// The answer to a query in the form asked for, whose bytes come as they are taken. Whoever drops it ends the query.
    ///
    /// # Errors
    /// There is no warehouse, or the query cannot be answered.
    pub async fn answer(&self, asker: Asker, ask: &Ask) -> Result<Answer, Refusal> {
        self.pool.ask(asker, ask).await
    }
}

/// Whole numbers that a browser would round become text.
fn exact(value: Value) -> Value {
    match value.as_i64() {
        Some(number) if number.unsigned_abs() > 1 << 53 => Value::String(number.to_string()),
        _ => value,
    }
}
