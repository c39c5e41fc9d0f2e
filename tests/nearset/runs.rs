//! Runs beside their result: their logs, another try of one that failed, cancelling one that goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::faults::shim::{ERRNOS, Fault};
use crate::faults::state::{self, AS_OF, State};
use crate::support::{Nearset, copy_dir, text};

/// A folder where a second run would add to what a first has published, with SQL of its own.
fn second() -> Nearset {
    let n = state::small(1).own_project();
    n.ok(&["run", "--as-of", AS_OF]);
    state::add_stage(&n, 2);
    n
}

fn copy(of: &Nearset) -> Nearset {
    let mut copy = Nearset::in_memory();
    copy.set("THREADS", "1");
    copy_dir(of.path(), copy.path());
    copy.project = copy.path().join("project");
    copy
}

/// All that a run leaves and that is the same in every run of the same.
fn result(n: &Nearset) -> (State, Vec<(PathBuf, String)>, String) {
    let metrics = fs::read_to_string(n.data().join("evaluation/extract_metrics.json")).expect("its figures");
    (State::read(n).expect("what is published"), state::outcome(n).into_iter().collect(), metrics)
}

fn kept(n: &Nearset) -> PathBuf {
    n.data().join("kept-run")
}

fn runs(n: &Nearset) -> Vec<Value> {
    serde_json::from_str(&n.ok(&["runs", "--limit", "100", "--json"])).expect("JSON")
}

fn show(n: &Nearset) -> Value {
    serde_json::from_str(&n.ok(&["runs", "show", "last", "--json"])).expect("JSON")
}

/// Breaks a relation, or adds a check that does not hold.
fn break_at(n: &Nearset, place: &str) -> PathBuf {
    let path = n.project.join(place);
    let sql = if place.contains("check") { "select 1 as x" } else { "select error('no') as x" };
    fs::write(&path, format!("-- description: Fails.\n{sql}")).expect("a file");
    path
}

#[test]
fn another_try_of_a_run_that_failed_goes_on_there_and_gives_what_one_that_did_not_gives() {
    let before = second();
    let old = result(&before);
    let whole = copy(&before);
    whole.ok(&["run", "--as-of", AS_OF]);
    let whole = result(&whole);
    let places = [
        ("sql/training/broken.sql", 1, "features"),
        ("sql/evaluate/broken.sql", 1, "train"),
        ("sql/checks/check_broken.sql", 4, "train"),
    ];
    for (place, code, next) in places {
        let n = copy(&before);
        let broken = break_at(&n, place);
        n.fails(code, &["run", "--as-of", AS_OF]);
        assert_eq!(result(&n), old, "{place}: a run that fails publishes nothing");
        let look = show(&n);
        assert_eq!(look["goes_on_at"], next, "{place}: {look}");
        assert!(kept(&n).join("warehouse.duckdb").exists());
        fs::remove_file(broken).expect("mended");
        // it is that run, not one of what is new since
        n.write(
            "dataset_20261015_010101.json",
            r#"[{"id": 9000, "dataset_name": "late", "create_time": "2026-01-01 00:00:00"}]"#,
        );
        let said = n.ok(&["runs", "retry"]);
        assert!(said.contains("stand as it had done them") && !said.contains("  extract "), "{place}: {said}");
        assert_eq!(result(&n), whole, "{place}");
        assert!(!kept(&n).exists());
        let all = runs(&n);
        let states: Vec<&Value> = all.iter().map(|run| &run["state"]).collect();
        assert_eq!(states, ["done", "failed", "done"], "{place}");
        if code == 4 {
            assert!(n.ok(&["runs", "retry"]).contains("nothing to try again"));
            n.ok(&["run", "--as-of", AS_OF]);
            assert_eq!(n.value("select count(*) from datasets where dataset_id = 9000"), 1);
        }
    }
}

#[test]
fn what_a_failed_run_had_done_stands_only_where_it_would_be_the_same() {
    let before = second();
    let broken = break_at(&before, "sql/evaluate/broken.sql");
    before.fails(1, &["run", "--as-of", AS_OF]);
    assert!(kept(&before).exists());
    fs::remove_file(broken).expect("mended");
    let from_the_start = |n: &Nearset, why: &str| {
        let said = n.ok(&["runs", "retry"]);
        assert!(said.contains("from the start") && said.contains("  extract "), "{why}: {said}");
        assert!(!kept(n).exists(), "{why}");
    };
    let mut zone = copy(&before);
    zone.set("REPORT_TIMEZONE", "Asia/Shanghai");
    from_the_start(&zone, "another setting");
    let sql = copy(&before);
    let clean = sql.project.join("sql/clean/users.sql");
    let text = fs::read_to_string(&clean).expect("SQL");
    fs::write(&clean, text + "\n-- changed\n").expect("SQL");
    from_the_start(&sql, "another relation");
    // an ordinary run takes its place
    let run = copy(&before);
    assert!(run.ok(&["run", "--as-of", AS_OF]).contains("  extract "));
    assert!(!kept(&run).exists());
    // and nobody keeps anything who does not want it
    let mut off = copy(&before);
    off.set("KEEP_FAILED_RUN", "off");
    break_at(&off, "sql/training/broken.sql");
    off.fails(1, &["run", "--as-of", AS_OF]);
    assert!(!kept(&off).exists());
}

/// Begins a run whose features take as long as anybody waits.
fn begin_slow(n: &Nearset) -> Child {
    let slow = "-- description: Takes long.\nselect count(*) as n from range(100000) as a, range(10000000) as b";
    fs::write(n.project.join("sql/training/slow.sql"), slow).expect("a file");
    let mut command = n.command(&["run", "--as-of", AS_OF]);
    command.env("NEARSET_JOB", "nightly").env("NEARSET_SLOT", "2026-10-16T18:00:00Z");
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run");
    wait_until("it builds features", || files_named(&n.data().join("operations/runs"), "features.jsonl").len() == 2);
    child
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(120), "{what}: not within two minutes");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn files_named(dir: &Path, name: &str) -> Vec<PathBuf> {
    let runs = fs::read_dir(dir).into_iter().flatten().flatten();
    runs.map(|run| run.path().join(name)).filter(|path| path.exists()).collect()
}

#[test]
fn a_run_is_cancelled_and_its_log_read_while_it_goes_on() {
    let n = second();
    assert!(n.ok(&["runs", "cancel"]).contains("no run goes on"));
    let old = result(&n);
    let mut child = begin_slow(&n);
    let look = show(&n);
    assert_eq!((&look["state"], &look["record"]["started"]["job"]), (&"running".into(), &"nightly".into()), "{look}");
    let mut following = n.command(&["runs", "log", "--follow", "--json"]);
    let following = following.stdout(Stdio::piped()).spawn().expect("it follows");
    let said = n.ok(&["runs", "cancel", look["run"].as_str().expect("an id")]);
    assert!(said.contains("is cancelled: nothing was published"), "{said}");
    assert!(!child.wait().expect("its end").success());
    let log = text(&following.wait_with_output().expect("the log ends with its run").stdout);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect();
    assert_eq!(lines.last().map(|line| &line["outcome"]), Some(&"cancelled".into()), "{log}");
    assert!(lines.iter().any(|line| line["event"] == "step_finished" && line["rows"].as_u64() > Some(0)), "{log}");
    let look = show(&n);
    assert_eq!((&look["state"], &look["error"]), (&"cancelled".into(), &"stopped by SIGTERM".into()), "{look}");
    assert!(n.ok(&["runs"]).contains("cancelled"));
    assert_eq!(result(&n), old);
    assert!(!kept(&n).exists() && !n.data().join("warehouse.work.duckdb").exists());
    assert!(n.ok(&["runs", "cancel", look["run"].as_str().expect("an id")]).contains("had ended before"));
    fs::remove_file(n.project.join("sql/training/slow.sql")).expect("mended");
    assert!(n.ok(&["runs", "retry"]).contains("from the start"));
}

#[test]
fn past_the_moment_at_which_it_counts_a_run_is_neither_cancelled_nor_ended() {
    let n = second();
    let counters = n.path().join("counters");
    let mut command = n.command(&["run", "--as-of", AS_OF]);
    // what follows that moment is the models' turn
    let command = Fault::Slow(300).apply(&mut command, &n.models(), &counters);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run");
    let data = n.data();
    wait_until("it is published", || {
        data.join("_metadata/publishing.json").exists() && !data.join("warehouse.work.duckdb").exists()
    });
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().expect("kill").success());
    let output = n.run(&["runs", "cancel"]);
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    let was_late = said.contains("no run goes on");
    assert!(was_late || error.contains("is published already"), "{said}{error}");
    assert!(child.wait().expect("its end").success(), "it comes to its end");
    assert_eq!(show(&n)["state"], "done");
    assert!(!data.join("_metadata/publishing.json").exists());
}

#[test]
fn a_share_that_stumbles_is_asked_again_and_a_disk_that_is_broken_is_not_for_ever() {
    let n = state::small(1);
    let counters = n.path().join("counters");
    let errno = ERRNOS.into_iter().find(|errno| errno.name == "EIO").expect("EIO");
    let run = |for_good| {
        fs::remove_file(&counters).ok();
        let fault = Fault::Fails { errno, kinds: "r".to_owned(), at: 3, for_good };
        let mut command = n.command(&["run", "--only", "extract", "--as-of", AS_OF]);
        fault.apply(&mut command, &n.exports(), &counters).output().expect("nearset runs")
    };
    let broken = run(true);
    let error = text(&broken.stderr);
    assert_eq!(broken.status.code(), Some(1), "{error}");
    assert!(error.contains("exports/") && error.contains("Input/output error"), "{error}");
    let notes = |n: &Nearset| n.ok(&["runs", "log", "last", "--step", "extract"]);
    assert!(notes(&n).contains("(try 3 of 3)"), "{}", notes(&n));
    let stumbled = run(false);
    assert!(stumbled.status.success(), "{}", text(&stumbled.stderr));
    assert!(notes(&n).contains("again in 0.5 s (try 1 of 3)") && !notes(&n).contains("try 2"), "{}", notes(&n));
    assert_eq!(n.value("select count(*) from raw.dataset"), 24);
}

#[test]
fn logs_are_kept_as_long_as_the_settings_say_and_cost_no_run() {
    let mut n = state::small(1);
    let dir = n.data().join("operations/runs");
    let old = dir.join("20200101T000000.000001Z");
    fs::create_dir_all(&old).expect("a folder");
    n.ok(&["run", "--only", "extract", "--as-of", AS_OF]);
    assert!(!old.exists(), "90 days are over");
    n.set("KEEP_RUN_LOGS_DAYS", "0");
    fs::create_dir_all(&old).expect("a folder");
    n.ok(&["run", "--only", "extract", "--as-of", AS_OF]);
    assert!(old.exists(), "for ever");
    // a log that cannot be written
    fs::remove_dir_all(&dir).expect("removed");
    fs::write(&dir, "in the way").expect("a file");
    n.ok(&["run", "--only", "extract", "--as-of", AS_OF]);
    let said = n.fails(1, &["runs", "log"]);
    assert!(said.contains("KEEP_RUN_LOGS_DAYS"), "{said}");
    assert!(runs(&n).iter().all(|run| run["state"] == "done"));
}
