//! `nearset views`.

use std::io::{self, Write};

use anyhow::{Result, ensure};
use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};

use super::examples::examples;
use crate::common::language::t;
use crate::config::Config;
use crate::extract;
use crate::query::preview_file;
use crate::sql_project::{Problem, Project};
use crate::train;

#[derive(Debug, Subcommand)]
pub enum Views {
    /// Check every file: syntax, names, cycles, and (where there is a warehouse) columns and types
    #[command(after_help = examples(&["views check", "views check --json"]))]
    Check {
        /// Print what is wrong as JSON: file, line, column, message, caret
        #[arg(long)]
        json: bool,
    },
    /// List macros and relations with their descriptions
    #[command(after_help = examples(&["views list", "views list dataset_stats_v2", "views list --json"]))]
    List {
        /// Only this one, with its columns
        relation: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the first rows of a file as it is now, with all that has changed below it; nothing is published
    #[command(after_help = examples(&["views preview funnel_by_day", "views preview coverage --rows 3 --json"]))]
    Preview {
        /// A relation's name, or a file: also one that is not in the project yet
        what: String,
        /// How many rows
        #[arg(long, default_value_t = 20)]
        rows: u64,
        /// Print rows, changes and tests as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what feeds what
    #[command(after_help = examples(&["views lineage dataset_stats_v2", "views lineage --json"]))]
    Lineage {
        /// Only what this relation reads and what reads it
        relation: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Views {
    pub fn run(self, config: &Config) -> Result<()> {
        if let Self::Preview { what, rows, json } = &self {
            return preview_file(config, what, *rows, *json, &mut io::stdout());
        }
        let mut out = io::stdout().lock();
        let raw_tables = extract::raw_tables()?;
        if let Self::Check { json } = self {
            return check(config, &Project::read(config, &raw_tables)?, json, &mut out);
        }
        let project = Project::for_look(config, &raw_tables)?;
        match self {
            // done above
            Self::Check { .. } | Self::Preview { .. } => {}
            Self::List { relation, json: true } => print_json(&mut out, &project.listed(relation.as_deref())?)?,
            Self::List { relation: None, .. } => writeln!(out, "{}\n{}", project.listing(), project.origin)?,
            Self::List { relation: Some(name), .. } => write!(out, "{}", project.describe(&name)?)?,
            Self::Lineage { relation: None, json: true } => {
                let edge = |(input, relation): (&str, &str)| json!({ "input": input, "relation": relation });
                print_json(&mut out, &project.edges().map(edge).collect::<Vec<_>>())?;
            }
            Self::Lineage { relation: Some(name), json: true } => print_json(&mut out, &project.neighbours(&name)?)?,
            Self::Lineage { relation: None, .. } => {
                for (input, relation) in project.edges() {
                    writeln!(out, "{input} -> {relation}")?;
                }
            }
            Self::Lineage { relation: Some(name), .. } => writeln!(out, "{}", project.neighbours(&name)?)?,
        }
        Ok(())
    }
}

/// Says what is wrong with any file.
fn check(config: &Config, project: &Project, is_json: bool, out: &mut impl Write) -> Result<()> {
    let (problems, bound) = project.check(config)?;
    let leak = train::require_no_leak(project).err();
    if is_json {
        let leaks = leak.iter().map(|error| json!({"message": error.to_string()}));
        let problems: Vec<Value> = problems.iter().map(|problem| json!(problem)).chain(leaks).collect();
        let count = problems.len();
        print_json(out, &json!({"problems": problems, "files": project.relations.len()}))?;
        ensure!(count == 0, t!("{count} problem(s)", "{count} 个问题"));
        return Ok(());
    }
    let told: Vec<String> =
        problems.iter().map(Problem::to_string).chain(leak.map(|error| error.to_string())).collect();
    ensure!(told.is_empty(), "{}", told.join("\n"));
    writeln!(
        out,
        "{}",
        t!(
            "{} files are in order{bound} ({})",
            "{} 个文件没有问题{bound}（{}）",
            project.relations.len(),
            project.origin
        )
    )?;
    Ok(())
}

fn print_json(out: &mut impl Write, figures: &impl Serialize) -> Result<()> {
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(figures)?)?)
}
