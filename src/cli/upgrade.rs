//! `nearset upgrade`.

use anyhow::{Result, bail};
use clap::Subcommand;

use super::doctor::print;
use super::examples::examples;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::common::terminal::say;
use crate::config::Values;
use crate::operations::upgrade::check;

#[derive(Debug, Subcommand)]
pub enum Upgrade {
    /// Look at warehouse, versions, settings and project, and say what changes and what cannot be read; nothing is changed
    #[command(after_help = examples(&["upgrade check", "upgrade check --json"]))]
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Upgrade {
    /// Prints every finding; fails where something cannot be read.
    pub fn run(self, values: &Values) -> Result<()> {
        let Self::Check { json } = self;
        let mut findings: Vec<Finding> = Vec::new();
        check(values, &mut |finding| {
            if !json {
                print(&finding);
            }
            findings.push(finding);
        });
        if json {
            say!("{}", serde_json::to_string_pretty(&findings)?);
        }
        match findings.iter().filter(|finding| finding.verdict == Verdict::Broken).count() {
            0 => Ok(()),
            count => bail!(t!("{count} finding(s) stand in the way", "有 {count} 处妨碍升级")),
        }
    }
}
