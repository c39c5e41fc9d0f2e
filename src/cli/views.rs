//! `nearset views`.

use std::io::{self, Write};

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::examples::examples;
use crate::common::language::t;
use crate::config::Config;
use crate::extract;
use crate::sql_project::Project;
use crate::train;

#[derive(Debug, Subcommand)]
pub enum Views {
    /// Check every file: syntax, names, cycles, and (where there is a warehouse) columns and types
    #[command(after_help = examples(&["views check"]))]
    Check,
    /// List macros and relations with their descriptions
    #[command(after_help = examples(&["views list", "views list dataset_stats_v2", "views list --json"]))]
    List {
        /// Only this one, with its columns
        relation: Option<String>,
        /// As JSON
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
        let project = Project::of(config, &extract::raw_tables()?)?;
        let mut out = io::stdout().lock();
        match self {
            Self::Check => {
                train::require_no_leak(&project)?;
                let bound = project.check(config)?;
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
            }
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

fn print_json(out: &mut impl Write, figures: &impl Serialize) -> Result<()> {
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(figures)?)?)
}
