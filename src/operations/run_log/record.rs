//! What a run was asked for, where and by whom: its `run.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::folder::run_dir;
use crate::common::files;
use crate::common::language::t;
use crate::config::Config;
use crate::pipeline::Options;

/// Who began a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum StartedBy {
    /// A job of nearset's schedule.
    Schedule {
        /// Its name.
        job: String,
        /// The slot that it ran for.
        slot: Option<String>,
    },
    /// A task of Airflow's.
    Airflow {
        /// The DAG.
        dag: Option<String>,
        /// The task.
        task: Option<String>,
        /// The DAG's run.
        dag_run: String,
    },
    /// Somebody else.
    User {
        /// As the system calls them.
        name: Option<String>,
    },
}

impl StartedBy {
    /// Whoever began this process, as its environment says.
    fn of_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(job) = variable("NEARSET_JOB") {
            return Self::Schedule { job, slot: variable("NEARSET_SLOT") };
        }
        if let Some(dag_run) = variable("AIRFLOW_CTX_DAG_RUN_ID") {
            let [dag, task] = ["AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_TASK_ID"].map(variable);
            return Self::Airflow { dag, task, dag_run };
        }
        Self::User { name: variable("USER").or_else(|| variable("LOGNAME")) }
    }
}

/// What a run was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The options, so that it can be asked for again.
    #[serde(flatten)]
    pub options: Options,
}

/// What is known of a run beside what happened in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub run: String,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The version of nearset.
    pub nearset: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When that process began, in the system's own measure: another one may have its number later.
    pub pid_began: Option<u64>,
    /// Who began it.
    pub started: StartedBy,
    /// What it was asked for.
    pub asked: Asked,
}

impl Record {
    /// That of a run that this process begins.
    pub fn of_this_process(run: &str, options: &Options) -> Self {
        let pid = std::process::id();
        Self {
            run: run.to_owned(),
            at: Utc::now(),
            nearset: env!("CARGO_PKG_VERSION").to_owned(),
            host: host(),
            pid,
            pid_began: began(pid),
            started: StartedBy::of_environment(),
            asked: Asked { options: options.clone() },
        }
    }

    /// Writes it.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        files::write(&dir.join("run.json"), &serde_json::to_vec_pretty(self)?)
    }

    /// That of a run; none where it is not there any more.
    ///
    /// # Errors
    /// It cannot be read, or makes no sense.
    pub fn read(config: &Config, run: &str) -> Result<Option<Self>> {
        let path = run_dir(config, run).join("run.json");
        let text = files::read_text(&path)?;
        let read = |text: String| {
            serde_json::from_str(&text).with_context(|| t!("{} makes no sense", "{} 内容有误", path.display()))
        };
        text.map(read).transpose()
    }

    /// Whether the process that it names is still that of its run.
    pub fn is_alive_here(&self) -> bool {
        self.host == host() && self.pid_began.is_some() && began(self.pid) == self.pid_began
    }
}

/// What the machine is called.
pub(super) fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// When a process began, in ticks since the machine did.
fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name before it, in brackets, may hold anything
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
