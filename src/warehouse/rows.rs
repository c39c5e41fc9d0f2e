//! A query's rows as values of Rust.

use anyhow::{Result, anyhow};
use duckdb::Connection;
use serde::de::DeserializeOwned;

use super::errors::message;
use super::plain_json::plain_json;

/// What a row is called as a whole: a name that no column of a query has.
pub const WHOLE_ROW: &str = "nearset_whole_row";

/// The rows of a query, each read from its columns by their names; a map keeps the columns' order.
///
/// # Errors
/// The query is wrong, or a row is not of that form.
pub fn rows<T: DeserializeOwned>(db: &Connection, sql: &str) -> Result<Vec<T>> {
    let mut statement = db
        .prepare(&format!("select to_json({WHOLE_ROW})::varchar from (\n{sql}\n) as {WHOLE_ROW}"))
        .map_err(|e| anyhow!("{}", message(&e)))?;
    let texts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    texts.iter().map(|text| Ok(serde_json::from_str(&plain_json(text))?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse;

    #[test]
    fn a_column_may_have_any_name() -> Result<()> {
        let sql = "select 1 as t, 2 as \"rows\", 'nan'::double as v";
        let found: Vec<serde_json::Value> = rows(&warehouse::small()?, sql)?;
        assert_eq!(found, [serde_json::json!({"t": 1, "rows": 2, "v": null})]);
        Ok(())
    }
}
