//! Data quality: a healthy catalogue scores well, dirt moves the score it belongs to, and the files tell what the relations tell.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, ROOT, text};

/// The rows of a fixtures' export.
fn fixture(name: &str) -> Vec<Value> {
    let bytes = fs::read(Path::new(ROOT).join("fixtures/json").join(name)).expect("a fixture");
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("gzip");
    serde_json::from_str(&text)
        .unwrap_or_else(|_| text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect())
}

fn put(n: &Nearset, name: &str, rows: &[Value]) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(Value::from(rows.to_vec()).to_string().as_bytes()).expect("bytes");
    fs::write(n.exports().join(name), gzip.finish().expect("gzip")).expect("an export");
}

fn scores(n: &Nearset) -> Value {
    let rows = n.sql("select table_name, score from data_quality_scores order by all");
    rows.iter().map(|row| (row["table_name"].as_str().expect("a name").to_owned(), row["score"].clone())).collect()
}

fn figure(scores: &Value, table: &str) -> f64 {
    scores[table].as_f64().unwrap_or_else(|| panic!("{table} has no score: {scores}"))
}

#[test]
fn a_healthy_catalogue_scores_well_and_its_files_say_what_the_relations_say() {
    let n = Nearset::demo();
    let all = scores(&n);
    assert_eq!(all.as_object().map(serde_json::Map::len), Some(14), "{all}");
    for table in [
        "interactions",
        "dataset_features",
        "user_profile",
        "dataset_stats",
        "business.dataset",
        "matomo.matomo_log_visit",
    ] {
        assert!(figure(&all, table) > 90.0 && figure(&all, table) <= 100.0, "{table}: {all}");
    }
    assert_eq!(n.sql("from data_quality_alerts"), Vec::<Value>::new());
    let report = n.json("evaluation/data_quality_report_v2.json");
    for (table, score) in all.as_object().expect("scores") {
        assert_eq!(&report["tables"][table]["score"], score, "{table}");
    }
    assert_eq!(report["summary"]["alerts"], json!({"critical": 0, "warning": 0}));
    assert_eq!(report["contracts"]["business.dataset"]["status"], 1);
    let figures = fs::read_to_string(n.data().join("evaluation/data_quality_metrics.prom")).expect("figures");
    assert!(
        figures.contains(&format!("data_quality_score{{table=\"interactions\"}} {}\n", figure(&all, "interactions")))
    );
    assert!(figures.contains("data_schema_contract_status{table=\"matomo.matomo_log_visit\"} 1\n"), "{figures}");
    assert!(figures.contains("data_quality_alerts{severity=\"critical\"} 0\n"), "{figures}");
    lint(&figures);
    let page = fs::read_to_string(n.data().join("evaluation/data_quality_report_v2.html")).expect("a page");
    assert!(!page.contains("{{"), "a place is left");
    assert!(page.contains("<th scope=\"row\">interactions</th>") && page.contains("数据质量"));
    for outside in ["http://", "https://", "src=", "url("] {
        assert!(!page.contains(outside), "the page asks for {outside}");
    }
}

/// Prometheus's own check of the text format.
fn lint(figures: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("promtool: {e}; `make servers` installs Debian's prometheus"));
    promtool.stdin.take().expect("its input").write_all(figures.as_bytes()).expect("figures");
    let output = promtool.wait_with_output().expect("promtool ends");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn dirt_moves_the_score_it_belongs_to_and_no_other() {
    let n = Nearset::empty();
    n.take_fixtures(|_| true);
    let mut datasets = fixture("dataset.json.gz");
    for row in datasets.iter_mut().step_by(3) {
        row["dataset_name"] = "".into();
    }
    put(&n, "dataset.json.gz", &datasets);
    // ten days out of the middle are not there
    let is_lost = |row: &Value| ("2026-09-10".."2026-09-20").contains(&row["server_time"].as_str().unwrap_or_default());
    let mut views = fixture("matomo_log_link_visit_action.json.gz");
    views.retain(|row| !is_lost(row));
    put(&n, "matomo_log_link_visit_action.json.gz", &views);
    n.ok(&["run", "--as-of", AS_OF]);
    let dirty = scores(&n);
    for table in ["business.dataset", "dataset_features", "interactions"] {
        assert!(figure(&dirty, table) < 80.0, "{table}: {dirty}");
    }
    for table in ["user_profile", "dataset_stats", "business.task", "matomo.matomo_log_conversion"] {
        assert!(figure(&dirty, table) > 95.0, "{table}: {dirty}");
    }
    let alerts =
        n.sql("select table_name || ' ' || check_name as what from data_quality_alerts where severity = 'critical'");
    let alerts: Vec<&str> = alerts.iter().filter_map(|row| row["what"].as_str()).collect();
    for what in ["dataset_features nulls", "dataset_features score", "interactions day_gaps", "interactions score"] {
        assert!(alerts.contains(&what), "{what}: {alerts:?}");
    }
    let page = fs::read_to_string(n.data().join("evaluation/data_quality_report_v2.html")).expect("a page");
    assert!(page.contains("Days are missing between others"));
}

#[test]
fn runs_repeat_with_their_history_tell_what_changed_and_stop_where_the_policy_says_so() {
    let n = Nearset::demo().own_project();
    n.take_fixtures(|_| true);
    let judge = |as_of: &str| n.ok(&["run", "--only", "reconcile", "--as-of", as_of]);
    judge("2026-10-17");
    let before = n.fingerprints();
    judge("2026-10-17");
    assert_eq!(n.fingerprints(), before);
    let history = "select day::varchar as day, count(*) as tables from data_quality_history where check_name = 'score' group by day order by day";
    assert_eq!(
        n.sql(history),
        [json!({"day": "2026-10-16", "tables": 14}), json!({"day": "2026-10-17", "tables": 14})]
    );
    assert_eq!(n.sql("from data_quality_changes"), Vec::<Value>::new(), "nothing has changed");
    n.write(
        "dataset_20261018_000000.json",
        r#"[{"id": 99001, "dataset_name": "A new one", "tag": "never seen", "price": 12345678, "create_time": "2026-10-17 08:00:00"}]"#,
    );
    for step in ["extract", "features"] {
        n.ok(&["run", "--only", step, "--as-of", "2026-10-18"]);
    }
    judge("2026-10-18");
    let changed = |column: &str, change: &str| {
        n.sql(&format!(
            "select was, is_now, difference from data_quality_changes
             where table_name = 'business.dataset' and column_name = '{column}' and change = '{change}'"
        ))
    };
    assert_eq!(changed("", "rows")[0]["difference"], 1.0);
    assert_eq!(changed("tags", "new_values")[0]["is_now"], "never seen");
    assert_eq!(changed("price", "highest")[0]["is_now"], "12345678.0");
    // one line makes a check block; the bound is that of the file beside it
    let edit = |file: &str, from: &str, to: &str| {
        let path = n.project.join("sql/evaluate").join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{file}");
        fs::write(path, text.replace(from, to)).expect("a file");
    };
    edit(
        "data_quality_policy.sql",
        "    values\n",
        "    values\n    ('business.dataset', 'nulls', 'critical', 'catalogue', true),\n",
    );
    judge("2026-10-18");
    edit("data_quality_checks.sql", "'bound': 0.05 }", "'bound': -1 }");
    let refused = n.fails(4, &["run", "--only", "reconcile", "--as-of", "2026-10-18"]);
    assert!(refused.contains("check_data_quality") && refused.contains("business.dataset"), "{refused}");
    assert!(refused.contains("catalogue"), "{refused}");
}

#[test]
fn the_page_shows_state_history_changes_and_what_was_set_aside() {
    let n = Nearset::demo();
    fs::write(n.data().join("exclude.toml"), "[[exclude]]\nname = \"staff\"\nusers = [3]\n").expect("rules");
    n.take_fixtures(|_| true);
    n.ok(&["run", "--only", "features", "--as-of", AS_OF]);
    let server = n.serve();
    for (path, parts) in [
        ("/console/quality", &["business.dataset", "exclude.toml", "staff", "data-chart"][..]),
        ("/console/quality/tables/matomo.matomo_log_visit", &["no_visitor", "visitor_id", "data-chart"]),
        ("/console/quality/tables/no.such.table", &["Nothing."]),
        ("/console/quality/rejected?reason=excluded_staff", &["excluded_staff", "excluded"]),
        ("/console/quality/rejected?table=%27%3B%3Cscript%3E&page=-1", &["Nothing.", "&lt;script&gt;"]),
    ] {
        let (status, page) = server.get_text(path);
        assert_eq!(status, 200, "{path}");
        for part in parts {
            assert!(page.contains(part), "{path} lacks {part}: {page}");
        }
        assert!(!page.contains("role=\"alert\"") && !page.contains("';<script>"), "{path}: {page}");
    }
}
