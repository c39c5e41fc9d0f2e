//! What a contract asks of a table, one rule after the other.

use std::path::PathBuf;

use super::kind::Kind;
use crate::extract::tables::{TABLES, Table};

/// What a broken rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It is told.
    Info,
    /// It is told, and dashboards see it.
    Warning,
    /// It stops the run before anything is published.
    Critical,
}

impl Severity {
    pub fn named(name: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical].into_iter().find(|severity| severity.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// The table is there.
    Table,
    /// The column is there.
    Present,
    /// Something stands in every row.
    NotNull,
    /// What stands there can be read as this.
    Type(Kind),
    /// It is no less than this.
    Min(Kind, String),
    /// It is no more than this.
    Max(Kind, String),
    /// It is one of these.
    Allowed(Kind, Vec<String>),
    /// It stands there once.
    Unique,
    /// These columns together are there in every row, and once.
    PrimaryKey(Vec<String>),
}

impl Check {
    /// Its name in `schema_contract_results`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Present => "present",
            Self::NotNull => "not_null",
            Self::Type(_) => "type",
            Self::Min(..) => "min",
            Self::Max(..) => "max",
            Self::Allowed(..) => "allowed",
            Self::Unique => "unique",
            Self::PrimaryKey(_) => "primary_key",
        }
    }
}

/// A rule of one table.
#[derive(Clone, Debug)]
pub struct Rule {
    pub table: &'static Table,
    /// As the warehouse has it; empty where the rule is the table's.
    pub column: String,
    pub check: Check,
    /// What the contract says of it: the type's name, the limit, the values.
    pub expected: String,
    /// Whether the contract lets nothing stand there.
    pub is_nullable: bool,
    pub severity: Severity,
    /// Whose it is to mend; empty where nobody is named.
    pub owner: String,
}

/// All rules, and where they stand.
#[derive(Debug)]
pub struct Contracts {
    /// The file, where there is one.
    pub file: Option<PathBuf>,
    pub(super) rules: Vec<Rule>,
    /// What a person should know of the file.
    pub notes: Vec<String>,
}

impl Contracts {
    /// How many rules there are.
    pub fn count(&self) -> usize {
        self.rules.len()
    }
}

/// What nearset asks of the tables where no file says otherwise: the columns it cannot do without, and their key.
pub fn own() -> Contracts {
    let rule = |table, column: &str, check| Rule {
        table,
        column: column.to_owned(),
        check,
        expected: String::new(),
        is_nullable: false,
        severity: Severity::Warning,
        owner: String::new(),
    };
    let mut rules = Vec::new();
    for table in TABLES {
        rules.extend(table.required.iter().map(|column| rule(table, column, Check::Present)));
        let key: Vec<String> = table.key.iter().map(|(column, _)| (*column).to_owned()).collect();
        // what stands in for a column of the key where a source has none is not looked for
        if table.key.iter().all(|(_, fallback)| fallback.is_empty()) {
            rules.push(Rule { expected: key.join(", "), ..rule(table, "", Check::PrimaryKey(key)) });
        }
    }
    Contracts { file: None, rules, notes: Vec::new() }
}
