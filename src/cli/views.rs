//! `nearset views`.

use std::io::{self, Write};

use anyhow::Result;
use clap::Subcommand;

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
    #[command(after_help = examples(&["views list", "views list dataset_stats_v2"]))]
    List {
        /// Only this one, with its columns
        relation: Option<String>,
    },
    /// Show what feeds what
    #[command(after_help = examples(&["views lineage dataset_stats_v2"]))]
    Lineage {
        /// Only what this relation reads and what reads it
        relation: Option<String>,
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
            Self::List { relation: None } => writeln!(out, "{}\n{}", project.listing(), project.origin)?,
            Self::List { relation: Some(name) } => write!(out, "{}", project.describe(&name)?)?,
            Self::Lineage { relation: None } => {
                for (input, relation) in project.edges() {
                    writeln!(out, "{input} -> {relation}")?;
                }
            }
            Self::Lineage { relation: Some(name) } => {
                let relation = project.get(&name)?;
                writeln!(out, "{name} ({})", relation.file.display())?;
                for input in &relation.inputs {
                    writeln!(out, "{}", t!("  reads   {input}", "  读取    {input}"))?;
                }
                for (_, reader) in project.edges().filter(|(input, _)| *input == name) {
                    writeln!(out, "{}", t!("  read by {reader}", "  被读取  {reader}"))?;
                }
            }
        }
        Ok(())
    }
}
