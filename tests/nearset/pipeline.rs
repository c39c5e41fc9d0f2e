//! Whole runs: figures against the truth, repeatability, increments, gates, kills.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::{AS_OF, Nearset, catalogue, truth};

fn is_increment(name: &str) -> bool {
    name.contains("_2026")
}

#[test]
fn every_day_of_the_fixtures_reconciles_to_the_truth() {
    let demo = Nearset::demo();
    let reconciliation = demo.json("evaluation/reconciliation_2026-09-01_2026-10-15.json");
    let truth = truth();
    let days = truth["days"].as_object().expect("days");
    assert_eq!(days.len(), 45);
    for (day, expected) in days {
        let found = &reconciliation[day];
        for (name, figure) in [
            ("exposures", "exposures"),
            ("clicks", "clicks"),
            ("orders", "business_order_count"),
            ("matched", "matched_count"),
            ("missing_in_matomo", "missing_in_matomo_count"),
            ("matomo_only", "matomo_only_count"),
            ("attributed_conversions", "attributed_conversions"),
        ] {
            assert_eq!(found[figure], expected[name], "{figure} of {day}");
        }
        let cents = (found["business_revenue"].as_f64().expect("revenue") * 100.0).round() as i64;
        assert_eq!(Some(cents), expected["revenue_cents"].as_i64(), "revenue of {day}");
    }
    let metrics = demo.json("evaluation/exposure_metrics.json");
    let total: u64 = days.values().map(|d| d["exposures"].as_u64().expect("a count")).sum();
    assert_eq!(metrics["summary"]["exposures_total"].as_u64(), Some(total));
    for row in metrics["versions"].as_array().expect("versions") {
        let figure = |name: &str| row[name].as_f64().expect("a figure");
        assert!(figure("ctr_low") < figure("ctr") && figure("ctr") < figure("ctr_high"), "{row}");
    }
    let report = demo.json("evaluation/daily_reports/recommendation_report_2026-10-15.json");
    // and what the old reports named, beside it
    for (name, figure) in reconciliation["2026-10-15"].as_object().expect("figures") {
        assert_eq!(&report["summary"][name], figure, "{name}");
    }
    assert_eq!(report["history"].as_object().map(serde_json::Map::len), Some(14));
}

#[test]
fn all_planted_dirt_is_found_and_named() {
    let demo = Nearset::demo();
    let truth = truth();
    let planted = &truth["dirt"]["planted"];
    let reasons =
        ["price_not_a_number", "negative_price", "future_update_time", "odd_tags", "nameless", "duplicate_id"];
    for reason in reasons {
        let found = demo.value(&format!("select count(*) from rejected_rows where reason = '{reason}'"));
        assert_eq!(found, planted[reason], "{reason}");
    }
    let bots = demo.sql("select source_key from rejected_rows where reason = 'bot_visit' order by source_key::int");
    let bots: Vec<String> = bots.iter().map(|b| b["source_key"].as_str().expect("an id").to_owned()).collect();
    let expected: Vec<String> = truth["bots"].as_array().expect("bots").iter().map(Value::to_string).collect();
    assert_eq!(bots, expected);
    assert_eq!(demo.value("select count(*) from page_views where visit_id in (select unnest([700, 2200]))"), 0);
    assert_eq!(
        demo.value("select count(*) from datasets where description like '%<%' or description like '%alert%'"),
        0
    );
    assert_eq!(
        demo.value("select count(*) from datasets where list_contains(tags, '') or tags::varchar like '%；%'"),
        0
    );
    assert_eq!(demo.value("select count(*) from datasets where title like '旧 OLD%'"), 0);
    assert_eq!(
        demo.value("select count(*) from datasets where price is null and dataset_id in (select source_key::bigint from rejected_rows where column_name = 'price')"),
        planted["price_not_a_number"].as_u64().expect("a count") + planted["negative_price"].as_u64().expect("a count")
    );
}

#[test]
fn lists_find_what_is_used_together_in_both_languages() {
    let demo = Nearset::demo();
    let summary = demo.json("evaluation/summary.json");
    let figure = |part: &Value| part["hit_rate@10"].as_f64().expect("a hit rate");
    let whole = figure(&summary["metrics"]);
    assert!(whole > 0.6, "hit rate {whole}");
    assert!(whole > 5.0 * figure(&summary["baseline"]["popular"]));
    assert!(whole >= figure(&summary["channels"]["behaviour"]) && whole > figure(&summary["channels"]["content"]));
    // no word joins a bundle's Chinese and English halves; visitors do
    let crossing = demo.value(
        "with best as (
             from behaviour_neighbours
             qualify row_number() over (partition by dataset_id order by organic desc) <= 3)
         select count(*) from best
         inner join dataset_features_v2 as a on a.dataset_id = best.dataset_id
         inner join dataset_features_v2 as b on b.dataset_id = best.neighbour_id
         where a.language <> b.language",
    );
    assert!(crossing.as_u64().expect("a count") > 100, "{crossing}");
}

#[test]
fn the_same_run_twice_is_the_same_to_the_byte() {
    let (first, second) = (Nearset::demo(), Nearset::empty());
    second.ok(&["demo", "--no-serve"]);
    assert_eq!(first.fingerprints(), second.fingerprints());
    let current = |n: &Nearset| fs::read_link(n.models().join("current")).expect("a current version");
    assert_eq!(current(&first), current(&second));
    for file in ["evaluation/summary.json", "evaluation/exposure_metrics.json", "processed/dataset_features_v2.parquet"]
    {
        let read = |n: &Nearset| fs::read(n.data().join(file)).expect("a file");
        assert!(read(&first) == read(&second), "{file} differs");
    }
}

#[test]
fn increments_leave_what_a_full_refresh_leaves() {
    let stepwise = Nearset::empty();
    stepwise.take_exposures();
    stepwise.take_fixtures(|name| !is_increment(name));
    stepwise.ok(&["run", "--as-of", AS_OF]);
    let before = stepwise.value("select count(*) from page_views");
    stepwise.take_fixtures(is_increment);
    stepwise.ok(&["run", "--as-of", AS_OF]);
    assert!(stepwise.value("select count(*) from page_views").as_u64() > before.as_u64());
    let state = stepwise.json("_metadata/extract_state.json");
    assert_eq!(state["matomo"]["matomo_log_visit"]["column"], "visit_last_action_time");
    assert!(state["business"]["task"]["watermark"].as_str().expect("a watermark") > "2026-10-14");

    let whole = Nearset::empty();
    whole.take_exposures();
    whole.take_fixtures(|_| true);
    whole.ok(&["run", "--as-of", AS_OF, "--full-refresh"]);
    let (a, b) = (stepwise.fingerprints(), whole.fingerprints());
    assert!(a.len() > 50);
    assert_eq!(a, b);

    // nothing new: nothing changes
    let report = stepwise.ok(&["run", "--as-of", AS_OF]);
    assert!(report.contains(" 0 rows"), "{report}");
    assert_eq!(stepwise.fingerprints(), b);
}

#[test]
fn a_catalogue_alone_is_enough() {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["海洋温度观测", "海洋盐度观测", "Stock prices", "Bond prices", "Road map"]));
    let report = n.ok(&["run", "--as-of", AS_OF]);
    assert!(report.contains("matomo_log_visit: no export"), "{report}");
    assert!(report.contains("dataset.json: without description"), "{report}");
    let server = n.serve();
    let list = server.list("/similar/1");
    assert_eq!(list["similar_items"][0]["dataset_id"], 2);
    assert_eq!(list["similar_items"].as_array().map(Vec::len), Some(4));
    assert_eq!(n.json("evaluation/summary.json")["holdout"]["pairs"], 0);
}

#[test]
fn one_report_again() {
    let n = Nearset::demo();
    let said = n.ok(&["reconcile", "--start", "2026-10-01", "--end", "2026-10-03"]);
    assert!(said.contains("attributed") && said.contains("reconciliation_2026-10-01_2026-10-03.json"), "{said}");
    let days = n.json("evaluation/reconciliation_2026-10-01_2026-10-03.json");
    assert_eq!(days.as_object().map(serde_json::Map::len), Some(3));
    n.ok(&["report", "--date", "2026-09-20"]);
    let report = n.json("evaluation/daily_reports/recommendation_report_2026-09-20.json");
    let positions: u64 = report["breakdowns"]["positions"]
        .as_array()
        .expect("positions")
        .iter()
        .map(|p| p["exposures"].as_u64().expect("a count"))
        .sum();
    assert_eq!(report["summary"]["exposures"].as_u64(), Some(positions));
    let error = n.fails(1, &["report", "--date", "2020-01-01"]);
    assert!(error.contains("there are figures from 2026-09-01 to 2026-10-15"), "{error}");
    n.fails(1, &["reconcile", "--start", "2026-10-03", "--end", "2026-10-01"]);
}

#[test]
fn a_version_that_is_clearly_worse_is_kept_but_not_promoted() {
    let n = Nearset::demo().own_project();
    n.take_fixtures(|_| true);
    let current = fs::read_link(n.models().join("current")).expect("a current version");
    let file = n.project.join("sql/training/behaviour_neighbours.sql");
    let sql = fs::read_to_string(&file).expect("the query");
    // lists turned upside down
    fs::write(&file, sql.replace("round(organic, 9) as organic", "1 / (1 + 1e6 * organic) as organic")).expect("worse");
    let error = n.fails(5, &["run", "--as-of", AS_OF, "--from", "features"]);
    assert!(error.contains("hit rate@10") && error.contains("the figures are published"), "{error}");
    assert_eq!(fs::read_link(n.models().join("current")).expect("a current version"), current);
    assert_eq!(n.ok(&["models", "list"]).lines().count(), 2, "it is kept");
}

#[test]
fn one_run_at_a_time() {
    let n = Nearset::demo();
    fs::create_dir_all(n.data().join("_metadata")).expect("a folder");
    let held = fs::File::create(n.data().join("_metadata/run.lock")).expect("the lock's file");
    held.lock().expect("the lock");
    let error = n.fails(3, &["run", "--as-of", AS_OF]);
    assert!(error.contains("holds the lock"), "{error}");
}

#[test]
fn a_failed_check_publishes_nothing() {
    let n = Nearset::demo().own_project();
    let before = n.fingerprints();
    fs::write(
        n.project.join("sql/checks/check_no_free_data.sql"),
        "-- description: A check that does not hold.\nselect dataset_id, price\nfrom datasets\nwhere price = 0\n",
    )
    .expect("a check");
    n.take_fixtures(|_| true);
    let error = n.fails(4, &["run", "--as-of", AS_OF, "--from", "features"]);
    assert!(error.contains("sql/checks/check_no_free_data.sql") && error.contains("row(s)"), "{error}");
    assert!(error.contains("nothing was published"), "{error}");
    assert_eq!(n.fingerprints(), before);
    let runs = n.ok(&["runs"]);
    assert!(runs.contains("failed") && runs.contains("check_no_free_data"), "{runs}");
}

#[test]
fn steps_run_alone_and_a_dry_run_changes_nothing() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let before = n.fingerprints();
    let said = n.ok(&["run", "--dry-run", "--full-refresh"]);
    assert!(said.contains("dataset: 1 file(s): dataset.json.gz") && said.contains("nothing was changed"), "{said}");
    for step in ["features", "train", "evaluate", "reconcile"] {
        let mut run = n.command(&["run", "--only", step, "--as-of", AS_OF]);
        assert!(run.env("TRAIN_SECONDS", "300").status().expect("nearset runs").success());
    }
    assert_eq!(n.fingerprints(), before);
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_or_the_new_whole() {
    let n = Nearset::empty();
    n.take_exposures();
    n.take_fixtures(|name| !is_increment(name));
    n.ok(&["run", "--as-of", AS_OF]);
    let old = n.fingerprints();
    n.take_fixtures(is_increment);
    let mut seen_new = false;
    let history = || fs::read_to_string(n.data().join("_metadata/runs.jsonl")).expect("the history").len();
    for attempt in 0..12 {
        let before = history();
        let mut child =
            n.command(&["run", "--as-of", AS_OF]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run");
        // from its beginning on, however slow the machine starts it; some before it
        while attempt > 2 && history() == before && child.try_wait().expect("its state").is_none() {
            sleep(Duration::from_millis(5));
        }
        sleep(Duration::from_millis(60 + 170 * attempt));
        child.kill().ok();
        child.wait().expect("its end");
        // readers open the published file whatever the run was at
        seen_new |= n.fingerprints() != old;
    }
    n.ok(&["run", "--as-of", AS_OF]);
    let whole = Nearset::empty();
    whole.take_exposures();
    whole.take_fixtures(|_| true);
    whole.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.fingerprints(), whole.fingerprints(), "seen the new state before the last run: {seen_new}");
    let leftovers: Vec<String> = fs::read_dir(n.data())
        .expect("the data folder")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("work") || name.contains("part"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
    assert!(n.ok(&["runs", "--limit", "20"]).contains("killed"));
}

#[test]
fn readers_read_while_a_run_goes_on() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let expected = n.value("select count(*) from page_views");
    let mut child =
        n.command(&["run", "--full-refresh", "--as-of", AS_OF]).stdout(Stdio::null()).spawn().expect("a run");
    let mut reads = 0;
    while child.try_wait().expect("its state").is_none() {
        assert_eq!(n.value("select count(*) from page_views"), expected);
        reads += 1;
    }
    assert!(reads > 3, "{reads}");
    assert_eq!(n.value("select count(*) from page_views"), expected);
}
