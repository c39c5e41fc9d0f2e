//! `nearset doctor --compare`: the old system's files beside nearset's figures.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Nearset, text};

fn put(dir: &Path, name: &str, content: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("a file");
}

/// The only file of a folder whose name starts so.
fn reconciliation(n: &Nearset) -> (String, Value) {
    let entries = fs::read_dir(n.data().join("evaluation")).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("reconciliation_"));
    (names[0].clone(), n.json(&format!("evaluation/{}", names[0])))
}

#[test]
fn figures_that_differ_are_told_with_the_reason_and_the_others_are_counted() {
    let n = Nearset::demo();
    let old = n.path().join("old/data/evaluation");
    let (name, mut days) = reconciliation(&n);
    // a day's orders counted on the day before, one conversion too many, and the ratio as it was
    let all: Vec<String> = days.as_object().expect("days").keys().cloned().collect();
    let (first, second) = (all[3].clone(), all[4].clone());
    for (day, more) in [(&first, 1), (&second, -1)] {
        let orders = days[day]["business_order_count"].as_i64().expect("orders");
        days[day]["business_order_count"] = (orders + more).into();
    }
    let attributed = days[&first]["attributed_conversions"].as_i64().expect("conversions");
    days[&first]["attributed_conversions"] = (attributed + 40).into();
    put(&old, &name, &days.to_string());
    let mut exposures = n.json("evaluation/exposure_metrics.json");
    let clicks = exposures["summary"]["clicks_total"].as_i64().expect("clicks");
    exposures["summary"]["clicks_total"] = (clicks * 2).into();
    exposures["summary"]["mystery"] = 7.into();
    put(&old, "exposure_metrics.json", &exposures.to_string().replace("\"ctr\":0.0,", "\"ctr\": NaN,"));
    let report = n.json(&format!("evaluation/daily_reports/recommendation_report_{}.json", all.last().expect("a day")));
    put(&old, &format!("daily_reports/recommendation_report_{}.json", all.last().expect("a day")), &report.to_string());
    put(&old, "summary.json", &json!({"total_datasets_tracked": 5}).to_string());
    put(&old, "dataset_metrics.csv", "dataset_id,views\n1,5\n2,6\n");
    put(&old, "tracking_verification.json", "{\"ok\": tru");
    put(&old, "feature_report.json", "{}");

    let told: Value = serde_json::from_str(&n.ok(&["doctor", "--compare", "old", "--json"])).expect("JSON");
    let figures = told["figures"].as_array().expect("figures");
    let find = |file: &str, figure: &str, day: &str| {
        let is_it = |f: &&Value| f["file"] == file && f["figure"] == figure && (day.is_empty() || f["day"] == day);
        figures.iter().find(is_it).unwrap_or_else(|| panic!("{file} {figure} {day}"))
    };
    let doubled = find("exposure_metrics.json", "summary.clicks_total", "");
    assert_eq!((&doubled["old"], &doubled["nearset"]), (&json!(clicks as f64 * 2.0), &json!(clicks as f64)));
    assert!(doubled["why"].as_str().is_some_and(|why| why.contains("2 bot visits")), "{doubled}");
    let shifted = find(&name, "business_order_count", &first);
    assert_eq!(shifted["difference"], -1.0);
    assert!(shifted["why"].as_str().is_some_and(|why| why.contains("time zone")), "{shifted}");
    let joined = find(&name, "attributed_conversions", &first);
    assert!(joined["why"].as_str().is_some_and(|why| why.contains("every exposure of its list")), "{joined}");
    assert_eq!(find(&name, "exposures", &first)["why"], Value::Null);
    assert_eq!(find("exposure_metrics.json", "summary.mystery", "")["nearset"], Value::Null);
    assert_eq!(find("dataset_metrics.csv", "views", "")["old"], 11.0);
    assert!(figures.iter().filter(|f| f["file"].as_str().is_some_and(|file| file.starts_with("daily"))).count() > 10);
    assert!(told["unreadable"][0].as_str().is_some_and(|file| file.contains("tracking_verification.json")));
    assert!(told["left_out"][0].as_str().is_some_and(|file| file.contains("feature_report.json")));

    let said = n.ok(&["doctor", "--compare", "old/data/evaluation"]);
    for part in [
        "reconciliation_*.json, 45 days",
        "business_order_count (2 of 45 days)",
        "summary.clicks_total",
        "cannot be read",
    ] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let n = Nearset::demo();
    assert!(n.fails(1, &["doctor", "--compare", "nowhere"]).contains("nowhere is no folder"));
    assert!(n.fails(1, &["doctor", "--compare", "data"]).contains("where nearset writes its own files"));
    fs::create_dir(n.path().join("old")).expect("a folder");
    assert!(n.fails(1, &["doctor", "--compare", "old"]).contains("old holds no evaluation file"));
    put(&n.path().join("old"), "summary.json", "{\"total_views\": 1}");
    let fresh = Nearset::empty();
    fs::create_dir(fresh.path().join("old")).expect("a folder");
    let output = fresh.run(&["doctor", "--compare", "old"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}
