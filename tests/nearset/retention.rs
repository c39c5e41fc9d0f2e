//! What is kept no longer goes, and nothing else.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::backup::ready;
use crate::support::{Nearset, text};

fn age(path: &Path, days: u64) {
    let file = File::options().read(true).open(path).expect("a file");
    file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).expect("a time");
}

fn packed(n: &Nearset, name: &str, id: &str) {
    let line = json!({
        "request_id": id, "user_id": null, "page_id": 1001, "algorithm_version": "x", "timestamp": "2026-10-15T00:00:00Z",
        "items": [{"dataset_id": 1002, "score": 1.0, "reason": "x"}], "context": {},
    });
    let path = n.data().join("evaluation").join(name);
    let mut file = GzEncoder::new(File::create(&path).expect("a file"), Compression::fast());
    writeln!(file, "{line}").expect("written");
    file.finish().expect("written");
    age(&path, 40);
}

/// Logs of a job, an old one and a new one, and the log of an old run: their folders.
fn old_logs(n: &Nearset) -> (PathBuf, PathBuf) {
    let logs = n.data().join("operations/jobs/nightly");
    fs::create_dir_all(&logs).expect("a folder");
    for (name, days) in [("old.log", 200), ("new.log", 1)] {
        fs::write(logs.join(name), "said").expect("a log");
        age(&logs.join(name), days);
    }
    let run = n.data().join("operations/runs/20260101T000000.000000Z");
    fs::create_dir_all(&run).expect("a folder");
    fs::write(run.join("train.jsonl"), "{}").expect("a log");
    age(&run.join("train.jsonl"), 200);
    age(&run, 200);
    (logs, run)
}

#[test]
fn what_is_old_goes_after_a_run_and_doctor_says_so_before() {
    let mut n = ready();
    let evaluation = n.data().join("evaluation");
    let taken = ["exposure_log.20260901T010203.004Z.jsonl.gz", "exposure_log.server-2.20260901T010203.004Z.jsonl.gz"];
    for (name, id) in taken.iter().zip(["req_a", "req_b"]) {
        packed(&n, name, id);
    }
    // another program's, and what only shadows wrote
    packed(&n, "exposure_log.1.jsonl.gz", "req_c");
    packed(&n, "shadow_log.20260901T010203.004Z.jsonl.gz", "req_d");
    n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    for name in taken {
        assert!(evaluation.join(name).exists(), "by default they stay for ever");
    }
    n.ok(&["run", "--as-of", "2026-10-17"]);
    let late = "exposure_log.20260902T010203.004Z.jsonl.gz";
    packed(&n, late, "req_e");
    let old = evaluation.join("daily_reports/recommendation_report_2026-01-01.json");
    fs::write(&old, "{}").expect("somebody's own");
    age(&old, 400);
    let (logs, run) = old_logs(&n);
    n.ok(&["backup"]);
    n.ok(&["backup"]);
    for (name, value) in
        [("KEEP_EXPOSURE_LOGS_DAYS", "30"), ("KEEP_REPORTS_DAYS", "30"), ("KEEP_BACKUPS", "1"), ("KEEP_VERSIONS", "1")]
    {
        n.set(name, value);
    }
    let output = n.run(&["doctor", "--json"]);
    let findings: Value = serde_json::from_str(&text(&output.stdout)).expect("JSON");
    let kept = findings.as_array().expect("findings").iter().find(|finding| finding["what"] == "kept").expect("sizes");
    let said = kept["text"].as_str().expect("text");
    for kind in ["warehouse: 2", "exposure logs: ", "run logs: ", "backups: 2"] {
        assert!(said.contains(kind), "{said}");
    }
    assert!(said.matches("go after the next run").count() >= 3, "{said}");
    let exposures = n.value("select count(*) from raw.exposure_log");
    n.ok(&["run", "--as-of", "2026-10-18", "--from", "features"]);
    for (path, is_there) in [
        (evaluation.join(taken[0]), false),
        (evaluation.join(taken[1]), false),
        (evaluation.join("shadow_log.20260901T010203.004Z.jsonl.gz"), false),
        (evaluation.join("exposure_log.1.jsonl.gz"), true),
        (evaluation.join(late), true),
        (old, true),
        (logs.join("old.log"), false),
        (logs.join("new.log"), true),
        (run, false),
    ] {
        assert_eq!(path.exists(), is_there, "{}", path.display());
    }
    assert_eq!(n.ok(&["backup", "list"]).lines().count(), 1);
    assert_eq!(n.value("select count(*) from raw.exposure_log"), exposures, "their figures stay");
}
