//! Dashboards and the way of an alert, with the real programs: each panel's query asked of a Prometheus that scrapes a server
//! under traffic, each alert's route asked of amtool, and a fault followed from the server to whoever is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::notify::StandIn;
use crate::prometheus::{Prometheus, Scrape, morning, publish, rule_files, seconds_since_1970, under_traffic};
use crate::readme::{commands, inline, path};
use crate::serving::until;
use crate::support::{Nearset, ROOT, agent, files_below, free_port, text};

fn deploy(path: &str) -> PathBuf {
    Path::new(ROOT).join("deploy").join(path)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// The dashboards by the names of their files.
fn dashboards() -> BTreeMap<String, Value> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a dashboard");
        (path.file_stem().expect("a name").to_string_lossy().into_owned(), serde_json::from_str(&text).expect("JSON"))
    };
    files_below(&deploy("grafana/dashboards"), "json").into_iter().map(read).collect()
}

/// The panels of a dashboard that show something.
fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    list(&board["panels"]).iter().filter(|panel| panel["type"] != "row")
}

/// The rules, each with the name of its group in `group`.
fn rules() -> Vec<Value> {
    let mut rules = Vec::new();
    for file in rule_files() {
        let file: Value = serde_saphyr::from_str(&fs::read_to_string(file).expect("rules")).expect("YAML");
        for group in list(&file["groups"]) {
            rules.extend(list(&group["rules"]).iter().cloned().map(|mut rule| {
                rule["group"] = group["name"].clone();
                rule
            }));
        }
    }
    assert!(rules.len() > 20, "{rules:#?}");
    rules
}

/// An expression of PromQL without what stands between these two, which do not nest.
fn without(expression: &str, open: char, close: char) -> String {
    let mut rest = String::new();
    let mut is_within = false;
    for c in expression.chars() {
        if is_within {
            is_within = c != close;
        } else if c == open {
            is_within = true;
            rest.push(' ');
        } else {
            rest.push(c);
        }
    }
    rest
}

/// The names of metrics in an expression of PromQL: words that are neither functions nor labels nor its own.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let mut bare = without(&without(&without(expression, '"', '"'), '{', '}'), '[', ']');
    for clause in ["by", "on", "without", "ignoring", "group_left", "group_right"] {
        while let Some(start) = bare.find(&format!(" {clause} (")) {
            let end = bare[start..].find(')').map_or(bare.len(), |end| start + end + 1);
            bare.replace_range(start..end, " ");
        }
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut names = BTreeSet::new();
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(is_letter) {
        let (word, after) = rest[start..].split_at(rest[start..].find(|c| !is_letter(c)).unwrap_or(rest.len() - start));
        rest = after;
        let is_function = rest.trim_start().starts_with('(');
        let is_figure = word.starts_with(|c: char| c.is_ascii_digit());
        if !is_function && !is_figure && !["or", "and", "unless", "offset", "bool"].contains(&word) {
            names.insert(word.to_owned());
        }
    }
    names
}

#[test]
fn names_of_metrics_are_found_in_what_is_asked() {
    let asked = r#"histogram_quantile(0.95, sum by (le, endpoint) (rate(a_bucket{x="sum(b)", y=~"c|d"}[5m]))) > 0.2
        or on (instance) group_left (model) (f unless f{z="g"} offset 15m) == bool 1 or vector(0)"#;
    assert_eq!(metrics_in(asked), ["a_bucket", "f"].map(str::to_owned).into());
}

#[test]
fn dashboards_are_whole_and_in_chinese() {
    let boards = dashboards();
    assert_eq!(boards.keys().collect::<Vec<_>>(), ["recommendation-overview", "recommendation-pipeline"]);
    let alerts: BTreeSet<String> = rules().iter().map(|rule| words(&rule["alert"]).to_owned()).collect();
    for (name, board) in &boards {
        assert_eq!(words(&board["uid"]), name);
        assert!(is_chinese(words(&board["title"])) && is_chinese(words(&board["description"])), "{name}");
        let (mut ids, mut titles, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for panel in list(&board["panels"]) {
            let title = words(&panel["title"]);
            let at = format!("{name}, {title}");
            assert!(is_chinese(title) && titles.insert(title), "{at}: a title of its own, in Chinese");
            assert!(panel["id"].as_u64().is_some_and(|id| ids.insert(id)), "{at}: an id of its own");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a figure"));
            assert!(w > 0 && h > 0 && x + w <= 24, "{at}: outside the page");
            for place in (x..x + w).flat_map(|column| (y..y + h).map(move |line| (column, line))) {
                assert!(taken.insert(place), "{at}: over another panel at {place:?}");
            }
        }
        for panel in panels(board) {
            let at = format!("{name}, {}", words(&panel["title"]));
            let about = words(&panel["description"]);
            assert!(is_chinese(about), "{at}: a description");
            let named = about.split(|c: char| !c.is_ascii_alphanumeric());
            let named = named.filter(|word| word.chars().skip(1).any(char::is_uppercase) && word.len() > 12);
            for alert in named.filter(|word| word.chars().any(char::is_lowercase)) {
                assert!(alerts.contains(alert), "{at}: {alert} is no alert");
            }
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{at}");
            assert!(!words(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{at}: a unit");
            let mut letters = BTreeSet::new();
            assert!(!list(&panel["targets"]).is_empty(), "{at}: something asked");
            for target in list(&panel["targets"]) {
                assert!(letters.insert(words(&target["refId"])), "{at}: a refId of its own");
                assert!(panel["type"] == "table" || !words(&target["legendFormat"]).is_empty(), "{at}: a legend");
                let (asked, expected) = (words(&target["expr"]), r#"instance=~"$instance""#);
                assert!(asked.contains(expected) || asked.contains("ALERTS"), "{at}: {asked} is of any server");
            }
        }
    }
}

/// Asks what a panel asks, in Grafana's place: over the last seconds, or of now. The series that have a figure.
fn series(prometheus: &Prometheus, target: &Value) -> Vec<Value> {
    let asked =
        words(&target["expr"]).replace("$__rate_interval", "3s").replace("$instance", ".*").replace("[5m]", "[3s]");
    assert!(!asked.replace("\"$1\"", "").contains('$'), "{asked}");
    let now = seconds_since_1970();
    let data = if target["instant"] == true {
        prometheus.get("query", &[("query", &asked)])
    } else {
        let (from, to) = ((now - 6.0).to_string(), now.to_string());
        prometheus.get("query_range", &[("query", &asked), ("start", &from), ("end", &to), ("step", "1")])
    };
    let is_figure = |sample: &Value| words(&sample[1]).parse::<f64>().is_ok_and(f64::is_finite);
    let has_figure = |one: &&Value| is_figure(&one["value"]) || list(&one["values"]).iter().any(is_figure);
    list(&data["result"]).iter().filter(has_figure).cloned().collect()
}

/// What has nothing to show on a healthy server, and is shown here under a fault.
const EMPTY_WHEN_HEALTHY: [&str; 1] = ["每分钟错误（按类型）"];

#[test]
fn every_panel_shows_something() {
    let n = morning();
    let every_second = "[[job]]\nname = \"look\"\ncron = \"* * * * * *\"\ncommand = [\"true\"]\n";
    fs::write(n.data().join("schedule.toml"), every_second).expect("a schedule");
    let server = n.serve_with(|command| {
        command.arg("--schedule");
    });
    let prometheus = Prometheus::telling(&server, "");
    let boards = dashboards();
    let silent = || -> BTreeSet<&str> {
        let targets = boards.values().flat_map(panels).flat_map(|panel| {
            let title = words(&panel["title"]);
            list(&panel["targets"]).iter().map(move |target| (title, target))
        });
        targets.filter(|(_, target)| series(&prometheus, target).is_empty()).map(|(title, _)| title).collect()
    };
    under_traffic(&server, |_| {
        until("lists are scraped for some seconds", || {
            prometheus.value("sum(count_over_time(recommendation_service_info[10s])) > 30").is_some()
        });
        assert_eq!(silent(), EMPTY_WHEN_HEALTHY.into(), "panels without a figure");
        // an error that is counted for the first time has no rate; the second one has
        until("errors are shown", || {
            assert_eq!(server.get("/similar/nobody").0, 400);
            silent().is_empty()
        });
    });
    let scrape = Scrape::of(&server);
    let there = scrape.names();
    let asked = boards.values().flat_map(panels).flat_map(|panel| list(&panel["targets"]).iter());
    let asked = asked
        .map(|target| words(&target["expr"]).to_owned())
        .chain(rules().iter().map(|rule| words(&rule["expr"]).to_owned()).collect::<Vec<_>>());
    let mut count = 0;
    for expression in asked {
        for name in metrics_in(&expression) {
            let is_there = there.contains_key(name.as_str()) || ["up", "ALERTS"].contains(&name.as_str());
            assert!(is_there, "{name} in {expression} is no metric of {:?}", there.keys());
            count += 1;
        }
    }
    assert!(count > 80, "only {count} names were found");
}

/// An Alertmanager as `deploy/alertmanager/alertmanager.yml` has it, with tenths of seconds for its waits; stopped when dropped.
struct Alertmanager {
    child: Child,
    address: String,
    _dir: TempDir,
}

impl Alertmanager {
    /// One that tells the gateway at an address.
    fn start(gateway: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = fs::read_to_string(deploy("alertmanager/alertmanager.yml")).expect("a configuration");
        let ours = config
            .replace("group_wait: 30s", "group_wait: 100ms")
            .replace("group_interval: 5m", "group_interval: 300ms")
            .replace("127.0.0.1:9000", gateway);
        assert!(ours.contains("100ms") && ours.contains("300ms") && ours.matches(gateway).count() == 2, "{ours}");
        let file = dir.path().join("alertmanager.yml");
        fs::write(&file, ours).expect("a configuration");
        let address = format!("127.0.0.1:{}", free_port());
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            // alone, it listens to no other
            .args(["--cluster.listen-address=", "--log.level=error"])
            .stdout(Stdio::null())
            .spawn()
            .expect("prometheus-alertmanager: tests/install-servers.sh installs it");
        let alertmanager = Self { child, address, _dir: dir };
        until("the Alertmanager is ready", || {
            let ready = agent().get(format!("http://{}/-/ready", alertmanager.address)).call();
            ready.is_ok_and(|answer| answer.status() == 200)
        });
        alertmanager
    }

    /// The state of an alert and how many others silence it, by its name and severity.
    fn state(&self, name: &str, severity: &str) -> Option<(String, usize)> {
        let mut answer = agent().get(format!("http://{}/api/v2/alerts", self.address)).call().expect("an answer");
        let alerts: Value = answer.body_mut().read_json().expect("JSON");
        let labels = |alert: &&Value| alert["labels"]["alertname"] == name && alert["labels"]["severity"] == severity;
        let status = &list(&alerts).iter().find(labels)?["status"];
        Some((words(&status["state"]).to_owned(), list(&status["inhibitedBy"]).len()))
    }

    /// Gives it alerts, as Prometheus would.
    fn give(&self, alerts: &[Value]) {
        let url = format!("http://{}/api/v2/alerts", self.address);
        let answer = agent().post(url).send_json(alerts).expect("an answer");
        assert_eq!(answer.status(), 200);
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn amtool(args: &[&str]) -> String {
    let output = Command::new("amtool").args(args).output().expect("amtool: tests/install-servers.sh installs it");
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "amtool {args:?}: {said}");
    text(&output.stdout)
}

#[test]
fn every_alert_has_its_receiver_and_its_page() {
    let config = deploy("alertmanager/alertmanager.yml");
    let config = config.to_string_lossy();
    amtool(&["check-config", &config]);
    let headings = ["docs/operations.md", "docs/operations.zh-CN.md"].map(|page| {
        let page = fs::read_to_string(Path::new(ROOT).join(page)).expect("a page");
        page.lines().filter_map(|line| Some(line.strip_prefix("### ")?.to_owned())).collect::<BTreeSet<_>>()
    });
    for rule in rules() {
        let (alert, severity) = (words(&rule["alert"]), words(&rule["labels"]["severity"]));
        let is_of_data = rule["group"] == "nearset_data" || alert.contains("Quality") || alert.contains("Contract");
        let labels = [format!("alertname={alert}"), format!("severity={severity}")];
        let said = amtool(&["config", "routes", "test", &format!("--config.file={config}"), &labels[0], &labels[1]]);
        assert_eq!(said.trim(), if is_of_data { "data-quality" } else { "recommend-default" }, "{alert}");
        assert_eq!(rule["annotations"]["runbook"], format!("docs/operations.md#{}", alert.to_lowercase()));
        for headings in &headings {
            assert!(headings.contains(alert), "docs/operations.md says nothing of {alert}");
        }
    }
}

#[test]
fn what_is_critical_silences_its_warning_and_what_follows_from_it() {
    let alertmanager = Alertmanager::start(&format!("127.0.0.1:{}", free_port()));
    let alert = |name: &str, severity: &str, labels: Value| {
        let mut alert = json!({"labels": {"alertname": name, "severity": severity, "instance": "a"}});
        let others = labels.as_object().cloned().expect("labels");
        alert["labels"].as_object_mut().expect("labels").extend(others);
        alert
    };
    alertmanager.give(&[
        alert("TableOdd", "critical", json!({"table": "orders"})),
        alert("TableOdd", "warning", json!({"table": "orders"})),
        alert("NearsetDiskFull", "critical", json!({"folder": "DATA_DIR"})),
        alert("NearsetDiskLow", "warning", json!({"folder": "DATA_DIR"})),
        alert("NearsetExposuresNotLogged", "critical", json!({})),
        alert("NearsetExposuresLost", "warning", json!({})),
        alert("NearsetModelFault", "critical", json!({})),
        alert("NearsetVersionRefused", "warning", json!({"endpoint": "watch"})),
        alert("NearsetRunLate", "warning", json!({})),
    ]);
    for name in ["TableOdd", "NearsetDiskLow", "NearsetExposuresLost", "NearsetVersionRefused"] {
        until(name, || alertmanager.state(name, "warning") == Some(("suppressed".to_owned(), 1)));
    }
    for (name, severity) in [("TableOdd", "critical"), ("NearsetDiskFull", "critical"), ("NearsetRunLate", "warning")] {
        until(name, || alertmanager.state(name, severity) == Some(("active".to_owned(), 0)));
    }
}

#[test]
fn the_operations_page_knows_every_event_of_nearsets_own() {
    let n = Nearset::empty();
    fs::create_dir_all(n.data()).expect("a folder");
    fs::write(n.data().join("notify.toml"), "[events]\nNothing = \"off\"\n").expect("settings");
    let said = n.fails(1, &["notify", "list"]);
    let events = said.split(|c: char| !c.is_ascii_alphanumeric());
    let events = events.filter(|word| word.chars().filter(char::is_ascii_uppercase).count() > 1 && *word != "DATA");
    let events: BTreeSet<&str> = events.filter(|word| word.chars().any(|c| c.is_ascii_lowercase())).collect();
    assert!(events.len() > 10, "{said}");
    for page in ["docs/operations.md", "docs/operations.zh-CN.md"] {
        let page = fs::read_to_string(Path::new(ROOT).join(page)).expect("a page");
        let unknown = events.iter().filter(|event| !page.contains(&format!("`{event}`")));
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&&str>::new());
    }
}

/// `nearset notify serve` of a test's own; stopped when dropped.
struct Gateway(Child);

impl Gateway {
    fn start(n: &Nearset, address: &str) -> Self {
        let mut command = n.command(&["notify", "serve"]);
        let child = command.env("NOTIFY_LISTEN", address).stderr(Stdio::null()).spawn().expect("nearset starts");
        let gateway = Self(child);
        until("the gateway listens", || {
            agent().get(format!("http://{address}/health")).call().is_ok_and(|answer| answer.status() == 200)
        });
        gateway
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Two applications at WeCom under the names of Alertmanager's receivers; events of nearset's own that are the same are off.
fn notify_toml(wecom: &str) -> String {
    let of = |name: &str, to: &str| {
        format!(
            "[[receiver]]\nname = \"{name}\"\nkind = \"wecom_app\"\ncorp_id = \"ww1\"\ncorp_secret = \"s3cret-of-{to}\"\n\
             agent_id = 1000002\nto = \"{to}\"\nbase_url = \"{wecom}\"\n\n"
        )
    };
    of("recommend-default", SERVICE)
        + &of("data-quality", DATA)
        + "[events]\nContractBroken = \"off\"\nExposuresNotLogged = \"off\"\n"
}

/// Whoever looks after the service, and after the data.
const SERVICE: &str = "yunwei";
const DATA: &str = "shuju";

#[test]
fn a_fault_is_told_at_wecom_once_and_so_is_its_end() {
    let wecom = StandIn::new(|asked| {
        let is_token = asked.path.starts_with("/cgi-bin/gettoken?");
        let mut said = json!({"errcode": 0, "errmsg": "ok"});
        if is_token {
            said["access_token"] = "token".into();
            said["expires_in"] = 7200.into();
        }
        (200, String::new(), said)
    });
    let told = |who: &str, alert: &str| -> Vec<String> {
        let sent = wecom.asked("/cgi-bin/message/send?access_token=token").into_iter();
        let sent = sent
            .filter(|message| message.body["touser"] == who)
            .map(|message| words(&message.body["text"]["content"]).to_owned());
        sent.filter(|text| text.contains(alert)).collect()
    };
    let (contract, log) = ("SchemaContractViolation", "NearsetExposuresNotLogged");
    let n = morning();
    fs::write(n.data().join("notify.toml"), notify_toml(&wecom.base)).expect("settings");
    let server = n.serve();
    let address = format!("127.0.0.1:{}", free_port());
    let alertmanager = Alertmanager::start(&address);
    let prometheus = Prometheus::telling(&server, &alertmanager.address);
    let file = n.data().join("evaluation/exposure_log.jsonl");
    under_traffic(&server, |_| {
        publish(&n, |figures| {
            let contracts = figures["contracts"].as_array_mut().expect("contracts");
            let of_datasets = contracts.iter_mut().find(|one| one["table"] == "business.dataset").expect("a contract");
            (of_datasets["is_kept"], of_datasets["violations"]) = (false.into(), 3.into());
        });
        until("the Alertmanager has it", || alertmanager.state(contract, "critical").is_some());
        // it arrives although nobody answered at first
        let _gateway = Gateway::start(&n, &address);
        until("a broken contract is told", || !told(DATA, contract).is_empty());
        fs::remove_file(&file).expect("removed");
        symlink("/dev/full", &file).expect("a link");
        until("lists that are not logged are told", || !told(SERVICE, log).is_empty());
        fs::remove_file(&file).expect("removed");
        publish(&n, |figures| {
            for one in figures["contracts"].as_array_mut().expect("contracts") {
                (one["is_kept"], one["violations"]) = (true.into(), 0.into());
            }
        });
        until("both are over", || told(DATA, contract).len() > 1 && told(SERVICE, log).len() > 1);
        // as long as Alertmanager waits several times
        sleep(Duration::from_secs(2));
    });
    drop(prometheus);
    for (who, other, alert, says) in
        [(DATA, SERVICE, contract, "business.dataset 违反了契约"), (SERVICE, DATA, log, "列表在应答却没有写入曝光日志")]
    {
        let texts = told(who, alert);
        assert_eq!(texts.len(), 2, "{texts:#?}");
        assert!(texts.iter().all(|text| text.contains(says)), "{texts:#?}");
        assert!(texts[0].contains("告警") && texts[1].contains("已恢复"), "{texts:#?}");
        assert_eq!(told(other, alert), Vec::<String>::new());
    }
    assert_eq!(told(DATA, "ContractBroken"), Vec::<String>::new());
}

/// Commands of the page on operations that this test does not run, and why.
const NOT_RUN: [(&str, &str); 11] = [
    ("nearset run", "a run is what all other tests begin with"),
    ("nearset run --full-refresh", "as above"),
    ("nearset evaluate", "it takes long, and tests of quality run it"),
    ("nearset models rollback", "there is one version here; tests of versions go back"),
    ("nearset models promote VERSION", "as above"),
    ("nearset experiments show NAME", "there is no experiment here; tests of experiments have some"),
    ("nearset experiments stop NAME --keep VARIANT", "as above"),
    ("nearset serve --schedule", "it goes on until it is stopped, and answers in another test here"),
    ("nearset schedule", "as above"),
    ("nearset schedule run JOB", "tests of the schedule run jobs"),
    ("nearset notify serve", "it goes on until it is stopped, and answers in another test here"),
];

#[test]
fn every_command_of_the_operations_page_answers() {
    let page = Path::new(ROOT).join("docs/operations.md");
    let inline = inline(&fs::read_to_string(&page).expect("a page"));
    let all: BTreeSet<String> = commands(&page).into_iter().chain(inline).collect();
    for (command, _) in NOT_RUN {
        assert!(all.contains(command), "{command} is not there any more");
    }
    let n = Nearset::demo();
    let server = n.serve();
    let mut count = 0;
    for command in all.iter().filter(|command| !NOT_RUN.iter().any(|(left, _)| left == command)) {
        let output = Command::new("sh")
            .args(["-c", &command.replace("http://127.0.0.1:8000", &server.base)])
            .current_dir(n.path())
            .env_clear()
            .envs([("PATH", path()), ("PROJECT_DIR", ROOT.to_owned()), ("THREADS", "2".to_owned())])
            .env("DATA_JSON_DIR", Path::new(ROOT).join("fixtures/json"))
            .output()
            .expect("sh runs");
        let said = text(&output.stdout);
        assert!(output.status.success() && !said.is_empty(), "{command}: {said}{}", text(&output.stderr));
        count += 1;
    }
    assert!(count > 20, "only {count} of {all:?}");
}
