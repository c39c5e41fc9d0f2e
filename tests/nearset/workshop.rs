//! SQL that is quick to try and stops no night: previews, builds, tests in headers, views that fail.

use std::fs;

use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset};

fn save(n: &Nearset, file: &str, text: &str) {
    let place = n.project.join(file);
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    fs::write(place, text).expect("a file");
}

fn edit(n: &Nearset, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(n.project.join(file)).expect("a file");
    assert!(text.contains(from), "{file}: {from}");
    save(n, file, &text.replace(from, to));
}

/// The demo, published with a project of one's own.
fn own() -> Nearset {
    Nearset::demo().own_project()
}

#[test]
fn a_changed_file_is_seen_at_once_with_what_reads_it_and_nothing_is_published() {
    let n = own();
    save(&n, "views/mine/busy.sql", "-- description: Busy pages.\nselect dataset_id, views\nfrom dataset_stats_v2\n");
    save(&n, "views/busier.sql", "-- description: Twice.\nselect dataset_id, 2 * views as views\nfrom busy\n");
    let all = n.value("select sum(views)::bigint from dataset_stats_v2").as_i64().expect("a number");
    assert_eq!(n.value("select sum(views)::bigint from busier"), 2 * all);
    edit(&n, "views/mine/busy.sql", "views\n", "views + 1 as views\n");
    let datasets = n.value("select count(*) from dataset_stats_v2").as_i64().expect("a number");
    assert_eq!(n.value("select sum(views)::bigint from busier"), 2 * (all + datasets));
    // a mart and a view that stands on it, which is not edited
    let before = n.value("select sum(datasets)::bigint from coverage").as_i64().expect("a number");
    edit(&n, "sql/marts/dataset_features_v2.sql", "-- key:", "-- unwindowed: a test.\n-- key:");
    assert_eq!(n.value("select sum(datasets)::bigint from coverage"), before);
    let preview: Value =
        serde_json::from_str(&n.ok(&["views", "preview", "busier", "--rows", "2", "--json"])).expect("JSON");
    assert_eq!((&preview["name"], preview["rows"].as_array().map(Vec::len)), (&json!("busier"), Some(2)));
    assert_eq!(preview["changes"][0]["name"], "busy");
    // a column of any name
    save(&n, "views/letters.sql", "-- description: A letter.\nselect 1 as t, 2 as v\n");
    let preview: Value = serde_json::from_str(&n.ok(&["views", "preview", "letters", "--json"])).expect("JSON");
    assert_eq!(preview["rows"], json!([{"t": 1, "v": 2}]));
    // a file that is in no project
    let aside = n.path().join("aside.sql");
    fs::write(&aside, "-- description: Aside.\n-- test: views < 0\nselect views\nfrom busy\n").expect("a file");
    let said = n.ok(&["views", "preview", &aside.to_string_lossy(), "--rows", "1"]);
    assert!(said.contains("Aside.") && said.contains("1 row") && said.contains("does not hold in"), "{said}");
    let published = n.ok(&[
        "sql",
        "--published",
        "select count(*) as n from duckdb_views() where view_name = 'busy'",
        "--format",
        "csv",
    ]);
    assert_eq!(published, "n\n0\n");
    assert!(n.fails(1, &["sql", "--published", "from busy"]).contains("busy"));
}

#[test]
fn a_build_publishes_what_a_whole_run_would_make_and_trains_nothing() {
    let n = own();
    // the first one knows what each relation is made of
    n.ok(&["run", "--from", "features", "--as-of", AS_OF]);
    assert!(n.ok(&["build"]).contains("nothing has changed"));
    let versions = n.ok(&["models", "list"]);
    let reports = n.json("evaluation/exposure_metrics.json");
    save(
        &n,
        "views/busy.sql",
        "-- description: Busy pages.\n-- materialize: table\nselect dataset_id, views\nfrom dataset_stats_v2\nwhere views > 50\n",
    );
    edit(
        &n,
        "sql/marts/dataset_stats_v2.sql",
        "-- key: dataset_id",
        "-- key: dataset_id\n-- test not_null: dataset_id, views",
    );
    let said = n.ok(&["build"]);
    assert!(said.contains("busy") && said.contains("dataset_stats_v2") && !said.contains("stg_task"), "{said}");
    assert_eq!(n.ok(&["models", "list"]), versions);
    assert_eq!(n.json("evaluation/exposure_metrics.json"), reports);
    assert!(n.ok(&["runs", "--limit", "1"]).contains("done"));
    let built = n.fingerprints();
    let leave_out = |all: Vec<Value>| -> Vec<Value> {
        // replays of held-out visits are made by evaluating again
        all.into_iter()
            .filter(|one| !one["name"].as_str().is_some_and(|name| name.contains("quality_history")))
            .collect()
    };
    n.ok(&["run", "--from", "features", "--as-of", AS_OF]);
    assert_eq!(leave_out(built), leave_out(n.fingerprints()));
    let selected = [
        ("busy", true),
        ("marts", true),
        ("+busy", true),
        ("nobody", false),
        ("+", false),
        (" ++", false),
        ("", false),
    ];
    for (select, held) in selected {
        let output = n.run(&["build", "--select", select]);
        assert_eq!(output.status.success(), held, "{select}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn whoever_looks_is_told_what_is_left_out(n: &Nearset) {
    for looks in [&["views", "list"][..], &["views", "lineage", "reader"], &["evaluate", "--brief", "--json"]] {
        let output = n.run(looks);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.contains("left out") && told.contains("views/syntax.sql:2:"), "{told}");
    }
    assert!(n.fails(1, &["views", "list", "circle_a"]).contains("circle"));
}

#[test]
fn views_that_fail_keep_their_last_good_rows_and_stop_nothing() {
    let n = own();
    let table = "-- description: Kept.\n-- materialize: table\nselect 1 as one\n";
    let view = "-- description: Kept.\nselect 1 as one\n";
    let names = ["syntax", "binding", "runtime", "header", "circle_a", "circle_b", "chart"];
    for name in names {
        save(&n, &format!("views/{name}.sql"), if name == "runtime" { table } else { view });
    }
    save(&n, "views/reader.sql", "-- description: Reads one that fails.\nselect one + 1 as two\nfrom runtime\n");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    for (name, text) in [
        ("syntax", "-- description: 坏。\nselect 1 as one form x y\n"),
        ("binding", "-- description: Bad.\nselect pricee as one\nfrom datasets\n"),
        (
            "runtime",
            "-- description: Bad.\n-- materialize: table\nselect cast(title as integer) as one\nfrom datasets\n",
        ),
        ("header", "select 2 as one\n"),
        ("circle_a", "-- description: A.\nselect one\nfrom circle_b\n"),
        ("circle_b", "-- description: B.\nselect one\nfrom circle_a\n"),
        ("chart", "-- description: Bad.\n-- chart: lines x=one y=one\nselect 2 as one\n"),
        // new, and never in order
        ("datasets", "-- description: A twin.\nselect 1 as one\n"),
        ("fresh", "-- description: Fails when it is read.\nselect cast(title as integer) as number\nfrom datasets\n"),
    ] {
        save(&n, &format!("views/{name}.sql"), text);
    }
    let error = n.fails(1, &["views", "check"]);
    for told in [
        "views/syntax.sql:2:",
        "views/binding.sql:2:",
        "views/header.sql:1:",
        "circle",
        "views/chart.sql:2:",
        "views/datasets.sql:",
    ] {
        assert!(error.contains(told), "{told}: {error}");
    }
    whoever_looks_is_told_what_is_left_out(&n);
    let said = n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    for name in names {
        assert!(said.contains(&format!("view {name} failed")), "{name}: {said}");
        assert_eq!(
            n.ok(&["sql", "--published", &format!("select one from {name}"), "--format", "csv"]),
            "one\n1\n",
            "{name}"
        );
    }
    assert_eq!(n.value("select two from reader"), 2);
    assert_eq!(n.value("select count(*) from datasets"), 312);
    let failed = n.sql("select name from raw.built_relations where state = 'failed' order by name");
    let failed: Vec<&str> = failed.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(failed, ["binding", "chart", "circle_a", "circle_b", "fresh", "header", "runtime", "syntax"]);
    assert_eq!(n.json("_metadata/metrics.json")["views"].as_array().map(Vec::len), Some(8));
    for name in names.into_iter().chain(["datasets", "fresh"]) {
        fs::remove_file(n.project.join(format!("views/{name}.sql"))).expect("removed");
    }
    fs::remove_file(n.project.join("views/reader.sql")).expect("removed");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert_eq!(n.json("_metadata/metrics.json")["views"], json!([]));
}

#[test]
fn a_view_that_takes_too_long_is_ended() {
    let mut n = own();
    n.set("VIEW_SECONDS", "1");
    save(
        &n,
        "views/bomb.sql",
        "-- description: Never ends.\n-- materialize: table\nselect count(*) as n\nfrom range(10000000) as a, range(10000000) as b\nwhere a.range + b.range = 1\n",
    );
    let said = n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert!(said.contains("view bomb failed") && said.contains("or raise VIEW_SECONDS"), "{said}");
}

#[test]
fn tests_in_headers_block_in_sql_and_are_told_in_views() {
    let n = own();
    save(
        &n,
        "views/tested.sql",
        "-- description: Tested.\n-- test unique: one\n-- test accepted_values: word in (a, b)\n-- test: one < 3\nselect *\nfrom (values (1, 'a'), (1, 'c'), (3, null)) as t (one, word)\n",
    );
    let said = n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    for told in [
        "views/tested.sql:2: unique (one)",
        "views/tested.sql:3: accepted_values",
        "views/tested.sql:4: expression (one < 3)",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert_eq!(n.sql("from failing.tested_accepted_values_word"), [json!({"one": 1, "word": "c"})]);
    assert_eq!(n.value("select count(*) from raw.test_results where relation = 'tested' and rows > 0"), 3);
    edit(&n, "sql/reconcile/reconciliation_daily.sql", "-- key: day", "-- key: day\n-- test: business_order_count < 0");
    let error = n.fails(4, &["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert!(error.contains("reconciliation_daily.sql") && error.contains("does not hold"), "{error}");
    assert!(n.data().join("_metadata/failing/reconciliation_daily_expression_1.jsonl").is_file());
    edit(&n, "sql/reconcile/reconciliation_daily.sql", "-- test:", "-- test warn:");
    assert!(n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]).contains("does not hold"));
    fs::remove_file(n.project.join("views/tested.sql")).expect("removed");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    n.fails(1, &["sql", "from failing.tested_unique_one"]);
}

#[test]
fn what_is_wrong_with_training_alone_holds_the_model_back_and_not_the_figures() {
    let n = own();
    n.take_fixtures(|_| true);
    save(
        &n,
        "sql/checks/check_training.sql",
        "-- description: Never.\nselect 'odd' as violation\nfrom popularity\nlimit 1\n",
    );
    let current = fs::read_link(n.models().join("current")).expect("a version");
    let error = n.fails(5, &["run", "--as-of", "2026-10-17"]);
    assert!(error.contains("held back") && error.contains("check_training"), "{error}");
    assert_eq!(fs::read_link(n.models().join("current")).expect("a version"), current);
    assert_eq!(n.value("select as_of from raw.run_parameters"), "2026-10-17 00:00:00");
}

#[test]
fn all_errors_are_told_at_once_with_their_columns() {
    let n = own();
    save(&n, "views/one.sql", "-- description: 一。\r\nselect '中文😀',\tpricee\r\nfrom datasets\r\n");
    save(
        &n,
        "views/two.sql",
        "-- description: 二。\n-- chart: line x=dya y=views\n-- test not_null: nobody\nselect 1 as day, 2 as views\n",
    );
    save(&n, "views/three.sql", "-- description: 三。\n-- colour: red\nselect 1 form x\n");
    let output = n.run(&["views", "check", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = told["problems"].as_array().expect("problems");
    let at = |problem: &Value| {
        format!("{}:{}:{}", problem["file"].as_str().unwrap_or_default(), problem["line"], problem["column"])
    };
    let mut places: Vec<String> = problems.iter().map(at).collect();
    places.sort();
    assert_eq!(
        places,
        [
            "views/one.sql:2:15",
            "views/three.sql:2:null",
            "views/three.sql:3:15",
            "views/two.sql:2:null",
            "views/two.sql:3:null"
        ],
        "{told}"
    );
    assert!(!output.status.success());
}
