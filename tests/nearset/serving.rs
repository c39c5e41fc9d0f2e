//! Serving under hard conditions: kills, swaps, slow and greedy clients; and who is answered by which version and variant.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{AS_OF, Nearset, Server, agent, ids};

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(20));
    }
}

fn log(n: &Nearset, name: &str) -> String {
    fs::read_to_string(n.data().join("evaluation").join(name)).unwrap_or_default()
}

fn evaluation(n: &Nearset) -> Vec<PathBuf> {
    let dir = fs::read_dir(n.data().join("evaluation")).expect("a folder");
    dir.map(|entry| entry.expect("an entry").path()).collect()
}

/// A second version beside the current one, which stays current; both names.
pub fn two_versions(n: &Nearset) -> (String, String) {
    n.take_fixtures(|_| true);
    let current = || fs::read_link(n.models().join("current")).expect("a link").to_string_lossy().into_owned();
    let first = current();
    n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    let second = current();
    assert_ne!(first, second);
    n.ok(&["models", "rollback"]);
    (first, second)
}

pub fn port(server: &Server) -> String {
    server.base.strip_prefix("http://").expect("an address").to_owned()
}

#[test]
fn a_hundred_kills_lose_no_answered_list_and_tear_no_line() {
    let n = Nearset::demo();
    let answered: Mutex<Vec<String>> = Mutex::default();
    for round in 0..100 {
        let server = n.serve();
        let dead = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for client in 0..4 {
                let (address, answered, dead) = (port(&server), &answered, &dead);
                scope.spawn(move || {
                    let Ok(stream) = TcpStream::connect(&address) else { return };
                    let mut reader = BufReader::new(stream);
                    for page in 0.. {
                        let path = format!("/recommend/detail/{}?recent={}", 1001 + page % 300, 1001 + client);
                        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
                        match reader.get_mut().write_all(request.as_bytes()).and_then(|()| body(&mut reader)) {
                            Ok(body) => {
                                let list: Value = serde_json::from_slice(&body).expect("a whole answer");
                                let id = list["request_id"].as_str().expect("an id").to_owned();
                                answered.lock().expect("ids").push(id);
                            }
                            Err(_) if dead.load(Ordering::Relaxed) => return,
                            Err(error) => {
                                // the kill may be seen before it is said
                                sleep(Duration::from_millis(200));
                                assert!(dead.load(Ordering::Relaxed), "{error}");
                                return;
                            }
                        }
                    }
                });
            }
            sleep(Duration::from_millis(10 + round * 7 % 90));
            server.signal("KILL");
            dead.store(true, Ordering::Relaxed);
        });
        server.wait();
    }
    let answered = answered.into_inner().expect("ids");
    let text = log(&n, "exposure_log.jsonl");
    let mut logged: HashMap<String, u32> = HashMap::new();
    let (lines, mut torn) = (text.lines().count(), 0);
    for (number, line) in text.lines().enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(line) => *logged.entry(line["request_id"].as_str().expect("an id").to_owned()).or_default() += 1,
            Err(_) => {
                torn += 1;
                assert_eq!(number + 1, lines, "a torn line in the middle: {line}");
            }
        }
    }
    assert!(torn <= 1);
    let missing = answered.iter().filter(|id| logged.get(*id) != Some(&1)).count();
    assert_eq!(missing, 0, "of {} answered lists", answered.len());
    assert!(answered.len() > 500, "{} answers are too few to tell", answered.len());
}

/// Reads one answer's body.
fn body(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

#[test]
fn swaps_under_load_fail_no_request_mix_no_list_and_keep_no_memory() {
    // the gate has no time for the thousand that were tried: SWAPS=1000 does them
    let swaps = std::env::var("SWAPS").map_or(60, |text| text.parse().expect("a number"));
    let n = Nearset::demo();
    let (first, second) = two_versions(&n);
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    // what each version answers, to tell a mixture by
    let mut lists: HashMap<String, Vec<i64>> = HashMap::new();
    for version in [&first, &second] {
        n.ok(&["models", "promote", version]);
        assert_eq!(server.post("/models/reload", Some("t")).0, 200);
        let list = server.list("/similar/1005?top_n=50");
        assert_eq!(list["algorithm_version"], **version);
        lists.insert(version.clone(), ids(&list["similar_items"]));
    }
    assert_ne!(lists[&first], lists[&second], "the versions must differ to be told apart");
    let (done, count) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let agent = agent();
                while !done.load(Ordering::Relaxed) {
                    let mut response =
                        agent.get(format!("{}/similar/1005?top_n=50", server.base)).call().expect("an answer");
                    assert_eq!(response.status().as_u16(), 200);
                    let list: Value = response.body_mut().read_json().expect("JSON");
                    let version = list["algorithm_version"].as_str().expect("a version");
                    assert_eq!(ids(&list["similar_items"]), lists[version], "{version}");
                    assert_eq!(list["request_context"]["model_run_id"], version);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut resident = Vec::new();
        for swap in 0..swaps {
            n.ok(&["models", "promote", if swap % 2 == 0 { &first } else { &second }]);
            assert_eq!(server.post("/models/reload", Some("t")).0, 200);
            resident.push(server.resident_mb());
        }
        done.store(true, Ordering::Relaxed);
        let (early, late) = (resident[swaps / 3], resident[swaps - 1]);
        println!("{swaps} swaps: {early:.0} MB after a third of them, {late:.0} MB at the end");
        assert!(late < 1.2 * early + 10.0, "{early:.0} MB after a third of the swaps, {late:.0} MB at the end");
    });
    assert!(count.into_inner() > 100);
}

#[test]
fn a_canary_answers_its_share_and_a_shadow_is_not_shown() {
    let n = Nearset::demo();
    let (first, second) = two_versions(&n);
    n.ok(&["models", "canary", &second, "--share", "0.3"]);
    n.ok(&["models", "shadow", &second, "--share", "1"]);
    assert!(n.ok(&["models", "list"]).contains("canary 30 %"));
    let server = n.serve();
    let version = |user: u32| {
        let list = server.list(&format!("/recommend/detail/1001?visitor_id=v{user}"));
        let role = list["request_context"]["model_role"].as_str().expect("a role").to_owned();
        let version = list["algorithm_version"].as_str().expect("a version").to_owned();
        assert_eq!(role == "canary", version == second, "{role} {version}");
        version
    };
    let answers: Vec<String> = (0..300).map(version).collect();
    let share = answers.iter().filter(|v| **v == second).count();
    assert!((50..=130).contains(&share), "{share} of 300 for a canary of 30 %");
    assert_eq!(answers[..30], (0..30).map(version).collect::<Vec<_>>(), "a visitor keeps the version");
    let shadowed = || log(&n, "shadow_log.jsonl").lines().count();
    until("every list is made by the shadow too", || shadowed() >= 330);
    let shadow: Value =
        serde_json::from_str(log(&n, "shadow_log.jsonl").lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&shadow["algorithm_version"], &shadow["context"]["model_role"]),
        (&second.clone().into(), &"shadow".into())
    );
    let exposures = log(&n, "exposure_log.jsonl");
    assert_eq!(exposures.lines().count(), 330, "what a shadow makes is no exposure");
    assert!(exposures.contains(shadow["request_id"].as_str().expect("an id")), "and stands under the answer's id");
    // all of it ends within a second or two, without a restart
    n.ok(&["models", "canary", "off"]);
    until("the canary ends", || server.get("/health").1["canary_version"].is_null());
    assert!((0..30).map(version).all(|version| version == first));
    assert!(n.fails(1, &["models", "canary", "nonsense"]).contains("nearset models list"));
    assert_eq!(n.run(&["models", "canary", &second, "--share", "2"]).status.code(), Some(2));
}

const EXPERIMENT: &str = "
[experiments.variety]
salt = \"s\"
[[experiments.variety.variants]]
name = \"control\"
allocation = 1
[[experiments.variety.variants]]
name = \"varied\"
allocation = 1
parameters = { variety = 3.0, provider_limit = 2, content_weight = 5 }
";

#[test]
fn experiments_keep_their_visitors_come_in_while_serving_and_break_nothing() {
    let n = Nearset::demo();
    let server = n.serve();
    let ask = |user: u32| server.list(&format!("/recommend/detail/1001?user_id={user}&top_n=20"));
    assert_eq!(ask(3)["experiment_variant"], "control");
    let file = n.data().join("experiments.toml");
    fs::write(&file, EXPERIMENT).expect("a file");
    let running = |count: u32| until("experiments are taken up", || server.get("/health").1["experiments"] == count);
    running(1);
    let variants: Vec<Value> = (1..60).map(|user| ask(user)["experiment_variant"].clone()).collect();
    let varied = variants.iter().filter(|v| **v == "varied").count();
    assert!((15..=45).contains(&varied), "{varied} of 59");
    assert_eq!(variants, (1..60).map(|user| ask(user)["experiment_variant"].clone()).collect::<Vec<_>>());
    // the same lists but for what the variant changes; nobody known takes part
    let one_of = |name: &str| 1 + variants.iter().position(|v| *v == name).expect("one") as u32;
    let (control, other) = (ask(one_of("control")), ask(one_of("varied")));
    assert_eq!(other["request_context"]["experiment"], "variety");
    assert_ne!(ids(&control["recommendations"]), ids(&other["recommendations"]));
    assert_eq!(server.list("/recommend/detail/1001")["experiment_variant"], "control");
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains("experiment_variant=\"varied\""), "{metrics}");
    let logged = log(&n, "exposure_log.jsonl");
    assert!(logged.lines().any(|line| line.contains("\"experiment_variant\":\"varied\"")));
    // a broken file leaves the old one in force
    fs::write(&file, "[experiments.variety]\nvariants = 3").expect("a file");
    until("the broken file is noticed", || server.get_text("/metrics").1.contains("error_type=\"experiments\""));
    assert_eq!(ask(one_of("varied"))["experiment_variant"], "varied");
    // the old system's YAML, with the same salt: everyone keeps the variant
    fs::remove_file(&file).expect("gone");
    let yaml = "experiments:\n  recommendation_detail:\n    salt: s\n    status: active\n    variants:\n\
                \x20     - {name: control, allocation: 0.5}\n      - {name: varied, allocation: 0.5, parameters: {mmr_lambda: 0.5}}\n";
    fs::write(n.data().join("experiments.yaml"), yaml).expect("a file");
    until("the YAML is taken up", || ask(one_of("varied"))["request_context"]["experiment"] == "recommendation_detail");
    assert_eq!(variants, (1..60).map(|user| ask(user)["experiment_variant"].clone()).collect::<Vec<_>>());
}

#[test]
fn figures_of_the_last_run_come_from_a_file_and_never_from_the_warehouse() {
    let n = Nearset::demo();
    fs::remove_file(n.data().join("warehouse.duckdb")).expect("removed");
    let server = n.serve();
    server.list("/similar/1001");
    let metrics = || server.get_text("/metrics").1;
    assert!(metrics().contains("data_quality_score{table=\"business.dataset\"} 9"), "{}", metrics());
    // another run's figures are taken up; without a file there are none
    let file = n.data().join("_metadata/metrics.json");
    let other = r#"{"quality": [{"table": "business.dataset", "score": 25.5, "anomalies": 1}]}"#;
    fs::write(&file, other).expect("a file");
    until("other figures are taken up", || metrics().contains("data_quality_score{table=\"business.dataset\"} 25.5"));
    assert!(!metrics().contains("data_quality_score{table=\"business.user\"}"));
    fs::remove_file(&file).expect("removed");
    until("figures go with their file", || !metrics().contains("data_quality_score"));
}

#[test]
fn rotated_and_packed_logs_are_counted_once() {
    let mut n = Nearset::demo();
    n.set("EXPOSURE_ROTATE_MB", "1");
    n.take_fixtures(|_| true);
    let before = n.value("select count(distinct request_id) from exposures").as_u64().expect("a count");
    let server = n.serve();
    let mut asked = 0;
    let packed = || evaluation(&n).iter().filter(|p| p.to_string_lossy().ends_with("Z.jsonl.gz")).count();
    let ask = |count: u64| {
        for page in 0..count {
            server.list(&format!("/similar/{}?top_n=100", 1001 + page % 300));
        }
        count
    };
    asked += ask(150);
    n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    while packed() < 2 {
        asked += ask(50);
    }
    n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    asked += ask(10);
    n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    let taken = n.value("select count(*) from raw.exposure_log").as_u64().expect("a count");
    let distinct = n.value("select count(distinct request_id) from raw.exposure_log").as_u64().expect("a count");
    assert_eq!((taken, distinct), (before + asked, before + asked));
}

#[test]
fn trending_knows_what_was_looked_at_just_now_also_after_a_restart() {
    let n = Nearset::demo();
    let first = |server: &Server| ids(&server.list("/hot/trending?timeframe=1h")["items"])[..2].to_vec();
    {
        let server = n.serve();
        for (page, times) in [(1033, 9), (1044, 5), (1055, 2)] {
            (0..times).for_each(|visitor| drop(server.list(&format!("/similar/{page}?visitor_id={visitor}"))));
        }
        until("the ranking is worked out", || first(&server) == [1033, 1044]);
        let items = ids(&server.list("/hot/trending?timeframe=1h&limit=100")["items"]);
        assert_eq!(items.len(), 100);
        assert_eq!(items.iter().collect::<HashSet<_>>().len(), 100);
        server.signal("KILL");
        server.wait();
    }
    let server = n.serve();
    until("the log is read back", || first(&server) == [1033, 1044]);
}

#[test]
fn greedy_and_slow_clients_are_cut_off_and_others_are_answered() {
    let mut n = Nearset::demo();
    n.set("SLOW_CLIENT_SECONDS", "1");
    n.set("MAX_CONNECTIONS", "3");
    n.set("CORS_ORIGINS", "https://data.example.cn");
    let server = n.serve();
    let talk = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(port(&server)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        // the server may close before it has read all
        stream.write_all(bytes).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        String::from_utf8_lossy(&answer).into_owned()
    };
    // a request that never ends
    let started = Instant::now();
    assert!(talk(b"GET /similar/1001 HTTP/1.1\r\nhost: x\r\n").starts_with("HTTP/1.1 408"));
    assert!(started.elapsed() < Duration::from_secs(15));
    // of more idle connections than there are places, the idlest make room
    let idle: Vec<TcpStream> = (0..6).map(|_| TcpStream::connect(port(&server)).expect("a connection")).collect();
    assert_eq!(server.get("/similar/1001").0, 200);
    drop(idle);
    // a body nobody asked for
    let body = agent().post(format!("{}/models/reload", server.base)).send(&vec![0_u8; 200_000][..]);
    assert!(body.is_err() || body.is_ok_and(|r| r.status().as_u16() >= 400));
    // the browser's question, and compression where it is asked for
    let get = |origin: &str| {
        let url = format!("{}/similar/1001", server.base);
        agent().get(url).header("origin", origin).header("accept-encoding", "gzip").call().expect("an answer")
    };
    let (ours, theirs) = (get("https://data.example.cn"), get("https://elsewhere.example"));
    assert_eq!(ours.headers()["access-control-allow-origin"], "https://data.example.cn");
    assert_eq!(ours.headers()["content-encoding"], "gzip");
    assert!(
        theirs
            .headers()
            .get("access-control-allow-origin")
            .is_none_or(|allowed| allowed != "https://elsewhere.example")
    );
}

#[test]
fn whatever_is_refused_is_refused_in_one_form() {
    let mut n = Nearset::demo();
    n.set("SLOW_CLIENT_SECONDS", "2");
    let server = n.serve();
    let talk = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(port(&server)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        stream.write_all(bytes).expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer, then the end");
        String::from_utf8(answer).expect("text")
    };
    let with =
        |line: &str, headers: &str| format!("{line}\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").into_bytes();
    let many: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
    let address = |length: usize| format!("GET /recommend/detail/1001?recent={} HTTP/1.1", "1,".repeat(length / 2));
    for (request, status, code) in [
        (with("GET /similar/1001 HTTP/1.1", &format!("x-long: {}\r\n", "a".repeat(20_000))), 431, "head_too_large"),
        (with("GET /similar/1001 HTTP/1.1", &format!("x-long: {}\r\n", "a".repeat(400_000))), 431, "head_too_large"),
        (with("GET /similar/1001 HTTP/1.1", &many), 431, "head_too_large"),
        (with(&address(20_000), ""), 414, "address_too_long"),
        (with(&address(100_000), ""), 414, "address_too_long"),
        (with("GET /similar/1001 HTTP/9.9", ""), 400, "bad_request"),
        (with("GET  /similar/1001 HTTP/1.1", ""), 400, "bad_request"),
        (with("NONSENSE", ""), 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS to a port without it\r\n\r\n".to_vec(), 400, "bad_request"),
        (with("GET /similar/1001 HTTP/1.1", "x y: 1\r\n"), 400, "bad_request"),
        (with("GET /similar/%FF HTTP/1.1", ""), 400, "bad_request"),
        ([b"GET /similar/\xff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec()].concat(), 400, "bad_request"),
        (with("POST /similar/1001 HTTP/1.1", "content-length: 0\r\n"), 405, "method_not_allowed"),
        (with("BREW /similar/1001 HTTP/1.1", ""), 405, "method_not_allowed"),
        (with("OPTIONS /similar/1001 HTTP/1.1", ""), 405, "method_not_allowed"),
        (with("OPTIONS * HTTP/1.1", ""), 404, "not_found"),
        (with("CONNECT x:80 HTTP/1.1", ""), 404, "not_found"),
        (with("GET /nowhere HTTP/1.0", ""), 404, "not_found"),
        (with("POST /models/reload HTTP/1.1", "content-length: 99999999\r\n"), 413, "too_large"),
        (b"GET /similar/1001 HTTP/1.1\r\nhost: x\r\n".to_vec(), 408, "too_slow"),
        (b"GET /similar/10".to_vec(), 408, "too_slow"),
    ] {
        let line = String::from_utf8_lossy(&request[..request.len().min(40)]).into_owned();
        let answer = talk(&request);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {answer:?}"));
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")) || head.starts_with(&format!("HTTP/1.0 {status} ")),
            "{line}: {head}"
        );
        assert!(head.contains("content-type: application/json"), "{line}: {head}");
        let error: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{line}: {error}: {body}"));
        assert_eq!(error["error"]["code"], code, "{line}: {body}");
        assert!(error["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}");
    }
    // HTTP/1.0 is answered; a connection that said nothing hears nothing
    assert!(talk(&with("GET /similar/1001 HTTP/1.0", "")).contains("\"similar_items\""));
    assert_eq!(talk(b""), "");
    // what was refused by itself leaves the next request alone
    let mut stream = TcpStream::connect(port(&server)).expect("a connection");
    stream
        .write_all(b"GET /similar/x HTTP/1.1\r\nhost: x\r\n\r\nHEAD /similar/1001 HTTP/1.1\r\nhost: x\r\n\r\n")
        .expect("two");
    stream.write_all(b"GET /similar/1001 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("a third");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("answers");
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 3, "{answers}");
}

#[test]
fn what_comes_in_pieces_is_answered_once() {
    let mut n = Nearset::demo();
    n.set("SLOW_CLIENT_SECONDS", "2");
    let server = n.serve();
    // a refused body that goes on, and a head whose end is in two
    for pieces in [
        [&b"POST /models/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n"[..], b"GET /", b"aaaa"],
        [b"GET /similar/1001 HTTP/1.1\r\nhost: x\r\n\r", b"\n", b""],
    ] {
        let mut stream = TcpStream::connect(port(&server)).expect("a connection");
        for piece in pieces {
            stream.write_all(piece).expect("a piece");
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).expect("an answer, then the end");
        assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 ").count(), 1, "{pieces:?}");
    }
}

/// Whether no thread of a server runs: a signal is sent before it is heeded, and the others go on meanwhile.
fn is_stopped(server: &Server) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("its threads");
    let stat = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.expect("a thread").path().join("stat"));
    tasks
        .map(stat)
        .all(|stat| stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))))
}

#[test]
fn whoever_leaves_before_the_answer_has_seen_no_list() {
    let mut n = Nearset::demo();
    // a server that was stopped is late
    n.set("SHED_MS", "0");
    let server = n.serve();
    server.list("/similar/1001");
    // the server gets request and end at once
    server.signal("STOP");
    until("it has stopped", || is_stopped(&server));
    for page in 1002..1012 {
        let mut stream = TcpStream::connect(port(&server)).expect("a connection");
        write!(stream, "GET /similar/{page} HTTP/1.1\r\nhost: x\r\n\r\n").expect("a request");
    }
    sleep(Duration::from_millis(500));
    server.signal("CONT");
    server.list("/similar/1012");
    // all connections have ended once the server has
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    let pages: Vec<Value> = log(&n, "exposure_log.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["page_id"].clone())
        .collect();
    assert_eq!(pages, [1001, 1012]);
}

#[test]
fn a_log_that_cannot_be_written_fails_no_page() {
    let n = Nearset::demo();
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    let path = n.data().join("evaluation/exposure_log.jsonl");
    fs::remove_file(&path).ok();
    // every write to it says that the disk is full
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let server = n.serve();
    assert_eq!(server.list("/similar/1001")["variant"], "primary");
    let (status, health) = server.get("/health");
    assert_eq!((status, &health["status"], &health["exposures_logged"]), (200, &"degraded".into(), &false.into()));
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains("error_total{endpoint=\"similar\",error_type=\"exposure_log\"} 1"), "{metrics}");
    assert!(metrics.contains("exposure_log_failing 1"), "{metrics}");
}

/// Asks from many connections at once until `seen` says that it is enough; every answer's status and body.
pub fn pressed(server: &Server, seen: impl Fn(u16, &str) -> bool + Sync) {
    let enough = AtomicBool::new(false);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..48_usize {
            let (enough, seen) = (&enough, &seen);
            scope.spawn(move || {
                let agent = agent();
                for number in 0.. {
                    let page = |step: usize| 1001 + (number * 7 + client * 13 + step * 29) % 300;
                    let path = format!("/recommend/detail/{}?recent={},{}&top_n=100", page(0), page(1), page(2));
                    let mut response = agent.get(format!("{}{path}", server.base)).call().expect("an answer");
                    let status = response.status().as_u16();
                    if status == 503 {
                        assert!(response.headers().contains_key("retry-after"));
                    }
                    if seen(status, &response.body_mut().read_to_string().expect("text")) {
                        enough.store(true, Ordering::Relaxed);
                    }
                    if enough.load(Ordering::Relaxed) || started.elapsed() > Duration::from_secs(30) {
                        return;
                    }
                }
            });
        }
    });
    assert!(enough.into_inner(), "48 clients at once did not make it late");
}

#[test]
fn a_late_server_makes_short_lists_and_turns_away_what_is_too_much() {
    let n = Nearset::demo();
    let set = |budget: &'static str, shed: &'static str| {
        move |command: &mut std::process::Command| {
            command.env("THREADS", "1").env("BUDGET_MS", budget).env("SHED_MS", shed);
        }
    };
    let server = n.serve_with(set("1", "0"));
    pressed(&server, |status, body| {
        assert_eq!(status, 200);
        let list: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(list["recommendations"].as_array().map(Vec::len), Some(100));
        list["request_context"]["degrade_reason"] == "over_budget"
    });
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.lines().any(|line| line.starts_with("fallback_triggered_total")
        && line.contains("over_budget")
        && !line.ends_with(" 0")));
    drop(server);
    let server = n.serve_with(set("0", "1"));
    pressed(&server, |status, body| {
        assert!(status == 200 || status == 503, "{status}");
        status == 503 && body.contains("overloaded")
    });
    until("it recovers", || server.get("/similar/1001").0 == 200);
}
