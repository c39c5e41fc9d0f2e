//! Rules counted on the raw rows, by one query a table; what a value means, the macros say. The counts are a table of the
//! `raw` schema, which `schema_contract_results` reads.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use duckdb::Connection;

use super::kind::Kind;
use super::rule::{Check, Contracts, Rule};
use crate::common::language::t;
use crate::config::Config;
use crate::extract::columns::timezone;
use crate::extract::tables::{TABLES, Table};
use crate::extract::watermarks::{Known, known};
use crate::warehouse::{ident, quote};

/// Makes the table of counts.
///
/// # Errors
/// DuckDB cannot write it.
pub fn create_table(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.schema_contract_checks (
             source varchar, table_name varchar, column_name varchar, rule varchar, expected varchar, severity varchar,
             rows bigint, violations bigint, example varchar);
         alter table raw.schema_contract_checks add column if not exists owner varchar",
    )?;
    Ok(())
}

/// Counts what breaks the rules, in place of what was counted before. A table that the source does not have breaks none but
/// that it be there.
///
/// # Errors
/// DuckDB cannot count.
pub fn check(db: &Connection, config: &Config, contracts: &Contracts) -> Result<()> {
    create_table(db)?;
    db.execute_batch("delete from raw.schema_contract_checks")?;
    for table in TABLES {
        let rules: Vec<&Rule> = contracts.rules.iter().filter(|rule| rule.table.name == table.name).collect();
        let known = known(db, table)?.filter(|known| known.is_there);
        for count in counts(db, config, (table, known.as_ref()), &rules)? {
            let (source, name) = (quote(table.source), quote(table.name));
            db.execute_batch(&format!(
                "insert into raw.schema_contract_checks by name select {source} as source, {name} as table_name, * from ({count})"
            ))
            .with_context(|| t!("the contract of {}.{}", "{}.{} 的契约", table.source, table.name))?;
        }
    }
    Ok(())
}

/// The queries that count what breaks the rules of one table.
fn counts(
    db: &Connection,
    config: &Config,
    (table, known): (&Table, Option<&Known>),
    rules: &[&Rule],
) -> Result<Vec<String>> {
    let Some(known) = known else {
        let absent = rules.iter().filter(|rule| rule.check == Check::Table);
        let absent = absent.map(|rule| counted(&entry(rule, ("0", "1", "cast(null as varchar)")), "(select 1)"));
        return Ok(absent.collect());
    };
    let there = columns_there(db, table, known)?;
    let is_there = |column: &str| there.contains(&column.to_lowercase());
    let from = format!("raw.{}", ident(table.name));
    let zone = quote(timezone(table, config));
    let (mut queries, mut entries) = (Vec::new(), Vec::new());
    for rule in rules {
        let value = ident(&rule.column);
        let missing = ("count(*)", "count(*)", "cast(null as varchar)");
        match &rule.check {
            Check::Table => entries.push(entry(rule, ("count(*)", "0", "cast(null as varchar)"))),
            Check::Present if !is_there(&rule.column) => entries.push(entry(rule, missing)),
            Check::Present => {
                // an export does not say which of its columns are there where nothing stands in any row
                let is_said = rule.is_nullable || known.is_database();
                let violations = if is_said { "0".to_owned() } else { format!("if(count({value}) = 0, count(*), 0)") };
                entries.push(entry(rule, ("count(*)", &violations, "cast(null as varchar)")));
            }
            Check::PrimaryKey(columns) if columns.iter().any(|column| !is_there(column)) => {
                entries.push(entry(rule, missing));
            }
            Check::PrimaryKey(columns) => queries.push(repeated(&from, columns, table, rule)),
            // that it is missing is said by the rule that it be there
            _ if !is_there(&rule.column) => {}
            Check::Unique => queries.push(repeated(&from, std::slice::from_ref(&rule.column), table, rule)),
            check => {
                let is_broken = condition(check, &value, &zone);
                let violations = format!("count(*) filter (where {is_broken})");
                let example = format!("min({value}) filter (where {is_broken})");
                entries.push(entry(rule, ("count(*)", &violations, &example)));
            }
        }
    }
    if !entries.is_empty() {
        queries.push(counted(&entries.join(",\n"), &from));
    }
    Ok(queries)
}

/// A rule with what was counted: rows, violations and an example, as expressions.
fn entry(rule: &Rule, (rows, violations, example): (&str, &str, &str)) -> String {
    format!(
        "struct_pack(column_name := {}, rule := {}, expected := {}, severity := {}, owner := {}, rows := {rows}, \
         violations := {violations}, example := left({example}, 80))",
        quote(&rule.column),
        quote(rule.check.name()),
        quote(&rule.expected),
        quote(rule.severity.name()),
        quote(&rule.owner)
    )
}

/// The query that gives a row for each of these entries.
fn counted(entries: &str, from: &str) -> String {
    format!("select unnest(found, recursive := true) from (select [{entries}] as found from {from})")
}

/// What holds of a row that breaks a rule of one column.
fn condition(check: &Check, value: &str, zone: &str) -> String {
    let read = |kind: &Kind| read(*kind, value, zone);
    match check {
        Check::NotNull => format!("text_of({value}) is null"),
        Check::Type(kind) => format!("not reads_as({}, {value}, {zone})", quote(kind.name())),
        Check::Min(kind, limit) => format!("{} < {}", read(kind), literal(*kind, limit)),
        Check::Max(kind, limit) => format!("{} > {}", read(kind), literal(*kind, limit)),
        Check::Allowed(kind, values) => {
            let values: Vec<String> = values.iter().map(|v| self::read(*kind, &quote(v), zone)).collect();
            format!("{} not in ({})", read(kind), values.join(", "))
        }
        Check::Table | Check::Present | Check::Unique | Check::PrimaryKey(_) => "false".to_owned(),
    }
}

/// A value as its kind has it.
fn read(kind: Kind, value: &str, zone: &str) -> String {
    match kind {
        Kind::Whole => format!("whole_number({value})"),
        Kind::Tiny => format!("coalesce(whole_number({value}), cast(flag({value}) as bigint))"),
        Kind::Number => format!("money({value})"),
        Kind::Flag => format!("flag({value})"),
        Kind::Time => format!("moment({value}, {zone})"),
        Kind::Text => format!("text_of({value})"),
    }
}

/// A limit in SQL; times are told in UTC.
fn literal(kind: Kind, limit: &str) -> String {
    match kind {
        Kind::Time => format!("moment({}, 'UTC')", quote(limit)),
        _ => format!("cast({} as double)", quote(limit)),
    }
}

/// The rows that have none of a key, and those beyond the first of each. What extraction set aside for want of a key counts.
fn repeated(from: &str, columns: &[String], table: &Table, rule: &Rule) -> String {
    let is_own = columns.len() == table.key.len() && table.key.iter().all(|(key, _)| columns.iter().any(|c| c == key));
    let keyless = columns.iter().map(|column| quote(&format!("{column}_missing"))).collect::<Vec<_>>().join(", ");
    let keyless = format!(
        "(select count(*) from raw.rejected where source_table = {} and reason in ({keyless}))",
        quote(table.name)
    );
    if is_own {
        // the raw table has one row for each of nearset's own keys, and none without
        return counted(&entry(rule, ("count(*)", &keyless, "cast(null as varchar)")), from);
    }
    let idents: Vec<String> = columns.iter().map(|column| ident(column)).collect();
    let holds: Vec<String> = idents.iter().map(|column| format!("text_of({column}) is not null")).collect();
    let (all, holds) = (idents.join(", "), holds.join(" and "));
    let mut violations = format!("count(*) filter (where {holds} and nth > 1)");
    if matches!(rule.check, Check::PrimaryKey(_)) {
        violations += &format!(" + count(*) filter (where not ({holds})) + {keyless}");
    }
    let example = format!("min(concat_ws(', ', {all})) filter (where {holds} and nth > 1)");
    let found = entry(rule, ("count(*)", &violations, &example));
    counted(&found, &format!("(select {all}, row_number() over (partition by {all}) as nth from {from})"))
}

/// The columns that a table has, in lower case: those of the database, else those of the warehouse.
fn columns_there(db: &Connection, table: &Table, known: &Known) -> Result<BTreeSet<String>> {
    if known.is_database() && !known.columns.is_empty() {
        let names = known.columns.keys();
        return Ok(names
            .map(|name| crate::extract::names::known(table, name).map_or_else(|| name.to_lowercase(), str::to_owned))
            .collect());
    }
    let mut statement = db.prepare(
        "select lower(column_name) from information_schema.columns where table_schema = 'raw' and table_name = ?",
    )?;
    let names = statement.query_map([table.name], |row| row.get(0))?;
    Ok(names.collect::<duckdb::Result<_>>()?)
}
