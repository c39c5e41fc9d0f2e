//! The API as its consumers meet it.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, agent, ids, truth};

fn logged(n: &Nearset) -> Vec<Value> {
    let text = fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).expect("the log");
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

#[test]
fn lists_are_full_and_keep_the_rules() {
    let n = Nearset::demo();
    let server = n.serve();
    let never: HashSet<i64> = n
        .sql("select dataset_id from datasets where not is_listed")
        .iter()
        .map(|r| r["dataset_id"].as_i64().expect("an id"))
        .collect();
    assert!(never.len() >= 5);
    for page in (1001..1313).step_by(7).chain(never.iter().copied()) {
        for (path, field) in [
            (format!("/similar/{page}?top_n=100"), "similar_items"),
            (format!("/recommend/detail/{page}?limit=25&user_id=3&recent=1002,1001,999999"), "recommendations"),
        ] {
            let list = server.list(&path);
            let found = ids(&list[field]);
            assert_eq!(found.len(), if path.contains("top_n=100") { 100 } else { 25 }, "{path}");
            let distinct: HashSet<i64> = found.iter().copied().collect();
            assert_eq!(distinct.len(), found.len(), "{path}: the same dataset twice");
            assert!(!distinct.contains(&page) && distinct.is_disjoint(&never), "{path}");
            assert_eq!(list["dataset_id"], page);
            assert_eq!(list["variant"], "primary");
            let scores: Vec<f64> =
                list[field].as_array().expect("items").iter().map(|i| i["score"].as_f64().expect("a score")).collect();
            assert!(scores.is_sorted_by(|a, b| a >= b), "{path}: {scores:?}");
        }
    }
}

#[test]
fn an_item_has_what_a_page_needs() {
    let n = Nearset::demo();
    let server = n.serve();
    let list = server.list("/similar/1001?top_n=3");
    let item = &list["similar_items"][0];
    let row =
        &n.sql(&format!("select title, price, cover_image from datasets where dataset_id = {}", item["dataset_id"]))[0];
    for name in ["title", "price", "cover_image"] {
        assert_eq!(item[name], row[name]);
    }
    assert!(item["reason"].as_str().expect("a reason").starts_with("Viewed together with this dataset in "), "{item}");
    assert!(list["request_id"].as_str().expect("an id").starts_with("req_"));
    assert_eq!(list["experiment_variant"], "control");
    assert_eq!(list["request_context"]["endpoint"], "similar");
    assert_eq!(list["request_context"]["degrade_reason"], Value::Null);
    assert_eq!(list["algorithm_version"], list["request_context"]["model_run_id"]);
}

#[test]
fn a_dataset_nobody_looked_at_gets_its_theme() {
    let n = Nearset::demo();
    let server = n.serve();
    let bundles = truth()["bundles"].clone();
    let theme = |id: i64| (id - 1001) / 12;
    let (mut right, mut all) = (0, 0);
    for row in n.sql("select dataset_id from dataset_features_v2 where views = 0 and is_listed") {
        let id = row["dataset_id"].as_i64().expect("an id");
        let list = server.list(&format!("/similar/{id}?top_n=5"));
        let reason = list["similar_items"][0]["reason"].as_str().expect("a reason");
        assert!(reason.to_lowercase().contains("similar"), "{list}");
        right += ids(&list["similar_items"]).iter().filter(|other| theme(**other) == theme(id)).count();
        all += 5;
    }
    assert!(
        all >= 25 && right * 10 >= all * 9,
        "{right} of {all} are of the page's theme; bundles: {}",
        bundles.as_array().map_or(0, Vec::len)
    );
}

#[test]
fn known_users_never_see_what_they_bought_and_earlier_pages_move_the_list() {
    let n = Nearset::demo();
    let server = n.serve();
    let rows =
        n.sql("select user_id, bought from user_history where len(bought) >= 2 order by len(bought) desc limit 8");
    assert!(!rows.is_empty());
    for row in rows {
        let bought: Vec<i64> = row["bought"].as_array().expect("a list").iter().filter_map(Value::as_i64).collect();
        for page in bought.iter().take(3) {
            let path = format!("/recommend/detail/{page}?user_id={}&top_n=100", row["user_id"]);
            let found = ids(&server.list(&path)["recommendations"]);
            assert!(found.iter().all(|id| !bought.contains(id)), "{path}");
        }
    }
    let plain = ids(&server.list("/recommend/detail/1001")["recommendations"]);
    let moved = ids(&server.list("/recommend/detail/1001?recent=1200,1201")["recommendations"]);
    assert_eq!(plain, ids(&server.list("/similar/1001")["similar_items"]));
    assert_ne!(plain, moved);
}

#[test]
fn unknown_datasets_and_users_get_a_full_list_that_says_so() {
    let n = Nearset::demo();
    let server = n.serve();
    for (path, field, reason) in [
        ("/similar/987654321?top_n=50", "similar_items", "unknown_dataset"),
        ("/recommend/detail/987654321?top_n=50", "recommendations", "unknown_dataset"),
        ("/recommend/detail/1001?user_id=999999&top_n=50", "recommendations", "unknown_user"),
    ] {
        let list = server.list(path);
        assert_eq!(list[field].as_array().map(Vec::len), Some(50), "{path}");
        assert_eq!(
            (&list["variant"], &list["request_context"]["degrade_reason"]),
            (&json!("fallback"), &json!(reason))
        );
    }
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains(r#"fallback_triggered_total{level="popular",reason="unknown_dataset"} 2"#), "{metrics}");
}

#[test]
fn trending_is_full_for_every_timeframe_and_knows_only_the_catalogue() {
    let n = Nearset::demo();
    let server = n.serve();
    for timeframe in ["1h", "24h", "7d", "30d"] {
        let list = server.list(&format!("/hot/trending?timeframe={timeframe}&limit=60"));
        assert_eq!(list["timeframe"], timeframe);
        let found = ids(&list["items"]);
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), 60);
        let known = n.value(&format!(
            "select count(*) from datasets where is_listed and dataset_id in {}",
            json!(found).to_string().replace('[', "(").replace(']', ")")
        ));
        assert_eq!(known, 60);
    }
    assert_eq!(ids(&server.list("/hot/trending")["items"]).len(), 20);
}

#[test]
fn malformed_requests_are_told_what_was_expected() {
    let n = Nearset::demo();
    let server = n.serve();
    for (path, status, code) in [
        ("/similar/abc", 400, "bad_request"),
        ("/similar/-5", 400, "bad_request"),
        ("/similar/99999999999999999999", 400, "bad_request"),
        ("/similar/9223372036854775808", 400, "bad_request"),
        ("/similar/%EF%BC%97", 400, "bad_request"),
        ("/similar/%207", 400, "bad_request"),
        ("/similar/+7", 400, "bad_request"),
        ("/similar/7.0", 400, "bad_request"),
        ("/similar/1e2", 400, "bad_request"),
        ("/similar/007", 400, "bad_request"),
        ("/similar/-0", 400, "bad_request"),
        ("/similar/%FF", 400, "bad_request"),
        ("/similar/%zz", 400, "bad_request"),
        ("/recommend/detail/1001?user_id=+7", 400, "bad_request"),
        ("/recommend/detail/1001?user_id=%EF%BC%97", 400, "bad_request"),
        ("/recommend/detail/1001?user_id=undefined", 400, "bad_request"),
        ("/recommend/detail/1001?recent=1002,1e3", 400, "bad_request"),
        ("/similar/1001?top_n=%EF%BC%91%EF%BC%90", 400, "bad_request"),
        ("/similar/1001?top_n=+5", 400, "bad_request"),
        ("/similar/1001?top_n=05", 400, "bad_request"),
        ("/search?q=a&limit=1e1", 400, "bad_request"),
        ("/similar/1001?top_n=0", 400, "bad_request"),
        ("/similar/1001?top_n=101", 400, "bad_request"),
        ("/similar/1001?limit=ten", 400, "bad_request"),
        ("/recommend/detail/1001?user_id=me", 400, "bad_request"),
        ("/recommend/detail/1001?recent=1,x", 400, "bad_request"),
        ("/hot/trending?timeframe=2h", 400, "bad_request"),
        ("/similar/1001?top_n=3&top_n=4", 400, "bad_request"),
        ("/similar", 404, "not_found"),
        ("/nowhere", 404, "not_found"),
        ("/models/reload", 405, "method_not_allowed"),
    ] {
        let (found, body) = server.get(path);
        assert_eq!((found, body["error"]["code"].as_str()), (status, Some(code)), "{path}: {body}");
        assert!(!body["error"]["message"].as_str().expect("a message").is_empty());
    }
    assert!(
        !n.data().join("evaluation/exposure_log.jsonl").exists() || logged(&n).is_empty(),
        "errors are no exposures"
    );
}

#[test]
fn no_language_and_no_blank_costs_a_list() {
    let n = Nearset::demo();
    let server = n.serve();
    let reason = |lang: &str, accepted: &str| {
        let url = format!("{}/similar/1001?top_n=1{lang}", server.base);
        let mut response = agent().get(url).header("accept-language", accepted).call().expect("an answer");
        let list: Value = response.body_mut().read_json().expect("JSON");
        list["similar_items"][0]["reason"].as_str().unwrap_or_else(|| panic!("{lang} {accepted}: {list}")).to_owned()
    };
    for (lang, accepted, is_chinese) in [
        ("&lang=zh_CN", "en", true),
        ("&lang=zh-Hant-TW", "en", true),
        ("&lang=yue-HK", "en", true),
        ("&lang=EN", "zh", false),
        ("&lang=ja", "ja,zh;q=0.3", true),
        ("&lang=ja", "", false),
        ("&lang=%FF%00", "*", false),
        ("&lang=", "fr, *;q=0.5, en;q=0", true),
        ("", ";;q=,,rubbish;q=x", false),
    ] {
        assert_eq!(reason(lang, accepted).contains('次'), is_chinese, "{lang} {accepted}");
    }
    let plain = ids(&server.list("/recommend/detail/1001?recent=1200,1201")["recommendations"]);
    for recent in ["1200,%201201", ",1200,,1201,", "1200%EF%BC%8C1201", "%E3%80%801200,+1201%09"] {
        let list = server.list(&format!("/recommend/detail/1001?recent={recent}"));
        assert_eq!(ids(&list["recommendations"]), plain, "{recent}");
    }
}

#[test]
fn lists_that_nobody_looks_at_are_no_exposures_and_no_views() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let server = n.serve();
    let url = format!("{}/similar/1033?top_n=3", server.base);
    // HEAD asks for no list, only whether there would be one
    let head = agent().head(&url).call().expect("an answer");
    assert_eq!(
        (head.status().as_u16(), &head.headers()["cache-control"]),
        (200, &"no-store".parse().expect("a value"))
    );
    assert_eq!(agent().head(format!("{}/similar/x", server.base)).call().expect("an answer").status().as_u16(), 400);
    assert!(logged(&n).is_empty());
    assert!(server.has_shown_nothing(), "HEAD shows nothing");
    let ask = |name: &str, value: &str| {
        let mut response = agent().get(&url).header(name, value).call().expect("an answer");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let list: Value = response.body_mut().read_json().expect("JSON");
        assert_eq!(ids(&list["similar_items"]).len(), 3, "{list}");
        list["request_context"]["purpose"].clone()
    };
    assert_eq!(ask("sec-purpose", "prefetch"), "prefetch");
    assert_eq!(ask("sec-purpose", "prefetch;prerender"), "prerender");
    assert_eq!(
        ask("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        "crawler"
    );
    // a condition is none that a list would meet
    assert_eq!(ask("if-none-match", "*"), Value::Null);
    assert_eq!(logged(&n).iter().map(|line| line["context"]["purpose"].clone()).collect::<Vec<_>>().len(), 4);
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains(r#"endpoint="similar",experiment_variant="control",variant="primary"} 3"#), "{metrics}");
    assert!(metrics.contains(r#"recommendation_requests_total{endpoint="similar",status="success"} 4"#), "{metrics}");
    server.signal("TERM");
    server.wait();
    n.ok(&["run"]);
    let ours = "algorithm_version not like 'legacy%'";
    assert_eq!(n.value(&format!("select count(distinct request_id) from exposures where {ours}")), 1);
    let aside = n.sql(
        "select value, count(*) as lists from rejected_rows where reason = 'no_visitor' group by all order by all",
    );
    assert_eq!(
        json!(aside),
        json!([{"value": "crawler", "lists": 1}, {"value": "prefetch", "lists": 1}, {"value": "prerender", "lists": 1}])
    );
}

#[test]
fn every_list_is_in_the_log_under_a_new_id() {
    let n = Nearset::demo();
    let mut answered = Vec::new();
    {
        let server = n.serve();
        for path in [
            "/similar/1001",
            "/similar/1001",
            "/recommend/detail/1002?user_id=3",
            "/hot/trending?limit=5",
            "/similar/424242",
        ] {
            answered.push(server.list(path));
        }
        server.signal("KILL");
    }
    let logged = logged(&n);
    assert_eq!(logged.len(), answered.len());
    let mut seen = HashSet::new();
    for (answer, line) in answered.iter().zip(&logged) {
        assert_eq!(answer["request_id"], line["request_id"]);
        assert!(seen.insert(line["request_id"].to_string()), "an id twice");
        let items = ["similar_items", "recommendations", "items"].iter().find_map(|f| answer.get(f)).expect("items");
        assert_eq!(ids(items), ids(&line["items"]));
        assert_eq!(answer["request_context"], line["context"]);
    }
    assert_eq!(logged[2]["user_id"], 3);
    assert_eq!(logged[2]["page_id"], 1002);

    // the next run reads them back, also those of the second in which it starts
    n.take_fixtures(|_| true);
    n.ok(&["run"]);
    assert_eq!(
        n.value("select count(distinct request_id) from exposures where algorithm_version not like 'legacy%'"),
        5
    );
    assert_eq!(n.value("select count(*) from exposures where endpoint = 'hot_trending'"), 5);
}

#[test]
fn a_crash_in_the_middle_of_a_line_costs_that_line_alone() {
    let n = Nearset::demo();
    let log = n.data().join("evaluation/exposure_log.jsonl");
    let whole = "{\"request_id\": \"req_whole\", \"timestamp\": \"2026-10-15T00:00:00Z\", \"items\": []}\n";
    fs::write(&log, format!("{whole}{{\"request_id\": \"req_torn\", \"ite")).expect("a torn log");
    let server = n.serve();
    let answered = server.list("/similar/1001")["request_id"].clone();
    let ids: Vec<Value> = logged(&n).into_iter().map(|line| line["request_id"].clone()).collect();
    assert_eq!(ids, [json!("req_whole"), answered]);
}

#[test]
fn without_a_model_lists_are_503_until_there_is_one() {
    let n = Nearset::empty();
    let server = n.serve();
    let (status, body) = server.get("/similar/1");
    assert_eq!((status, body["error"]["code"].as_str()), (503, Some("no_model")));
    assert_eq!(server.get("/health/live").0, 200);
    assert_eq!(server.get("/health/ready").0, 503);
    let (status, health) = server.get("/health");
    assert_eq!((status, &health["models_loaded"]), (503, &json!(false)));

    n.take_fixtures(|_| true);
    n.ok(&["run", "--as-of", AS_OF]);
    let started = Instant::now();
    while server.get("/health/ready").0 != 200 {
        assert!(started.elapsed() < Duration::from_secs(20), "the new version was not taken up");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(server.list("/similar/1001")["variant"], "primary");
}

#[test]
fn a_new_version_comes_in_without_a_failed_request_and_goes_back() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "let me in");
    });
    let first = server.list("/similar/1001")["algorithm_version"].clone();
    let stop = AtomicBool::new(false);
    let (base, stop_ref) = (server.base.clone(), &stop);
    std::thread::scope(|scope| {
        let hammer = scope.spawn(move || {
            let agent = agent();
            let mut answered = 0;
            while !stop_ref.load(Ordering::Relaxed) {
                let mut response = agent.get(format!("{base}/similar/1001")).call().expect("an answer");
                assert_eq!(response.status().as_u16(), 200);
                let body: Value = response.body_mut().read_json().expect("JSON");
                assert_eq!(body["similar_items"].as_array().map(Vec::len), Some(10));
                answered += 1;
            }
            answered
        });
        n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
        let started = Instant::now();
        while server.list("/similar/1001")["algorithm_version"] == first {
            assert!(started.elapsed() < Duration::from_secs(20), "the new version was not taken up");
            sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(hammer.join().expect("no request failed") > 10);
    });
    let said = n.ok(&["models", "rollback"]);
    assert!(said.contains(first.as_str().expect("a version")), "{said}");
    assert_eq!(server.post("/models/reload", None).0, 401);
    assert_eq!(server.post("/models/reload", Some("wrong")).0, 401);
    let (status, body) = server.post("/models/reload", Some("let me in"));
    assert_eq!((status, &body["model_version"]), (200, &first));
    assert_eq!(server.list("/similar/1001")["algorithm_version"], first);
    assert!(n.fails(1, &["models", "promote", "nonsense"]).contains("nearset models list"));
}

#[test]
fn a_damaged_version_never_becomes_current() {
    let n = Nearset::demo();
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    let version = n.models().join(fs::read_link(n.models().join("current")).expect("a link"));
    fs::write(version.join("neighbours.parquet"), "damaged").expect("damage");
    let name = version.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(n.fails(1, &["models", "promote", &name]).contains("checksum"));
    assert_eq!(server.post("/models/reload", Some("t")).0, 500);
    assert_eq!(server.get("/similar/1001").0, 200, "the version in force goes on");
}

#[test]
fn it_stops_when_told_after_answering() {
    let n = Nearset::demo();
    let server = n.serve();
    server.list("/similar/1001");
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0));
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn the_description_names_every_route_and_metrics_keep_their_names() {
    let n = Nearset::demo();
    let server = n.serve();
    server.list("/similar/1001");
    server.list("/similar/1001");
    server.list("/similar/31337");
    let (_, openapi) = server.get("/openapi.json");
    let paths = openapi["paths"].as_object().expect("paths");
    for route in [
        "/similar/{dataset_id}",
        "/recommend/detail/{dataset_id}",
        "/hot/trending",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/models/reload",
    ] {
        assert!(paths.contains_key(route), "{route}");
    }
    let answer = &openapi["components"]["schemas"]["SimilarAnswer"];
    assert!(answer.to_string().contains("similar_items"), "{answer}");
    server.get("/similar/x");
    let metrics = server.get_text("/metrics").1;
    for name in [
        r#"recommendation_requests_total{endpoint="similar",status="success"} 3"#,
        r#"recommendation_requests_total{endpoint="similar",status="error"} 0"#,
        r#"recommendation_responses_total{code="200",endpoint="similar"} 3"#,
        r#"recommendation_responses_total{code="400",endpoint="similar"} 1"#,
        r#"recommendation_latency_seconds_count{endpoint="similar"} 3"#,
        r#"recommendation_count_bucket{endpoint="similar",le="10"} 3"#,
        r#"recommendation_exposures_total{degrade_reason="none",endpoint="similar",experiment_variant="control",variant="primary"} 20"#,
        r#"recommendation_fallback_ratio{endpoint="similar"} 0.3"#,
        r#"recommendation_degraded_total{endpoint="similar",reason="unknown_dataset"} 1"#,
        "fallback_triggered_total",
        r#"cache_requests_total{operation="get",status="hit"} 1"#,
        r#"cache_requests_total{operation="get",status="miss"} 2"#,
        "cache_hit_rate 0.3",
        r#"model_inference_latency_seconds_count{model_type="ranker"} 2"#,
        r#"recall_candidates_count_count{recall_type="neighbours"} 2"#,
        r#"recommendation_service_info{environment="production",service="nearset",version=""#,
        "process_resident_memory_bytes ",
        "item_coverage_ratio",
        "user_coverage_ratio",
        r#"error_total{endpoint="similar",error_type="bad_request"} 1"#,
        r#"data_quality_score{table="business.dataset"} 9"#,
        r#"data_schema_contract_status{table="business.user"} 1"#,
        r#"pipeline_run_outcome{outcome="done"} 1"#,
        r#"pipeline_step_rows{step="extract"} "#,
        r#"source_newest_row_timestamp_seconds{table="matomo.matomo_log_visit"} 1"#,
        r#"model_trained_timestamp_seconds{version=""#,
        r#"recommendation_ctr{endpoint="all"} 0.0"#,
        r#"reconciliation_status{status="ok"} "#,
        r#"disk_free_bytes{folder="MODELS_DIR"} "#,
    ] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    let (status, page) = server.get_text("/");
    assert_eq!(status, 200);
    assert!(page.contains("nearset"));
}
