//! A PostgreSQL server of a test's own: its data folder, a free port on loopback, stopped by process id.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{free_port, text};

/// Who runs the server where the tests run as root, which PostgreSQL refuses to: `nobody`.
const NOBODY: u32 = 65534;

pub struct Postgres {
    dir: TempDir,
    server: Child,
    pub port: u16,
}

/// A program of the newest PostgreSQL there is, run by somebody who is not root.
fn program(name: &str, dir: &Path) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|v| v.path().join("bin").join(name)).filter(|p| p.is_file()).collect();
    found.sort();
    let program = found.pop().unwrap_or_else(|| panic!("{name} is missing; `make servers` installs it"));
    let is_root = std::fs::metadata("/proc/self").expect("a process").uid() == 0;
    let mut command = if is_root { Command::new("setpriv") } else { Command::new(&program) };
    if is_root {
        let ids = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()];
        command.args(ids).arg(program);
        chown(dir, Some(NOBODY), Some(NOBODY)).expect("an owner");
    }
    command.current_dir(dir);
    command
}

impl Postgres {
    /// A running server with a user `reader` whose password is `password`.
    pub fn start(password: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("password"), password).expect("a file");
        let data = dir.path().join("data");
        let output = program("initdb", dir.path())
            .args([
                "--auth=scram-sha-256",
                "--username=reader",
                "--encoding=UTF8",
                "--no-sync",
                "--pwfile=password",
                "-D",
            ])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        let port = free_port();
        let server = program("postgres", dir.path())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-p", &port.to_string(), "-k"])
            .arg(dir.path())
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres starts");
        let db = Self { dir, server, port };
        let started = Instant::now();
        while !db.try_sql(password, "select 1").status.success() {
            assert!(started.elapsed() < Duration::from_secs(60), "postgres does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        db
    }

    fn try_sql(&self, password: &str, sql: &str) -> std::process::Output {
        program("psql", self.dir.path())
            .env("PGPASSWORD", password)
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "reader",
                "-d",
                "postgres",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                sql,
            ])
            .output()
            .expect("psql runs")
    }

    pub fn sql(&self, password: &str, sql: &str) {
        let output = self.try_sql(password, sql);
        assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // a fast shutdown takes its own children along, which a kill would leave
        Command::new("kill").args(["-s", "INT", &self.server.id().to_string()]).status().ok();
        self.server.wait().ok();
    }
}
