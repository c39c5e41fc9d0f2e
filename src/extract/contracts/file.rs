//! The file of contracts: the old system's YAML, `sources.{source}.{table}.{primary_key, required_columns}`, with limits,
//! values and severities where an operator wants them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::kind::Kind;
use super::rule::{Check, Contracts, Rule, Severity, own};
use crate::common::files;
use crate::common::language::t;
use crate::common::likeness::hint;
use crate::config::Config;
use crate::extract::names;
use crate::extract::sources::SOURCES;
use crate::extract::tables::{TABLES, Table};

/// A key of the file, in the order of its lines.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    line: u64,
    text: String,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let Spanned { value: text, referenced, .. } = Spanned::deserialize(reader)?;
        Ok(Self { line: referenced.line(), text })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "version")]
    _version: Option<IgnoredAny>,
    #[serde(default, rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(default)]
    severity: Option<Spanned<String>>,
    #[serde(default)]
    owner: Option<String>,
    sources: BTreeMap<Name, BTreeMap<Name, TableSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableSpec {
    #[serde(default, rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(default)]
    primary_key: Option<Spanned<Value>>,
    #[serde(default)]
    required_columns: BTreeMap<Name, Option<ColumnSpec>>,
    /// Whether a source that has no such table breaks the contract.
    #[serde(default)]
    required: bool,
    #[serde(default)]
    severity: Option<Spanned<String>>,
    #[serde(default)]
    owner: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnSpec {
    #[serde(default, rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(default)]
    r#type: Option<Spanned<String>>,
    #[serde(default)]
    nullable: Option<bool>,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    min: Option<Spanned<Value>>,
    #[serde(default)]
    max: Option<Spanned<Value>>,
    #[serde(default)]
    allowed: Option<Spanned<Vec<Value>>>,
    #[serde(default)]
    severity: Option<Spanned<String>>,
    #[serde(default)]
    owner: Option<String>,
}

/// What a rule is where nothing is said of it: as what it stands in.
#[derive(Clone)]
struct Above {
    severity: Severity,
    owner: String,
}

impl Above {
    /// The same, unless something else is said.
    fn with(&self, named: Option<&Spanned<String>>, owner: Option<&String>, path: &str) -> Result<Self> {
        let severity = severity(named, &format!("{path}severity"), self.severity)?;
        Ok(Self { severity, owner: owner.unwrap_or(&self.owner).clone() })
    }
}

/// The contracts in force: those of the file that settings name or that lies where the old system had it, else nearset's own.
///
/// # Errors
/// The file is not there, cannot be read or makes no sense; the error names it, the line and the field.
pub fn read(config: &Config) -> Result<Contracts> {
    let Some(path) = config.contracts_path() else { return Ok(own()) };
    let text = files::read_text(&path)?.with_context(|| {
        t!(
            "SCHEMA_CONTRACTS names {}, which is not there; write it, or take the setting out",
            "SCHEMA_CONTRACTS 指定的 {} 不存在；请写该文件，或去掉此设置",
            path.display()
        )
    })?;
    let mut contracts = parse(&text, &config.sources.matomo_prefix).with_context(|| path.display().to_string())?;
    contracts.file = Some(path);
    Ok(contracts)
}

/// An error at a place of the file.
fn at<T>(place: &Spanned<T>, path: &str, fault: &str) -> anyhow::Error {
    in_line(place.referenced.line(), path, fault)
}

fn in_line(line: u64, path: &str, fault: &str) -> anyhow::Error {
    anyhow!("{}", t!("line {line}: {path}: {fault}", "第 {line} 行：{path}：{fault}"))
}

/// Reads a file's text; Matomo's tables may bear the prefix that they have in the database, or none.
fn parse(text: &str, matomo_prefix: &str) -> Result<Contracts> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| anyhow!("{error}"))?;
    let mut contracts = Contracts { file: None, rules: Vec::new(), notes: Vec::new() };
    let above = Above { severity: Severity::Warning, owner: String::new() };
    let above = above.with(file.severity.as_ref(), file.owner.as_ref(), "")?;
    for (source, tables) in &file.sources {
        if !SOURCES.contains(&source.text.as_str()) {
            let fault = t!("there is no such source; they are {}", "没有这个数据源；数据源有 {}", SOURCES.join(", "));
            return Err(in_line(source.line, &format!("sources.{}", source.text), &fault));
        }
        for (name, spec) in tables {
            let path = format!("sources.{}.{}", source.text, name.text);
            match table(&source.text, &name.text, matomo_prefix) {
                Some(table) => table_rules(table, (&path, spec, &above), &mut contracts.rules)?,
                None => contracts.notes.push(t!(
                    "line {}: {path}: nearset reads no such table, and nothing of it is checked{}",
                    "第 {} 行：{path}：nearset 不读这张表，其内容不作检查{}",
                    name.line,
                    hint(&name.text, TABLES.iter().map(|table| table.name))
                )),
            }
        }
    }
    Ok(contracts)
}

/// The table of that name: as here, as in the database, or without any prefix.
fn table(source: &str, name: &str, matomo_prefix: &str) -> Option<&'static Table> {
    let of_matomo = |table: &Table| {
        let bare = table.name.trim_start_matches("matomo_");
        table.is_matomo() && (name == bare || name.strip_prefix(matomo_prefix) == Some(bare))
    };
    TABLES.iter().find(|table| table.source == source && (table.name == name || of_matomo(table)))
}

fn severity(named: Option<&Spanned<String>>, path: &str, otherwise: Severity) -> Result<Severity> {
    let Some(named) = named else { return Ok(otherwise) };
    Severity::named(&named.value).ok_or_else(|| {
        let value = &named.value;
        at(
            named,
            path,
            &t!(
                "{value:?} is none; it may be info, warning or critical",
                "{value:?} 无效；可为 info、warning 或 critical"
            ),
        )
    })
}

fn table_rules(table: &'static Table, of: (&str, &TableSpec, &Above), rules: &mut Vec<Rule>) -> Result<()> {
    let (path, spec, above) = of;
    let above = above.with(spec.severity.as_ref(), spec.owner.as_ref(), &format!("{path}."))?;
    let own = |check, expected: String| Rule {
        table,
        column: String::new(),
        check,
        expected,
        is_nullable: false,
        severity: above.severity,
        owner: above.owner.clone(),
    };
    if spec.required {
        rules.push(own(Check::Table, String::new()));
    }
    if let Some(key) = &spec.primary_key {
        let columns = key_columns(key, &format!("{path}.primary_key"))?;
        let columns: Vec<String> = columns.iter().map(|name| column(table, name)).collect();
        rules.push(own(Check::PrimaryKey(columns.clone()), columns.join(", ")));
    }
    for (name, spec) in &spec.required_columns {
        let path = format!("{path}.required_columns.{}", name.text);
        let none = ColumnSpec::default();
        column_rules(table, &column(table, &name.text), (&path, spec.as_ref().unwrap_or(&none), &above), rules)?;
    }
    Ok(())
}

/// A column as the warehouse has it.
fn column(table: &Table, name: &str) -> String {
    names::known(table, name).map_or_else(|| name.to_owned(), str::to_owned)
}

fn key_columns(key: &Spanned<Value>, path: &str) -> Result<Vec<String>> {
    let columns = match &key.value {
        Value::String(one) => Some(one.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()),
        Value::Array(many) => many.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    match columns {
        Some(columns) if !columns.is_empty() && columns.iter().all(|name| !name.is_empty()) => Ok(columns),
        _ => Err(at(key, path, &t!("the name of a column or a list of names is expected", "应为一个列名或列名的列表"))),
    }
}

fn column_rules(
    table: &'static Table,
    column: &str,
    (path, spec, above): (&str, &ColumnSpec, &Above),
    rules: &mut Vec<Rule>,
) -> Result<()> {
    let Above { severity, owner } = above.with(spec.severity.as_ref(), spec.owner.as_ref(), &format!("{path}."))?;
    let is_nullable = spec.nullable.unwrap_or(true);
    let mut add = |check, expected: String| {
        let (column, owner) = (column.to_owned(), owner.clone());
        rules.push(Rule { table, column, check, expected, is_nullable, severity, owner });
    };
    let kind = match &spec.r#type {
        None => Kind::Text,
        Some(named) => Kind::of(&named.value).ok_or_else(|| {
            let (value, known) = (&named.value, Kind::names());
            let fault =
                t!("{value:?} is no type that is known; there are {known}", "{value:?} 不是已知类型；可用 {known}");
            at(named, &format!("{path}.type"), &fault)
        })?,
    };
    add(Check::Present, String::new());
    if !is_nullable {
        add(Check::NotNull, String::new());
    }
    if let Some(named) = &spec.r#type {
        add(Check::Type(kind), named.value.clone());
    }
    if spec.unique {
        add(Check::Unique, String::new());
    }
    if let Some(limit) = &spec.min {
        let text = limited(kind, limit, &format!("{path}.min"))?;
        add(Check::Min(kind, text.clone()), format!(">= {text}"));
    }
    if let Some(limit) = &spec.max {
        let text = limited(kind, limit, &format!("{path}.max"))?;
        add(Check::Max(kind, text.clone()), format!("<= {text}"));
    }
    if let Some(allowed) = &spec.allowed {
        let path = format!("{path}.allowed");
        let values = allowed.value.iter().map(|value| scalar(value).ok_or(value));
        let values: Vec<String> = values
            .collect::<Result<_, _>>()
            .map_err(|value| at(allowed, &path, &t!("{value} is no single value", "{value} 不是单个值")))?;
        if values.is_empty() {
            return Err(at(
                allowed,
                &path,
                &t!("it is empty: nothing could stand there", "列表为空：任何值都不可能符合"),
            ));
        }
        add(Check::Allowed(kind, values.clone()), values.join(", "));
    }
    Ok(())
}

/// The text of a number, a flag or a text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A limit of a column that holds numbers or times.
fn limited(kind: Kind, limit: &Spanned<Value>, path: &str) -> Result<String> {
    let is_number = limit.value.is_number();
    match (kind, scalar(&limit.value)) {
        (Kind::Whole | Kind::Tiny | Kind::Number, Some(text)) if is_number => Ok(text),
        (Kind::Time, Some(text)) if !is_number && crate::config::parse_moment(&text).is_ok() => Ok(text),
        (Kind::Text | Kind::Flag, _) => Err(at(
            limit,
            path,
            &t!("a limit needs a column whose type is a number or a time", "只有类型为数值或时间的列才能设界限"),
        )),
        _ => bail!(at(limit, path, &t!("{} is no limit for such a column", "{} 不能作该列的界限", limit.value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, "matomo_").map(|_| ()).map_err(|e| format!("{e:#}")).expect_err("a mistake")
    }

    #[test]
    fn the_old_systems_file_is_read_and_says_what_it_asks() -> Result<()> {
        let text = "version: 1\nsources:\n  business:\n    dataset:\n      primary_key: id\n      required_columns:\n        id: {type: bigint(20), nullable: false}\n        createTime: {type: datetime, nullable: true}\n        price:\n          type: decimal(10,2)\n          min: 0\n          max: 1000000\n          severity: critical\n        is_delete: {type: tinyint(1), allowed: [0, 1]}\n  matomo:\n    piwik_log_visit:\n      primary_key: [idvisit]\n      required: true\n    log_action:\n      required_columns:\n        name:\n";
        let contracts = parse(text, "piwik_")?;
        let said: Vec<String> = contracts
            .rules
            .iter()
            .map(|r| format!("{} {} {} {} {}", r.table.name, r.column, r.check.name(), r.expected, r.severity.name()))
            .collect();
        assert_eq!(
            said,
            [
                "dataset  primary_key id warning",
                "dataset id present  warning",
                "dataset id not_null  warning",
                "dataset id type bigint(20) warning",
                "dataset create_time present  warning",
                "dataset create_time type datetime warning",
                "dataset price present  critical",
                "dataset price type decimal(10,2) critical",
                "dataset price min >= 0 critical",
                "dataset price max <= 1000000 critical",
                "dataset is_delete present  warning",
                "dataset is_delete type tinyint(1) warning",
                "dataset is_delete allowed 0, 1 warning",
                "matomo_log_visit  table  warning",
                "matomo_log_visit  primary_key idvisit warning",
                "matomo_log_action name present  warning",
            ]
        );
        Ok(())
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_line_and_field() {
        let column = |entry: &str| {
            error(&format!("sources:\n  business:\n    dataset:\n      required_columns:\n        price: {entry}\n"))
        };
        for (said, parts) in [
            (
                column("{type: decimall}"),
                ["line 5: sources.business.dataset.required_columns.price.type", "\"decimall\""],
            ),
            (column("{type: double, min: cheap}"), ["line 5", "price.min: \"cheap\""]),
            (column("{type: varchar, min: 3}"), ["line 5", "price.min: a limit needs"]),
            (column("{type: double, allowed: []}"), ["line 5", "price.allowed: it is empty"]),
            (column("{type: double, severity: fatal}"), ["line 5", "price.severity: \"fatal\""]),
            (column("{type: double, nulable: true}"), ["5", "nulable"]),
            (error("sources:\n  shop:\n    dataset: {}\n"), ["line 2: sources.shop", "business, matomo"]),
            (error("sources:\n  business:\n    dataset:\n      primary_key: 7\n"), ["line 4", "primary_key"]),
            (error("contracts: {}\n"), ["contracts", "1"]),
        ] {
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        }
    }

    #[test]
    fn a_table_that_is_none_of_nearsets_is_named() -> Result<()> {
        let contracts = parse("sources:\n  business:\n    datasets:\n      primary_key: id\n", "")?;
        assert_eq!(contracts.count(), 0);
        assert!(contracts.notes[0].contains("line 3: sources.business.datasets"), "{:?}", contracts.notes);
        assert!(contracts.notes[0].contains("did you mean dataset?"), "{:?}", contracts.notes);
        Ok(())
    }
}
