//! `nearset doctor`.

use anyhow::{Result, bail};
use clap::Args;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::common::terminal::say;
use crate::config::{Config, Values};
use crate::doctor::examine;

#[derive(Debug, Args)]
pub struct Doctor {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Prints every finding; fails where one keeps nearset from working.
    pub fn run(self, values: &Values) -> Result<()> {
        let mut findings = Vec::new();
        let mut tell = |finding: Finding| {
            if !self.json {
                print(&finding);
            }
            findings.push(finding);
        };
        match values.problems().as_slice() {
            [] => examine(&Config::of(values)?, values, &mut tell),
            problems => {
                for problem in problems {
                    tell(Finding::new(Verdict::Broken, "settings", problem.clone()));
                }
                let rest = t!("the rest is looked at once the settings can be used", "设置可用之后再检查其余各项");
                tell(Finding::new(Verdict::Odd, "settings", rest));
            }
        }
        if self.json {
            say!("{}", serde_json::to_string_pretty(&findings)?);
        }
        match findings.iter().filter(|finding| finding.verdict == Verdict::Broken).count() {
            0 => Ok(()),
            n => bail!(t!("{n} finding(s) to mend", "有 {n} 处须修复")),
        }
    }
}

/// How wide the names of what was looked at are.
const WHAT: usize = 28;

fn print(finding: &Finding) {
    let mark = match finding.verdict {
        Verdict::Fine => "ok  ",
        Verdict::Odd => "look",
        Verdict::Broken => "MEND",
    };
    // an error with a caret has lines of its own
    let text = finding.text.replace('\n', &format!("\n{}", " ".repeat("MEND".len() + 2 + WHAT + 2)));
    say!("{mark}  {:<WHAT$}  {text}", finding.what);
}
