//! `nearset doctor`.

use anyhow::{Result, bail};

use crate::common::finding::Verdict;
use crate::common::terminal::say;
use crate::config::Config;
use crate::doctor::examine;

/// Prints every finding; fails where one keeps nearset from working.
pub fn run(config: &Config) -> Result<()> {
    let mut broken: usize = 0;
    examine(config, &mut |finding| {
        let mark = match finding.verdict {
            Verdict::Fine => "ok  ",
            Verdict::Odd => "look",
            Verdict::Broken => "MEND",
        };
        broken += usize::from(finding.verdict == Verdict::Broken);
        say!("{mark}  {:<28}  {}", finding.what, finding.text);
    });
    match broken {
        0 => Ok(()),
        n => bail!("{n} finding(s) to mend"),
    }
}
