//! The log as programs read it: a JSON object a line, each with the request or the run that it is about, none with a secret.

use serde_json::{Map, Value};

use crate::support::{AS_OF, Nearset, Server, agent, text};

/// The lines of a log in JSON.
fn lines(log: &str) -> Vec<Map<String, Value>> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(read).collect()
}

/// Asks with an id; returns the id that the answer bears.
fn ask(server: &Server, path: &str, id: &str) -> String {
    let answer = agent().get(format!("{}{path}", server.base)).header("x-request-id", id).call().expect("an answer");
    answer.headers()["x-request-id"].to_str().expect("text").to_owned()
}

#[test]
fn every_line_of_a_request_bears_its_id_and_slow_ones_are_named() {
    let mut n = Nearset::demo();
    for (name, value) in [("LOG_FORMAT", "json"), ("LOG_REQUESTS", "on"), ("SLOW_REQUEST_MS", "1")] {
        n.set(name, value);
    }
    n.set("ADMIN_TOKEN", "hunter2-hunter2");
    let server = n.serve();
    let first = ask(&server, "/similar/1?source=search", "req_mine_1");
    let again = ask(&server, "/similar/1", "req_mine_1");
    assert!(first == "req_mine_1" && again != first, "{first}, {again}");
    let unknown = ask(&server, "/similar/hunter2-hunter2", "req_mine_2");
    // a version is loaded: that takes more than a millisecond
    assert_eq!(server.post("/models/reload", Some("hunter2-hunter2")).0, 200);
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
    let lines = lines(&log);
    for line in &lines {
        let at = line["timestamp"].as_str().expect("a moment");
        assert!(chrono::DateTime::parse_from_rfc3339(at).is_ok() && at.ends_with('Z'), "{at}");
        assert!(line["level"].is_string() && line["message"].is_string(), "{line:?}");
        assert!(line.values().all(|value| !value.is_object() && !value.is_array()), "{line:?}");
    }
    let of = |id: &str| -> Vec<&Map<String, Value>> {
        lines.iter().filter(|line| line.get("request_id").is_some_and(|given| given == id)).collect()
    };
    for (id, path, status) in
        [(&first, "/similar/1", 200), (&again, "/similar/1", 200), (&unknown, "/similar/***", 400)]
    {
        let [line] = of(id)[..] else { panic!("{id}: {log}") };
        let found = (&line["method"], &line["route"], &line["path"], &line["status"]);
        assert_eq!(found, (&"GET".into(), &"/similar/{dataset_id}".into(), &path.into(), &status.into()), "{line:?}");
        assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line:?}");
    }
    let slow = lines.iter().find(|line| line["message"] == "slow request" && line["route"] == "/models/reload");
    let slow = slow.unwrap_or_else(|| panic!("{log}"));
    assert_eq!((&slow["level"], &slow["method"], &slow["status"]), (&"warn".into(), &"POST".into(), &200.into()));
    assert!(slow["list_ms"].is_u64() && slow["turn_ms"].is_u64() && slow["request_id"].is_string(), "{slow:?}");
    assert_eq!(
        of(slow["request_id"].as_str().expect("an id")).len(),
        2,
        "what the loading said, and that it was slow: {log}"
    );
}

#[test]
fn lines_for_people_name_the_request_at_their_end_and_say_little_unasked() {
    let mut n = Nearset::demo();
    n.set("SLOW_REQUEST_MS", "1");
    n.set("ADMIN_TOKEN", "hunter2");
    let server = n.serve();
    ask(&server, "/health", "req_calm");
    server.post("/models/reload", Some("hunter2"));
    server.signal("TERM");
    let log = server.wait().1;
    let slow = log.lines().find(|line| line.contains("slow request")).unwrap_or_else(|| panic!("{log}"));
    assert!(
        slow.contains("WARN") && slow.contains("route=\"/models/reload\"") && slow.contains(" request_id=req_"),
        "{slow}"
    );
    assert!(!log.contains("req_calm"), "{log}");
}

#[test]
fn lines_of_a_run_name_it_and_its_step() {
    let mut n = Nearset::empty();
    n.take_fixtures(|_| true);
    for (name, value) in [("LOG_FORMAT", "json"), ("LOG_LEVEL", "debug")] {
        n.set(name, value);
    }
    let output = n.run(&["run", "--only", "extract", "--as-of", AS_OF]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = n.run(&["run", "--only", "features", "--as-of", AS_OF]);
    let log = text(&output.stderr);
    let told: String = log.lines().filter(|line| line.starts_with('{')).collect::<Vec<_>>().join("\n");
    let built: Vec<_> = lines(&told).into_iter().filter(|line| line["message"] == "built").collect();
    assert!(built.len() > 10, "{log}");
    let run = built[0]["run"].as_str().expect("a run").to_owned();
    assert!(n.ok(&["runs"]).contains(&run), "{run}");
    assert!(
        built.iter().all(|line| line["run"] == run.as_str() && line["relation"].is_string() && line["rows"].is_u64())
    );
    assert!(built.iter().any(|line| line["step"] == "features"), "{log}");
}

#[test]
fn a_format_that_is_none_is_named() {
    let mut n = Nearset::empty();
    n.set("LOG_FORMAT", "xml");
    let said = n.fails(1, &["runs"]);
    assert!(
        said.contains("LOG_FORMAT = \"xml\" (from the environment) cannot be used: expected text or json"),
        "{said}"
    );
}
