//! `nearset restore`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::backup::{megabytes, print_part, watched};
use crate::common::errors::describe;
use crate::common::language::t;
use crate::common::terminal::say;
use crate::config::Config;
use crate::operations::backup::{Archive, Part, Restored, Wanted, restore, settle};
use crate::{model, warehouse};

#[derive(Debug, Args)]
pub struct Restore {
    /// The backup
    file: PathBuf,
    /// Restore into this folder, as data/ and models/ in it, instead of DATA_DIR and MODELS_DIR
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Only these parts, with commas between
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// Also where something is there already: that is moved aside, not removed
    #[arg(long)]
    over: bool,
}

impl Restore {
    pub fn run(self, config: &Config) -> Result<()> {
        let mut config = config.clone();
        if let Some(dir) = &self.to {
            config.data_dir = dir.join("data");
            config.models_dir = dir.join("models");
            config.daily_reports = None;
            settle(&config)?;
        }
        let archive = Archive::open(&self.file)?;
        let parts = if self.only.is_empty() { Part::ALL.to_vec() } else { self.only };
        let wanted = Wanted { parts, over: self.over };
        let restored = watched("restore", |progress| restore(&config, &archive, &wanted, progress))?;
        print(&config, &wanted, &restored);
        Ok(())
    }
}

/// What is there now.
fn print(config: &Config, wanted: &Wanted, restored: &Restored) {
    for part in &wanted.parts {
        print_part(&restored.manifest, *part);
    }
    let made_at = restored.manifest.made_at.format("%Y-%m-%d %H:%M:%S");
    say!(
        "{}",
        t!(
            "{} files of {made_at} UTC are in {} and {}",
            "{made_at} UTC 的 {} 个文件已恢复到 {} 与 {}",
            restored.files,
            config.data_dir.display(),
            config.models_dir.display()
        )
    );
    if config.warehouse_path().exists() {
        match warehouse::glance(config).and_then(|db| warehouse::published_as_of(&db)) {
            Ok(as_of) => say!("{}", t!("  the warehouse stands for {as_of}", "  仓库对应的时刻为 {as_of}")),
            Err(error) => say!("  {}", describe(&error)),
        }
    }
    match model::current(&config.models_dir).map(|version| (model::verify(&config.models_dir, &version), version)) {
        Some((Ok(manifest), version)) => {
            let items = manifest.items;
            say!(
                "{}",
                t!("  version {version} answers: {items} datasets", "  应答的版本为 {version}：{items} 个数据集")
            );
        }
        Some((Err(error), _)) => say!("  {}", describe(&error)),
        None => say!("{}", t!("  there is no current version", "  没有当前版本")),
    }
    for dir in &restored.aside {
        say!("{}", t!("  what was there before is in {}", "  原有内容在 {}", dir.display()));
    }
    if let Some(dir) = &restored.beside {
        say!(
            "{}",
            t!(
                "  settings and project files of the backup are in {}: compare them with those in force",
                "  备份里的设置与项目文件在 {}：请与现用的比较",
                dir.display()
            )
        );
    }
    for line in restored.by_hand() {
        say!("{}", t!("  secrets to set again: {line}", "  需重新设置的密钥：{line}"));
    }
    let log = restored.manifest.bytes_of(Part::Logs);
    say!(
        "{}",
        t!(
            "  {} of exposure logs; `nearset doctor` looks at all of it",
            "  曝光日志 {}；用 `nearset doctor` 检查全部",
            megabytes(log)
        )
    );
}
