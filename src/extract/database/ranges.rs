//! Ranges of keys, and how many rows are in them.

/// A range of keys, both ends included; none for a table that cannot be cut.
pub type Range = Option<(i64, i64)>;

/// Rows that are read in one go.
pub struct Part {
    /// What they meet at the source.
    pub condition: String,
    /// The stored rows that go where they are not among them.
    pub replaced: Option<String>,
}

/// How many rows there are on one side, and between which keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extent {
    /// All rows.
    pub rows: i64,
    /// The smallest key.
    pub min: Option<i64>,
    /// The largest.
    pub max: Option<i64>,
    /// Rows with a key that is not NULL.
    pub keyed: i64,
}

/// The condition that a key is in a range.
pub fn between(key: &str, range: Range) -> String {
    match range {
        None => "true".to_owned(),
        Some((i64::MIN, to)) => format!("{key} <= {to}"),
        Some((from, to)) => format!("{key} between {from} and {to}"),
    }
}

impl Extent {
    /// Reads the columns `rows, min, max, keyed`.
    pub fn read(row: &duckdb::Row) -> duckdb::Result<Self> {
        Ok(Self { rows: row.get(0)?, min: row.get(1)?, max: row.get(2)?, keyed: row.get(3)? })
    }
}
