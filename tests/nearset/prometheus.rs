//! Metrics and rules as a real Prometheus sees them: every rule of `deploy/prometheus/` loads, is silent on a healthy server
//! under traffic and fires on its own fault; and promtool finds nothing to say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::faults::shim::Fault;
use crate::serving::{pressed, until};
use crate::support::{Nearset, ROOT, Server, agent, copy_dir, free_port, text};

fn deploy() -> PathBuf {
    Path::new(ROOT).join("deploy/prometheus")
}

pub fn rule_files() -> Vec<PathBuf> {
    ["recommendation.yml", "nearset.yml"].map(|name| deploy().join("rules").join(name)).into()
}

/// What the names of rules begin with whose times are seconds.
const SOON: &str = "Soon";

/// A file of rules with seconds for minutes, since no test waits for five of those; its names begin so.
fn hastened(rules: &str, prefix: &str) -> String {
    let mut text = rules.replace("- alert: ", &format!("- alert: {prefix}")).replace("- name: ", "- name: soon_");
    for minutes in [5, 15, 30] {
        text = text
            .replace(&format!("[{minutes}m]"), "[3s]")
            .replace(&format!("offset {minutes}m"), "offset 3s")
            .replace(&format!("for: {minutes}m"), "for: 0s");
    }
    for minutes in [1, 2, 3, 10] {
        text = text.replace(&format!("for: {minutes}m"), "for: 0s");
    }
    assert!(!text.contains("m]") && !text.contains("for: 1") && !text.contains("for: 3"), "{text}");
    text
}

/// A Prometheus that scrapes one server as `deploy/prometheus/prometheus.yml` says, five times a second; stopped when dropped.
pub struct Prometheus {
    child: Child,
    base: String,
    _dir: TempDir,
}

impl Prometheus {
    /// One with the rules as they are and, beside them, hastened ones; it tells nobody.
    fn start(server: &Server) -> Self {
        let as_they_are = format!("{}/rules/*.yml", deploy().display());
        Self::begin(server, SOON, Some(as_they_are), "[]")
    }

    /// One with hastened rules under their own names, that tells the Alertmanager at an address.
    pub fn telling(server: &Server, alertmanager: &str) -> Self {
        Self::begin(server, "", None, &format!("[{alertmanager}]"))
    }

    fn begin(server: &Server, prefix: &str, more_rules: Option<String>, alertmanagers: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for file in rule_files() {
            let rules = fs::read_to_string(&file).expect("rules");
            fs::write(dir.path().join(file.file_name().expect("a name")), hastened(&rules, prefix)).expect("rules");
        }
        let config = fs::read_to_string(deploy().join("prometheus.yml")).expect("a configuration");
        let target = server.base.trim_start_matches("http://");
        let own = Some(format!("{}/*.yml", dir.path().display()));
        let rules = more_rules.into_iter().chain(own).collect::<Vec<_>>().join("\n  - ");
        let ours = config
            .replace("15s", "200ms")
            .replace("127.0.0.1:8000", target)
            .replace("[\"127.0.0.1:9093\"]", alertmanagers)
            .replace("rules/*.yml", &rules);
        assert!(ours.matches("200ms").count() == 2 && !ours.contains("9093"), "{ours}");
        let file = dir.path().join("prometheus.yaml");
        fs::write(&file, ours).expect("a configuration");
        let port = free_port();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--log.level=error"]);
        let child = command.stdout(Stdio::null()).spawn().expect("prometheus: tests/install-servers.sh installs it");
        let prometheus = Self { child, base: format!("http://127.0.0.1:{port}"), _dir: dir };
        until("Prometheus is ready", || {
            agent().get(format!("{}/-/ready", prometheus.base)).call().is_ok_and(|answer| answer.status() == 200)
        });
        prometheus
    }

    /// What an address of its API answers, with these parameters.
    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let parameters = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let mut answer = agent().get(format!("{}/api/v1/{path}?{parameters}", self.base)).call().expect("an answer");
        let body: Value = answer.body_mut().read_json().expect("JSON");
        assert_eq!(body["status"], "success", "{parameters}: {body}");
        body["data"].clone()
    }

    /// The value of an expression now, where it has one.
    pub fn value(&self, expression: &str) -> Option<f64> {
        let data = self.get("query", &[("query", expression)]);
        data["result"][0]["value"][1].as_str().map(|value| value.parse().expect("a figure"))
    }

    /// The hastened alerts that fire now, with the labels that tell them apart. The rules as they are, which are loaded beside
    /// them, look back for minutes.
    fn firing(&self) -> BTreeSet<String> {
        let alerts = self.get("alerts", &[])["alerts"].as_array().cloned().expect("alerts");
        alerts
            .iter()
            .filter(|alert| alert["state"] == "firing")
            .filter_map(|alert| {
                let labels = alert["labels"].as_object().expect("labels");
                let mut shown = labels["alertname"].as_str().expect("a name").strip_prefix(SOON)?.to_owned();
                for label in ["endpoint", "table", "outcome", "folder", "name"] {
                    if let Some(value) = labels.get(label).and_then(Value::as_str) {
                        write!(shown, " {value}").expect("text");
                    }
                }
                Some(shown)
            })
            .collect()
    }

    /// Waits until these alerts fire, and no other.
    fn fires(&self, expected: &[&str]) {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        let mut last = BTreeSet::new();
        for _ in 0..500 {
            last = self.firing();
            if last == expected {
                return;
            }
            sleep(Duration::from_millis(200));
        }
        panic!("{expected:?} should fire, and {last:?} do");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What visitors of a shop ask for, some thirty lists a second from each of three, until that is over.
pub struct Traffic {
    /// 0 of what is known, 1 of datasets that nobody knows, 2 of nothing.
    kind: AtomicU8,
    is_over: AtomicBool,
}

const KNOWN: u8 = 0;
const UNKNOWN: u8 = 1;
const NONE: u8 = 2;

/// Does something while visitors ask.
pub fn under_traffic(server: &Server, work: impl FnOnce(&Traffic)) {
    let traffic = Traffic { kind: AtomicU8::new(KNOWN), is_over: AtomicBool::new(false) };
    struct Over<'a>(&'a Traffic);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.is_over.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        for visitor in 0..3_u32 {
            let (traffic, base) = (&traffic, server.base.clone());
            scope.spawn(move || {
                let agent = agent();
                for number in (visitor..).step_by(3) {
                    if traffic.is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let first = if traffic.kind.load(Ordering::Relaxed) == UNKNOWN { 987_000_000 } else { 1001 };
                    let page = first + number % 100;
                    let path = match number % 4 {
                        0 => format!("/similar/{page}"),
                        1 => format!("/recommend/detail/{page}?user_id={}", 1 + number % 9),
                        2 => format!("/recommend/detail/{page}?recent=1033"),
                        _ => "/hot/trending?timeframe=24h".to_owned(),
                    };
                    if traffic.kind.load(Ordering::Relaxed) != NONE {
                        // a server that was killed answers nobody
                        agent.get(format!("{base}{path}")).call().ok();
                    }
                    sleep(Duration::from_millis(30));
                }
            });
        }
        let over = Over(&traffic);
        work(&traffic);
        drop(over);
    });
}

pub fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs_f64()
}

fn figures_path(n: &Nearset) -> PathBuf {
    n.data().join("_metadata/metrics.json")
}

/// Changes what the last run published.
pub fn publish(n: &Nearset, change: impl FnOnce(&mut Value)) {
    let mut figures: Value = serde_json::from_slice(&fs::read(figures_path(n)).expect("figures")).expect("JSON");
    change(&mut figures);
    fs::write(figures_path(n), serde_json::to_vec(&figures).expect("JSON")).expect("figures");
}

/// A server as it is the morning after a run: the fixtures' newest rows are of that night, and the model is new.
pub fn morning() -> Nearset {
    let n = Nearset::demo();
    n.ok(&["run", "--only", "train"]);
    publish(&n, |figures| {
        for source in figures["sources"].as_array_mut().expect("sources") {
            if source["newest"].is_number() {
                source["newest"] = (seconds_since_1970() - 9000.0).into();
            }
        }
        let is_judged = figures["quality"].as_array().expect("scores").iter().any(|one| one["table"] == "interactions");
        if !is_judged {
            let score = json!({"table": "interactions", "score": 97.5, "anomalies": 2});
            figures["quality"].as_array_mut().expect("scores").push(score);
        }
    });
    n
}

fn promtool(args: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    let child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("promtool: tests/install-servers.sh installs it");
    std::io::Write::write_all(&mut child.stdin.take().expect("its input"), input.as_bytes()).expect("input");
    let output = child.wait_with_output().expect("promtool ends");
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "promtool {args:?}: {said}");
    assert!(input.is_empty() || said.is_empty(), "promtool {args:?}: {said}");
}

/// The series of a scrape: name, labels and value; and which families are counted up.
pub struct Scrape {
    series: Vec<(String, String, f64)>,
    counted: BTreeSet<String>,
}

impl Scrape {
    pub fn of(server: &Server) -> Self {
        let text = server.get_text("/metrics").1;
        promtool(&["check", "metrics"], &text);
        let mut counted = BTreeSet::new();
        let mut series = Vec::new();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                match family.split_once(' ').expect("a type") {
                    (name, "counter") => drop(counted.insert(name.to_owned())),
                    (name, "histogram") => {
                        counted.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
                    }
                    _ => {}
                }
            } else if !line.starts_with('#') {
                let (one, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = one.trim_end_matches('}').split_once('{').unwrap_or((one, ""));
                series.push((name.to_owned(), labels.to_owned(), value.parse().expect("a figure")));
            }
        }
        Self { series, counted }
    }

    /// Each name with the names of its labels.
    pub fn names(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, labels, _) in &self.series {
            names.entry(name).or_default().extend(label_names(labels));
        }
        names
    }

    /// A test for promtool: what this server counts goes on as it did, what it measures stays, and no rule says a word for
    /// an hour.
    fn healthy(&self) -> String {
        let rules = rule_files().iter().map(|file| format!("  - {}\n", file.display())).collect::<String>();
        let mut test =
            format!("rule_files:\n{rules}evaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n");
        for (name, labels, value) in &self.series {
            let comma = if labels.is_empty() { "" } else { "," };
            let values = match name.as_str() {
                // promtool's clock begins with 1970: what is of this night there is of its first moment, but for what goes on
                "nearset_scheduler_looked_timestamp_seconds" => "0+60x60".to_owned(),
                name if name.ends_with("_timestamp_seconds") => "0+0x60".to_owned(),
                name if self.counted.contains(name) => format!("0+{value}x60"),
                _ => format!("{value}+0x60"),
            };
            let series = format!("{name}{{{labels}{comma}job=\"nearset\",instance=\"a\"}}");
            writeln!(test, "      - {{series: '{series}', values: \"{values}\"}}").expect("text");
        }
        test += "      - {series: 'up{job=\"nearset\",instance=\"a\"}', values: \"1+0x60\"}\n    promql_expr_test:\n";
        for minute in [0, 1, 5, 15, 30, 60] {
            writeln!(test, "      - {{expr: ALERTS, eval_time: {minute}m, exp_samples: []}}").expect("text");
        }
        test
    }
}

fn label_names(labels: &str) -> impl Iterator<Item = &str> {
    labels.split(',').filter_map(|label| Some(label.trim().split_once('=')?.0)).filter(|name| *name != "job")
}

/// What the tests beside the rules ask of is what this server tells.
fn faults_are_of(scrape: &Scrape) {
    let faults = fs::read_to_string(deploy().join("tests/faults.yml")).expect("tests");
    let there = scrape.names();
    let mut asked = 0;
    for line in faults.lines().filter_map(|line| line.trim().strip_prefix("- {series: '")) {
        let series = line.split_once("',").expect("values").0;
        let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
        // what Prometheus says itself
        if name == "up" {
            continue;
        }
        let known = there.get(name).unwrap_or_else(|| panic!("{name} is not among {:?}", there.keys()));
        let labels: BTreeSet<&str> = label_names(labels).collect();
        assert_eq!(&labels, known, "{series}");
        asked += 1;
    }
    assert!(asked > 30, "{asked} series");
}

#[test]
fn rules_are_silent_on_a_healthy_server_and_fire_on_their_faults() {
    let n = morning();
    let server = n.serve();
    let prometheus = Prometheus::start(&server);
    under_traffic(&server, |traffic| {
        is_silent(&server, &prometheus);
        unknown_datasets(&server, &prometheus, traffic);
        // the ratio is of ten minutes: it stays
        let stays = ["RecommendationFallbackRatioHigh recommend_detail", "RecommendationFallbackRatioHigh similar"];
        let fires = |others: &[&str]| prometheus.fires(&[&stays, others].concat());
        fires(&[]);
        faulty_figures(&n, &fires);
        faulty_schedule(&n, &fires);
        faulty_runs(&n, &fires);
        let late = ["NearsetModelHeldBack held_back", "NearsetRunLate"];
        let fires = |others: &[&str]| fires(&[&late, others].concat());
        fires(&[]);
        faulty_version(&n, &prometheus, &fires);
        faulty_log(&n, &fires);
        traffic.kind.store(NONE, Ordering::Relaxed);
        fires(&["RecommendationExposureDrop"]);
        server.signal("KILL");
        prometheus.fires(&["NearsetDown"]);
    });
}

/// Every rule is there and none is about to fire.
fn is_silent(server: &Server, prometheus: &Prometheus) {
    until("lists are scraped", || {
        prometheus.value("sum(rate(recommendation_exposures_total[3s]))").is_some_and(|rate| rate > 100.0)
    });
    // neither an error of a client's nor a user of today is a fault of the server's
    for _ in 0..40 {
        assert_eq!(server.get("/similar/nobody").0, 400);
        assert_eq!(server.list("/recommend/detail/1001?user_id=999999")["variant"], "fallback");
    }
    sleep(Duration::from_secs(3));
    let groups = prometheus.get("rules", &[])["groups"].as_array().cloned().expect("groups");
    let rules: Vec<Value> =
        groups.iter().flat_map(|group| group["rules"].as_array().cloned().expect("rules")).collect();
    assert_eq!(rules.len(), 2 * 27, "{groups:#?}");
    for rule in &rules {
        assert_eq!((&rule["health"], &rule["state"]), (&json!("ok"), &json!("inactive")), "{rule:#}");
    }
}

/// Pages of datasets that came after the last run.
fn unknown_datasets(server: &Server, prometheus: &Prometheus, traffic: &Traffic) {
    traffic.kind.store(UNKNOWN, Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for id in 9_000_000..9_001_500 {
                    server.list(&format!("/recommend/detail/{id}"));
                    server.list(&format!("/similar/{id}"));
                }
            });
        }
        prometheus.fires(&[
            "DegradeRateSpike",
            "NearsetServesFallbacks",
            "RecommendationFallbackRatioHigh recommend_detail",
            "RecommendationFallbackRatioHigh similar",
        ]);
    });
    traffic.kind.store(KNOWN, Ordering::Relaxed);
}

/// What a scheduler leaves on disk that looked so many seconds ago, and whose job ended well then or failed.
fn schedule(n: &Nearset, seconds_ago: i64, has_failed: bool) {
    let at = (Utc::now() - TimeDelta::seconds(seconds_ago)).to_rfc3339();
    let failure = json!({"since": at, "slot": at, "at": at, "error": "exit code 1", "is_final": true});
    let job = json!({"rhythm": "0 18 * * * UTC", "through": at, "next": at, "succeeded": at,
        "failure": if has_failed { failure } else { Value::Null }});
    let state = json!({"scheduler": 1, "looked": at, "jobs": {"nightly": job}});
    fs::create_dir_all(n.data().join("operations")).expect("a folder");
    fs::write(n.data().join("operations/schedule.json"), state.to_string()).expect("a state");
}

/// A job fails; then nobody looks any more at what is due.
fn faulty_schedule(n: &Nearset, fires: &impl Fn(&[&str])) {
    schedule(n, 0, true);
    fires(&["NearsetJobFailed nightly"]);
    schedule(n, 1000, false);
    fires(&["NearsetScheduleStopped"]);
    fs::remove_file(n.data().join("operations/schedule.json")).expect("removed");
    fires(&[]);
}

/// A run that fails says so; then one that was long ago is late, and its model was held back.
fn faulty_runs(n: &Nearset, fires: &impl Fn(&[&str])) {
    n.write("dataset.json", "this is no export");
    n.fails(1, &["run"]);
    fires(&["NearsetRunFailed failed"]);
    let history = r#"{"event":"started","run":"1","at":"2026-01-01T00:00:00Z","as_of":"2026-01-01T00:00:00Z","steps":[]}
        {"event":"ended","run":"1","at":"2026-01-01T00:00:09Z","seconds":9.0,"peak_bytes":9,"error":"worse","outcome":"held_back"}"#;
    fs::write(n.data().join("_metadata/runs.jsonl"), history).expect("a history");
}

/// The current version is damaged, and then another one is current.
fn faulty_version(n: &Nearset, prometheus: &Prometheus, fires: &impl Fn(&[&str])) {
    let version = fs::read_link(n.models().join("current")).expect("a version").to_string_lossy().into_owned();
    let damaged = "20991231T000000Z-00000000";
    copy_dir(&n.models().join(&version), &n.models().join(damaged));
    let file = n.models().join(damaged).join("items.parquet");
    let mut bytes = fs::read(&file).expect("a file");
    bytes[100] ^= 1;
    fs::write(&file, bytes).expect("a file");
    let current = |version: &str| {
        fs::remove_file(n.models().join("current")).expect("removed");
        symlink(version, n.models().join("current")).expect("a link");
    };
    current(damaged);
    until("the version is refused", || prometheus.firing().contains("NearsetVersionRefused watch"));
    fires(&["NearsetModelFault"]);
    current(&version);
    fires(&[]);
}

/// The exposure log cannot be begun anew, then not be written.
fn faulty_log(n: &Nearset, fires: &impl Fn(&[&str])) {
    let log = n.data().join("evaluation/exposure_log.jsonl");
    // where it was moved to it goes on being written
    fs::rename(&log, n.data().join("evaluation/exposure_log.moved.jsonl")).expect("moved");
    fs::create_dir(&log).expect("a folder in its place");
    fires(&["NearsetExposureLogDisplaced"]);
    fs::remove_dir(&log).expect("removed");
    fires(&[]);
    fs::remove_file(&log).expect("removed");
    symlink("/dev/full", &log).expect("a link");
    fires(&["NearsetExposuresLost", "NearsetExposuresNotLogged"]);
    fs::remove_file(&log).expect("removed");
    fires(&[]);
}

/// What a run may publish of data that is not as it should be, each on its own.
fn faulty_figures(n: &Nearset, fires: &impl Fn(&[&str])) {
    let healthy = fs::read(figures_path(n)).expect("figures");
    let long_ago = seconds_since_1970() - 1e6;
    let set = |part: &str, row: Value| {
        publish(n, |figures| {
            let rows = figures[part].as_array_mut().expect("a part");
            let key = row.as_object().expect("fields").keys().next().expect("a key").clone();
            rows.retain(|other| other[&key] != row[&key]);
            rows.push(row);
        });
    };
    for (part, row, alert) in [
        (
            "quality",
            json!({"table": "interactions", "score": 79.0, "anomalies": 900}),
            "DataQualityScoreDrop interactions",
        ),
        (
            "contracts",
            json!({"table": "business.dataset", "is_kept": false, "violations": 3}),
            "SchemaContractViolation business.dataset",
        ),
        ("alerts", json!({"severity": "critical", "alerts": 1}), "NearsetQualityAlert"),
        ("reconciliation", json!({"status": "critical", "days": 1}), "NearsetReconciliationCritical"),
        (
            "tracking",
            json!({"endpoint": "similar", "coverage": 0.5, "views": 400}),
            "NearsetTrackingCoverageLow similar",
        ),
        (
            "sources",
            json!({"table": "matomo.matomo_log_visit", "newest": long_ago, "rows": 9}),
            "NearsetSourceStale matomo.matomo_log_visit",
        ),
    ] {
        set(part, row);
        fires(&[alert]);
        fs::write(figures_path(n), &healthy).expect("figures");
        fires(&[]);
    }
}

#[test]
fn promtool_has_nothing_to_say_of_metrics_and_rules() {
    let n = morning();
    // families whose relations or faults a small world has not
    publish(&n, |figures| {
        figures["tracking"] = json!([{"endpoint": "recommend_detail", "coverage": 0.9, "views": 400}]);
        figures["alerts"] = json!([{"severity": "warning", "alerts": 1}]);
    });
    schedule(&n, 0, false);
    let server = n.serve();
    under_traffic(&server, |_| {
        until("lists are answered", || {
            let metrics = server.get_text("/metrics").1;
            metrics.lines().any(|line| line.starts_with("recommendation_exposures_total") && !line.ends_with(" 0"))
        });
    });
    let healthy = Scrape::of(&server).healthy();
    for path in ["/similar/9876543210", "/similar/nobody"] {
        server.get_text(path);
    }
    faults_are_of(&Scrape::of(&server));
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("healthy.yml");
    fs::write(&file, healthy).expect("a test");
    promtool(&["test", "rules", &file.to_string_lossy()], "");
    let of = |path: &str| deploy().join(path).to_string_lossy().into_owned();
    promtool(&["test", "rules", &of("tests/faults.yml")], "");
    promtool(&["check", "config", &of("prometheus.yml")], "");
}

#[test]
fn a_server_without_a_model_fails_and_an_old_one_is_old() {
    let n = Nearset::empty();
    let server = n.serve();
    let prometheus = Prometheus::start(&server);
    under_traffic(&server, |_| {
        prometheus.fires(&["RecommendationExposureDrop", "RecommendationHighErrorRate"]);
    });
    drop(prometheus);
    // the fixtures are of another month
    let n = Nearset::demo();
    let server = n.serve();
    let prometheus = Prometheus::start(&server);
    prometheus.fires(&[
        "NearsetModelOld",
        "NearsetSourceStale exposures.exposure_log",
        "NearsetSourceStale matomo.matomo_log_link_visit_action",
        "NearsetSourceStale matomo.matomo_log_visit",
        // and nobody asks it
        "RecommendationExposureDrop",
    ]);
}

#[test]
fn a_slow_disk_makes_slow_lists_and_too_much_is_turned_away() {
    let n = morning();
    let server = n.serve_with(|command| {
        // where lists may not be made the short way, and a thread is left for Prometheus, slow ones are all that is wrong
        command.env("BUDGET_MS", "0").env("SHED_MS", "0").env("THREADS", "8");
        Fault::Slow(250).apply(command, &n.data().join("evaluation"), &n.path().join("counters"));
    });
    let prometheus = Prometheus::start(&server);
    under_traffic(&server, |_| {
        until("a slow list is noticed", || {
            prometheus.firing().iter().any(|alert| alert.starts_with("RecommendationLatencyHigh"))
        });
        let firing = prometheus.firing();
        assert!(firing.iter().all(|alert| alert.starts_with("RecommendationLatencyHigh")), "{firing:?}");
    });
    drop((server, prometheus));
    let server = n.serve_with(|command| {
        command.env("THREADS", "1").env("BUDGET_MS", "0").env("SHED_MS", "1");
    });
    let prometheus = Prometheus::start(&server);
    pressed(&server, |_, _| prometheus.firing().contains("NearsetTurnsRequestsAway"));
}
