//! Columns: which are kept, and how keys are spelled. What a value means, the macros of the SQL project say.

use duckdb::Connection;

use super::tables::Table;
use crate::config::Config;
use crate::warehouse::ident;

/// The zone that a table's times without an offset are in.
pub fn timezone<'a>(table: &Table, config: &'a Config) -> &'a str {
    if table.is_matomo() { "UTC" } else { &config.parameters.business_timezone }
}

/// Whether `LEAVE_OUT_COLUMNS` keeps a column from being read. Columns nearset uses are always read.
pub fn is_left_out(config: &Config, table: &Table, column: &str) -> bool {
    let column = column.to_lowercase();
    let names_users = table.name == "user" && config.parameters.user_column.as_ref() == Some(&column);
    !names_users
        && !table.columns().any(|known| known == column)
        && config.sources.leave_out.iter().any(|pattern| matches(pattern, &column))
}

/// Whether `text` is what `pattern` says, where `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|tail| (0..=tail.len()).any(|i| tail.get(i..).is_some_and(|end| matches(rest, end)))),
    }
}

/// Makes room in the raw table for columns that nearset does not know of.
///
/// # Errors
/// DuckDB cannot write it.
pub fn keep_columns<'a>(
    db: &Connection,
    table: &Table,
    columns: impl IntoIterator<Item = &'a String>,
) -> duckdb::Result<()> {
    for column in columns.into_iter().filter(|c| !table.columns().any(|known| known == c.as_str())) {
        db.execute_batch(&format!(
            "alter table raw.{} add column if not exists {} varchar",
            ident(table.name),
            ident(column)
        ))?;
    }
    Ok(())
}

/// A key's text in one spelling: an id is the same whether it was written 7, "7" or 7.0. `fallback` is the expression
/// that stands in where the source has none.
pub fn key_text(column: &str, fallback: &str) -> String {
    let value = ident(column);
    let spelled = match column {
        "idorder" => format!("text_of({value})"),
        _ => format!("coalesce(cast(whole_number({value}) as varchar), text_of({value}))"),
    };
    match fallback {
        "" => spelled,
        fallback => format!("coalesce({spelled}, {fallback})"),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::extract::fixtures::create_macros;
    use crate::extract::tables::TABLES;

    #[test]
    fn the_column_that_names_users_is_read_whatever_is_left_out() -> Result<()> {
        let settings = [("MATOMO_USER_COLUMN", "Email"), ("LEAVE_OUT_COLUMNS", "*mail*,*token*")];
        let config = Config::for_test(&settings)?;
        let is_read = |table: &str, column: &str| {
            TABLES.iter().find(|t| t.name == table).is_some_and(|table| !is_left_out(&config, table, column))
        };
        assert!(is_read("user", "EMAIL") && is_read("user", "phone"));
        assert!(!is_read("user", "mail_token") && !is_read("dataset", "email"));
        Ok(())
    }

    #[test]
    fn a_key_has_one_spelling_however_it_was_written() -> Result<()> {
        let db = crate::warehouse::small()?;
        create_macros(&db)?;
        let spelled = |fallback: &str, value: &str| -> duckdb::Result<Option<String>> {
            let key = key_text("id", fallback);
            db.query_row(&format!("select {key} from (select cast(? as varchar) as id)"), [value], |row| row.get(0))
        };
        for value in ["7", "７", " 7 ", "007", "7.0", "\u{200b}7"] {
            assert_eq!(spelled("", value)?.as_deref(), Some("7"), "{value}");
        }
        assert_eq!(spelled("", "7.5")?.as_deref(), Some("7.5"));
        assert_eq!(spelled("", "1_000")?.as_deref(), Some("1_000"));
        assert_eq!(spelled("", "\\N")?, None);
        assert_eq!(spelled("'0'", "NULL")?.as_deref(), Some("0"));
        Ok(())
    }
}
