//! `nearset mlflow`.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::examples::examples;
use crate::common::language::{either, t};
use crate::common::terminal::say;
use crate::config::Config;
use crate::operations::mlflow;

#[derive(Debug, Subcommand)]
pub enum Mlflow {
    /// Tell MLflow all that waits, now
    #[command(after_help = examples(&["mlflow push", "mlflow push $(basename $(readlink models/current))"]))]
    Push(Push),
    /// What MLflow has not been told yet, and why
    #[command(after_help = examples(&["mlflow status", "mlflow status --json"]))]
    Status(Status),
}

#[derive(Debug, Args)]
pub struct Push {
    /// Versions that were trained before MLflow was there, to be told, too
    versions: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Status {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Mlflow {
    pub fn run(self, config: &Config) -> Result<()> {
        match self {
            Self::Push(push) => {
                let told = mlflow::push(config, &push.versions)?;
                say!(
                    "{}",
                    t!(
                        "MLflow knows all: {} trainings were told or found there",
                        "MLflow 已知全部：上报或已在其中 {} 次训练",
                        told.arrived
                    )
                );
                Ok(())
            }
            Self::Status(status) => status.run(config),
        }
    }
}

impl Status {
    fn run(self, config: &Config) -> Result<()> {
        let standing = mlflow::standing(config)?;
        if self.json {
            say!("{}", serde_json::to_string_pretty(&standing)?);
            return Ok(());
        }
        let none = || either("none", "无").to_owned();
        let tracking = standing.tracking.clone().unwrap_or_else(none);
        say!("{}", t!("MLflow      {tracking}", "MLflow    {tracking}"));
        say!("{}", t!("experiment  {}", "实验      {}", standing.experiment));
        let (current, alias) = (standing.current.unwrap_or_else(none), standing.alias.unwrap_or_else(none));
        say!("{}", t!("current     {current}", "当前版本  {current}"));
        say!("{}", t!("alias at    {alias}", "别名所在  {alias}"));
        if standing.waiting.is_empty() {
            say!("{}", either("nothing waits", "没有待上报的内容"));
        }
        for waiting in &standing.waiting {
            let (version, since) = (&waiting.version, waiting.since.format("%Y-%m-%d %H:%M:%S"));
            let error = waiting.error.as_deref().unwrap_or(either("not tried yet", "尚未尝试"));
            say!(
                "{}",
                t!(
                    "waits       {version} since {since}, tried {} times, next {}: {error}",
                    "待上报    {version}，自 {since} 起，已试 {} 次，下次 {}：{error}",
                    waiting.attempts,
                    waiting.next.format("%H:%M:%S")
                )
            );
        }
        Ok(())
    }
}
