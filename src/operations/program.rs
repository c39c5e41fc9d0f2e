//! This very program, as jobs and pages call it: from the same file, with the same folders and settings.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::common::files;
use crate::common::language::{either, t};
use crate::common::secrets::scrub;
use crate::common::terminal::harmless;
use crate::config::Config;

/// How long it is waited for a command to end at once, since it cannot be done.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where it is; asked for at the start, since an upgrade may replace the file.
pub fn path() -> PathBuf {
    static PATH: LazyLock<PathBuf> =
        LazyLock::new(|| env::current_exe().unwrap_or_else(|_| env::args_os().next().unwrap_or_default().into()));
    PATH.clone()
}

/// The flags that this process was given and that say which folders and settings it works with.
pub fn flags() -> Vec<OsString> {
    flags_of(env::args_os().skip(1))
}

/// Begins a command that goes on by itself, whatever becomes of this process. What a run does is in its own log; what else
/// the command says is kept beside it, until the next.
///
/// # Errors
/// It cannot be started, or it ended at once and says why.
pub fn begin(config: &Config, words: &[&str]) -> Result<()> {
    let place = config.operations_dir().join("begun.log");
    files::make_dir(&config.operations_dir())?;
    let log = File::create(&place).with_context(|| t!("{} cannot be written", "{} 无法写入", place.display()))?;
    let mut child = Command::new(path())
        .args(flags())
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| t!("{} cannot be started", "{} 无法启动", path().display()))?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match child.try_wait().context(either("it cannot be waited for", "无法等待其结束"))? {
            Some(ended) if ended.success() => return Ok(()),
            Some(_) => {
                let said = fs::read_to_string(&place).unwrap_or_default();
                let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                let line = scrub(line.trim_start_matches("nearset: "));
                return Err(anyhow!("{}", harmless(&line)));
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
    // one that has ended stays in the system's list until somebody has asked
    let waiting = thread::Builder::new().name("waits for a run".to_owned()).spawn(move || child.wait().map(drop));
    if waiting.is_err() {
        bail!(either("a thread could not be started", "线程未能启动"));
    }
    Ok(())
}

fn flags_of(mut words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    const FLAGS: [&str; 3] = ["--data-dir", "--models-dir", "--config"];
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        if FLAGS.contains(&text.as_str()) {
            flags.push(word);
            flags.extend(words.next());
        } else if FLAGS.iter().any(|flag| text.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))) {
            flags.push(word);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_wherever_they_stand() {
        let words = "--config=a.toml serve --listen 1:2 --data-dir d --schedule".split(' ').map(OsString::from);
        assert_eq!(flags_of(words), ["--config=a.toml", "--data-dir", "d"]);
    }
}
