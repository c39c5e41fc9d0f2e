//! `nearset project`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::common::terminal::say;
use crate::config::Config;
use crate::sql_project::{Difference, Written, differences, write_out};

#[derive(Debug, Subcommand)]
pub enum Project {
    /// Write sql/, views/, nearset.toml and the examples of rules and experiments; no file is overwritten
    Init {
        /// The folder; the working folder where none is named
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Say which files differ from those inside the program, as after an upgrade
    Diff {
        /// The folder; PROJECT_DIR or the working folder where none is named
        dir: Option<PathBuf>,
    },
}

impl Project {
    pub fn run(self, config: &Config) -> Result<()> {
        match self {
            Self::Init { dir } => init(&dir),
            Self::Diff { dir } => diff(&dir.or_else(|| config.project.clone()).context(
                "there is no project folder here: the files inside the program are used; `nearset project init` writes them out",
            )?),
        }
    }
}

fn init(dir: &Path) -> Result<()> {
    let Written { new, left } = write_out(dir)?;
    let dir = dir.canonicalize().with_context(|| format!("{} cannot be read", dir.display()))?;
    say!("{} files written into {}", new.len(), dir.display());
    for file in &left {
        say!("  left as it is: {}", file.display());
    }
    say!("nearset reads them when it is run in that folder, or anywhere with PROJECT_DIR={}", dir.display());
    Ok(())
}

fn diff(dir: &Path) -> Result<()> {
    let found = differences(dir)?;
    for (file, difference) in &found {
        let what = match difference {
            Difference::Changed => "changed",
            Difference::Missing => "missing",
            Difference::Own => "own",
        };
        say!("{what:<8}  {}", file.display());
    }
    let version = env!("CARGO_PKG_VERSION");
    match found.len() {
        0 => say!("every file is as inside the program (nearset {version})"),
        _ => say!(
            "{} of the files differ from those inside the program (nearset {version}). To compare their lines:\n  \
             nearset project init /tmp/nearset-{version} && diff -r {}/sql /tmp/nearset-{version}/sql",
            found.len(),
            dir.display()
        ),
    }
    Ok(())
}
