//! What goes in: forms of exports, keys and change times, broken files, the exposure log.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::support::{AS_OF, Nearset, ROOT, catalogue};

#[test]
fn arrays_lines_and_packed_files_are_the_same() {
    let (array, lines) = (Nearset::empty(), Nearset::empty());
    let rows: Vec<_> = ["a", "b", "c"]
        .iter()
        .enumerate()
        .map(|(i, name)| json!({"id": i + 1, "dataset_name": name, "create_time": "2026-01-01T00:00:00", "price": 1.5}))
        .collect();
    array.write("dataset.json", &serde_json::to_string_pretty(&rows).expect("JSON"));
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let file = fs::File::create(lines.exports().join("dataset.json.gz")).expect("a file");
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(text.as_bytes()).expect("packed");
    packed.finish().expect("packed");
    for n in [&array, &lines] {
        n.ok(&["run", "--as-of", AS_OF]);
    }
    let query = "from datasets order by dataset_id";
    assert_eq!(array.sql(query), lines.sql(query));
    assert_eq!(array.sql(query).len(), 3);
}

#[test]
fn odd_values_are_set_aside_and_never_served() {
    let n = Nearset::empty();
    let rows = json!([
        {"id": 1, "dataset_name": "甲", "create_time": "2026-01-01", "price": "1,200", "description": {"nested": [1]}},
        {"id": 2, "dataset_name": "乙 😀", "create_time": "2026-01-01", "is_delete": true},
        {"id": null, "dataset_name": "keyless", "create_time": "2026-01-01"},
        {"id": "abc", "dataset_name": "no number", "create_time": "2026-01-01"},
        {"id": 3, "dataset_name": "丙", "create_time": "never", "price": "THE_PRICE"},
        {"id": 4, "dataset_name": "丁", "create_time": "2026-01-01", "price": "面议"},
    ]);
    // a byte order mark in front and NaN inside, as some exporters write them
    n.write("dataset.json", &format!("\u{feff}{}", rows.to_string().replace("\"THE_PRICE\"", "NaN")));
    n.write("task.json", r#"[{"id": 1, "dataset_id": 1, "create_user": 2, "create_time": null, "price": "免费"}]"#);
    n.ok(&["run", "--as-of", AS_OF]);
    let found = n.sql("select source_table, source_key, reason from rejected_rows order by all");
    let found: Vec<String> =
        found.iter().map(|r| format!("{} {} {}", r["source_table"], r["source_key"], r["reason"])).collect();
    let expected = [
        r#""dataset" "" "id_missing""#,
        r#""dataset" "1" "description_not_a_text""#,
        r#""dataset" "3" "create_time_not_a_time""#,
        r#""dataset" "4" "price_not_a_number""#,
        r#""dataset" "abc" "id_not_a_number""#,
        r#""task" "1" "create_time_not_a_time""#,
    ];
    assert_eq!(found, expected);
    assert_eq!(
        n.sql("select dataset_id, price from datasets where is_listed order by all"),
        [
            json!({"dataset_id": 1, "price": 1200.0}),
            json!({"dataset_id": 3, "price": null}),
            json!({"dataset_id": 4, "price": null})
        ]
    );
    assert_eq!(n.value("select count(*) from orders"), 0);
    assert!(!n.data().join("export.work.json").exists());
}

#[test]
fn the_newest_row_wins_and_an_older_one_never_replaces_it() {
    let n = Nearset::empty();
    let row = |name: &str, update: &str| {
        json!({"id": 7, "dataset_name": name, "create_time": "2026-01-01 00:00:00", "update_time": update}).to_string()
    };
    let second = r#"{"id": "8.0", "dataset_name": "other", "create_time": "2026-01-01", "colour": "blue"}"#;
    let full = format!("[{}, {}, {second}]", row("newest", "2026-03-02"), row("older", "2026-03-01"));
    n.write("dataset.json", &full);
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select title from datasets where dataset_id = 7"), "newest");
    assert_eq!(n.value("select colour from raw.dataset where id = '8'"), "blue", "unknown columns are kept");

    n.write("dataset_20260401_000000.json", &row("stale", "2026-02-01"));
    n.write("dataset_20260402_000000.json", &row("equally new", "2026-03-02"));
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select title from datasets where dataset_id = 7"), "equally new");
    let rejected = n.sql("select reason, file, row_json from rejected_rows order by reason");
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    assert_eq!((&rejected[0]["reason"], &rejected[1]["reason"]), (&json!("duplicate_id"), &json!("older_than_stored")));
    assert_eq!(rejected[1]["file"], "dataset_20260401_000000.json");

    // a time in the future is no time: it neither protects a row nor holds it back
    n.write("dataset_20260403_000000.json", &row("from the future", "2099-01-01"));
    n.write("dataset_20260404_000000.json", &row("corrected", "2026-03-05"));
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select title from datasets where dataset_id = 7"), "corrected");

    // one full export a table: another is no increment
    fs::rename(n.exports().join("dataset.json"), n.exports().join("aside")).expect("renamed");
    fs::write(n.exports().join("dataset.json.gz"), "").expect("a file");
    let error = n.fails(1, &["run", "--as-of", AS_OF]);
    assert!(error.contains("dataset.json.gz is a full export") && error.contains("--full-refresh"), "{error}");
    fs::remove_file(n.exports().join("dataset.json.gz")).expect("removed");
    fs::rename(n.exports().join("aside"), n.exports().join("dataset.json")).expect("renamed");

    // each file once; one that changed is said, and read on --full-refresh
    n.write("dataset_20260404_000000.json", &row("changed in place", "2026-03-06"));
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("dataset_20260404_000000.json changed since it was taken in"), "{said}");
    assert_eq!(n.value("select title from datasets where dataset_id = 7"), "corrected");
    n.ok(&["run", "--as-of", AS_OF, "--full-refresh"]);
    assert_eq!(n.value("select title from datasets where dataset_id = 7"), "changed in place");
}

#[test]
fn a_broken_file_is_named_with_its_line_and_publishes_nothing() {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["a", "b"]));
    n.ok(&["run", "--as-of", AS_OF]);
    let before = n.fingerprints();
    n.write(
        "dataset_20260401_000000.json",
        "[{\"id\": 3, \"dataset_name\": \"c\",\n \"create_time\": \"2026-01-01\"},\n {\"id\": 4,, }]",
    );
    let error = n.fails(1, &["run", "--as-of", AS_OF]);
    assert!(error.contains("dataset_20260401_000000.json") && error.contains("line 3"), "{error}");
    assert_eq!(error.trim().lines().count(), 1, "{error}");
    assert_eq!(n.fingerprints(), before);

    n.write("dataset_20260401_000000.json", "[{\"id\": 3}]");
    let error = n.fails(1, &["run", "--as-of", AS_OF]);
    assert!(error.contains("the column dataset_name is missing"), "{error}");

    n.write("dataset_20260401_000000.json", "[]");
    n.ok(&["run", "--as-of", AS_OF]);
    fs::remove_file(n.exports().join("dataset_20260401_000000.json")).expect("removed");
    n.write("dataset_20260401_000000.json.gz", "no gzip at all");
    let error = n.fails(1, &["run", "--as-of", AS_OF]);
    assert!(error.contains("dataset_20260401_000000.json.gz"), "{error}");
}

#[test]
fn without_datasets_or_exports_the_operator_reads_what_to_do() {
    let n = Nearset::empty();
    let error = n.fails(1, &["run"]);
    assert!(error.contains("dataset.json (or .json.gz) is needed"), "{error}");
    let output = n.command(&["run"]).env_remove("DATA_JSON_DIR").output().expect("nearset runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("DATA_JSON_DIR is not set"));
    assert!(!n.data().join("warehouse.duckdb").exists());
}

#[test]
fn days_are_cut_in_the_report_time_zone_and_business_times_are_read_in_their_own() {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["a"]));
    n.write(
        "task.json",
        r#"[{"id": 1, "dataset_id": 1, "create_user": 5, "create_time": "2026-10-02 00:30:00", "price": 2},
            {"id": 2, "dataset_id": 1, "create_user": 5, "create_time": "2026-10-01T16:30:00.000Z", "price": 2},
            {"id": 3, "dataset_id": 1, "create_user": 5, "create_time": "2026-10-01 18:30:00+02:00", "price": 2}]"#,
    );
    let run = |report: &str| {
        let output = n
            .command(&["run", "--as-of", AS_OF, "--full-refresh"])
            .env("BUSINESS_TIMEZONE", "Asia/Shanghai")
            .env("REPORT_TIMEZONE", report)
            .output()
            .expect("nearset runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rows = n.sql("select day, ordered_at from orders");
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row == &rows[0]), "times that name their offset are the same moment: {rows:?}");
        rows[0].clone()
    };
    assert_eq!(run("Asia/Shanghai"), json!({"day": "2026-10-02", "ordered_at": "2026-10-01 16:30:00"}));
    assert_eq!(run("UTC")["day"], "2026-10-01");
}

#[test]
fn the_exposure_log_counts_each_response_once_through_crash_and_rotation() {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["a", "b"]));
    let log = n.data().join("evaluation/exposure_log.jsonl");
    fs::create_dir_all(log.parent().expect("a folder")).expect("a folder");
    let line = |id: &str| {
        json!({"request_id": id, "user_id": null, "page_id": 1, "algorithm_version": "v", "timestamp": "2026-10-01T00:00:00+00:00",
            "items": [{"dataset_id": 2, "score": 0.5, "reason": "x"}], "context": {"endpoint": "similar"}})
        .to_string()
    };
    let append = |text: &str| {
        let mut file = OpenOptions::new().create(true).append(true).open(&log).expect("the log");
        file.write_all(text.as_bytes()).expect("written");
    };
    let requests = || n.sql("select distinct request_id from exposures order by all").len();

    let third = line("req_3");
    append(&format!("{}\n{}\n{}", line("req_1"), line("req_2"), &third[..40]));
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(requests(), 2, "the line cut short is left");
    append(&format!("{}\nnot json\n{}\n", &third[40..], line("req_1")));
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("1 line(s) are no exposure"), "{said}");
    assert_eq!(requests(), 3);
    assert_eq!(n.value("select count(*) from exposures"), 3);

    fs::rename(&log, log.with_file_name("exposure_log.20261001.jsonl")).expect("rotated");
    append(&format!("{}\n", line("req_4")));
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select count(*) from exposures"), 4);
    assert_eq!(n.value("select count(*) from rejected_rows where source_table = 'exposure_log'"), 1);
    // times carry their offset
    append(&format!("{}\n", line("req_5").replace("2026-10-01T00:00:00+00:00", "2026-10-02T07:30:00+08:00")));
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select shown_at from exposures where request_id = 'req_5'"), "2026-10-01 23:30:00");
    // a full refresh reads the sources again; what was shown stays shown, logs or no logs
    fs::remove_file(log.with_file_name("exposure_log.20261001.jsonl")).expect("removed");
    n.ok(&["run", "--as-of", AS_OF, "--full-refresh"]);
    assert_eq!(n.value("select count(*) from exposures"), 5);
}

#[test]
fn the_generator_writes_the_fixtures_that_are_here() {
    let out = tempfile::tempdir().expect("a folder");
    let program = Path::new(env!("CARGO_BIN_EXE_nearset")).with_file_name("examples/generate");
    let status = std::process::Command::new(program).arg("--out").arg(out.path()).status().expect("the generator runs");
    assert!(status.success());
    for name in ["truth.json", "as_of", "json/dataset.json.gz", "json/matomo_log_link_visit_action.json.gz"] {
        let read = |dir: &Path| fs::read(dir.join(name)).expect("a file");
        assert!(read(out.path()) == read(&Path::new(ROOT).join("fixtures")), "{name} differs; run `make fixtures`");
    }
}
