//! `nearset models`.

use anyhow::{Error, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::examples::examples;
use crate::common::errors::describe;
use crate::common::language::t;
use crate::common::terminal::{self, say};
use crate::config::Config;
use crate::model::{self, Beside, Overview, Share};
use crate::operations::Change;

#[derive(Debug, Subcommand)]
pub enum Models {
    /// List the versions, with their held-out figures
    #[command(after_help = examples(&["models list", "models list --json"]))]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a version the current one
    #[command(after_help = examples(&["models promote $(basename $(readlink models/current))"]))]
    Promote { version: String },
    /// Go back to the version that was current before
    #[command(after_help = examples(&["models rollback"]))]
    Rollback,
    /// Let a version answer a share of the visitors; `off` for none
    #[command(after_help = examples(&["models canary $(basename $(readlink models/current)) --share 0.05", "models canary off"]))]
    Canary(Part),
    /// Let a version make lists that are logged and not shown; `off` for none
    #[command(after_help = examples(&["models shadow off"]))]
    Shadow(Part),
}

/// A version beside the current one, and for how many it is asked.
#[derive(Debug, Args)]
pub struct Part {
    /// The version, or `off`
    version: String,
    /// For which share of the visitors (canary: 0.05) or of the requests (shadow: 0.1), 0 to 1
    #[arg(long, value_parser = share)]
    share: Option<f64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| t!("{text:?} is no share; write a number from 0 to 1", "{text:?} 不是比例；请写 0 到 1 的数"))
}

impl Models {
    pub fn run(self, config: &Config) -> Result<()> {
        let change = match self {
            Self::List { json } => {
                let all = model::overview(&config.models_dir)?;
                match json {
                    true => say!("{}", serde_json::to_string_pretty(&as_json(&all))?),
                    false => list(&all),
                }
                return Ok(());
            }
            Self::Promote { version } => Change::Promote(version),
            Self::Rollback => Change::RollBack,
            Self::Canary(part) => part.of(Beside::Canary, 0.05),
            Self::Shadow(part) => part.of(Beside::Shadow, 0.1),
        };
        say!("{}", change.make(config)?);
        Ok(())
    }
}

impl Part {
    /// The version beside the current one; none for `off`.
    fn of(self, what: Beside, default: f64) -> Change {
        let share = self.share.unwrap_or(default);
        Change::Beside(what, (self.version != "off").then_some(Share::of(self.version, share)))
    }
}

/// What a program reads of the versions.
fn as_json(all: &Overview) -> Value {
    let damaged = |(version, error): &(String, Error)| json!({ "version": version, "error": describe(error) });
    json!({
        "current": all.current,
        "canary": all.traffic.canary,
        "shadow": all.traffic.shadow,
        "versions": all.whole,
        "damaged": all.damaged.iter().map(damaged).collect::<Vec<_>>(),
        "traffic_error": all.traffic_error.as_ref().map(describe),
    })
}

/// The versions with their held-out figures, the damaged ones with what is wrong with them.
fn list(all: &Overview) {
    if let Some(error) = &all.traffic_error {
        terminal::fault(&format!("{error:#}"));
    }
    let mark = |version: &str| if all.current.as_deref() == Some(version) { "*" } else { " " };
    for manifest in &all.whole {
        let metrics = manifest.metrics.as_ref().and_then(|summary| summary.metrics.measured());
        let figure = |value: Option<f64>| value.map_or("     -".to_owned(), |v| format!("{v:.4}"));
        let part = |name: &str, part: &Option<Share>| match part {
            Some(part) if part.version == manifest.version => format!("  {name} {} %", part.share * 100.0),
            _ => String::new(),
        };
        say!(
            "{}",
            t!(
                "{} {}  {:>8} datasets  HR@10 {}  MRR@10 {}{}{}",
                "{} {}  {:>8} 个数据集  HR@10 {}  MRR@10 {}{}{}",
                mark(&manifest.version),
                manifest.version,
                manifest.items,
                figure(metrics.and_then(|m| m.hit_rate_10)),
                figure(metrics.and_then(|m| m.mrr_10)),
                part("canary", &all.traffic.canary),
                part("shadow", &all.traffic.shadow)
            )
        );
    }
    for (version, error) in &all.damaged {
        say!("{}", t!("{} {version}  damaged: {error:#}", "{} {version}  已损坏：{error:#}", mark(version)));
    }
    if all.current.is_none() {
        say!("{}", t!("no current version; `nearset run` trains one", "没有当前版本；用 `nearset run` 训练一个"));
    }
}
