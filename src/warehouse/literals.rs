//! Values and names as SQL writes them.

use chrono::{DateTime, Utc};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_read_back_as_it_was() -> anyhow::Result<()> {
        let db = crate::warehouse::small()?;
        for text in ["", "plain", "it's", "a''b", "\"quoted\"", "back\\slash", "数据\n集", "'; drop table x; --"] {
            let read: String = db.query_row(&format!("select {}", quote(text)), [], |row| row.get(0))?;
            assert_eq!(read, text);
            // a name may not be empty
            let name = format!("n{text}");
            db.execute_batch(&format!("create or replace temp table t as select 1 as {}", ident(&name)))?;
            let read: String = db.query_row("select column_name from (describe t)", [], |row| row.get(0))?;
            assert_eq!(read, name);
        }
        Ok(())
    }

    #[test]
    fn moments_keep_their_microseconds() {
        let moment = DateTime::from_timestamp_micros(1_792_000_000_123_456).unwrap_or_default();
        assert_eq!(timestamp(moment), "timestamp '2026-10-14 17:46:40.123456'");
    }
}
