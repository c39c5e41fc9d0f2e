//! One table of dirty values (`table.jsonl`: the kind, the value, and what it is read as or why it is not), each from every
//! source.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::mariadb::{MariaDb, PASSWORD, encoded_password, extension, extensions};
use crate::postgres::Postgres;
use crate::support::{AS_OF, Nearset};

/// A line of the table.
#[derive(Deserialize)]
struct Line {
    /// What it is to be: `number`, `money`, `flag`, `time`, `text` or `tags`.
    kind: String,
    /// As an export has it.
    value: Value,
    /// What it is read as; nothing where it says nothing, or where there is a reason.
    #[serde(default)]
    read: Value,
    /// Why it is not read.
    reason: Option<String>,
}

impl Line {
    /// The column of `dataset` that holds such a value.
    fn column(&self) -> &'static str {
        match self.kind.as_str() {
            "number" => "cover_id",
            "money" => "price",
            "flag" => "is_delete",
            "time" => "create_time",
            "text" => "description",
            "tags" => "tag",
            other => panic!("no such kind: {other}"),
        }
    }

    /// The value as a column of text holds it; no server keeps a NUL in one.
    fn text(&self) -> Option<String> {
        match &self.value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

fn lines() -> Vec<Line> {
    let lines: Vec<Line> =
        include_str!("table.jsonl").lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.len() > 400);
    lines
}

/// The key of a line's row; as many rows that are right come before.
fn key(place: usize) -> usize {
    10_000 + place
}

/// Runs, and compares every line.
fn check(n: &Nearset, lines: &[Line]) {
    n.ok(&["run", "--as-of", AS_OF]);
    let rows = n.sql(
        "select dataset_id, cover_id as number, price as money, stg_dataset.is_deleted as flag,
             cast(created_at as varchar) as time, description as text, coalesce(tags, []) as tags
         from stg_dataset order by dataset_id",
    );
    let reasons = n.sql("select source_key, reason, column_name from rejected_rows where source_table = 'dataset'");
    let mut wrong = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let row = rows.iter().find(|row| row["dataset_id"] == key(place)).expect("its row");
        let id = key(place).to_string();
        let is_same = match (&row[&line.kind], &line.read) {
            (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
            (one, other) => one == other,
        };
        let reason = reasons.iter().find(|reason| {
            reason["source_key"].as_str() == Some(id.as_str())
                && reason["column_name"] == line.column()
                && reason["reason"].as_str().is_some_and(|reason| reason.contains("_not_a_"))
        });
        let expected = line.reason.as_ref().map(|reason| format!("{}_{reason}", line.column()));
        if !is_same || reason.map(|r| r["reason"].as_str().unwrap_or_default()) != expected.as_deref() {
            wrong.push(format!("{} {}: {} {reason:?}", line.kind, line.value, row[&line.kind]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rows of the table as `INSERT`s into `dataset`, whose columns are texts.
fn inserts(lines: &[Line], quote: impl Fn(&str) -> String) -> String {
    let mut sql = String::new();
    for place in 0..lines.len() {
        writeln!(
            sql,
            "insert into dataset (id, dataset_name, create_time) values ('{}', 'd', '2026-01-01');",
            1 + place
        )
        .expect("written");
    }
    for (place, line) in lines.iter().enumerate() {
        let value = line.text().map_or("null".to_owned(), |text| quote(&text));
        let (column, key) = (line.column(), key(place));
        match column {
            "create_time" => writeln!(sql, "insert into dataset (id, dataset_name, create_time) values ('{key}', 'd', {value});"),
            _ => writeln!(
                sql,
                "insert into dataset (id, dataset_name, create_time, {column}) values ('{key}', 'd', '2026-01-01', {value});"
            ),
        }
        .expect("written");
    }
    sql
}

const COLUMNS: &str = "id varchar(40), dataset_name varchar(40), create_time varchar(400), description varchar(400), \
                       tag varchar(400), price varchar(400), is_delete varchar(400), cover_id varchar(400)";

fn standard(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn is_without_nul(line: &Line) -> bool {
    !line.text().is_some_and(|text| text.contains('\0'))
}

#[test]
fn exports() {
    let (n, lines) = (Nearset::empty(), lines());
    let mut rows: Vec<Value> = (0..lines.len())
        .map(|place| json!({"id": 1 + place, "dataset_name": "d", "create_time": "2026-01-01"}))
        .collect();
    rows.extend(lines.iter().enumerate().map(|(place, line)| {
        let mut row = json!({"id": key(place), "dataset_name": "d", "create_time": "2026-01-01"});
        row[line.column()] = line.value.clone();
        row
    }));
    n.write("dataset.json", &json!(rows).to_string());
    check(&n, &lines);
}

#[test]
fn mariadb() {
    let (db, lines) = (MariaDb::start(), lines());
    let quote = |text: &str| format!("'{}'", text.replace('\\', r"\\").replace('\'', "''").replace('\0', r"\0"));
    db.sql(&format!(
        "use shop; drop table dataset; create table dataset ({COLUMNS}) character set utf8mb4; {}",
        inserts(&lines, quote)
    ));
    let mut n = db.nearset();
    n.set("MATOMO_DATA_SOURCE", "json");
    n.set("MATOMO_DB_NAME", "");
    check(&n, &lines);
}

#[test]
fn postgres() {
    let db = Postgres::start(PASSWORD);
    let mut lines = lines();
    lines.retain(is_without_nul);
    // a command line is shorter than the table
    db.sql(PASSWORD, &format!("create table dataset ({COLUMNS})"));
    let statements = inserts(&lines, standard);
    for part in statements.split_inclusive(";\n").collect::<Vec<_>>().chunks(200) {
        db.sql(PASSWORD, &part.concat());
    }
    let mut n = Nearset::empty();
    n.set("BUSINESS_DATA_SOURCE", "database");
    n.set("DUCKDB_EXTENSION_DIRECTORY", &extensions().to_string_lossy());
    n.set("BUSINESS_DB_URL", &format!("postgres://reader:{}@127.0.0.1:{}/postgres", encoded_password(), db.port));
    check(&n, &lines);
}

#[test]
fn sqlite() {
    let mut n = Nearset::empty();
    let mut lines = lines();
    lines.retain(is_without_nul);
    let path = n.path().join("shop.db");
    let setup = duckdb::Connection::open_in_memory().expect("a database");
    setup
        .execute_batch(&format!(
            "load '{}'; attach '{}' as shop (type sqlite); use shop; begin; create table dataset ({COLUMNS}); {} commit;",
            extension("sqlite_scanner").display(),
            path.display(),
            inserts(&lines, standard)
        ))
        .expect("a source");
    drop(setup);
    n.set("BUSINESS_DATA_SOURCE", "database");
    n.set("DUCKDB_EXTENSION_DIRECTORY", &extensions().to_string_lossy());
    n.set("BUSINESS_DB_URL", &format!("sqlite:{}", path.display()));
    check(&n, &lines);
}
