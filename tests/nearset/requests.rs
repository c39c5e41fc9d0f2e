//! What a request says of itself, and what every answer does: source, device, language and program; ids and times; tests that are
//! in no log; a list for a person; what is loaded and how the server is.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::serving::{port, two_versions, until};
use crate::support::{AS_OF, Nearset, Server, agent, ids};

const PHONE: &str =
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36";
const COMPUTER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36";

fn logged(n: &Nearset) -> Vec<Value> {
    let text = fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

/// An answer's status, headers and body.
fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, ureq::http::HeaderMap, Value) {
    let request = headers
        .iter()
        .fold(agent().get(format!("{}{path}", server.base)), |request, (name, value)| request.header(*name, *value));
    let mut response = request.call().expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.body_mut().read_to_string().expect("text");
    (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn list(server: &Server, path: &str, headers: &[(&str, &str)]) -> Value {
    let (status, _, body) = ask(server, path, headers);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// The value of a header in an answer as bytes on the wire.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[test]
fn every_answer_says_its_id_and_how_long_it_took() {
    let mut n = Nearset::demo();
    n.set("SLOW_CLIENT_SECONDS", "2");
    n.set("ADMIN_TOKEN", "t");
    let server = n.serve();
    let talk = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(port(&server)).expect("a connection");
        stream.write_all(bytes).expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let with =
        |line: &str, more: &str| format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n").into_bytes();
    let mut seen = HashSet::new();
    for (request, status) in [
        (with("GET /similar/1001", ""), 200),
        (with("HEAD /similar/1001", ""), 200),
        (with("GET /recommend?user_id=3", ""), 200),
        (with("GET /health", ""), 200),
        (with("GET /metrics", ""), 200),
        (with("GET /openapi.json", ""), 200),
        (with("GET /docs", ""), 200),
        (with("GET /", ""), 307),
        (with("GET /search?q=rain", ""), 200),
        (with("GET /similar/x", ""), 400),
        (with("GET /similar/1001", "x-test-token: wrong\r\n"), 401),
        (with("POST /models/reload", "content-length: 0\r\n"), 401),
        (with("GET /nowhere", ""), 404),
        (with("BREW /similar/1001", ""), 405),
        (with("POST /models/reload", "content-length: 99999999\r\n"), 413),
        (with(&format!("GET /similar/1001?x={}", "a".repeat(20_000)), ""), 414),
        (with("GET /similar/1001", &format!("x-long: {}\r\n", "a".repeat(20_000))), 431),
        (b"NONSENSE\r\n\r\n".to_vec(), 400),
        (b"GET /similar/1001 HTTP/1.1\r\nhost: x\r\n".to_vec(), 408),
    ] {
        let line = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        let answer = talk(&request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
        let id = header(&answer, "x-request-id").unwrap_or_else(|| panic!("{line}: {answer}"));
        assert!(id.starts_with("req_") && seen.insert(id.to_owned()), "{line}: {id}");
        let time = header(&answer, "x-response-time").unwrap_or_else(|| panic!("{line}: {answer}"));
        let decimals = time.split_once('.').map(|(_, decimals)| decimals.len());
        assert!(decimals == Some(4) && time.parse::<f64>().is_ok_and(|seconds| seconds < 10.0), "{line}: {time}");
        if let Some((_, body)) = answer.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str::<Value>(body)
            && !body["request_id"].is_null()
        {
            assert_eq!(body["request_id"], id, "a list's own");
        }
    }
    // what is no list gives back the id it was asked under
    let (_, headers, _) = ask(&server, "/health", &[("x-request-id", "req_of-mine")]);
    assert_eq!(headers["x-request-id"], "req_of-mine");
    assert_ne!(ask(&server, "/health", &[("x-request-id", "of mine")]).1["x-request-id"], "of mine");
}

/// A line of the old system's log, whose context had the same names.
fn old_line() -> Value {
    json!({
        "request_id": "req_old_1", "user_id": 3, "page_id": 1001, "algorithm_version": "legacy-2026.09",
        "timestamp": "2026-10-14T00:00:00Z", "items": [{"dataset_id": 1002, "score": 1.0, "reason": "behavior+content"}],
        "context": {
            "endpoint": "recommend_detail", "variant": "primary", "source": "landing", "device_type": "tablet",
            "locale": "zh-CN", "client_app": "h5", "feature_snapshot_id": "snap-7",
        },
    })
}

#[test]
fn whatever_clients_send_the_logs_lines_stay_whole_and_short() {
    let n = Nearset::demo();
    let server = n.serve();
    for odd in ["\"},\"items\":[]}", "a\\\"b", "<script>", "\u{e9}\u{4e2d}", &"x".repeat(2000), "%0A{"] {
        let query = format!(
            "/similar/1001?top_n=1&source={}",
            odd.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>()
        );
        let asked = list(&server, &query, &[("accept-language", "\"},"), ("user-agent", &"y".repeat(3000))]);
        assert!(
            asked["request_context"]["source"].as_str().is_some_and(|source| source.chars().count() <= 64),
            "{asked}"
        );
    }
    let silent = list(&server, "/hot/trending?limit=3", &[("user-agent", "")]);
    let context = &silent["request_context"];
    assert_eq!(
        (&context["source"], &context["device_type"], &context["client_app"]),
        (&Value::Null, &json!("unknown"), &Value::Null)
    );
    let lines = logged(&n);
    assert_eq!(lines.len(), 7);
    assert!(lines.iter().all(|line| line.to_string().len() < 1500));
}

#[test]
fn what_a_request_says_of_itself_is_in_the_answer_the_log_and_the_figures() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let old = old_line();
    fs::write(n.data().join("evaluation/exposure_log.old.jsonl"), format!("{old}\n")).expect("an old log");
    let server = n.serve();
    let first = list(
        &server,
        "/recommend/detail/1001?source=home&top_n=5",
        &[
            ("x-recommend-source", " Search "),
            ("user-agent", PHONE),
            ("accept-language", "en;q=0.2, zh-CN"),
            ("x-client-app", "shop-web/3.2"),
        ],
    );
    let context = &first["request_context"];
    for (name, expected) in [
        ("source", "search"),
        ("device_type", "mobile"),
        ("locale", "zh-CN"),
        ("client_app", "shop-web/3.2"),
        ("feature_snapshot_id", "20261016T000000Z"),
    ] {
        assert_eq!(context[name], expected, "{name}: {context}");
    }
    let by_query = list(&server, "/similar/1001?source=home&top_n=4", &[("user-agent", COMPUTER)]);
    assert_eq!(
        (&by_query["request_context"]["source"], &by_query["request_context"]["device_type"]),
        (&json!("home"), &json!("desktop"))
    );
    let lines = logged(&n);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["context"], first["request_context"]);
    server.signal("TERM");
    server.wait();
    n.ok(&["run"]);
    let rows = n.sql(
        "select source, device_type, locale, client_app, feature_snapshot_id, count(*) as items from exposures
         where source in ('search', 'home', 'landing') group by all order by source",
    );
    let expected = json!([
        {"source": "home", "device_type": "desktop", "locale": null, "client_app": null, "feature_snapshot_id": "20261016T000000Z", "items": 4},
        {"source": "landing", "device_type": "tablet", "locale": "zh-CN", "client_app": "h5", "feature_snapshot_id": "snap-7", "items": 1},
        {"source": "search", "device_type": "mobile", "locale": "zh-CN", "client_app": "shop-web/3.2", "feature_snapshot_id": "20261016T000000Z", "items": 5},
    ]);
    assert_eq!(json!(rows), expected);
    let metrics = n.json("evaluation/exposure_metrics.json");
    let of = |part: &str, name: &str, value: &str| {
        let row = metrics[part].as_array().expect("rows").iter().find(|row| row[name] == value);
        row.unwrap_or_else(|| panic!("{value} is not in {}", metrics[part]))["exposures"].clone()
    };
    assert_eq!((of("by_source", "source", "search"), of("by_source", "source", "home")), (json!(5), json!(4)));
    assert_eq!(of("by_device", "device_type", "mobile"), 5);
    let daily =
        n.value("select count(distinct breakdown) from daily_breakdowns where breakdown in ('sources', 'devices')");
    assert_eq!(daily, 2);
}

#[test]
fn an_id_that_a_client_gives_stands_for_one_list() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let (one, other) = (n.serve(), n.serve());
    let under = |server: &Server, id: &str| {
        let (_, headers, body) = ask(server, "/similar/1001?top_n=1", &[("x-request-id", id)]);
        assert_eq!(headers["x-request-id"], body["request_id"].as_str().expect("an id"));
        body["request_id"].as_str().expect("an id").to_owned()
    };
    assert_eq!(under(&one, "req_of-mine"), "req_of-mine");
    let mut seen = HashSet::from(["req_of-mine".to_owned()]);
    for _ in 0..20 {
        assert!(seen.insert(under(&one, "req_of-mine")), "a client that repeats it gets new ones");
    }
    // one of ours, and what is malformed
    let ours = list(&one, "/similar/1002", &[])["request_id"].as_str().expect("an id").to_owned();
    for id in [ours.as_str(), "mine", "req_", "req_a b", "req_a'--", &format!("req_{}", "a".repeat(100))] {
        assert!(under(&one, id) != id, "{id}");
    }
    // what one server cannot know of another, a run names
    assert_eq!(under(&other, "req_of-mine"), "req_of-mine");
    for server in [one, other] {
        server.signal("TERM");
        server.wait();
    }
    n.ok(&["run"]);
    assert_eq!(n.value("select count(distinct request_id) from exposures where request_id = 'req_of-mine'"), 1);
    let again = n.sql("select source_key, outcome from rejected_rows where reason = 'request_id_again'");
    assert_eq!(json!(again), json!([{"source_key": "req_of-mine", "outcome": "dropped"}]));
    n.ok(&["run"]);
    assert_eq!(n.value("select count(*) from rejected_rows where reason = 'request_id_again'"), 1);
}

#[test]
fn a_list_asked_for_as_a_test_is_answered_and_in_no_log_or_figure() {
    let mut n = Nearset::demo();
    n.set("TEST_TOKEN", "only a test");
    n.set("LOG_REQUESTS", "on");
    let server = n.serve();
    let page = server.get_text("/console/datasets/1001").1;
    let (_, rest) = page.split_once("?test_token=").expect("the console's token");
    let console = rest.split(['"', '&']).next().expect("its end").to_owned();
    for token in ["only a test", console.as_str()] {
        for path in ["/similar/1001", "/recommend/detail/1001?user_id=3", "/recommend?user_id=3", "/hot/trending"] {
            let (status, _, body) = ask(&server, path, &[("x-test-token", token)]);
            assert_eq!((status, &body["request_context"]["purpose"]), (200, &json!("test")), "{path}: {body}");
        }
    }
    for path in ["/similar/1001?test_token=only%20a+test", "/hot/trending?limit=3&test_token=only+a+test"] {
        assert_eq!(list(&server, path, &[])["request_context"]["purpose"], "test", "{path}");
    }
    for path in
        ["/similar/1001?test_token=", "/similar/1001?test_token=only", "/recommend?user_id=3&test_token=another"]
    {
        assert_eq!(ask(&server, path, &[]).0, 401, "{path}");
    }
    for token in ["", "another", "console-", &console[..console.len() - 1]] {
        let (status, _, body) = ask(&server, "/similar/1001", &[("x-test-token", token)]);
        assert_eq!((status, body["error"]["code"].as_str()), (401, Some("unauthorized")), "{token}: {body}");
    }
    assert!(logged(&n).is_empty());
    let metrics = server.get_text("/metrics").1;
    assert!(server.has_shown_nothing(), "{metrics}");
    for none in [
        "user_coverage_ratio",
        "item_coverage_ratio",
        "cache_requests_total{operation=\"get\",status=\"hit\"}",
        "cache_requests_total{operation=\"get\",status=\"miss\"}",
    ] {
        assert!(metrics.contains(&format!("{none} 0\n")), "{none}: {metrics}");
    }
    list(&server, "/similar/1001", &[]);
    assert_eq!(logged(&n).len(), 1, "a visitor's is logged");
    server.signal("TERM");
    let log = server.wait().1;
    assert!(log.contains("/similar/1001") && !log.contains("only"), "{log}");
    // where there is no test token, nobody is taken for a test
    n.set("TEST_TOKEN", "");
    let server = n.serve();
    assert_eq!(ask(&server, "/similar/1001", &[("x-test-token", "")]).0, 401);
    assert_eq!(
        ask(&server, "/similar/1001", &[("x-test-token", &console)]).0,
        401,
        "each server's console has its own"
    );
}

#[test]
fn trending_counts_visitors_also_after_a_restart() {
    let n = Nearset::demo();
    let first = |server: &Server| ids(&server.list("/hot/trending?timeframe=1h")["items"])[..3].to_vec();
    let server = n.serve();
    // one who asks all the time, by name, by id and by address
    for _ in 0..30 {
        list(&server, "/similar/1066?visitor_id=v", &[]);
        list(&server, "/recommend/detail/1066?user_id=3", &[]);
        list(&server, "/similar/1066", &[]);
    }
    for visitor in 0..5 {
        list(&server, &format!("/similar/1033?visitor_id={visitor}"), &[]);
    }
    for visitor in 0..4 {
        list(&server, "/similar/1044", &[("x-forwarded-for", &format!("203.0.113.{visitor}, 10.0.0.1"))]);
    }
    until("the ranking is worked out", || first(&server) == [1033, 1044, 1066]);
    let top = server.list("/hot/trending?timeframe=1h&limit=1");
    assert_eq!(top["items"][0]["reason"], "Trending: 5 visitors lately", "{top}");
    server.signal("KILL");
    server.wait();
    let server = n.serve();
    until("the log is read back", || first(&server) == [1033, 1044, 1066]);
    // who was counted before counts once still
    for visitor in 0..3 {
        list(&server, "/similar/1044", &[("x-forwarded-for", &format!("203.0.113.{visitor}"))]);
        list(&server, &format!("/similar/1066?visitor_id=another{visitor}"), &[]);
    }
    until("others come", || first(&server) == [1066, 1033, 1044]);
    let text = fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).expect("the log");
    assert!(!text.contains("203.0.113.") && !text.contains("127.0.0.1"), "no address is in the log");
}

#[test]
fn rules_variety_and_experiments_select_by_source_and_device() {
    let mut n = Nearset::demo();
    n.set("VARIETY", "0, search=5, mobile=2");
    let rules = "[[rule]]\naction = \"pin\"\ndatasets = [1200]\nposition = 1\nsources = [\"Home\"]\n
        [[rule]]\naction = \"never\"\nproviders = [\"?\"]\ndatasets = [1200]\ndevices = [\"tablet\"]\n";
    fs::write(n.data().join("rules.toml"), rules).expect("rules");
    let experiment = "[experiments.phones]\naudience = { devices = [\"mobile\"], sources = [\"landing\"] }\n
        [[experiments.phones.variants]]\nname = \"varied\"\nallocation = 1\nparameters = { variety = 9, content_weight = 5 }\n";
    fs::write(n.data().join("experiments.toml"), experiment).expect("experiments");
    let server = n.serve();
    let of = |source: &str, agent: &str| {
        let answer = list(
            &server,
            "/recommend/detail/1001?top_n=10&visitor_id=7",
            &[("x-recommend-source", source), ("user-agent", agent)],
        );
        (ids(&answer["recommendations"]), answer["experiment_variant"].as_str().expect("a variant").to_owned())
    };
    // asked twice: what is in the cache is nobody else's
    for _ in 0..2 {
        let plain = of("", COMPUTER);
        assert_eq!(of("elsewhere", COMPUTER), plain, "what nobody names gets what all get");
        assert_eq!(plain.1, "control");
        assert_ne!(of("search", COMPUTER).0, plain.0);
        assert_ne!(of("", PHONE).0, plain.0);
        assert_eq!(of("home", COMPUTER).0[0], 1200);
        assert_ne!(plain.0[0], 1200);
        let tablet = "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1";
        assert!(!of("home", tablet).0.contains(&1200));
        assert_eq!((of("landing", PHONE).1.as_str(), of("landing", COMPUTER).1.as_str()), ("varied", "control"));
        assert_eq!(of("home", PHONE).1, "control");
    }
    let computed = || {
        let metrics = server.get_text("/metrics").1;
        let counts = metrics.lines().filter(|line| line.starts_with("model_inference_latency_seconds_count"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    let before = computed();
    (0..50).for_each(|number| drop(of(&format!("of-somebody-{number}"), COMPUTER)));
    assert_eq!(computed(), before, "what nobody names is in the cache");
    n.set("VARIETY", "0.1, search=lots");
    assert!(n.fails(1, &["serve"]).contains("VARIETY"));
}

#[test]
fn a_person_gets_a_list_of_their_own_on_no_page() {
    let n = Nearset::demo();
    let server = n.serve();
    let rows = n.sql("select user_id, bought, viewed from user_history where len(bought) >= 1 and len(viewed) >= 3 order by len(viewed) desc limit 6");
    assert!(!rows.is_empty());
    let anyone = ids(&server.list("/recommend?top_n=20")["recommendations"]);
    let mut own = HashSet::new();
    for row in &rows {
        let of =
            |name: &str| row[name].as_array().expect("a list").iter().filter_map(Value::as_i64).collect::<Vec<i64>>();
        let answer = server.list(&format!("/recommend?user_id={}&top_n=20", row["user_id"]));
        assert_eq!((&answer["user_id"], &answer["variant"]), (&row["user_id"], &json!("primary")));
        let found = ids(&answer["recommendations"]);
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), 20);
        assert!(found.iter().all(|id| !of("bought").contains(id)), "{answer}");
        assert_ne!(found, anyone);
        own.insert(found);
    }
    assert_eq!(own.len(), rows.len(), "each their own");
    assert_ne!(ids(&server.list("/recommend?top_n=20&recent=1200,1201")["recommendations"]), anyone);
    let unknown = server.list("/recommend?user_id=999999&top_n=20");
    assert_eq!(ids(&unknown["recommendations"]), anyone);
    assert_eq!(
        (&unknown["variant"], &unknown["request_context"]["degrade_reason"]),
        (&json!("fallback"), &json!("unknown_user"))
    );
    for (path, status) in [
        ("/recommend?user_id=me", 400),
        ("/recommend?top_n=0", 400),
        ("/recommend?recent=x", 400),
        ("/recommend/3", 404),
    ] {
        assert_eq!(server.get(path).0, status, "{path}");
    }
    let lines = logged(&n);
    assert!(lines.iter().all(|line| line["context"]["endpoint"] == "recommend" && line["page_id"].is_null()));
    assert_eq!(lines.len(), 3 + rows.len());
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains("endpoint=\"recommend\""), "{metrics}");
    server.signal("TERM");
    server.wait();
    n.take_fixtures(|_| true);
    n.ok(&["run"]);
    assert_eq!(
        n.value("select count(*) from exposures where endpoint = 'recommend' and page_dataset_id is null"),
        20 * lines.len()
    );
}

#[test]
fn an_item_says_by_which_channels_it_came() {
    let n = Nearset::demo();
    let server = n.serve();
    let mut codes = HashSet::new();
    for page in (1001..1100).step_by(9) {
        for path in [format!("/similar/{page}"), format!("/recommend/detail/{page}?recent=1002,1003")] {
            let answer = server.list(&path);
            let items =
                answer.get("similar_items").or(answer.get("recommendations")).and_then(Value::as_array).expect("items");
            for item in items {
                let code = item["reason_code"].as_str().expect("a code");
                let parts: Vec<&str> = code.split('+').collect();
                assert_eq!(parts.iter().collect::<HashSet<_>>().len(), parts.len(), "{item}");
                assert!(item["channels"].as_array().is_some_and(|channels| !channels.is_empty()), "{item}");
                codes.extend(parts.into_iter().map(str::to_owned));
            }
        }
    }
    let known = ["behavior", "content", "vector", "popular", "tag", "usercf", "visual", "rule"];
    assert!(codes.iter().all(|code| known.contains(&code.as_str())), "{codes:?}");
    assert!(["behavior", "content", "tag", "usercf"].iter().all(|code| codes.contains(*code)), "{codes:?}");
    let first = &server.list("/similar/1001")["similar_items"][0];
    assert!(first["reason_code"].as_str().is_some_and(|code| code.starts_with("behavior")), "{first}");
    assert_eq!(first["channels"][0], "behaviour");
}

#[test]
fn health_says_how_each_part_is() {
    let n = Nearset::demo();
    let server = n.serve();
    let (status, health) = server.get("/health");
    assert_eq!((status, &health["status"]), (200, &json!("healthy")));
    for part in ["models", "exposure_log", "cache", "disk", "load"] {
        assert_eq!(health["checks"][part]["status"], "ok", "{part}: {health}");
        assert!(health["checks"][part]["detail"].as_str().is_some_and(|text| !text.is_empty()), "{health}");
    }
    let without_model = Nearset::empty();
    let (status, health) = without_model.serve().get("/health");
    assert_eq!((status, &health["checks"]["models"]["status"]), (503, &json!("failed")));
}

#[test]
fn a_reload_does_what_its_body_says_or_refuses_it_by_name() {
    let n = Nearset::demo();
    let (first, second) = two_versions(&n);
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    let reload = |body: &str| {
        let request = agent().post(format!("{}/models/reload", server.base)).header("authorization", "Bearer t");
        let mut response = request.content_type("application/json").send(body).expect("an answer");
        (response.status().as_u16(), response.body_mut().read_json::<Value>().expect("JSON"))
    };
    for body in
        ["", "{}", r#"{"mode": "primary"}"#, r#"{"mode": "primary", "source": "local", "run_id": null, "rollout": 0}"#]
    {
        let (status, said) = reload(body);
        assert_eq!(status, 200, "{body}: {said}");
        for (name, expected) in [
            ("status", json!("success")),
            ("mode", json!("primary")),
            ("run_id", json!(first)),
            ("model_version", json!(first)),
            ("shadow_rollout", json!(0.0)),
        ] {
            assert_eq!(said[name], expected, "{body}: {said}");
        }
        assert!(said["message"].as_str().is_some_and(|text| text.contains(&first)));
    }
    let shadow = |rollout: &str| reload(&format!(r#"{{"mode": "shadow", "run_id": "{second}"{rollout}}}"#));
    let (status, said) = shadow(r#", "rollout": 0.25"#);
    assert_eq!(
        (status, &said["shadow_rollout"], &said["run_id"], &said["model_version"]),
        (200, &json!(0.25), &json!(second), &json!(first))
    );
    assert_eq!(server.get("/health").1["shadow_version"], *second);
    assert_eq!(shadow(r#", "rollout": 0"#).0, 200);
    assert_eq!(server.get("/health").1["shadow_version"], Value::Null);
    let (status, said) = reload(&format!(r#"{{"run_id": "{second}"}}"#));
    assert_eq!((status, &said["model_version"]), (200, &json!(second)));
    assert_eq!(server.list("/similar/1001")["algorithm_version"], *second);
    for (body, status, named) in [
        (r#"{"source": "mlflow", "run_id": "abc"}"#, 400, "mlflow"),
        (r#"{"run_id": "abc"}"#, 400, "abc"),
        (r#"{"run_id": "../models"}"#, 400, "../models"),
        (r#"{"mode": "shadow", "run_id": "abc"}"#, 400, "abc"),
        (&*format!(r#"{{"mode": "shadow", "run_id": "{second}"}}"#), 409, "current"),
        (r#"{"mode": "blue"}"#, 400, "blue"),
        (r#"{"rollout": 0.5}"#, 400, "rollout"),
        (r#"{"stage": "x"}"#, 400, "stage"),
        ("mode=primary", 400, "JSON"),
    ] {
        let (found, said) = reload(body);
        assert_eq!(found, status, "{body}: {said}");
        assert!(said["error"]["message"].as_str().is_some_and(|text| text.contains(named)), "{body}: {said}");
    }
    let manifest = n.models().join(&first).join("neighbours.parquet");
    fs::write(manifest, "damaged").expect("damage");
    let (status, said) = reload(&format!(r#"{{"run_id": "{first}"}}"#));
    assert_eq!((status, said["error"]["code"].as_str()), (409, Some("conflict")), "{said}");
    assert!(!said.to_string().contains(n.path().to_str().expect("text")), "no folder is named: {said}");
    assert_eq!(server.list("/similar/1001")["algorithm_version"], *second, "what answered before goes on");
}

#[test]
fn a_page_of_another_origin_may_say_who_it_is_and_read_its_id() {
    let mut n = Nearset::demo();
    n.set("CORS_ORIGINS", "https://data.example.cn");
    let server = n.serve();
    let question = ureq::http::Request::builder()
        .method("OPTIONS")
        .uri(format!("{}/similar/1001", server.base))
        .header("origin", "https://data.example.cn")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "x-recommend-source,x-client-app,x-request-id")
        .body(())
        .expect("a request");
    let allowed = agent().run(question).expect("an answer");
    let allowed = allowed.headers()["access-control-allow-headers"].to_str().expect("text").to_lowercase();
    for name in ["x-recommend-source", "x-client-app", "x-request-id"] {
        assert!(allowed.contains(name), "{allowed}");
    }
    let (_, headers, _) = ask(&server, "/similar/1001", &[("origin", "https://data.example.cn")]);
    let exposed = headers["access-control-expose-headers"].to_str().expect("text").to_lowercase();
    assert!(exposed.contains("x-request-id") && exposed.contains("x-response-time"), "{exposed}");
}

#[test]
fn lists_of_a_moment_before_the_run_are_of_their_snapshot() {
    let n = Nearset::demo();
    let server = n.serve();
    let before = server.list("/similar/1001")["request_context"]["feature_snapshot_id"].clone();
    n.take_fixtures(|_| true);
    n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    until("the new version answers", || {
        server.list("/similar/1001")["request_context"]["feature_snapshot_id"] == "20261017T000000Z"
    });
    assert_eq!(before, AS_OF.replace('-', "") + "T000000Z");
}
