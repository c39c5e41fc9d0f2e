//! A nearset of a test's own: its folders, its settings, its server.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The moment the fixtures stand for.
pub const AS_OF: &str = "2026-10-16";

/// A folder with its own data, models and exports.
pub struct Nearset {
    pub dir: TempDir,
    pub project: PathBuf,
    settings: Vec<(String, String)>,
}

impl Nearset {
    /// Nothing in it yet.
    pub fn empty() -> Self {
        Self::within(tempfile::tempdir())
    }

    /// Nothing in it yet, and its folder in memory where the machine has room there: for hundreds of runs in which no disk
    /// has to be waited for.
    pub fn in_memory() -> Self {
        const ROOM: u64 = 2 << 30;
        let shared = Path::new("/dev/shm");
        let room = rustix::fs::statvfs(shared).map_or(0, |about| about.f_bavail * about.f_frsize);
        Self::within(if room > ROOM { tempfile::tempdir_in(shared) } else { tempfile::tempdir() })
    }

    fn within(dir: std::io::Result<TempDir>) -> Self {
        let dir = dir.expect("a temporary folder");
        fs::create_dir_all(dir.path().join("exports")).expect("a folder for exports");
        Self { dir, project: ROOT.into(), settings: Vec::new() }
    }

    /// The demo's run on the fixtures, done once and copied.
    pub fn demo() -> Self {
        static DONE: OnceLock<Nearset> = OnceLock::new();
        let done = DONE.get_or_init(|| {
            let fresh = Self::empty();
            fresh.ok(&["demo", "--no-serve"]);
            fresh
        });
        let copy = Self::empty();
        copy_dir(&done.data(), &copy.data());
        copy_dir(&done.models(), &copy.models());
        copy
    }

    /// Sets a setting for every command; an empty value stays one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(n, _)| n != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Gives this one a project folder that its test may change.
    pub fn own_project(mut self) -> Self {
        self.project = self.path().join("project");
        for folder in ["sql", "views"] {
            copy_dir(&Path::new(ROOT).join(folder), &self.project.join(folder));
        }
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub fn models(&self) -> PathBuf {
        self.path().join("models")
    }

    pub fn exports(&self) -> PathBuf {
        self.path().join("exports")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.exports().join(name);
        fs::write(&path, text).expect("an export");
    }

    /// Puts the fixtures' exports whose names `wanted` picks into this one's exports.
    pub fn take_fixtures(&self, wanted: impl Fn(&str) -> bool) {
        for entry in fs::read_dir(Path::new(ROOT).join("fixtures/json")).expect("fixtures") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_file() && wanted(&name) {
                fs::copy(&path, self.exports().join(&name)).expect("a copy");
            }
        }
    }

    /// The fixtures' exposure log, as a rotated one.
    pub fn take_exposures(&self) {
        fs::create_dir_all(self.data().join("evaluation")).expect("a folder");
        let name = "exposure_log.1.jsonl.gz";
        fs::copy(Path::new(ROOT).join("fixtures").join(name), self.data().join("evaluation").join(name))
            .expect("a copy");
    }

    /// The program with this one's folders, in a working directory and an environment of its own.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearset"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("PROJECT_DIR", &self.project)
            .env("THREADS", "2")
            .env("EXPLORATION", "0")
            // the demo learns a ranker; elsewhere lists keep the order of hand-made weights, which is there at once
            .env("TRAIN_SECONDS", if args.first() == Some(&"demo") { "300" } else { "0" });
        if ["run", "extract", "runs"].iter().any(|command| args.first() == Some(command)) {
            command.env("DATA_JSON_DIR", self.exports());
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("nearset runs")
    }

    /// Runs and returns standard output; fails the test where the command does.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command that must fail with this exit code, and returns standard error.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stderr)
    }

    /// The rows of a query on the published warehouse.
    pub fn sql(&self, query: &str) -> Vec<Value> {
        serde_json::from_str(&self.ok(&["sql", query, "--format", "json"])).expect("rows as JSON")
    }

    /// The only value of a query's only row.
    pub fn value(&self, query: &str) -> Value {
        let rows = self.sql(query);
        let row = rows.first().and_then(Value::as_object).unwrap_or_else(|| panic!("{query}: no row"));
        row.values().next().expect("a column").clone()
    }

    /// Every relation's name with its number of rows and a hash over all of them.
    pub fn fingerprints(&self) -> Vec<Value> {
        self.sql(&self.fingerprint_query())
    }

    /// The query that [`Nearset::fingerprints`] asks.
    pub fn fingerprint_query(&self) -> String {
        let relations = self.sql(
            "select table_schema || '.' || table_name as name from information_schema.tables
             where table_schema in ('main', 'raw') order by all",
        );
        let each: Vec<String> = relations
            .iter()
            .map(|r| r["name"].as_str().expect("a name"))
            .map(|name| {
                format!("select '{name}' as name, count(*) as rows, bit_xor(hash(t))::varchar as hash from {name} as t")
            })
            .collect();
        format!("from ({}) order by name", each.join(" union all "))
    }

    pub fn json(&self, file: &str) -> Value {
        let path = self.data().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(&text).expect("JSON")
    }

    /// Starts the server on a free port.
    pub fn serve(&self) -> Server {
        self.serve_with(|_| {})
    }

    pub fn serve_with(&self, set: impl FnOnce(&mut Command)) -> Server {
        self.try_serve_with(set).expect("the server says where it listens")
    }

    /// Starts the server, or returns what it said where it ended before it listened.
    pub fn try_serve_with(&self, set: impl FnOnce(&mut Command)) -> Result<Server, String> {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        set(&mut command);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error")).lines();
        let mut said = Vec::new();
        let base = loop {
            let Some(line) = lines.next() else {
                child.wait().expect("its end");
                return Err(said.join("\n"));
            };
            let line = line.expect("text");
            if let Some((_, base)) = line.split_once("listening on ") {
                break base.trim_end_matches("\"}").to_owned();
            }
            said.push(line);
        };
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
        Ok(Server { child, base, log: Some(rest) })
    }
}

/// A running server; stopped when dropped.
pub struct Server {
    child: Child,
    pub base: String,
    log: Option<std::thread::JoinHandle<String>>,
}

impl Server {
    /// Memory that the server's process has, in megabytes.
    pub fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a figure") * 1.024e-3
    }

    /// Status and body.
    pub fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.get_text(path);
        (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}")))
    }

    /// Whether no item counts as shown so far.
    pub fn has_shown_nothing(&self) -> bool {
        let metrics = self.get_text("/metrics").1;
        metrics
            .lines()
            .filter(|line| line.starts_with("recommendation_exposures_total{"))
            .all(|line| line.ends_with(" 0"))
    }

    pub fn get_text(&self, path: &str) -> (u16, String) {
        let mut response = agent().get(format!("{}{path}", self.base)).call().expect("an answer");
        (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
    }

    pub fn list(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub fn post(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        let mut request = agent().post(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.send_empty().expect("an answer");
        (response.status().as_u16(), response.body_mut().read_json().expect("JSON"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// Waits for the end; the exit code, and what the server logged.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("the server ends");
        (status.code(), self.log.take().expect("a log").join().expect("the log's thread"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub fn agent() -> ureq::Agent {
    // a connection kept for later may be closed by the server just as it is used again
    ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build().into()
}

/// A port on loopback that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn ids(list: &Value) -> Vec<i64> {
    list.as_array().expect("a list").iter().map(|item| item["dataset_id"].as_i64().expect("an id")).collect()
}

pub fn truth() -> Value {
    let text = fs::read_to_string(Path::new(ROOT).join("fixtures/truth.json")).expect("the fixtures' truth");
    serde_json::from_str(&text).expect("JSON")
}

/// The files below a folder whose names end so.
pub fn files_below(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(files_below(&entry, extension));
        } else if entry.extension().is_some_and(|e| e == extension) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let path = entry.expect("an entry").path();
        let place = to.join(path.file_name().expect("a name"));
        if path.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).expect("a link"), place).expect("a link");
        } else if path.is_dir() {
            copy_dir(&path, &place);
        } else {
            fs::copy(&path, place).expect("a copy");
        }
    }
}

/// The smallest export: these datasets, each with its name.
pub fn catalogue(names: &[&str]) -> String {
    let rows: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            serde_json::json!({"id": index + 1, "dataset_name": name, "create_time": "2026-01-01 00:00:00"})
        })
        .collect();
    serde_json::to_string(&rows).expect("JSON")
}
