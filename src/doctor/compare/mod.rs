//! `nearset doctor --compare`: the old system's evaluation files beside nearset's figures, and why they differ.

mod differences;
mod files;
mod reasons;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::common::language::t;
use crate::config::Config;
use crate::warehouse;
use differences::{Kind, differences};
use files::{OldFile, old_files};
use reasons::Facts;

pub use differences::{Comparison, Difference};

/// Compares what an old evaluation folder (or the data folder that holds it) says with what nearset has published.
///
/// # Errors
/// There is no such folder, it is nearset's own, it holds nothing that can be compared, or nothing is published.
pub fn compare(config: &Config, folder: &Path) -> Result<Comparison> {
    let dir = evaluation_of(folder)?;
    let same = |a: &Path, b: &Path| a.canonicalize().ok().is_some_and(|a| Some(a) == b.canonicalize().ok());
    if same(&dir, &config.evaluation_dir()) {
        bail!(t!(
            "{} is where nearset writes its own files; name the folder that the old system left (a first run keeps what it \
             replaces in {})",
            "{} 是 nearset 自己写文件的目录；请指定旧系统留下的目录（首次运行会把被替换的文件保存在 {}）",
            dir.display(),
            config.replaced_dir().display()
        ));
    }
    let mut comparison = Comparison::default();
    let db = warehouse::open_published(config)?;
    let facts = Facts::read(&db, config)?;
    for OldFile { name, path, content } in old_files(&dir)? {
        let shown = path.display().to_string();
        match content {
            Err(error) => comparison.unreadable.push(format!("{shown}: {error:#}")),
            Ok(old) => match Kind::of(&name, &old) {
                None => comparison.left_out.push(shown),
                Some(kind) => differences(&db, config, (kind, &name, &old), &mut comparison)?,
            },
        }
    }
    if comparison.figures.is_empty() && comparison.unreadable.is_empty() {
        bail!(t!(
            "{} holds no evaluation file of the old system (summary.json, exposure_metrics.json, reconciliation_*.json, \
             daily_reports/*.json, dataset_metrics.csv …)",
            "{} 中没有旧系统的评估文件（summary.json、exposure_metrics.json、reconciliation_*.json、\
             daily_reports/*.json、dataset_metrics.csv 等）",
            dir.display()
        ));
    }
    comparison.explain(&facts);
    Ok(comparison)
}

/// The evaluation folder itself, or the one in a data folder or in what holds a data folder.
fn evaluation_of(folder: &Path) -> Result<PathBuf> {
    let below = ["evaluation", "data/evaluation"].map(|name| folder.join(name));
    if let Some(dir) = below.into_iter().find(|dir| dir.is_dir()) {
        return Ok(dir);
    }
    if !folder.is_dir() {
        bail!(t!("{} is no folder", "{} 不是目录", folder.display()));
    }
    Ok(folder.to_owned())
}
