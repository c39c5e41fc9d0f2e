//! A front end, scripts and monitors of the replaced system: the requests they send, as they were recorded, and the fields they
//! read. None of it may be missing.

use serde_json::Value;

use crate::support::{Nearset, agent};

/// What every list is read for.
const LIST: [&str; 12] = [
    "request_id",
    "algorithm_version",
    "variant",
    "experiment_variant",
    "request_context.endpoint",
    "request_context.source",
    "request_context.device_type",
    "request_context.locale",
    "request_context.client_app",
    "request_context.feature_snapshot_id",
    "request_context.degrade_reason",
    "request_context.model_run_id",
];

/// What every item is read for.
const ITEM: [&str; 7] = ["dataset_id", "title", "price", "cover_image", "score", "reason", "reason_code"];

/// A recorded request: method, path, headers, body; what the answer is read for, and where its items are.
struct Recorded {
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    reads: &'static [&'static str],
    items: &'static str,
}

const BROWSER: &[(&str, &str)] = &[
    (
        "user-agent",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
    ),
    ("accept-language", "zh-CN,zh;q=0.9"),
    ("x-recommend-source", "detail"),
    ("x-client-app", "data-mall-web"),
    ("accept", "application/json"),
];

const RECORDED: [Recorded; 11] = [
    Recorded {
        method: "GET",
        path: "/similar/1001?top_n=10",
        headers: BROWSER,
        body: "",
        reads: &["dataset_id", "similar_items"],
        items: "similar_items",
    },
    Recorded {
        method: "GET",
        path: "/similar/1001?limit=6&source=similar&_t=1730000000",
        headers: BROWSER,
        body: "",
        reads: &["dataset_id"],
        items: "similar_items",
    },
    Recorded {
        method: "GET",
        path: "/recommend/detail/1001?user_id=3&top_n=8",
        headers: BROWSER,
        body: "",
        reads: &["dataset_id"],
        items: "recommendations",
    },
    Recorded {
        method: "GET",
        path: "/recommend/detail/1001?user_id=&source=home",
        headers: &[("x-request-id", "req_web_0a1b2c3d")],
        body: "",
        reads: &["dataset_id"],
        items: "recommendations",
    },
    Recorded {
        method: "GET",
        path: "/recommend/detail/99999999?top_n=5",
        headers: BROWSER,
        body: "",
        reads: &["dataset_id"],
        items: "recommendations",
    },
    Recorded {
        method: "GET",
        path: "/recommend?user_id=3",
        headers: &[],
        body: "",
        reads: &[],
        items: "recommendations",
    },
    Recorded {
        method: "GET",
        path: "/hot/trending?limit=20&timeframe=24h",
        headers: BROWSER,
        body: "",
        reads: &["timeframe"],
        items: "items",
    },
    Recorded {
        method: "GET",
        path: "/health",
        headers: &[],
        body: "",
        reads: &["status", "models_loaded", "model_version", "cache", "checks"],
        items: "",
    },
    Recorded {
        method: "POST",
        path: "/models/reload",
        headers: &[("authorization", "Bearer t"), ("content-type", "application/json")],
        body: r#"{"mode": "primary", "source": "local"}"#,
        reads: &["status", "mode", "run_id", "shadow_rollout", "message"],
        items: "",
    },
    Recorded {
        method: "GET",
        path: "/similar/abc",
        headers: &[],
        body: "",
        reads: &["error.code", "error.message"],
        items: "",
    },
    Recorded {
        method: "GET",
        path: "/openapi.json",
        headers: &[],
        body: "",
        reads: &["openapi", "paths", "info.title"],
        items: "",
    },
];

/// A field by its path, as JavaScript would read it; `None` where it is not there at all.
fn field<'a>(of: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(of, |value, name| value.get(name))
}

#[test]
fn every_recorded_request_finds_every_field_it_reads() {
    let n = Nearset::demo();
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    for Recorded { method, path, headers, body, reads, items } in RECORDED {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut response = agent().run(request.body(body).expect("a request")).expect("an answer");
        for name in ["x-request-id", "x-response-time"] {
            assert!(response.headers().contains_key(name), "{path}: {name}");
        }
        let answer: Value = response.body_mut().read_json().expect("JSON");
        let is_list = !items.is_empty();
        for name in reads.iter().chain(LIST.iter().filter(|_| is_list)) {
            assert!(field(&answer, name).is_some(), "{path}: {name} is not in {answer}");
        }
        if is_list {
            assert_eq!(response.status().as_u16(), 200, "{path}: {answer}");
            let list = answer[items].as_array().unwrap_or_else(|| panic!("{path}: {items} is not in {answer}"));
            assert!(!list.is_empty(), "{path}");
            for (item, name) in list.iter().flat_map(|item| ITEM.map(|name| (item, name))) {
                assert!(item.get(name).is_some(), "{path}: {name} is not in {item}");
            }
            assert!(answer["request_id"].as_str().is_some_and(|id| id.starts_with("req_")));
        }
        if path.contains("source=home") {
            assert_eq!(answer["request_id"], "req_web_0a1b2c3d", "the front end tracks by the id it gave");
        }
    }
    // what people and probes open
    for (path, kind) in [
        ("/docs", "text/html"),
        ("/", "text/html"),
        ("/metrics", "text/plain"),
        ("/health/live", "application/json"),
        ("/health/ready", "application/json"),
    ] {
        let response = agent().get(format!("{}{path}", server.base)).call().expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{path}");
        assert!(response.headers()["content-type"].to_str().is_ok_and(|found| found.starts_with(kind)), "{path}");
    }
}
