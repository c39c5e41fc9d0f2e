//! What nobody would send: requests, files and log lines that are almost right, or not right at all. The same each time;
//! `FUZZ_CASES=20000 cargo test fuzz` looks longer.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::description::Description;
use crate::support::{AS_OF, Nearset, agent};

fn cases(default: u32) -> u32 {
    std::env::var("FUZZ_CASES").map_or(default, |text| text.parse().expect("a number"))
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Numbers at their edges, words in several scripts, and anything at all.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        (1001..1313_i64).prop_map(|id| id.to_string()),
        any::<i128>().prop_map(|number| number.to_string()),
        vec(1001..1400_i64, 0..30).prop_map(|ids| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")),
        prop::sample::select(vec![
            "",
            "0",
            "-0",
            "+1",
            "1e3",
            "1.5",
            "NaN",
            "null",
            "true",
            "７",
            "中文",
            "zh",
            "en",
            "24h",
            "1H",
            "%",
            "%00",
            "../..",
            "' or 1=1 --",
            "9223372036854775807",
            "9223372036854775808",
        ])
        .prop_map(str::to_owned),
        ".{0,40}",
        "\\PC{0,300}",
    ]
}

#[test]
fn no_request_brings_a_route_down() {
    let n = Nearset::demo();
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    let description = Description::of(&server);
    let (mut routes, mut names) = (Vec::new(), BTreeSet::new());
    for (path, methods) in description.document["paths"].as_object().expect("paths") {
        for (method, about) in methods.as_object().expect("methods") {
            routes.push((method.clone(), path.clone()));
            let parameters = about["parameters"].as_array().cloned().unwrap_or_default();
            names.extend(parameters.iter().map(|p| p["name"].as_str().expect("a name").to_owned()));
        }
    }
    assert!(routes.len() >= 8, "{routes:?}");
    let names: Vec<String> = names.into_iter().collect();
    let name = prop_oneof![4 => prop::sample::select(names), 1 => text()];
    let request = (
        prop::sample::select(routes),
        text(),
        vec((name, text()), 0..5),
        prop::sample::select(vec!["", "zh-CN,zh;q=0.9", "en;q=abc", ",,;", "*"]),
        any::<bool>(),
    );
    let agent = agent();
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let seen = RefCell::new(BTreeSet::new());
    let outcome = runner(cases(1500)).run(&request, |((method, path), segment, query, accepted, is_encoded)| {
        // half of them as a browser would write them, half as they are, where a client sends such a thing at all
        let write = |text: &str| if is_encoded { encoded(text) } else { text.to_owned() };
        let start = path.find('{').map_or(path.clone(), |at| path[..at].to_owned() + &write(&segment));
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{}={}", write(name), write(value))).collect();
        let url = format!("{}{start}?{}", server.base, query.join("&"));
        let built = ureq::http::Request::builder().method(method.to_uppercase().as_str()).uri(&url);
        let Ok(built) = built.header("accept-language", accepted).body(()) else { return Ok(()) };
        // a connection that was kept may have been closed meanwhile, as a browser knows too: once more, on a new one
        let answered = agent.run(built.clone()).or_else(|_| crate::support::agent().run(built));
        let mut response = match answered {
            Ok(response) => response,
            Err(error) => return Err(TestCaseError::fail(format!("{url}: no answer: {error}"))),
        };
        let status = response.status().as_u16();
        seen.borrow_mut().insert(status);
        prop_assert!(status < 500, "{method} {url}: {status}");
        let kind =
            response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        let body = response.body_mut().read_to_string().unwrap_or_default();
        // a segment with a question mark or a slash in it may lead to the console's page
        let is_page = status == 200 && kind.starts_with("text/html");
        let verdict = description.verdict((method.as_str(), path.as_str()), status, &kind, &body);
        prop_assert!(is_page || verdict.is_ok(), "{method} {url}: {verdict:?}");
        Ok(())
    });
    outcome.expect("every request is answered");
    let seen = seen.into_inner();
    assert!(seen.contains(&200) && seen.contains(&400), "{seen:?}");
    server.list("/similar/1001");
}

/// A text with some of its pieces taken out, doubled, or put somewhere else.
fn mangled(text: &'static str) -> impl Strategy<Value = String> {
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len();
    let insert =
        prop_oneof![".{0,6}", Just("\n".to_owned()), Just("\"".to_owned()), Just("[[".to_owned()), "[0-9.-]{1,40}"];
    vec((0..length, 0..40_usize, insert, 0..3_u8), 1..6).prop_map(move |edits| {
        let mut text = characters.clone();
        for (at, length, insert, kind) in edits {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            match kind {
                0 => drop(text.splice(at..end, insert.chars())),
                1 => drop(text.splice(at..at, insert.chars())),
                _ => {
                    let piece = text[at..end].to_vec();
                    text.extend(piece);
                }
            }
        }
        text.into_iter().collect()
    })
}

#[test]
fn no_file_of_rules_or_experiments_brings_its_reader_down() {
    use nearset::recommend::rules::Rules;
    use nearset::serve::deployment::Experiments;

    let outcome = runner(cases(5000)).run(&mangled(include_str!("../../rules.example.toml")), |text| {
        if let Err(error) = Rules::parse(&text) {
            prop_assert!(!error.is_empty());
        }
        Ok(())
    });
    outcome.expect("rules");
    let is_read = |text: &str, is_yaml: bool| {
        if let Err(error) = Experiments::parse(text, is_yaml, chrono_tz::Tz::UTC) {
            assert!(!error.to_string().is_empty());
        }
    };
    let outcome = runner(cases(5000)).run(&mangled(include_str!("../../experiments.example.toml")), |text| {
        is_read(&text, false);
        Ok(())
    });
    outcome.expect("experiments");
    const OLD: &str = "experiments:\n  recommendation_detail:\n    salt: detail-2025\n    status: active\n    variants:\n      - name: control\n        allocation: 0.5\n      - name: boost\n        allocation: 0.5\n        parameters: {content_weight: 1.4, behavior_weight: 0.8}\n";
    let outcome = runner(cases(5000)).run(&mangled(OLD), |text| {
        is_read(&text, true);
        Ok(())
    });
    outcome.expect("experiments in the old form");
}

#[test]
fn no_line_of_the_log_stops_a_run_or_gets_lost() {
    const LINE: &str = r#"{"request_id":"req_0001","user_id":7,"page_id":1001,"algorithm_version":"v1","timestamp":"2026-10-01T08:00:00.000+00:00","items":[{"dataset_id":1002,"score":0.5,"reason":"content: 中文"},{"dataset_id":1003,"score":0.4,"reason":"x"}],"context":{"endpoint":"similar","variant":"primary","experiment_variant":"control","degrade_reason":null}}"#;
    let n = Nearset::empty();
    n.take_fixtures(|_| true);
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    let lines = RefCell::new(Vec::new());
    let outcome = runner(cases(2000)).run(&mangled(LINE), |line| {
        lines.borrow_mut().push(line.replace(['\n', '\r'], " "));
        Ok(())
    });
    outcome.expect("lines");
    let good: Vec<String> = (0..50).map(|k| LINE.replace("req_0001", &format!("req_good_{k}"))).collect();
    // longer than any list, in the middle of the others
    let long = LINE.replace("req_0001", &format!("req_long_{}", "9".repeat(3_000_000)));
    let all = lines.borrow().iter().chain([&long]).chain(&good).map(|line| format!("{line}\n")).collect::<String>();
    fs::write(n.data().join("evaluation/exposure_log.jsonl"), all).expect("a log");
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select count(*) from raw.exposure_log where request_id like 'req_good%'"), 50, "{said}");
    assert_eq!(n.value("select count(distinct request_id) from exposures where request_id like 'req_good%'"), 50);
    let reasons =
        n.value("select list(distinct reason order by reason) from rejected_rows where source_table = 'exposure_log'");
    assert!(reasons.to_string().contains("\"line_too_long\""), "{reasons}");
    assert_eq!(
        n.value("select count(*) from rejected_rows where reason = 'line_too_long' and row_json like '%req_long%'"),
        1
    );
    // each line that is not blank is taken in, is one that was there already, or is set aside
    let taken = n.value("select count(*) from raw.exposure_log").as_u64().expect("a count");
    let aside = n.value("select count(*) from rejected_rows where source_table = 'exposure_log'");
    assert!(taken > 50 && aside.as_u64() > Some(100), "{taken} taken in, {aside} set aside: {said}");
}
