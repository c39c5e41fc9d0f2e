//! A small result as pages show it: columns with their types, rows of JSON values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// As the query names it.
    pub name: String,
    /// DuckDB's type, in its own spelling: BIGINT, DOUBLE, DATE, …
    pub r#type: String,
}

impl Column {
    /// Whether it holds numbers, which stand to the right.
    pub fn is_number(&self) -> bool {
        const NUMBERS: [&str; 14] = [
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "UHUGEINT",
            "FLOAT",
            "DOUBLE",
            "DECIMAL",
            "BIGNUM",
        ];
        !self.r#type.ends_with(']') && NUMBERS.contains(&self.r#type.split('(').next().unwrap_or_default())
    }
}

/// A result, or the first rows of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rows {
    /// In the order of the query.
    pub columns: Vec<Column>,
    /// A cell for each column: numbers as numbers (whole ones beyond 2^53 as text), times as ISO 8601 text, NULL as null.
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more than were asked for.
    pub is_cut: bool,
}

impl Rows {
    /// The place of a column.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|one| one.name == column)
    }

    /// A cell; null where there is none.
    pub fn get(&self, row: usize, column: &str) -> &Value {
        let cell = self.place(column).and_then(|place| self.rows.get(row)?.get(place));
        cell.unwrap_or(&Value::Null)
    }

    /// A cell as a number.
    pub fn number(&self, row: usize, column: &str) -> Option<f64> {
        self.get(row, column).as_f64()
    }

    /// A cell as text; numbers as JSON writes them, NULL as nothing.
    pub fn text(&self, row: usize, column: &str) -> String {
        match self.get(row, column) {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
