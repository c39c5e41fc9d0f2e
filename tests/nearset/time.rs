//! What may be seen when: nothing after the run's moment, and in training nothing after the held-out visits begin.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use flate2::read::GzDecoder;
use nearset::extract;
use nearset::sql_project::{Project, Room};
use nearset::train::TrainingWindow;
use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, ROOT};

/// Which of a table's times says when a row came to be.
const TIMES: [(&str, &str); 9] = [
    ("user", "create_time"),
    ("dataset", "create_time"),
    ("dataset_image", "create_time"),
    ("task", "create_time"),
    ("api_order", "create_time"),
    ("matomo_log_visit", "visit_first_action_time"),
    ("matomo_log_link_visit_action", "server_time"),
    ("matomo_log_conversion", "server_time"),
    ("matomo_log_conversion_item", "server_time"),
];

/// The fixtures' exports by their names, each as its rows.
fn exports() -> BTreeMap<String, Vec<Value>> {
    let entries = fs::read_dir(Path::new(ROOT).join("fixtures/json")).expect("fixtures");
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    files.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), rows(&path))).collect()
}

fn rows(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(File::open(path).expect("a file")).read_to_string(&mut text).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// What the source would have said at a moment: the rows there were, and of a visit that went on only what had been.
fn as_it_was(name: &str, rows: &[Value], moment: &str, pages: &[Value]) -> Vec<Value> {
    let table = name.trim_end_matches(".json").trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let Some((_, time)) = TIMES.iter().find(|(one, _)| *one == table) else { return rows.to_vec() };
    let mut rows: Vec<Value> = rows.iter().filter(|row| text(row, time) <= moment).cloned().collect();
    for visit in rows.iter_mut().filter(|row| text(row, "visit_last_action_time") > moment) {
        let own = pages.iter().filter(|page| page["idvisit"] == visit["idvisit"]);
        let until = own.map(|page| text(page, "server_time")).filter(|time| *time <= moment);
        visit["visit_last_action_time"] = json!(until.max());
        visit["visit_total_actions"] = Value::Null;
        visit["visit_total_time"] = Value::Null;
    }
    rows
}

/// Rows as lines; none as the empty array, since an empty file is an export that failed.
fn write_lines(path: PathBuf, rows: &[Value]) {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let text = if lines.is_empty() { "[]".to_owned() } else { lines.join("\n") };
    fs::write(path, text + "\n").expect("an export");
}

/// A run of its own on these exports and exposures.
fn run(exports: &BTreeMap<String, Vec<Value>>, exposures: &[Value], as_of: &str) -> Nearset {
    let n = Nearset::empty();
    for (name, rows) in exports {
        write_lines(n.exports().join(name), rows);
    }
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    write_lines(n.data().join("evaluation/exposure_log.jsonl"), exposures);
    n.ok(&["run", "--as-of", as_of]);
    n
}

#[test]
fn a_run_in_the_past_sees_what_a_run_then_saw() {
    let mut all = exports();
    let exposures = rows(&Path::new(ROOT).join("fixtures/exposure_log.1.jsonl.gz"));
    let pages = all["matomo_log_link_visit_action.json"].clone();
    // in the middle of a visit
    let visits = &all["matomo_log_visit.json"];
    let long = visits.iter().find(|v| {
        text(v, "visit_first_action_time") > "2026-09-28"
            && text(v, "visit_first_action_time") < text(v, "visit_last_action_time")
    });
    let moment = text(long.expect("a visit of some pages"), "visit_first_action_time").to_owned();
    // one of each kind that came later
    for (name, row) in [
        ("dataset", json!({"id": 9001, "dataset_name": "来日", "create_time": "2026-10-01T00:00:00", "price": 1.0})),
        ("user", json!({"id": 9001, "create_time": "2026-10-01T00:00:00"})),
        (
            "dataset_image",
            json!({"id": 9001, "dataset_id": 1001, "image_url": "a.png", "create_time": "2026-10-01T00:00:00"}),
        ),
    ] {
        all.insert(format!("{name}_20261017_000000.json"), vec![row]);
    }
    let then = all.iter().map(|(name, rows)| (name.clone(), as_it_was(name, rows, &moment, &pages))).collect();
    let is_shown =
        |one: &&Value| text(one, "timestamp").get(..moment.len()).is_some_and(|time| time <= moment.as_str());
    let shown: Vec<Value> = exposures.iter().filter(is_shown).cloned().collect();
    assert!(shown.len() < exposures.len());
    let (past, present) = (run(&all, &exposures, &moment), run(&then, &shown, &moment));
    // staging is the source as it is now; what is rejected and how many rows a table has is told of the source, too
    let seen = |n: &Nearset| -> Vec<Value> {
        let is_of_source = |name: &str| {
            ["raw.", "main.stg_"].iter().any(|start| name.starts_with(start))
                || ["rejected_rows", "set_aside", "source_freshness", "matomo_sites", "schema_contract_results"]
                    .iter()
                    .any(|of_source| name.strip_prefix("main.") == Some(of_source))
                || name.starts_with("main.data_quality")
        };
        n.fingerprints().into_iter().filter(|row| !is_of_source(text(row, "name"))).collect()
    };
    let (past_seen, present_seen) = (seen(&past), seen(&present));
    assert!(past_seen.len() > 40 && past_seen.len() == present_seen.len());
    let other: Vec<_> = past_seen.iter().zip(&present_seen).filter(|(past, present)| past != present).collect();
    assert!(other.is_empty(), "{other:?}");
    let version = |n: &Nearset| fs::read_link(n.models().join("current")).expect("a current version");
    assert_eq!(version(&past), version(&present), "the same model, to the byte");
    let later = past.sql("select distinct source_table from rejected_rows where outcome = 'not_yet' order by all");
    assert_eq!(later.len(), 10, "what is to come is named: {later:?}");
}

/// The project with a relation between what training may see and what is made of it.
fn with_a_relation_between(n: Nearset) -> Nearset {
    let n = n.own_project();
    fs::write(
        n.project.join("sql/training/my_views.sql"),
        "-- description: What an analyst looks at.\n-- materialize: view\nselect *, 1 as weight\nfrom training_views\n",
    )
    .expect("a relation");
    for name in ["popularity", "covisits", "past_visits"] {
        let file = n.project.join(format!("sql/training/{name}.sql"));
        let sql = fs::read_to_string(&file).expect("a query");
        assert!(sql.contains("from training_views"));
        fs::write(&file, sql.replace("training_views", "my_views")).expect("a query");
    }
    n
}

#[test]
fn a_relation_between_lets_nothing_into_training() {
    let n = with_a_relation_between(Nearset::demo());
    let plain = Nearset::demo();
    for one in [&n, &plain] {
        one.ok(&["run", "--as-of", AS_OF, "--from", "features"]);
    }
    // what the model without the held-out visits proposed, and how often it had seen each page
    let replayed = "select count(*), bit_xor(hash(t))::varchar, sum(page_views) from raw.offline_replays as t";
    assert_eq!(n.sql(replayed), plain.sql(replayed));
    assert_eq!(n.value("select count(*) > 0 from raw.offline_replays"), json!(true));

    let project = Project::load(Some(&n.project), &extract::raw_tables().expect("the raw tables")).expect("a project");
    let db = duckdb::Connection::open(n.data().join("warehouse.duckdb")).expect("the warehouse");
    db.execute_batch("set variable report_timezone = 'UTC'").expect("a variable");
    assert!(project.needed_for(&[Room::Training]).iter().any(|relation| relation.name == "my_views"));
    let count = |condition: &str| -> i64 {
        let sql = format!("select count(*) from my_views where {condition}");
        db.query_row(&sql, [], |row| row.get(0)).expect("a count")
    };
    let moment = |text: &str| text.parse::<DateTime<Utc>>().expect("a moment");
    let window = TrainingWindow {
        as_of: moment("2026-10-16T00:00:00Z"),
        until: Some(moment("2026-10-01T00:00:00Z")),
        without: Some((moment("2026-09-10T00:00:00Z"), moment("2026-09-12T00:00:00Z"))),
    };
    let later = "viewed_at >= timestamp '2026-10-01'";
    assert!(count(later) > 0);
    let (seen, leaked, held) = window
        .within(&db, &project, || {
            let held = "viewed_at between timestamp '2026-09-10 12:00:00' and timestamp '2026-09-11 12:00:00'";
            Ok((count("true"), count(later), count(held)))
        })
        .expect("relations of the window");
    assert!(seen > 0);
    assert_eq!((leaked, held), (0, 0));
    assert!(count(later) > 0, "afterwards all is as it was");
}

#[test]
fn a_relation_that_feeds_training_past_its_window_is_refused() {
    let n = with_a_relation_between(Nearset::empty());
    let file = n.project.join("sql/training/my_views.sql");
    let sql = "-- description: What an analyst looks at.\nselect *, 1 as weight\nfrom page_views\n";
    fs::write(&file, sql).expect("a relation");
    for command in [&["views", "check"][..], &["run", "--as-of", AS_OF]] {
        let error = n.fails(1, command);
        let told = "sql/training/popularity.sql: popularity feeds training and reads my_views, which holds also what was held out";
        assert!(error.contains(told) && error.contains("may_train_on"), "{error}");
    }
    // only half of a window
    fs::write(&file, sql.replace("page_views", "page_views\nwhere may_train_on(viewed_at)")).expect("a relation");
    n.fails(1, &["views", "check"]);
    fs::write(
        &file,
        sql.replace(
            "page_views",
            "page_views\nwhere may_train_on(viewed_at) and not is_held_out(visit_first_viewed_at)",
        ),
    )
    .expect("a relation");
    n.ok(&["views", "check"]);
    fs::write(&file, sql).expect("a relation");
    for name in ["popularity", "covisits", "past_visits"] {
        let reader = n.project.join(format!("sql/training/{name}.sql"));
        let query = fs::read_to_string(&reader).expect("a query");
        fs::write(&reader, query.replacen('\n', "\n-- unwindowed: a test.\n", 1)).expect("a query");
    }
    n.ok(&["views", "check"]);
}

#[test]
fn what_stands_on_the_lists_moves_with_the_moment_of_a_run_that_only_evaluates() {
    let n = Nearset::demo();
    let views = |n: &Nearset| n.value("select sum(views_7d)::bigint from dataset_stats_v2").as_i64();
    let before = views(&n);
    n.ok(&["run", "--as-of", "2026-10-20", "--from", "evaluate"]);
    assert!(views(&n) < before, "{:?}, and {before:?} four days earlier", views(&n));
}
