//! The warehouse: one DuckDB file that readers open at any time and a run replaces in one step.
//!
//! DuckDB lets one process write or many read. So a run works on a copy, closes it and renames it over the published
//! file; readers keep the file they opened, and a run that fails or is killed leaves only a work file, which the next
//! run removes.

pub mod arrow;
mod connections;
mod query;
mod run_lock;
mod table;
mod work_copy;

use chrono::{DateTime, Utc};

pub use connections::{
    Database, Turn, create_parameters_table, fence, in_memory, keep_parameters, open_published, published_as_of,
    set_parameters, share_memory, small,
};
pub use query::{Format, run_query};
pub use run_lock::{RunLock, is_run_lock_held, remove_left_work, take_run_lock};
pub use work_copy::{WorkCopy, remove_work, work_path};

/// The journal of a run that is being published, below `DATA_DIR/_metadata`.
pub const PUBLISHING: &str = "publishing.json";

/// Writes `text` as an SQL string literal.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Writes `name` as an SQL identifier.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes a moment as an SQL timestamp in UTC.
pub fn timestamp(moment: DateTime<Utc>) -> String {
    format!("timestamp '{}'", moment.format("%Y-%m-%d %H:%M:%S%.6f"))
}

/// What DuckDB says of an error, without what the driver adds.
pub fn message(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// An error of DuckDB's in one line, without the statement it repeats.
pub fn short_error(error: &duckdb::Error) -> String {
    let text = message(error);
    let text = text.split("\n\nLINE ").next().unwrap_or(&text);
    text.replace("Invalid Input Error: ", "").split_whitespace().collect::<Vec<_>>().join(" ")
}
