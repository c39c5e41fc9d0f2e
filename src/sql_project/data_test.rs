//! What a header says must be true of a relation's rows: `-- test not_null: a, b`, `-- test: price >= 0`, and what it finds.

use anyhow::{Result, anyhow};
use duckdb::Connection;
use serde::Serialize;

use super::errors::{Problem, explain};
use super::{Project, Relation, Room, existing};
use crate::common::language::{either, t};
use crate::common::likeness::hint;
use crate::warehouse::{ident, located, quote, short_error};

/// How many failing rows of a test are kept.
pub const KEPT_ROWS: u64 = 1000;

/// The schema that holds them, a table for each test that fails.
pub const FAILING: &str = "failing";

/// What must be true of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestKind {
    /// None of the columns is NULL.
    NotNull(Vec<String>),
    /// No two rows have the same values there, but for NULL.
    Unique(Vec<String>),
    /// A column holds one of these values, or NULL.
    AcceptedValues(String, Vec<String>),
    /// The values of a column are there in that of another relation, but for NULL: column, relation, its column.
    Relationships(String, String, String),
    /// An expression is true of every row.
    Expression(String),
}

impl TestKind {
    /// The kinds' names in headers; an expression has none.
    pub const NAMES: [&'static str; 4] = ["not_null", "unique", "accepted_values", "relationships"];

    /// Reads what stands behind `test KIND:`.
    ///
    /// # Errors
    /// There is no such kind, or it is told otherwise: in words.
    pub(super) fn read(kind: Option<&str>, text: &str) -> Result<Self, String> {
        let names = |text: &str| -> Vec<String> {
            text.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
        };
        let some = |columns: Vec<String>| match columns.is_empty() {
            true => {
                Err(either("which columns? write `-- test not_null: a, b`", "哪些列？请写 `-- test not_null: a, b`")
                    .to_owned())
            }
            false => Ok(columns),
        };
        match kind {
            Some("not_null") => some(names(text)).map(Self::NotNull),
            Some("unique") => some(names(text)).map(Self::Unique),
            Some("accepted_values") => {
                let listed =
                    text.split_once(" in (").and_then(|(column, rest)| Some((column, rest.strip_suffix(')')?)));
                let (column, values) = listed.ok_or_else(|| {
                    let example = "`-- test accepted_values: status in (ok, warning)`";
                    t!("write it as {example}", "请写成 {example}")
                })?;
                let values = names(values).into_iter().map(|value| value.trim_matches('\'').to_owned()).collect();
                Ok(Self::AcceptedValues(column.trim().to_owned(), values))
            }
            Some("relationships") => {
                let parts = text.split_once("->").and_then(|(column, other)| Some((column, other.split_once('.')?)));
                let (column, (relation, other)) = parts.ok_or_else(|| {
                    let example = "`-- test relationships: dataset_id -> datasets.dataset_id`";
                    t!("write it as {example}", "请写成 {example}")
                })?;
                Ok(Self::Relationships(column.trim().into(), relation.trim().to_lowercase(), other.trim().into()))
            }
            None if text.is_empty() => Err(either(
                "an expression is missing: write `-- test: price >= 0`",
                "缺少表达式：请写 `-- test: price >= 0`",
            )
            .to_owned()),
            None => Ok(Self::Expression(text.to_owned())),
            Some(other) => Err(t!(
                "a test is {} or nothing, not {other}{}",
                "测试种类为 {} 或不写，而不是 {other}{}",
                Self::NAMES.join(", ").replace(", relationships", either(", relationships", "、relationships")),
                hint(other, Self::NAMES.into_iter())
            )),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotNull(_) => "not_null",
            Self::Unique(_) => "unique",
            Self::AcceptedValues(..) => "accepted_values",
            Self::Relationships(..) => "relationships",
            Self::Expression(_) => "expression",
        }
    }

    /// The relation's columns that it names.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::NotNull(columns) | Self::Unique(columns) => columns.iter().map(String::as_str).collect(),
            Self::AcceptedValues(column, _) | Self::Relationships(column, ..) => vec![column],
            Self::Expression(_) => Vec::new(),
        }
    }

    /// As its header says it, behind the kind.
    pub fn text(&self) -> String {
        match self {
            Self::NotNull(columns) | Self::Unique(columns) => columns.join(", "),
            Self::AcceptedValues(column, values) => format!("{column} in ({})", values.join(", ")),
            Self::Relationships(column, relation, other) => format!("{column} -> {relation}.{other}"),
            Self::Expression(text) => text.clone(),
        }
    }

    /// The query of the rows of `relation` that break it.
    fn failing(&self, relation: &str) -> String {
        let relation = ident(relation);
        let each = |columns: &[String], what: &str, joint: &str| {
            columns.iter().map(|column| format!("{}{what}", ident(column))).collect::<Vec<_>>().join(joint)
        };
        match self {
            Self::NotNull(columns) => format!("select * from {relation} where {}", each(columns, " is null", " or ")),
            Self::Unique(columns) => format!(
                "select {0}, count(*) as rows from {relation} where {1} group by {0} having count(*) > 1",
                each(columns, "", ", "),
                each(columns, " is not null", " and ")
            ),
            Self::AcceptedValues(column, values) => {
                let values: Vec<String> = values.iter().map(|value| quote(value)).collect();
                format!("select * from {relation} where {}::varchar not in ({})", ident(column), values.join(", "))
            }
            Self::Relationships(column, other, its) => format!(
                "select * from {relation} as tested where tested.{0} is not null
                     and not exists (select 1 from {1} as other where other.{2} = tested.{0})",
                ident(column),
                ident(other),
                ident(its)
            ),
            Self::Expression(text) => format!("select * from {relation} where ({text}\n) is not true"),
        }
    }
}

/// A test of a relation's rows.
#[derive(Clone, Debug)]
pub struct DataTest {
    /// Its own; also that of the table of its failing rows.
    pub name: String,
    /// What must be true.
    pub kind: TestKind,
    /// Whether a run that finds a row publishes nothing; never in views/.
    pub is_blocking: bool,
    /// Where in the file it stands.
    pub line: usize,
}

impl DataTest {
    /// One of a relation; `same` others of its kind come before it there.
    pub(super) fn new(relation: &str, kind: TestKind, is_blocking: bool, line: usize, same: usize) -> Self {
        let word: String =
            kind.columns().join("_").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let end = match word.as_str() {
            "" => format!("_{}", same + 1),
            word => format!("_{word}"),
        };
        Self { name: format!("{relation}_{}{end}", kind.name()), kind, is_blocking, line }
    }
}

impl TestResult {
    /// What is wrong, and how to see the rows once they are published.
    pub fn told(&self) -> Option<String> {
        let message = self.message.as_ref()?;
        Some(match self.rows {
            Some(_) => format!("{message}: nearset sql \"from {FAILING}.{}\"", self.name),
            None => message.clone(),
        })
    }
}

/// What became of a test.
#[derive(Clone, Debug, Serialize)]
pub struct TestResult {
    /// The test's name.
    pub name: String,
    /// Whose rows were tested.
    pub relation: String,
    /// The kind of test.
    pub kind: &'static str,
    /// `error` or `warn`.
    pub severity: &'static str,
    /// How many rows break it; none where it could not be run.
    pub rows: Option<u64>,
    /// What is wrong, in a line; none where it holds.
    pub message: Option<String>,
}

/// Makes the tables of what tests and builds find, where they are not there.
///
/// # Errors
/// DuckDB cannot write them.
pub fn create_test_tables(db: &Connection) -> Result<()> {
    db.execute_batch(&format!(
        "create schema if not exists {FAILING};
         create table if not exists raw.test_results (
             name varchar, relation varchar, kind varchar, severity varchar, rows bigint, as_of timestamp);"
    ))?;
    Ok(())
}

impl Project {
    /// Runs the tests of all relations that are there, but for those that `is_left_out`; keeps results and failing rows. Those of
    /// another run go.
    ///
    /// # Errors
    /// A test of `sql/` cannot be run, or results cannot be kept.
    pub fn run_tests(&self, db: &Connection, is_left_out: impl Fn(&str) -> bool) -> Result<Vec<TestResult>> {
        create_test_tables(db)?;
        let there = existing(db)?;
        let mut results = Vec::new();
        for relation in self.relations.iter().filter(|one| there.contains_key(&one.name) && !is_left_out(&one.name)) {
            for test in &relation.tests {
                results.push(relation.run_test(db, test)?);
            }
        }
        let mut statement = db.prepare(
            "select table_name from duckdb_tables() where schema_name = ? and database_name = current_database()",
        )?;
        let kept: Vec<String> = statement.query_map([FAILING], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
        for name in kept.iter().filter(|name| !results.iter().any(|one| one.rows > Some(0) && one.name == **name)) {
            db.execute_batch(&format!("drop table {FAILING}.{}", ident(name)))?;
        }
        let mut statements = "delete from raw.test_results;".to_owned();
        for TestResult { name, relation, kind, severity, rows, .. } in &results {
            let rows = rows.map_or_else(|| "null".to_owned(), |rows| rows.to_string());
            statements.push_str(&format!(
                "insert into raw.test_results values ({}, {}, {}, {}, {rows}, getvariable('as_of'));",
                quote(name),
                quote(relation),
                quote(kind),
                quote(severity)
            ));
        }
        db.execute_batch(&statements)?;
        Ok(results)
    }
}

impl Relation {
    /// Whether a run that finds rows breaking the test publishes nothing.
    pub fn is_held_to(&self, test: &DataTest) -> bool {
        test.is_blocking && self.room != Room::Views
    }

    /// What a test finds; where it cannot be run, why.
    pub(super) fn try_test(&self, db: &Connection, test: &DataTest) -> TestResult {
        let place = format!("{}:{}", self.file.display(), test.line);
        let query = format!("select count(*) from ({}\n)", test.kind.failing(&self.name));
        let (rows, message) = match db.query_row(&query, [], |row| row.get::<_, u64>(0)) {
            Ok(0) => (Some(0), None),
            Ok(rows) => {
                let (kind, text) = (test.kind.name(), test.kind.text());
                let told = t!(
                    "{place}: {kind} ({text}) does not hold in {rows} row(s)",
                    "{place}：{kind}（{text}）有 {rows} 行不满足"
                );
                (Some(rows), Some(told))
            }
            Err(error) => {
                let what = short_error(&error);
                (None, Some(t!("{place}: the test cannot be run: {what}", "{place}：测试无法执行：{what}")))
            }
        };
        let severity = if self.is_held_to(test) { "error" } else { "warn" };
        let (name, relation) = (test.name.clone(), self.name.clone());
        TestResult { name, relation, kind: test.kind.name(), severity, rows, message }
    }

    /// The same, and keeps the rows that it finds.
    fn run_test(&self, db: &Connection, test: &DataTest) -> Result<TestResult> {
        let result = self.try_test(db, test);
        match (result.rows, &result.message) {
            (None, Some(message)) if self.room != Room::Views => return Err(anyhow!("{message}")),
            (Some(1..), _) => db.execute_batch(&format!(
                "create or replace table {FAILING}.{} as from ({}\n) order by all limit {KEPT_ROWS}",
                ident(&test.name),
                test.kind.failing(&self.name)
            ))?,
            _ => {}
        }
        Ok(result)
    }

    /// Whether its tests can be run on what `db` holds under its name, with the right line where not.
    pub(super) fn bind_tests(&self, db: &Connection) -> Vec<Problem> {
        let bind = |test: &DataTest| {
            let statement = format!("select count(*) from ({}\n)", test.kind.failing(&self.name));
            let fault = located(db, &statement, |sql| db.prepare(sql).map(drop)).err()?;
            // a column that is none is told with a hint where headers are looked at
            let message = explain(self, "", &fault, 0).message;
            Some(Problem::at_line(&self.file, test.line, message))
        };
        self.tests.iter().filter_map(bind).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_finds_the_rows_that_break_it_and_no_others() -> Result<()> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(
            "create table datasets as from (values (1), (2)) as t (dataset_id);
             create table figures as from (values (1, 'ok', 3.5), (1, 'warning', -1), (3, 'odd', null), (null, null, 2))
                 as t (dataset_id, status, price);",
        )?;
        for (kind, text, expected) in [
            (Some("not_null"), "dataset_id, status", 1),
            (Some("unique"), "dataset_id", 1),
            (Some("unique"), "dataset_id, status", 0),
            (Some("accepted_values"), "status in (ok, 'warning')", 1),
            (Some("relationships"), "dataset_id -> datasets.dataset_id", 1),
            (None, "price > 0", 2),
            (None, "price > 0 or price is null -- odd prices", 1),
        ] {
            let kind = TestKind::read(kind, text).map_err(|error| anyhow!(error))?;
            let query = format!("select count(*) from ({}\n)", kind.failing("figures"));
            assert_eq!(db.query_row(&query, [], |row| row.get::<_, u64>(0))?, expected, "{query}");
        }
        for (kind, text) in
            [(Some("unique"), " ,"), (Some("accepted_values"), "status"), (Some("relationships"), "a.b"), (None, "")]
        {
            assert!(TestKind::read(kind, text).is_err(), "{kind:?} {text}");
        }
        Ok(())
    }
}
