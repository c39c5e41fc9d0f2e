//! The column of `user` that Matomo's user ids are looked up in (MATOMO_USER_COLUMN).

use anyhow::Result;
use duckdb::Connection;

use crate::common::language::t;
use crate::config::Config;

/// What is wrong with it, where no table of users that was taken in has it.
///
/// # Errors
/// The warehouse cannot be read.
pub fn missing(db: &Connection, config: &Config) -> Result<Option<String>> {
    let Some(column) = &config.parameters.user_column else { return Ok(None) };
    let sql = "select exists (from information_schema.columns
        where table_schema = 'raw' and table_name = 'user' and lower(column_name) = ?)";
    if db.query_row(sql, [column], |row| row.get(0))? {
        return Ok(None);
    }
    Ok(Some(t!(
        "user has no column {column} (MATOMO_USER_COLUMN), so that nobody is found by it; where its source has one, \
         `nearset run --full-refresh` takes it in",
        "user 表没有 {column} 列（MATOMO_USER_COLUMN），按它找不到任何用户；若数据源里有，`nearset run --full-refresh` 会取入"
    )))
}
