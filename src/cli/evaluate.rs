//! `nearset evaluate`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;

use super::run::run_pipeline;
use crate::common::files;
use crate::common::language::t;
use crate::common::progress::{Progress, StepBar};
use crate::common::scratch::Scratch;
use crate::common::terminal::{self, say};
use crate::config::{Config, parse_moment};
use crate::evaluate::{Subject, offline, session_files, table};
use crate::pipeline::{Options, Step};
use crate::warehouse::Database;
use crate::{evaluate, model};

#[derive(Debug, Args)]
pub struct Evaluate {
    /// Measure this saved version, on visits after it was trained; again for more, all on the same visits
    #[arg(long = "model", value_name = "VERSION")]
    models: Vec<String>,
    /// Measure all saved versions
    #[arg(long, conflicts_with = "models")]
    all: bool,
    /// Hold out the visits that began from this time on
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    from: Option<DateTime<Utc>>,
    /// Learn from this file of sessions instead (SessionId, ItemId, Time; tab-separated, plain or .gz)
    #[arg(long, value_name = "FILE", requires = "test", conflicts_with_all = ["models", "all", "from"])]
    train: Option<PathBuf>,
    /// Measure on this file of sessions
    #[arg(long, value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Only /recommend/detail and /similar, not every channel and what it brings
    #[arg(long)]
    brief: bool,
    /// Write the figures as JSON
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    pub fn run(self, config: &Config) -> Result<()> {
        let db = match (&self.train, &self.test) {
            (Some(train), Some(test)) => self.on_sessions(config, train, test)?,
            _ => self.on_visits(config)?,
        };
        let figures = table::figures(&db)?;
        if self.json {
            say!("{}", serde_json::to_string_pretty(&figures)?);
        } else {
            let folder = offline::folder(config);
            offline::keep(&db, &folder)?;
            say!("{}\n{}", figures.text()?, folder.display());
            for picture in figures.draw(&folder)? {
                say!("{}", picture.display());
            }
        }
        Ok(())
    }

    fn on_visits(&self, config: &Config) -> Result<Database> {
        let versions = match self.all {
            true => model::loadable(&config.models_dir, &|version, error| {
                terminal::fault(&t!("{version} is left out: {error:#}", "跳过 {version}：{error:#}"));
            })?,
            false => self.models.clone(),
        };
        self.measure(config, config, &Subject { versions, from: self.from, brief: self.brief })
    }

    /// Learns from one file of sessions and measures on another, through the same code as a marketplace's visits.
    fn on_sessions(&self, config: &Config, train: &Path, test: &Path) -> Result<Database> {
        files::make_dir(&config.data_dir)?;
        let scratch = Scratch::new(&[&config.data_dir])?;
        let sessions = session_files::prepare(config, scratch.path(), (train, test))?;
        let steps = vec![Step::Extract, Step::Features];
        let options =
            Options { full_refresh: false, steps, as_of: sessions.as_of, may_be_past: false, keeps_current: false };
        run_pipeline(&sessions.config, &options, self.bar())?;
        let subject = Subject { versions: Vec::new(), from: Some(sessions.from), brief: self.brief };
        self.measure(config, &sessions.config, &subject)
    }

    fn measure(&self, config: &Config, data: &Config, subject: &Subject) -> Result<Database> {
        let bar = self.bar();
        bar.start("evaluate", None);
        let progress = Progress { at: &|what| bar.at(what), note: &|text| bar.note(text) };
        offline::evaluate(data, &evaluate::policy(config), subject, &offline::folder(config), &progress)
    }

    /// Standard output is for the figures alone, where a program reads them.
    fn bar(&self) -> StepBar {
        if self.json { StepBar::on_stderr() } else { StepBar::default() }
    }
}
