//! A table as its database describes it, and how each of its columns becomes text.

use duckdb::Connection;

use super::address::Kind;
use crate::common::language::t;
use crate::extract::tables::Table;
use crate::extract::{columns, names};
use crate::warehouse::{ident, quote};

/// How many hexadecimal digits are shown of bytes that are no text.
const SAMPLE: usize = 24;

/// A column at the source.
#[derive(Debug)]
pub struct Column {
    /// As nearset names it: that of the column it stands for, else in lower case.
    pub name: String,
    /// As the source names it, quoted.
    pub there: String,
    /// The type in the source's own words.
    pub kind: String,
    /// The expression that gives its value as text.
    pub text: String,
    /// How a moment is compared with it, where it holds times.
    pub clock: Option<Clock>,
    pub is_integer: bool,
}

/// How a column keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// What the source's clocks showed.
    Local,
    /// A moment, given in UTC without saying so.
    Utc,
    /// A moment that names its zone.
    Zoned,
    /// What the source's calendar showed.
    Day,
}

/// A table at the source.
#[derive(Debug)]
pub struct Remote {
    /// How DuckDB calls it.
    pub relation: String,
    pub name: String,
    pub columns: Vec<Column>,
}

impl Remote {
    /// Asks the database for a table's columns. `zone` is what the table's clocks show.
    pub fn describe(
        db: &Connection,
        kind: Kind,
        alias: &str,
        name: &str,
        table: &Table,
        zone: &str,
    ) -> duckdb::Result<Option<Self>> {
        // MySQL tells a TIMESTAMP, which is a moment, from a DATETIME, which is not; DuckDB does not
        let mut own: Vec<(String, String, String)> = Vec::new();
        if kind == Kind::Mysql {
            let sql = format!(
                "select table_name, column_name, column_type from information_schema.columns
                 where table_schema = database() and lower(table_name) = {} order by table_name, ordinal_position",
                quote(&name.to_lowercase())
            );
            let call = format!("from mysql_query({}, {})", quote(alias), quote(&sql));
            own = db
                .prepare(&call)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<duckdb::Result<_>>()?;
        }
        let name = match (kind, own.first()) {
            (Kind::Mysql, None) => return Ok(None),
            (Kind::Mysql, Some((first, ..))) => {
                if own.iter().any(|(t, ..)| t == name) { name } else { first }.to_owned()
            }
            _ => name.to_owned(),
        };
        let relation = format!("{}.{}", ident(alias), ident(&name));
        let described = db
            .prepare(&format!("describe {relation}"))
            .and_then(|mut s| s.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect));
        let described: Vec<(String, String)> = match described {
            Err(e) if crate::warehouse::message(&e).starts_with("Catalog Error: Table with name") => return Ok(None),
            described => described?,
        };
        let is_there = |known: &str| described.iter().any(|(column, _)| column.to_lowercase() == known);
        let key = described.iter().map(|(column, _)| column).find(|column| column.to_lowercase() == table.key[0].0);
        let mut columns: Vec<Column> = Vec::new();
        for (column, duckdb_type) in &described {
            let own = own.iter().find(|(t, c, _)| *t == name && c == column).map(|(_, _, kind)| kind.clone());
            // a column that is called so comes before one that only stands for it
            let stands_for = names::known(table, column).filter(|known| !is_there(known));
            let stands_for = stands_for.filter(|known| columns.iter().all(|c| c.name != *known));
            let mut read = Column::read(column, stands_for, duckdb_type, own, zone);
            read.text = match (kind, duckdb_type.as_str()) {
                // SQLite keeps any bytes as a text, and says of all that they are one
                (Kind::Sqlite, _) => utf8(&read, table, key, &format!("encode({})", read.there)),
                (_, "BLOB") if read.holds_text(table) => utf8(&read, table, key, &read.there),
                _ => read.text,
            };
            columns.push(read);
        }
        Ok(Some(Self { relation, name, columns }))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Takes out the columns of which `is_left_out` holds; returns their names.
    pub fn leave_out(&mut self, is_left_out: impl Fn(&str) -> bool) -> Vec<String> {
        let left_out = self.columns.extract_if(.., |column| is_left_out(&column.name));
        left_out.map(|column| column.name).collect()
    }

    /// The columns that are called otherwise than in lower case here, each with what it stands for.
    pub fn renamed(&self) -> String {
        let renamed = self.columns.iter().filter(|c| c.there.to_lowercase() != ident(&c.name));
        renamed.map(|c| t!("{} as {}", "{} 作 {}", c.there.trim_matches('"'), c.name)).collect::<Vec<_>>().join(", ")
    }

    /// Those of some columns that the table does not have.
    pub fn lacks(&self, columns: &[&'static str]) -> Vec<&'static str> {
        columns.iter().copied().filter(|c| self.column(c).is_none()).collect()
    }

    /// The columns that tell when a row changed, where they keep time.
    pub fn timed(&self, table: &Table) -> impl DoubleEndedIterator<Item = (&Column, Clock)> {
        let columns = table.change_columns.iter().filter_map(|c| self.column(c));
        columns.filter_map(|column| Some((column, column.clock?)))
    }

    /// The column whose numbers tell new rows from old and cut the table into ranges.
    pub fn number(&self, table: &Table) -> Option<&Column> {
        self.column(table.key[0].0).filter(|c| c.is_integer)
    }

    /// The rows that meet `condition`, every column as text, numbered.
    pub fn rows(&self, table: &Table, condition: &str) -> String {
        let keys = table.key.iter().filter(|(column, fallback)| {
            !fallback.is_empty() || *column == "idorder" || self.column(column).is_none_or(|c| !c.is_integer)
        });
        let spelled: Vec<String> = keys
            .map(|(column, fallback)| format!("{} as {}", columns::key_text(column, fallback), ident(column)))
            .collect();
        let spelled = if spelled.is_empty() { String::new() } else { format!(" replace ({})", spelled.join(", ")) };
        let absent = table
            .columns()
            .filter(|c| self.column(c).is_none())
            .map(|c| format!("cast(null as varchar) as {}", ident(c)));
        let texts = self.columns.iter().map(|c| format!("{} as {}", c.text, ident(&c.name)));
        format!(
            "select *{spelled}, row_number() over () as _row from (select {} from {} where {condition})",
            texts.chain(absent).collect::<Vec<_>>().join(", "),
            self.relation
        )
    }
}

/// Bytes as the text they are in UTF-8. Where they are none, a column that nearset uses stops the query and names itself,
/// the row by its `key`, and the bytes; another becomes hexadecimal digits.
fn utf8(column: &Column, table: &Table, key: Option<&String>, bytes: &str) -> String {
    let hex = format!("lower(hex({bytes}))");
    let otherwise = if column.holds_text(table) {
        let row = key.map_or("'?'".to_owned(), |key| {
            let key = ident(key);
            format!("coalesce(try(decode(encode(cast({key} as varchar)))), '?')")
        });
        let said = t!("{} is not UTF-8 in the row ", "{} 不是 UTF-8，所在的行为 ", column.there.trim_matches('"'));
        format!("error(concat({}, {row}, ' (0x', left({hex}, {SAMPLE}), ')'))", quote(&said))
    } else {
        hex
    };
    let there = &column.there;
    format!("case when {there} is not null then coalesce(try(decode({bytes})), {otherwise}) end")
}

/// Whether a type of DuckDB's is that of lists or records; an enumeration's values are texts.
fn is_nested(duckdb_type: &str) -> bool {
    duckdb_type.ends_with(']') || ["STRUCT(", "MAP(", "UNION("].iter().any(|start| duckdb_type.starts_with(start))
}

impl Column {
    fn read(column: &str, stands_for: Option<&str>, duckdb_type: &str, own: Option<String>, zone: &str) -> Self {
        let name = stands_for.map_or_else(|| column.to_lowercase(), str::to_owned);
        let value = ident(column);
        let is_moment = own.as_deref().is_some_and(|kind| kind.starts_with("timestamp"));
        let clock = match duckdb_type {
            "TIMESTAMP WITH TIME ZONE" => Some(Clock::Zoned),
            "DATE" => Some(Clock::Day),
            t if t.starts_with("TIMESTAMP") && is_moment => Some(Clock::Utc),
            t if t.starts_with("TIMESTAMP") => Some(Clock::Local),
            _ => None,
        };
        let in_zone = |moment: String| format!("cast(timezone({}, {moment}) as varchar)", quote(zone));
        let text = match (duckdb_type, clock) {
            (_, Some(Clock::Zoned)) => in_zone(value),
            (_, Some(Clock::Utc)) => in_zone(format!("timezone('UTC', {value})")),
            ("BOOLEAN", _) => format!("cast(cast({value} as integer) as varchar)"),
            // BIT is bytes that the macro `flag` knows
            ("BLOB", _) if own.as_deref().is_some_and(|kind| kind.starts_with("bit")) => {
                format!("coalesce(try(decode({value})), lower(hex({value})))")
            }
            ("BLOB", _) => format!("lower(hex({value}))"),
            ("VARCHAR", _) => value,
            // a list or a record as JSON has it
            (nested, _) if is_nested(nested) => format!("cast(to_json({value}) as varchar)"),
            _ => format!("cast({value} as varchar)"),
        };
        Self {
            name,
            there: ident(column),
            kind: own.unwrap_or_else(|| duckdb_type.to_lowercase()),
            text,
            clock,
            is_integer: duckdb_type.ends_with("INT") || duckdb_type.ends_with("INTEGER"),
        }
    }

    /// Whether nearset takes its bytes for a text: it uses the column, and neither a visitor's id nor BIT is one.
    fn holds_text(&self, table: &Table) -> bool {
        table.columns().any(|known| known == self.name) && self.name != "idvisitor" && !self.kind.starts_with("bit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_records_are_nested_and_what_has_brackets_else_is_not() {
        for nested in ["VARCHAR[]", "INTEGER[3]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)", "UNION(a INTEGER)"] {
            assert!(is_nested(nested), "{nested}");
        }
        for plain in ["ENUM('Y', 'N')", "ENUM('a[]')", "DECIMAL(18,3)", "VARCHAR", "JSON"] {
            assert!(!is_nested(plain), "{plain}");
        }
    }
}
