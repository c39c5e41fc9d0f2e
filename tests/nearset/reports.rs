//! What the old system left for others: files under their old names, keys of its reports, the registry of models, and the
//! pages that show reports.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nearset::warehouse;
use serde_json::Value;

use crate::pages::in_chromium;
use crate::support::{AS_OF, Nearset, Server, agent, truth};

/// The old Parquet files and the columns of each.
const OLD_FILES: [(&str, &str); 9] = [
    ("interactions", "user_id, dataset_id, weight, last_event_time"),
    (
        "dataset_features",
        "dataset_id, dataset_name, description, tag, price, create_company_name, cover_id, create_time",
    ),
    ("user_profile", "user_id, company_name, province, city, is_consumption"),
    ("dataset_stats", "dataset_id, interaction_count, total_weight, last_event_time"),
    (
        "recommend_exposures",
        "request_id, algorithm_version, user_id, page_id, dataset_id, score, reason, timestamp, position",
    ),
    ("recommend_clicks", "dataset_id, request_id, server_time, position"),
    ("recommend_conversions", "dataset_id, request_id, server_time, revenue, position"),
    (
        "recommend_slot_metrics",
        "dataset_id, position, exposure_count, click_count, conversion_count, conversion_revenue, ctr, cvr",
    ),
    (
        "ranking_labels_by_dataset",
        "dataset_id, label, click_count, exposure_count, conversion_count, conversion_revenue, conversion_rate",
    ),
];

/// The only value of a query on Parquet files of `processed/`, each named by itself.
fn parquet_value(n: &Nearset, query: &str) -> i64 {
    let db = warehouse::small().expect("DuckDB");
    for (name, _) in OLD_FILES {
        let path = n.data().join(format!("processed/{name}.parquet"));
        db.execute_batch(&format!("create view {name} as from '{}'", path.display())).expect("a Parquet file");
    }
    db.query_row(query, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn days(of: &Value) -> Vec<(String, Value)> {
    of["days"].as_object().expect("days").iter().map(|(day, figures)| (day.clone(), figures.clone())).collect()
}

/// A figure of all days of the truth.
fn total(name: &str) -> u64 {
    days(&truth()).iter().map(|(_, day)| day[name].as_u64().expect("a count")).sum()
}

#[test]
fn the_old_parquet_files_are_there_with_their_columns_and_hold_what_ours_do() {
    let n = Nearset::demo();
    for (name, columns) in OLD_FILES {
        assert!(parquet_value(&n, &format!("select count(*) from (select {columns} from {name})")) > 0, "{name}");
    }
    let count = |query: &str| parquet_value(&n, query);
    assert_eq!(count("select count(*) from recommend_clicks") as u64, total("clicks"));
    assert_eq!(count("select count(*) from recommend_conversions") as u64, total("attributed_conversions"));
    assert_eq!(
        count("select cast(sum(exposure_count) as bigint) from recommend_slot_metrics") as u64,
        total("exposures")
    );
    assert_eq!(count("select cast(sum(click_count) as bigint) from ranking_labels_by_dataset") as u64, total("clicks"));
    assert_eq!(count("select count(*) from recommend_exposures"), n.value("select count(*) from exposures"));
    assert_eq!(
        count("select count(*) from dataset_features"),
        n.value("select count(*) from datasets where not is_deleted")
    );
    assert_eq!(count("select count(*) from user_profile"), n.value("select count(*) from users"));
    let buyers =
        "select count(*) from (select distinct user_id, dataset_id from orders inner join datasets using (dataset_id)
                  where user_id is not null and not is_deleted)";
    assert_eq!(count("select count(*) from interactions"), n.value(buyers));
    assert_eq!(count("select cast(sum(interaction_count) as bigint) from dataset_stats"), n.value(buyers));
    // each in the order of its key, so that a run repeats to the byte
    assert_eq!(
        count(
            "select count(*) from (select dataset_id < lag(dataset_id) over () as is_back from dataset_features) where is_back"
        ),
        0
    );
}

#[test]
fn the_old_files_go_where_they_are_not_wanted_and_no_file_of_anybody_elses() {
    let mut n = Nearset::demo().own_project();
    let file = |n: &Nearset, name: &str| n.data().join(format!("processed/{name}.parquet"));
    // what lies in the place of a file that nearset never wrote is not its own
    fs::write(file(&n, "somebody_elses"), "theirs").expect("a file");
    n.set("LEGACY_FILES", "off");
    let said = n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert!(said.contains("removed from processed/") && said.contains("recommend_exposures"), "{said}");
    for (name, _) in OLD_FILES {
        assert!(!file(&n, name).exists(), "{name}");
    }
    assert!(file(&n, "somebody_elses").exists() && file(&n, "interactions_v2").exists());
    n.fails(1, &["sql", "from recommend_exposures"]);
    n.ok(&["views", "check"]);
    // the names are free: an analyst may have a view of one
    let view = n.project.join("views/interactions.sql");
    fs::write(&view, "-- description: Mine.\nselect dataset_id\nfrom datasets\n").expect("a view");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    n.set("LEGACY_FILES", "on");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("the name interactions is taken"), "{error}");
    fs::remove_file(&view).expect("removed");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert!(file(&n, "recommend_exposures").exists());
    // without the folder there is no room for them either
    fs::remove_dir_all(n.project.join("sql/legacy")).expect("removed");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert!(!file(&n, "recommend_exposures").exists() && file(&n, "interactions_v2").exists());
    n.set("LEGACY_FILES", "perhaps");
    assert!(n.fails(1, &["runs"]).contains("LEGACY_FILES"));
}

#[test]
fn summary_has_the_old_figures_beside_ours() {
    let n = Nearset::demo();
    let summary = n.json("evaluation/summary.json");
    assert!(summary["metrics"]["hit_rate@10"].is_number() && summary["holdout"]["pairs"].is_number());
    let figure = |name: &str| summary[name].as_f64().unwrap_or_else(|| panic!("{name}: {}", summary[name]));
    let asked = |query: &str| n.value(query).as_f64().expect("a figure");
    assert_eq!(figure("exposures_total"), total("exposures") as f64);
    assert_eq!(figure("exposures_ctr"), asked("select ctr from exposure_summary"));
    assert_eq!(figure("exposures_cvr"), asked("select cvr from exposure_summary"));
    assert_eq!(figure("exposures_unique_users"), asked("select count(distinct user_id) from exposures"));
    assert_eq!(figure("total_views"), asked("select count(*) from page_views"));
    let orders = "from conversions where order_ref is not null and dataset_id is not null";
    assert_eq!(figure("total_conversions"), asked(&format!("select count(*) {orders}")));
    assert_eq!(figure("total_revenue"), asked(&format!("select sum(cents(revenue)) / 100.0 {orders}")));
    let tracked = format!("select count(*) from (select dataset_id from page_views union select dataset_id {orders})");
    assert_eq!(figure("total_datasets_tracked"), asked(&tracked));
    assert_eq!(figure("average_conversion_rate"), asked("select round(avg(conversion_rate), 6) from dataset_metrics"));
    let hits = |list: &str, place: u32| {
        asked(&format!(
            "select round(count(*) filter (where place <= {place}) / count(*), 6)
             from raw.offline_replays where model = 'holdout' and list = '{list}'"
        ))
    };
    assert_eq!(figure("ranking_hit_rate_top20"), hits("detail", 20));
    assert_eq!(figure("vector_recall_hit_rate_at_50"), hits("content", 50));
    assert!(hits("content", 50) > hits("content", 20), "the list of a channel goes on beyond 20");
    // what was not measured is null
    let fresh = Nearset::empty();
    fresh.take_fixtures(|name| name.starts_with("dataset.json"));
    fresh.ok(&["run", "--as-of", AS_OF]);
    let summary = fresh.json("evaluation/summary.json");
    for name in [
        "exposures_ctr",
        "exposures_cvr",
        "vector_recall_hit_rate_at_50",
        "ranking_hit_rate_top20",
        "average_conversion_rate",
    ] {
        assert!(summary.as_object().is_some_and(|all| all.get(name) == Some(&Value::Null)), "{name}: {summary}");
    }
    assert_eq!((&summary["exposures_total"], &summary["total_views"]), (&0.into(), &0.into()));
    assert_eq!(fresh.json("evaluation/tracking_report_v2.json")["status"], "no_data");
    assert_eq!(fresh.json("evaluation/tracking_verification.json")["summary"]["passed"], 0);
}

#[test]
fn a_daily_report_has_the_old_keys_with_the_days_figures() {
    let n = Nearset::demo();
    let report = n.json("evaluation/daily_reports/recommendation_report_2026-10-15.json");
    let truth: std::collections::BTreeMap<String, Value> = days(&truth()).into_iter().collect();
    let of = |day: &str, name: &str| truth[day][name].as_f64().expect("a count");
    let summary = &report["summary"];
    for (name, planted) in
        [("total_exposures", "exposures"), ("total_clicks", "clicks"), ("total_conversions", "attributed_conversions")]
    {
        let (today, before) = (of("2026-10-15", planted), of("2026-10-14", planted));
        assert_eq!(summary[name].as_f64(), Some(today), "{name}");
        let rounded = |share: f64| (share * 1e4).round() / 1e4;
        let risen = (before != 0.0).then(|| rounded(today / before - 1.0));
        assert_eq!(report["deltas"]["vs_previous_day"][name].as_f64(), risen, "{name}");
        let week: f64 = (8..=14).map(|day| of(&format!("2026-10-{day:02}"), planted)).sum::<f64>() / 7.0;
        let above = report["deltas"]["vs_7day_avg"][name].as_f64().expect("a share");
        assert!((above - (today / week - 1.0)).abs() < 1e-4, "{name}: {above}");
        assert_eq!(report["comparisons"]["previous_day"][name].as_f64(), Some(before), "{name}");
        let mean = report["comparisons"]["seven_day_average"][name].as_f64().expect("a mean");
        assert!((mean - week).abs() < 1e-5, "{name}: {mean}");
    }
    assert_eq!(summary["date"], "2026-10-15");
    assert_eq!(report["generated_at"], "2026-10-16T00:00:00Z");
    let asked = |query: &str| n.value(query);
    let on = "where day = '2026-10-15'";
    assert_eq!(summary["total_detail_views"], asked(&format!("select count(*) from page_views {on}")));
    assert_eq!(summary["unique_users"], asked(&format!("select count(distinct user_id) from exposures {on}")));
    assert_eq!(summary["unique_request_ids"], asked(&format!("select count(distinct request_id) from exposures {on}")));
    assert_eq!(
        summary["total_revenue"],
        asked(&format!("select coalesce(sum(cents(revenue)), 0) / 100.0 from attributed_conversions {on}"))
    );
    let ctr = summary["overall_ctr"].as_f64().expect("a rate");
    assert!((ctr - of("2026-10-15", "clicks") / of("2026-10-15", "exposures")).abs() < 1e-6);
    for name in ["overall_cvr", "unique_visitors", "unique_datasets_exposed", "unique_datasets_clicked"] {
        assert!(summary[name].is_number(), "{name}");
    }
    let chart = report["history_chart"].as_array().expect("days");
    assert_eq!((chart.len(), &chart[0]["date"], &chart[6]["date"]), (7, &"2026-10-09".into(), &"2026-10-15".into()));
    assert_eq!(chart[0]["total_exposures"].as_f64(), Some(of("2026-10-09", "exposures")));
}

#[test]
fn a_daily_reports_parts_add_up_and_ours_are_as_they_were() {
    let n = Nearset::demo();
    let report = n.json("evaluation/daily_reports/recommendation_report_2026-10-15.json");
    let summary = &report["summary"];
    for (breakdown, name) in
        [("by_version", "algorithm_version"), ("by_endpoint", "endpoint"), ("by_position", "min_position")]
    {
        let rows = report["breakdowns"][breakdown].as_array().expect("rows");
        let exposures: f64 = rows.iter().map(|row| row["exposures"].as_f64().expect("a count")).sum();
        assert_eq!(Some(exposures), summary["total_exposures"].as_f64(), "{breakdown}");
        assert!(rows.iter().all(|row| !row[name].is_null() && row["ctr"].is_number() && row["cvr"].is_number()));
    }
    let top = report["breakdowns"]["top_datasets"].as_array().expect("rows");
    assert_eq!(top.len(), 10);
    assert!(top.windows(2).all(|pair| pair[0]["clicks"].as_u64() >= pair[1]["clicks"].as_u64()));
    let operations = &report["operations"];
    assert!(operations["fallbacks"].is_array() && operations["experiments"].is_array());
    let variants = operations["variants"].as_array().expect("rows");
    let requests: u64 = variants.iter().map(|row| row["requests"].as_u64().expect("a count")).sum();
    assert_eq!(Some(requests), summary["unique_request_ids"].as_u64());
    assert_eq!(operations["funnel_rates"]["exposure_to_click"], summary["overall_ctr"]);
    assert_eq!(report["record_counts"]["exposures"], summary["total_exposures"]);
    for name in ["click_events", "conversions", "merged_rows"] {
        assert!(report["record_counts"][name].is_number(), "{name}");
    }
    // ours are as they were, and the command writes what the run did
    assert_eq!(report["summary"]["exposures"], summary["total_exposures"]);
    assert!(report["breakdowns"]["versions"].is_array() && report["history"].is_object());
    n.ok(&["report", "--date", "2026-10-15"]);
    assert_eq!(n.json("evaluation/daily_reports/recommendation_report_2026-10-15.json"), report);
}

#[test]
fn what_was_shown_extracted_and_ordered_is_told_in_the_old_files() {
    let n = Nearset::demo();
    let report = n.json("evaluation/tracking_report_v2.json");
    assert_eq!((&report["status"], &report["summary"]["status"]), (&"success".into(), &"success".into()));
    assert_eq!(report["summary"]["total_exposures"].as_u64(), Some(total("exposures")));
    assert_eq!(report["summary"]["total_clicks"].as_u64(), Some(total("clicks")));
    assert_eq!(report["summary"]["total_conversions"].as_u64(), Some(total("attributed_conversions")));
    for (rows, name) in
        [("by_version", "algorithm_version"), ("by_endpoint", "endpoint"), ("by_position", "min_position")]
    {
        let rows = report[rows].as_array().expect("rows");
        let exposures: u64 = rows.iter().map(|row| row["exposures"].as_u64().expect("a count")).sum();
        assert!(exposures == total("exposures") && rows.iter().all(|row| !row[name].is_null()), "{name}");
    }
    let verification = n.json("evaluation/tracking_verification.json");
    let checks = verification["checks"].as_array().expect("checks");
    assert_eq!(verification["timestamp"], "2026-10-16T00:00:00Z");
    assert_eq!(verification["summary"]["total"].as_u64(), Some(checks.len() as u64));
    let passed = checks.iter().filter(|check| check["passed"] == true).count();
    assert_eq!(verification["summary"]["passed"].as_u64(), Some(passed as u64));
    for name in ["exposures_logged", "views_carry_request_ids", "request_ids_were_exposed", "conversions_attributed"] {
        let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}"));
        assert!(check["passed"] == true && check["details"] == "", "{check}");
    }

    let csv = fs::read_to_string(n.data().join("evaluation/dataset_metrics.csv")).expect("a file");
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some("dataset_id,views,conversions,revenue,title,price,create_company_name,conversion_rate")
    );
    let cell = |line: &str, place: usize| line.split(',').nth(place).expect("a cell").parse::<f64>().expect("a number");
    let rows: Vec<&str> = lines.collect();
    let views: f64 = rows.iter().map(|line| cell(line, 1)).sum();
    assert_eq!(Some(views), n.json("evaluation/summary.json")["total_views"].as_f64());
    assert!(rows.windows(2).all(|pair| cell(pair[0], 2) >= cell(pair[1], 2)), "the most ordered come first");

    let runs = n.json("evaluation/extract_metrics.json");
    let table = |name: &str| {
        let tables = runs[0]["tables"].as_array().expect("tables");
        tables.iter().find(|table| table["table"] == name).cloned().unwrap_or_else(|| panic!("{name}: {runs}"))
    };
    assert_eq!((&runs[0]["data_source"], &runs[0]["full_refresh"]), (&"json".into(), &false.into()));
    let visits = table("matomo_log_visit");
    assert_eq!((&visits["source"], &visits["mode"]), (&"matomo".into(), &"full".into()));
    assert_eq!(visits["rows"], n.value("select count(*) from raw.matomo_log_visit"));
    assert_eq!(visits["rows_added"], visits["rows"]);
    assert_eq!(visits["incremental_column"], "visit_last_action_time");
    // a second run adds what the first did not have
    n.take_fixtures(|_| true);
    n.ok(&["run", "--only", "extract", "--as-of", AS_OF]);
    let visits = &n.json("evaluation/extract_metrics.json")[0]["tables"];
    let visits = visits.as_array().expect("tables").iter().find(|table| table["table"] == "matomo_log_visit");
    assert_eq!(
        visits.map(|table| (table["mode"].clone(), table["rows_added"].clone())),
        Some(("incremental".into(), 0.into()))
    );
}

#[test]
fn the_registry_of_models_says_what_is_current_and_was_before() {
    let n = Nearset::demo();
    let registry = || -> Value {
        let text = fs::read(n.models().join("model_registry.json")).expect("a registry");
        serde_json::from_slice(&text).expect("JSON")
    };
    let current = || fs::read_link(n.models().join("current")).expect("a link").to_string_lossy().into_owned();
    let first = current();
    let entry = registry()["current"].clone();
    assert_eq!((&entry["run_id"], &entry["logged_at"]), (&first.clone().into(), &"2026-10-16T00:00:00Z".into()));
    assert!(n.models().join(entry["artifact_uri"].as_str().expect("a place")).join("manifest.json").is_file());
    let artifacts = entry["artifacts"].as_array().expect("files");
    assert!(artifacts.contains(&"items.parquet".into()), "{artifacts:?}");
    assert!(
        entry["params"]["dataset_features_rows"].as_u64() > Some(300) && entry["metrics"]["hit_rate@10"].is_number()
    );
    assert_eq!(registry()["history"], Value::Array(Vec::new()));

    n.take_fixtures(|_| true);
    n.ok(&["run", "--from", "features", "--as-of", "2026-10-17"]);
    let second = current();
    assert_ne!(first, second);
    let ids = |registry: &Value| -> Vec<Value> {
        registry["history"].as_array().expect("a history").iter().map(|entry| entry["run_id"].clone()).collect()
    };
    assert_eq!(
        (&registry()["current"]["run_id"], ids(&registry())),
        (&second.clone().into(), vec![first.clone().into()])
    );
    n.ok(&["models", "rollback"]);
    assert_eq!(registry()["current"]["run_id"], first);
    assert_eq!(ids(&registry())[0], second);
    n.ok(&["models", "promote", &second]);
    assert_eq!(registry()["current"]["run_id"], second);
    assert_eq!(ids(&registry()).len(), 3);

    // what the old system wrote there goes before ours
    let old = r#"{"current": {"run_id": "0f3c", "artifact_uri": "file:///mlruns/0/0f3c/artifacts", "params": {"vector_recall_k": 200}},
        "history": [{"run_id": "0e11"}]}"#;
    fs::write(n.models().join("model_registry.json"), old).expect("a file");
    n.ok(&["models", "promote", &first]);
    assert_eq!(registry()["current"]["run_id"], first);
    assert_eq!(ids(&registry()), [second.as_str(), "0f3c", "0e11"].map(Value::from));
    assert_eq!(registry()["history"][1]["params"]["vector_recall_k"], 200);
    // no more than 20, and what is not of the form stops nothing
    fs::write(n.models().join("model_registry.json"), "[]").expect("a file");
    for _ in 0..11 {
        n.ok(&["models", "promote", &second]);
        n.ok(&["models", "promote", &first]);
    }
    assert_eq!(ids(&registry()).len(), 20);
}

/// Asks as somebody with these headers; status, kind and body.
fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut request = agent().get(format!("{}{path}", server.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.call().expect("an answer");
    let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
    (response.status().as_u16(), kind, response.body_mut().read_to_string().expect("text"))
}

const DAILY: &str = "recommendation_report_2026-10-15.json";

#[test]
fn reports_are_listed_and_shown_in_the_form_that_is_asked_for() {
    let n = Nearset::demo();
    let server = n.serve();
    let html = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let (_, listing) = server.get("/reports?format=json");
    let daily = listing["daily"].as_array().expect("reports");
    assert_eq!((daily.len(), &daily[0]["file"], &daily[0]["days"]), (7, &DAILY.into(), &"2026-10-15".into()));
    let reconciliation = listing["reconciliations"][0]["file"].as_str().expect("a name").to_owned();
    assert_eq!(reconciliation, "reconciliation_2026-09-01_2026-10-15.json");
    assert!(listing["files"].as_array().expect("files").iter().any(|file| file["file"] == "summary.json"));
    let page =
        |answer: (u16, String, String)| answer.1.starts_with("text/html") && answer.2.contains("<main id=\"main\">");
    let written = n.json(&format!("evaluation/daily_reports/{DAILY}"));
    let same = |answer: (u16, String, String)| serde_json::from_str::<Value>(&answer.2).expect("JSON") == written;
    // the old viewer's addresses: a page under /report, the file under /reports, but for a browser
    for path in [
        "/reports",
        "/report/recommendation_report_2026-10-15.json",
        "/report/recommendation_report_2026-10-15",
        "/report/recommendation_report_2026-10-15.html",
    ] {
        assert!(page(ask(&server, path, &[])) && page(ask(&server, path, &html)), "{path}");
    }
    assert!(page(ask(&server, &format!("/reports/{DAILY}"), &html)));
    assert!(same(ask(&server, &format!("/reports/{DAILY}"), &[])));
    assert!(same(ask(&server, &format!("/report/{DAILY}"), &[("accept", "application/json")])));
    assert!(same(ask(&server, &format!("/report/{DAILY}?format=json"), &html)));
    assert_eq!(server.get(&format!("/reports/{reconciliation}")).1, n.json(&format!("evaluation/{reconciliation}")));
    let csv = ask(&server, "/reports/dataset_metrics.csv", &html);
    assert!(csv.1.starts_with("text/csv") && csv.2.starts_with("dataset_id,"), "{csv:?}");
    assert_eq!(ask(&server, &format!("/reports/{DAILY}?format=xml"), &[]).0, 400);
    assert_eq!(ask(&server, "/report/recommendation_report_1999-01-01", &html).0, 404);
    assert_eq!(ask(&server, "/reports/recommendation_report_1999-01-01.json", &[]).0, 404);

    // a name picks from what the folder holds, and leads nowhere else
    let outside = n.path().join("secret.json");
    fs::write(&outside, "\"secret\"").expect("a file");
    let daily = n.data().join("evaluation/daily_reports");
    symlink(&outside, daily.join("recommendation_report_2026-01-01.json")).expect("a link");
    fs::create_dir(daily.join("recommendation_report_2026-01-02.json")).expect("a folder");
    for name in [
        "exposure_log.1.jsonl.gz",
        "..%2f..%2f..%2fsecret.json",
        "..%2Fsummary.json",
        "%2e%2e%2fsummary.json",
        "..",
        ".",
        "%00",
        "daily_reports%2frecommendation_report_2026-10-15.json",
        "%2Fetc%2Fpasswd",
        "..%5csummary.json",
        "recommendation_report_2026-01-01.json",
        "recommendation_report_2026-01-02.json",
    ] {
        for route in ["report", "reports"] {
            let (status, _, body) = ask(&server, &format!("/{route}/{name}?format=json"), &[]);
            assert!((status == 404 || status == 400) && !body.contains("secret\""), "{route} {name}: {status} {body}");
        }
    }
    // more than anybody reads is not read
    let big = fs::File::create(daily.join("recommendation_report_2026-01-03.json")).expect("a file");
    big.set_len(20 << 20).expect("a size");
    let (status, _, body) = ask(&server, "/reports/recommendation_report_2026-01-03.json", &[]);
    assert!(status == 404 && body.contains("is larger than"), "{status} {body}");
}

#[test]
fn reports_are_for_this_machine_for_the_token_or_for_all_as_it_is_set() {
    let n = Nearset::demo();
    let path = format!("/reports/{DAILY}");
    let status = |server: &Server, headers: &[(&str, &str)]| ask(server, &path, headers).0;
    // "reader:t" and "reader:u"
    let (right, wrong) = (("authorization", "Basic cmVhZGVyOnQ="), ("authorization", "Basic cmVhZGVyOnU="));
    let (bearer, proxied, other_name) =
        (("authorization", "Bearer t"), ("x-forwarded-for", "192.0.2.7"), ("host", "shop.example.cn"));
    let server = n.serve();
    assert_eq!(status(&server, &[]), 200);
    for elsewhere in [proxied, other_name] {
        let (status, _, body) = ask(&server, &path, &[elsewhere]);
        assert!(status == 401 && body.contains("ADMIN_TOKEN"), "{body}");
    }
    drop(server);
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    for elsewhere in [proxied, other_name] {
        assert_eq!(status(&server, &[elsewhere]), 401);
        assert_eq!(status(&server, &[elsewhere, wrong]), 401);
        assert_eq!(status(&server, &[elsewhere, right]), 200);
        assert_eq!(status(&server, &[elsewhere, bearer]), 200);
    }
    let refused =
        agent().get(format!("{}/reports", server.base)).header("host", "shop.example.cn").call().expect("an answer");
    assert!(refused.headers()["www-authenticate"].to_str().expect("text").starts_with("Basic "));
    drop(server);
    let server = n.serve_with(|command| {
        command.env("REPORTS", "on");
    });
    assert_eq!((status(&server, &[]), status(&server, &[proxied, other_name])), (200, 200));
    drop(server);
    let server = n.serve_with(|command| {
        command.env("REPORTS", "off").env("ADMIN_TOKEN", "t");
    });
    assert_eq!((status(&server, &[]), status(&server, &[bearer])), (404, 404));
}

#[test]
fn the_pages_speak_both_languages_and_show_what_the_files_hold() {
    let n = Nearset::demo();
    // a report of the old system's own, in the same folder
    let old = r#"{"summary": {"date": "2026-08-31", "total_exposures": 4321, "total_clicks": 12, "overall_ctr": 0.0028},
        "deltas": {"vs_previous_day": {"total_exposures": 0.5}, "vs_7day_avg": {"total_exposures": null}},
        "breakdowns": {"by_version": [{"algorithm_version": "<b>legacy</b>", "exposures": 4321}]},
        "history_chart": [{"date": "2026-08-31", "total_exposures": 4321, "overall_ctr": 0.0028}]}"#;
    let place = "evaluation/daily_reports/recommendation_report_2026-08-31.json";
    fs::write(n.data().join(Path::new(place)), old).expect("a report");
    let server = n.serve();
    // what is shown, without the script that shows it
    let shown = |path: &str, lang: &str| {
        let page = in_chromium(&format!("{}{path}", server.base), lang)?;
        Some(page.split("<script>").next().unwrap_or_default().to_owned())
    };
    let report = n.json(&format!("evaluation/daily_reports/{DAILY}"));
    let top = report["breakdowns"]["top_datasets"][0]["title"].as_str().expect("a title").to_owned();
    for (lang, said) in [
        ("zh-CN", ["日报 2026-10-15", "点击率", "按位置", "搁置的行"]),
        ("en-US", ["Report of 2026-10-15", "CTR", "By position", "Rows set aside"]),
    ] {
        let Some(page) = shown(&format!("/report/{DAILY}"), lang) else { return };
        assert!(said.iter().all(|text| page.contains(text)) && page.contains(&top), "{lang}: {page}");
        assert_eq!(page.matches("<svg ").count(), 2, "{lang}: {page}");
        assert!(
            !page.contains("undefined") && !page.contains("NaN") && !page.contains("class=\"error\""),
            "{lang}: {page}"
        );
        let page = shown("/reports", lang).expect("it was there just now");
        assert!(
            page.contains(said[1])
                && page.contains(&format!("href=\"/report/{DAILY}\""))
                && page.contains("href=\"/report/reconciliation_"),
            "{lang}: {page}"
        );
    }
    let there = |path: &str| shown(path, "en-US").expect("it was there just now");
    let page = there("/report/reconciliation_2026-09-01_2026-10-15.json");
    assert!(page.matches("<tr>").count() > 45 && page.contains("Orders missing in Matomo"), "{page}");
    let page = there("/report/recommendation_report_2026-08-31.json");
    assert!(
        page.contains("4,321") && page.contains("&lt;b&gt;legacy&lt;/b&gt;") && !page.contains("class=\"error\""),
        "{page}"
    );
    assert!(there("/report/tracking_verification.json").contains("exposures_logged"));
    assert!(there("/report/recommendation_report_1999-01-01.json").contains("There is no such report"));
}
