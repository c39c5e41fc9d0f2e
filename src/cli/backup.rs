//! `nearset backup`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::examples::examples;
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::common::progress::{Progress, StepBar, grouped};
use crate::common::terminal::{left, right, say};
use crate::config::{Config, Values};
use crate::operations::backup::{Archive, Kept, Made, Manifest, Options, Part, backups, make};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backup {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder it is written to, or a file ending in .tar; BACKUP_DIR where none is named
    to: Option<PathBuf>,
    /// Keep the newest so many there and remove older ones; 0 keeps all (KEEP_BACKUPS)
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Take every model version, not only those that answer or are named
    #[arg(long)]
    all_versions: bool,
    /// Read it again once it is written
    #[arg(long)]
    verify: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the backups in a folder
    #[command(after_help = examples(&["backup list", "backup list --json"]))]
    List {
        /// The folder; BACKUP_DIR where none is named
        dir: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Read a backup and check every file in it
    #[command(after_help = examples(&["backup", "backup verify $(ls data/backups/*.tar | tail -1)"]))]
    Verify {
        /// The backup
        file: PathBuf,
    },
}

impl Backup {
    pub fn run(self, config: &Config, values: &Values) -> Result<()> {
        match self.command {
            Some(Command::List { dir, json }) => list(&dir.unwrap_or_else(|| config.backup_dir()), json),
            Some(Command::Verify { file }) => verify(&file),
            None => {
                let options =
                    Options { to: self.to, keep: self.keep, all_versions: self.all_versions, verify: self.verify };
                print(&watched("backup", |progress| make(config, values, &options, progress))?, self.verify);
                Ok(())
            }
        }
    }
}

/// Does something before the eyes of a person.
pub fn watched<T>(what: &'static str, work: impl FnOnce(&Progress<'_>) -> Result<T>) -> Result<T> {
    let bar = StepBar::default();
    bar.start(what, None);
    let done = work(&Progress { at: &|what| bar.at(what), note: &|text| bar.note(text) });
    bar.clear();
    done
}

fn print(made: &Made, is_verified: bool) {
    for part in Part::ALL {
        print_part(&made.manifest, part);
    }
    for (file, names) in &made.manifest.secrets {
        let names = names.join(either(", ", "、"));
        say!("{}", t!("  without the secrets of {file}: {names}", "  不含 {file} 中的密钥：{names}"));
    }
    for old in &made.removed {
        say!("{}", t!("  removed {}", "  已删除 {}", old.display()));
    }
    let checked = if is_verified { either(", read again and whole", "，已重读，完好") } else { "" };
    say!("{}", t!("{}: {}{checked}", "{}：{}{checked}", made.path.display(), megabytes(made.bytes)));
}

/// A line for a part of a backup.
pub fn print_part(manifest: &Manifest, part: Part) {
    let count = manifest.members.iter().filter(|member| member.part == part).count();
    let name = match part {
        Part::Warehouse => either("warehouse", "仓库"),
        Part::Models => either("models", "模型"),
        Part::Reports => either("reports", "报表"),
        Part::Operations => either("operations", "运维状态"),
        Part::Settings => either("settings", "设置"),
        Part::Logs => either("logs", "曝光日志"),
    };
    let files = t!("{count} files", "{count} 个文件");
    say!("  {}  {}  {}", left(name, 12), right(&files, 14), right(&megabytes(manifest.bytes_of(part)), 12));
}

fn list(dir: &Path, is_json: bool) -> Result<()> {
    let all = backups(dir)?;
    if is_json {
        let row = |backup: &Kept| match Archive::open(&backup.path) {
            Ok(Archive { manifest, .. }) => json!({
                "path": backup.path, "bytes": backup.bytes, "made_at": manifest.made_at, "as_of": manifest.as_of,
                "current": manifest.current, "nearset": manifest.nearset, "files": manifest.members.len(),
            }),
            Err(error) => json!({ "path": backup.path, "bytes": backup.bytes, "error": describe(&error) }),
        };
        say!("{}", serde_json::to_string_pretty(&all.iter().map(row).collect::<Vec<_>>())?);
        return Ok(());
    }
    if all.is_empty() {
        say!(
            "{}",
            t!(
                "no backups in {}; `nearset backup` makes one",
                "{} 中没有备份；用 `nearset backup` 生成",
                dir.display()
            )
        );
    }
    for backup in all {
        let what = match Archive::open(&backup.path) {
            Ok(Archive { manifest, .. }) => {
                let of = manifest.as_of.map_or("-".to_owned(), |as_of| as_of.format("%Y-%m-%d %H:%M").to_string());
                t!(
                    "warehouse of {of}, version {}, nearset {}",
                    "仓库时刻 {of}，版本 {}，nearset {}",
                    manifest.current.as_deref().unwrap_or("-"),
                    manifest.nearset
                )
            }
            Err(error) => describe(&error),
        };
        let name = backup.path.file_name().unwrap_or_default().to_string_lossy();
        say!("{name}  {}  {what}", right(&megabytes(backup.bytes), 12));
    }
    Ok(())
}

fn verify(file: &Path) -> Result<()> {
    if file.is_dir() {
        bail!(t!("{} is a folder; name a backup in it", "{} 是目录；请指定其中的备份文件", file.display()));
    }
    let archive = Archive::open(file)?;
    watched("verify", |progress| archive.verify(progress))?;
    let count = archive.manifest.members.len();
    say!("{}", t!("{} is whole: {count} files", "{} 完好：{count} 个文件", file.display()));
    Ok(())
}

/// A size for people.
pub fn megabytes(bytes: u64) -> String {
    if bytes < 10_000_000 {
        format!("{:.1} MB", bytes as f64 / 1e6)
    } else {
        format!("{} MB", grouped(bytes / 1_000_000))
    }
}
