//! A program of this machine that takes a notice as JSON on its standard input; no shell is asked.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process_group};

use super::super::fields::Fields;
use super::super::hours::length;
use super::super::letters::Letter;
use super::super::receiver::Carrier;
use crate::common::language::{either, t};
use crate::operations::Refusal;

/// How long it may take where it is not said.
const USUAL: Duration = Duration::from_secs(30);

/// How often is looked whether it has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// Such a program.
#[derive(Clone, Debug)]
pub struct Command {
    /// It and its arguments.
    pub argv: Vec<String>,
    timeout: Duration,
}

impl Command {
    /// That of `notify.toml`.
    pub fn read(fields: &Fields<'_>) -> Result<Self> {
        let argv = fields.list("command")?;
        if argv.first().is_none_or(|program| program.is_empty()) {
            return Err(fields.fault("command", "[\"/usr/local/bin/tell\", \"…\"]"));
        }
        let timeout = fields.read("timeout", "\"30s\"", |text| length(text)?.to_std().ok())?;
        Ok(Self { argv, timeout: timeout.unwrap_or(USUAL) })
    }

    /// Runs it.
    pub fn bring(&self, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let timeout = carrier.haste.map_or(self.timeout, |haste| haste.min(self.timeout));
        self.run(letter, timeout).map_err(|error| Refusal::Later(error, None))
    }

    fn run(&self, letter: &Letter, timeout: Duration) -> Result<String> {
        let program = &self.argv[0];
        let mut child = std::process::Command::new(program)
            .args(&self.argv[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| t!("{program} cannot be started", "{program} 无法启动"))?;
        let (input, output) = (child.stdin.take(), child.stderr.take());
        let body = serde_json::to_vec(&letter.json)?;
        // it may read nothing, or say much first; a program that it leaves behind may hold its standard error open
        std::thread::spawn(move || input.map(|mut input| input.write_all(&body)));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut said = Vec::new();
            output.map(|output| output.take(4096).read_to_end(&mut said));
            tell.send(said).ok();
        });
        let status = wait(&mut child, timeout)?;
        let said = told.recv_timeout(GLANCE * 10).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        match status.success() {
            true => Ok(t!("{program} ended well", "{program} 已正常结束")),
            false => Err(anyhow!(t!("{program} ended with {status}: {said}", "{program} 以 {status} 结束：{said}"))),
        }
    }
}

/// Waits for its end; ends it where that takes too long.
fn wait(child: &mut Child, timeout: Duration) -> Result<std::process::ExitStatus> {
    let began = Instant::now();
    loop {
        let ended = child.try_wait().context(either("the command cannot be waited for", "无法等待该命令"))?;
        if let Some(status) = ended {
            return Ok(status);
        }
        if began.elapsed() > timeout {
            // with all that it began
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                kill_process_group(group, Signal::KILL).ok();
            }
            child.wait().ok();
            let seconds = timeout.as_secs();
            return Err(anyhow!(t!(
                "it was ended after {seconds} seconds (timeout)",
                "超过 {seconds} 秒，已将其结束（timeout）"
            )));
        }
        std::thread::sleep(GLANCE);
    }
}
