//! What somebody's query may be: one `SELECT`, and none of the functions that reach for files, settings or other queries.
//!
//! The connection that answers is in its sandbox: no file can be opened on it and nothing set. What is refused here by name
//! would tell of paths, change what others see, or hide a name in a text.

use duckdb::Connection;
use serde::Deserialize;

use super::frames::Mistake;
use crate::warehouse::{byte_of, caret, line_of, message, refused};

/// What DuckDB's parser makes of a text.
#[derive(Deserialize)]
struct Parsed {
    error_type: Option<String>,
    error_message: Option<String>,
    /// The character at which it goes wrong.
    position: Option<String>,
    statements: usize,
    /// What it calls and reads, in lower case.
    names: Vec<String>,
}

impl Parsed {
    fn of(db: &Connection, sql: &str) -> Result<Self, Mistake> {
        let parse = "with parsed as (select json_serialize_sql(cast(? as varchar)) as tree)
            select to_json({
                error_type: tree ->> 'error_type',
                error_message: tree ->> 'error_message',
                position: tree ->> 'position',
                statements: coalesce(json_array_length(tree, '$.statements'), 0),
                names: list_transform(
                    list_concat(
                        tree ->> '$..function_name',
                        list_filter(tree ->> '$..table_name', name -> regexp_matches(name, '^(duckdb|pg|pragma)_', 'i'))
                    ),
                    name -> lower(name))
            })::varchar
            from parsed";
        let parsed =
            db.prepare_cached(parse).and_then(|mut parse| parse.query_row([sql], |row| row.get::<_, String>(0)));
        let parsed = parsed.map_err(|error| Mistake::from(message(&error)))?;
        serde_json::from_str(&parsed).map_err(|error| Mistake::from(error.to_string()))
    }
}

/// The one query that a text is, without the semicolons behind it.
///
/// # Errors
/// It cannot be parsed, is not one query, or uses what no query may.
pub fn checked<'a>(db: &Connection, text: &'a str) -> Result<&'a str, Mistake> {
    if text.contains('\0') {
        return Err(Mistake::from("the query holds a NUL byte".to_owned()));
    }
    let mut sql = text.trim_end();
    let parsed = Parsed::of(db, sql)?;
    match (parsed.error_type.as_deref(), parsed.statements) {
        (None, 0) => return Err(Mistake::from("the query is empty".to_owned())),
        (None, 1) => {}
        (None, count) => return Err(Mistake::from(format!("these are {count} queries; ask them one at a time"))),
        (Some("not implemented"), _) => {
            let message = "only a query is answered: SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW or SUMMARIZE";
            return Err(Mistake::from(message.to_owned()));
        }
        (Some(_), _) => {
            let message = format!("Parser Error: {}", parsed.error_message.unwrap_or_default());
            let place = parsed.position.and_then(|place| place.parse().ok()).map(|place| byte_of(sql, place));
            return Err(mistake(message, sql, place));
        }
    }
    let refusal = |name: &String| {
        let why = refused(name)?;
        Some(mistake(format!("{name} {why}"), sql, sql.to_lowercase().find(name.as_str())))
    };
    if let Some(mistake) = parsed.names.iter().find_map(refusal) {
        return Err(mistake);
    }
    // what stands behind the last semicolon is nothing, or a comment
    while let Some(end) = sql.rfind(';').filter(|end| Parsed::of(db, &sql[end + 1..]).is_ok_and(|rest| rest.is_empty()))
    {
        sql = &sql[..end];
    }
    Ok(sql)
}

impl Parsed {
    fn is_empty(&self) -> bool {
        self.error_type.is_none() && self.statements == 0
    }
}

/// A mistake at a byte of the query.
pub fn mistake(message: String, sql: &str, place: Option<usize>) -> Mistake {
    let place = place.filter(|place| *place <= sql.len());
    let Some(place) = place.map(|place| (0..=place).rev().find(|byte| sql.is_char_boundary(*byte)).unwrap_or(0)) else {
        return Mistake::from(message);
    };
    let start = sql[..place].rfind('\n').map_or(0, |end| end + 1);
    Mistake {
        message,
        line: Some(line_of(sql, place)),
        column: Some(sql[start..place].chars().count() + 1),
        caret: Some(caret(sql, place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse;

    #[test]
    fn a_query_is_one_select() -> anyhow::Result<()> {
        let db = warehouse::small()?;
        for (text, sql) in [
            ("select 1", "select 1"),
            ("from range(3);", "from range(3)"),
            ("values (1), (2) ; ; -- done;\n", "values (1), (2)"),
            ("-- first\nwith a as (select 1) select * from a;", "-- first\nwith a as (select 1) select * from a"),
            ("select ';' as a", "select ';' as a"),
            ("describe select 1", "describe select 1"),
        ] {
            let checked = checked(&db, text).map_err(|mistake| anyhow::anyhow!("{text}: {mistake}"))?;
            assert_eq!(checked.trim_end(), sql);
        }
        Ok(())
    }

    #[test]
    fn a_relation_may_have_any_name() -> anyhow::Result<()> {
        let db = warehouse::small()?;
        assert!(
            checked(&db, "with query as (select 1 as \"glob\") select \"glob\", query.\"glob\" from query").is_ok()
        );
        Ok(())
    }

    #[test]
    fn everything_else_is_refused_with_its_place() -> anyhow::Result<()> {
        let db = warehouse::small()?;
        for (text, said) in [
            ("", "the query is empty"),
            (" ; -- nothing\n", "the query is empty"),
            ("select 1; select 2", "these are 2 queries"),
            ("select 1; drop table x", "only a query is answered"),
            ("insert into x values (1)", "only a query is answered"),
            ("copy (select 1) to 'x'", "only a query is answered"),
            ("attach 'x' as y", "only a query is answered"),
            ("with x as (select 1) insert into y from x", "only a query is answered"),
            ("explain analyze select 1", "only a query is answered"),
            ("select 1 \0", "NUL"),
            ("select\n  '中文', * form x y", "line 2: Parser Error"),
            ("select 1 /* open", "unterminated"),
            ("select\n read_text('/etc/passwd')", "line 2: read_text reads files"),
            ("from READ_csv('x')", "read_csv reads files"),
            ("from system.main.\"Glob\"('x')", "glob reads files"),
            ("select * from duckdb_settings()", "duckdb_settings tells"),
            ("from pg_catalog.pg_settings", "pg_settings tells"),
            ("with a as (from query('select 1')) from a", "query runs a text"),
            ("select (select max(x) from (select current_setting('threads') as x))", "current_setting tells"),
            ("summarize from duckdb_databases()", "duckdb_databases tells"),
        ] {
            let Err(mistake) = checked(&db, text) else { panic!("{text} was not refused") };
            assert!(mistake.to_string().contains(said), "{text}: {mistake}");
        }
        Ok(())
    }

    #[test]
    fn every_table_function_of_duckdb_is_refused_or_known_to_be_harmless() -> anyhow::Result<()> {
        const HARMLESS: [&str; 43] = [
            "duckdb_approx_database_count",
            "duckdb_columns",
            "duckdb_connection_count",
            "duckdb_constraints",
            "duckdb_coordinate_systems",
            "duckdb_dependencies",
            "duckdb_functions",
            "duckdb_indexes",
            "duckdb_keywords",
            "duckdb_memory",
            "duckdb_optimizers",
            "duckdb_schemas",
            "duckdb_sequences",
            "duckdb_table_sample",
            "duckdb_tables",
            "duckdb_types",
            "duckdb_variables",
            "duckdb_views",
            "generate_series",
            "histogram",
            "histogram_values",
            "icu_calendar_names",
            "json_each",
            "json_tree",
            "pg_timezone_names",
            "pragma_collations",
            "pragma_database_size",
            "pragma_metadata_info",
            "pragma_platform",
            "pragma_show",
            "pragma_storage_info",
            "pragma_table_info",
            "pragma_user_agent",
            "pragma_version",
            "range",
            "repeat",
            "repeat_row",
            "summary",
            "test_all_types",
            "test_vector_types",
            "unnest",
            "sql_auto_complete",
            "duckdb_which_secret",
        ];
        let db = warehouse::small()?;
        let mut all = db.prepare(
            "select distinct function_name from duckdb_functions() where function_type in ('table', 'table_macro')",
        )?;
        let all: Vec<String> = all.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let unknown: Vec<_> =
            all.iter().filter(|name| refused(name).is_none() && !HARMLESS.contains(&name.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        Ok(())
    }
}
