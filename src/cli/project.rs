//! `nearset project`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;

use super::examples::examples;
use crate::common::language::{either, t};
use crate::common::terminal::say;
use crate::config::Config;
use crate::sql_project::{Difference, Written, differences, write_out};

#[derive(Debug, Subcommand)]
pub enum Project {
    /// Write sql/, views/, nearset.toml and the examples of rules, experiments, jobs and receivers; no file is overwritten
    #[command(after_help = examples(&["project init analysis"]))]
    Init {
        /// The folder; the working folder where none is named
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Say which files differ from those inside the program, as after an upgrade
    #[command(after_help = examples(&["project diff analysis", "project diff analysis --json"]))]
    Diff {
        /// The folder; PROJECT_DIR or the working folder where none is named
        dir: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Project {
    pub fn run(self, config: &Config) -> Result<()> {
        match self {
            Self::Init { dir } => init(&dir),
            Self::Diff { dir, json } => diff(&dir.or_else(|| config.project.clone()).with_context(|| t!(
                "there is no project folder here, so the files inside the program are used; `nearset project init` writes them out",
                "这里没有项目文件夹，使用的是程序自带的文件；`nearset project init` 可将其写出"
            ))?, json),
        }
    }
}

fn init(dir: &Path) -> Result<()> {
    let Written { new, left } = write_out(dir)?;
    let dir = dir.canonicalize().with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?;
    say!("{}", t!("{} files written into {}", "已将 {} 个文件写入 {}", new.len(), dir.display()));
    for file in &left {
        say!("{}", t!("  left as it is: {}", "  保持原样：{}", file.display()));
    }
    say!(
        "{}",
        t!(
            "nearset reads them when it is run in that folder, or anywhere with PROJECT_DIR={}",
            "在该文件夹中运行 nearset 即会读取它们；在其他地方请设置 PROJECT_DIR={}",
            dir.display()
        )
    );
    Ok(())
}

fn diff(dir: &Path, is_json: bool) -> Result<()> {
    let found = differences(dir)?;
    if is_json {
        let rows: Vec<_> =
            found.iter().map(|(file, difference)| json!({ "file": file, "difference": difference })).collect();
        say!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    for (file, difference) in &found {
        let what = match difference {
            Difference::Changed => either("changed", "已修改"),
            Difference::Missing => either("missing", "缺少"),
            Difference::Own => either("own", "自有"),
        };
        say!("{what:<8}  {}", file.display());
    }
    let version = env!("CARGO_PKG_VERSION");
    match found.len() {
        0 => say!("{}", t!("every file is as inside nearset {version}", "所有文件都与 nearset {version} 自带的一致")),
        count => {
            say!(
                "{}",
                t!(
                    "{count} files differ from those inside nearset {version}; this shows their lines:",
                    "{count} 个文件与 nearset {version} 自带的不同；逐行比较："
                )
            );
            say!("  nearset project init /tmp/nearset-{version} && diff -r {} /tmp/nearset-{version}", dir.display());
        }
    }
    Ok(())
}
