//! What a real MLflow finds of what it was told: a server that was down, cut off and up again, and a folder, asked by
//! MLflow's own client (`ask_mlflow.py`).

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use std::{fs, thread};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::support::{AS_OF, Nearset, ROOT, agent, copy_dir, free_port, text};

/// MLflow's environment, which tests/install-mlflow.sh makes.
fn place() -> PathBuf {
    let cache = std::env::var("XDG_CACHE_HOME").map(PathBuf::from);
    cache.unwrap_or_else(|_| Path::new(&std::env::var("HOME").expect("a home")).join(".cache")).join("nearset/mlflow")
}

/// MLflow, quiet and by itself.
fn python(program: &str) -> Command {
    let mut command = Command::new(place().join("bin").join(program));
    command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("MLFLOW_ALLOW_FILE_STORE", "true");
    command.env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2").env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
    command
}

/// A real MLflow server; stopped when dropped, with what it started.
struct Mlflow {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Mlflow {
    fn start() -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let database = dir.path().join("mlflow.db");
        fs::copy(place().join("empty.db"), &database).expect("MLflow: tests/install-mlflow.sh installs it");
        let mut command = python("mlflow");
        command
            .args(["server", "--host", "127.0.0.1", "--workers", "1", "--port", &port.to_string()])
            .arg(format!("--backend-store-uri=sqlite:///{}", database.display()))
            .arg(format!("--artifacts-destination={}", dir.path().join("files").display()))
            .current_dir(dir.path())
            .process_group(0);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("MLflow starts");
        Self { child, port, dir }
    }

    fn wait(&self) {
        let url = format!("http://127.0.0.1:{}/health", self.port);
        let is_up = || agent().get(&url).call().is_ok_and(|answer| answer.status() == 200);
        assert!(
            (0..1200).any(|_| is_up() || {
                thread::sleep(Duration::from_millis(100));
                false
            }),
            "MLflow is not up"
        );
    }
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        // the group is this server's own
        Command::new("kill").args(["-s", "KILL", "--", &format!("-{}", self.child.id())]).status().ok();
        self.child.wait().ok();
    }
}

/// What stands before the server: lets so many connections or uploads through, and refuses all when there are none left.
struct Door {
    port: u16,
    /// How many files may still be put; below 0 nobody comes through.
    uploads: Arc<AtomicI64>,
}

impl Door {
    fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let door = Self { port: listener.local_addr().expect("a port").port(), uploads: Arc::new(AtomicI64::new(-1)) };
        let uploads = door.uploads.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if uploads.load(Ordering::SeqCst) < 0 {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (back, answer) = (client.try_clone().expect("it"), server.try_clone().expect("it"));
                let uploads = uploads.clone();
                thread::spawn(move || through(client, server, &uploads));
                thread::spawn(move || through(answer, back, &AtomicI64::new(i64::MAX)));
            }
        });
        door
    }

    fn let_through(&self, uploads: i64) {
        self.uploads.store(uploads, Ordering::SeqCst);
    }
}

fn through(mut from: TcpStream, mut to: TcpStream, uploads: &AtomicI64) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if bytes.starts_with(b"PUT ") && uploads.fetch_sub(1, Ordering::SeqCst) <= 0
            || to.write_all(&bytes[..read]).is_err()
        {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

/// What MLflow's client finds in each store.
fn ask(stores: &[String]) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(ROOT).join("tests/nearset/ask_mlflow.py");
    let output = python("python").arg(script).arg(folder.path()).args(stores).output().expect("python");
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stdout)))
}

fn status(n: &Nearset) -> Value {
    serde_json::from_str(&n.ok(&["mlflow", "status", "--json"])).expect("JSON")
}

fn registry(n: &Nearset) -> Value {
    let text = fs::read_to_string(n.models().join("model_registry.json")).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

fn current(n: &Nearset) -> String {
    fs::read_link(n.models().join("current")).expect("a link").to_string_lossy().into_owned()
}

/// Trains once, with a catalogue that is a little larger each time.
fn train(n: &Nearset, as_of: &str) -> String {
    let output = n.run(&["run", "--as-of", as_of]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// Trains twice and rolls back, while the server is down, cut off and up; tells it a third version by hand. Returns all three
/// versions; the first answers.
fn tell(n: &Nearset, server: &Mlflow, door: &Door) -> [String; 3] {
    // nobody answers: the run does not mind
    let said = train(n, AS_OF);
    assert!(said.contains("MLflow is told later"), "{said}");
    let first = current(n);
    let waiting = status(n);
    assert_eq!(waiting["waiting"][0]["version"], first.as_str(), "{waiting}");
    assert!(waiting["waiting"][0]["error"].as_str().is_some_and(|why| why.contains("127.0.0.1")), "{waiting}");
    assert_eq!(registry(n)["current"]["run_id"], first.as_str());
    // cut off amid the files, then up
    server.wait();
    door.let_through(4);
    let said = n.fails(1, &["mlflow", "push"]);
    assert!(said.contains("1 wait:"), "{said}");
    door.let_through(1_000);
    assert!(n.ok(&["mlflow", "push"]).contains("1 trainings"));
    assert_eq!(status(n)["waiting"], json!([]));
    assert_eq!(status(n)["alias"], first.as_str());
    // told at once, by the run itself or right after it
    train(n, "2026-10-16T06:00:00Z");
    n.ok(&["mlflow", "push"]);
    let second = current(n);
    assert_ne!(first, second);
    // a version with a ranker, from before there was MLflow; twice, which is once
    let demo = Nearset::demo();
    let third = current(&demo);
    copy_dir(&demo.models().join(&third), &n.models().join(&third));
    for _ in 0..2 {
        n.ok(&["mlflow", "push", &third]);
    }
    // another version answers; MLflow hears of it when it can
    door.let_through(-1);
    n.ok(&["models", "rollback"]);
    assert_eq!(status(n)["alias"], second.as_str());
    door.let_through(1_000);
    n.ok(&["mlflow", "push"]);
    assert_eq!((current(n), &status(n)["alias"]), (first.clone(), &json!(first)));
    [first, second, third]
}

#[test]
fn mlflow_finds_what_it_was_told() {
    let server = Mlflow::start();
    let door = Door::before(server.port);
    let mut n = Nearset::empty();
    n.take_fixtures(|_| true);
    n.set("MLFLOW_TRACKING_URI", &format!("http://127.0.0.1:{}", door.port));
    // the machine may be busy; what follows a run waits for two seconds in any case
    n.set("OUTGOING_TIMEOUT_SECONDS", "120");
    let versions = tell(&n, &server, &door);
    let folder = n.path().join("mlruns");
    n.set("MLFLOW_TRACKING_URI", &format!("file:{}", folder.display()));
    n.ok(&["mlflow", "push", &versions[1], &versions[2]]);

    let stores = [format!("http://127.0.0.1:{}", server.port), format!("file://{}", folder.display())];
    let found = ask(&stores);
    let first = versions[0].as_str();
    let manifest = fs::read(n.models().join(first).join("manifest.json")).expect("a file");
    let manifest = hex::encode(Sha256::digest(manifest));
    for found in &found {
        assert_eq!(found["champion"], manifest.as_str(), "the alias leads to the files of the version that answers");
        let all = found["runs"].as_array().expect("runs");
        assert_eq!(all.len(), 3, "{found:#}");
        all.iter().for_each(|run| looks_right(run, &n));
        let model = &found["models"][0];
        let registered = model["versions"].as_object().expect("versions").values();
        let registered: BTreeSet<&str> = registered.map(|version| version[0].as_str().expect("a name")).collect();
        assert_eq!(registered, versions.iter().map(String::as_str).collect(), "{model:#}");
        assert_eq!(
            (&model["name"], model["versions"].as_object().map(Map::len)),
            (&json!("dataset_recommendation"), Some(3))
        );
        let champion = model["aliases"]["champion"].as_str().map(|number| &model["versions"][number][0]);
        assert_eq!(champion, Some(&json!(first)));
    }
    // the file of old scripts says where MLflow has the version
    let entry = registry(&n)["current"].clone();
    let told = found[1]["runs"].as_array().and_then(|runs| runs.iter().find(|run| run["id"] == entry["run_id"]));
    let told = told.map(|run| (&run["tags"]["nearset.version"], &run["artifact_uri"]));
    assert_eq!(told, Some((&json!(first), &entry["artifact_uri"])));
    assert!(server.dir.path().join("files").is_dir(), "files went through the server");
}

/// What every training is told with.
fn looks_right(run: &Value, n: &Nearset) {
    let name = run["name"].as_str().expect("a name");
    assert!(name.starts_with("train_models_2026") && name.ends_with('Z'), "{name}");
    assert_eq!((&run["status"], &run["points"]), (&json!("FINISHED"), &json!(1)), "{run:#}");
    let version = run["tags"]["nearset.version"].as_str().expect("a version");
    let manifest = fs::read_to_string(n.models().join(version).join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let figures = &manifest["metrics"]["metrics"];
    assert_eq!(run["metrics"]["hit_rate_at_10"], figures["hit_rate@10"]);
    assert_eq!(run["metrics"]["content_item_count"], json!(manifest["items"].as_f64()));
    for name in ["behavior_item_count", "popular_item_count", "vector_recall_avg_neighbors", "ranking_top_score"] {
        assert!(run["metrics"][name].as_f64().is_some_and(|figure| figure > 0.0), "{name}: {run:#}");
    }
    assert!(
        run["metrics"]["channels/behaviour/mrr_at_10"].is_number()
            && run["metrics"]["ranking_tuning_trials"].is_number()
    );
    for name in ["ranking_metric_name", "ranking_best_params", "vector_recall_k", "image_embeddings_available"] {
        assert!(run["params"][name].is_string(), "{name}: {run:#}");
    }
    let files: Vec<&str> = run["files"].as_array().expect("files").iter().filter_map(Value::as_str).collect();
    for file in manifest["files"].as_object().expect("files").keys() {
        assert!(files.contains(&format!("model/{file}").as_str()), "{file}: {files:?}");
    }
    assert!(files.contains(&"model/manifest.json") && files.contains(&"ranking_scores_preview.json"), "{files:?}");
    if manifest["ranker"].is_object() {
        assert!(files.contains(&"hparam_trials.json") && files.contains(&"feature_importance.json"), "{files:?}");
        assert_eq!(run["params"]["ranking_best_params"], manifest["ranker"]["kept"]);
        assert!(run["params"]["ranking_top_features"].as_str().is_some_and(|names| names.contains(',')));
    }
    if run["tags"]["nearset.run_id"].is_string() {
        let rows = |name: &str| run["params"][name].as_str().and_then(|rows| rows.parse::<u64>().ok());
        assert!(rows("interactions_rows") > Some(1_000) && rows("dataset_features_rows") == manifest["items"].as_u64());
    }
}

#[test]
fn a_server_that_is_none_is_told_and_a_setting_that_is_none_is_named() {
    let mut n = Nearset::empty();
    let said = n.fails(1, &["mlflow", "push"]);
    assert!(said.contains("MLFLOW_TRACKING_URI is not set"), "{said}");
    n.set("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db");
    let said = n.fails(1, &["mlflow", "status"]);
    assert!(said.contains("MLFLOW_TRACKING_URI") && said.contains("of a database name the server"), "{said}");
    n.set("MLFLOW_TRACKING_URI", "http://user:hunter2@127.0.0.1:9");
    let shown = n.ok(&["mlflow", "status"]);
    assert!(shown.contains("http://127.0.0.1:9") && !shown.contains("hunter2"), "{shown}");
    n.set("UI_LANGUAGE", "zh");
    assert!(n.ok(&["mlflow", "status"]).contains("没有待上报的内容"));
}
