//! `nearset build`.

use anyhow::Result;
use clap::Args;

use super::run::watched;
use crate::common::language::t;
use crate::common::priority;
use crate::common::progress::StepBar;
use crate::common::terminal::say;
use crate::config::Config;
use crate::pipeline::{self, Selection};

#[derive(Debug, Args)]
pub struct Build {
    /// Only these: a relation, a folder such as marts or views, or +relation with all that it reads; what reads them follows
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    select: Vec<String>,
    /// Also what has not changed since it was published
    #[arg(long)]
    full: bool,
}

impl Build {
    pub fn run(self, config: &Config) -> Result<()> {
        // a server on the same machine goes first
        priority::low_of_process();
        let selection = Selection { names: self.select, full: self.full };
        let built = watched(config, StepBar::default(), |observers| pipeline::build(config, &selection, observers))?;
        match built.len() {
            0 => say!("{}", t!("nothing has changed since the last run", "自上次运行以来没有改动")),
            count => say!("{}", t!("built {count}: {}", "已生成 {count} 个：{}", built.join(", "))),
        }
        Ok(())
    }
}
