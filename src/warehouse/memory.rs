//! How much of the machine DuckDB may use, so that the whole process keeps to `MEMORY_LIMIT`.

use anyhow::{Context, Result};
use duckdb::Connection;

use super::errors::short_error;
use crate::common::language::either;
use crate::common::memory;
use crate::config::Config;

/// What a process holds at least beside what DuckDB counts, in bytes: its code, and what the allocator keeps. Measured
/// while five million rows are read, at limits from 300 MB to 4 GB.
const UNCOUNTED: u64 = 256 << 20;

/// Of how much one part is left to that: sorting nine million exposures takes 450 MB more than DuckDB counts at 2 GB.
const UNCOUNTED_PART: u64 = 4;

/// How much of the machine DuckDB may use, so that the whole process keeps to the limit where it is not tiny. What it
/// frees goes back to the machine soon, since others of the process take it next.
pub(super) fn limits(config: &Config) -> duckdb::Result<duckdb::Config> {
    duckdb::Config::default()
        .threads(config.threads as i64)?
        .max_memory(&format!("{}KB", counted(config) / 1000))?
        .with("allocator_flush_threshold", "16MB")?
        .with("allocator_bulk_deallocation_flush_threshold", "64MB")
}

fn counted(config: &Config) -> u64 {
    config.memory_limit.saturating_sub(uncounted(config)).max(config.memory_limit / 3)
}

fn uncounted(config: &Config) -> u64 {
    UNCOUNTED.max(config.memory_limit / UNCOUNTED_PART)
}

/// Whose turn it is to take memory: DuckDB's queries, or what is made of their rows outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// DuckDB's.
    Queries,
    /// That of whoever works on rows outside of it.
    Rows,
}

/// Of what the limit leaves beside the rest of the process, gives DuckDB all while it works and an eighth while others do;
/// the rest of what it holds then goes to disk.
///
/// # Errors
/// DuckDB does not say what it holds.
pub fn share_memory(db: &Connection, config: &Config, turn: Turn) -> Result<()> {
    let all = counted(config);
    let held: u64 = db
        .query_row("select sum(memory_usage_bytes)::ubigint from duckdb_memory()", [], |row| row.get(0))
        .context(either("DuckDB does not say what memory it holds", "无法得知 DuckDB 占用的内存"))?;
    let others = memory::resident().saturating_sub(held + uncounted(config));
    let share = match turn {
        Turn::Queries => all.saturating_sub(others).max(all / 4),
        Turn::Rows => all / 8,
    };
    // a database in memory may have nowhere to put what it holds: it keeps what it had
    if let Err(error) = db.execute_batch(&format!("set memory_limit = '{}KB'", share / 1000)) {
        tracing::debug!("DuckDB's memory stays as it is: {}", short_error(&error));
    }
    tracing::debug!(?turn, share, held, others, "memory");
    Ok(())
}
