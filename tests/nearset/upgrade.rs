//! `nearset upgrade check`: what a program of another version makes of what lies here, said before anything is touched.

use std::fs;

use serde_json::{Value, json};

use crate::backup::ready;
use crate::support::{Nearset, text};

fn findings(n: &Nearset, is_fine: bool) -> Vec<(String, String, String)> {
    let output = n.run(&["upgrade", "check", "--json"]);
    assert_eq!(output.status.success(), is_fine, "{}{}", text(&output.stdout), text(&output.stderr));
    let all: Vec<Value> = serde_json::from_str(&text(&output.stdout)).expect("JSON");
    let field = |finding: &Value, name: &str| finding[name].as_str().expect("text").to_owned();
    all.iter().map(|one| (field(one, "verdict"), field(one, "what"), field(one, "text"))).collect()
}

#[test]
fn what_changes_and_what_cannot_be_read_is_said_and_nothing_is_touched() {
    let n = ready().own_project();
    let has = |all: &[(String, String, String)], verdict: &str, what: &str, words: &str| {
        assert!(
            all.iter().any(|(v, w, t)| v == verdict && w == what && t.contains(words)),
            "{verdict} {what} {words}: {all:#?}"
        );
    };
    let all = findings(&n, true);
    has(&all, "ok", "versions", "no training is needed");
    has(&all, "ok", "warehouse", "is read here");
    has(&all, "ok", "files", "its own files alone");
    has(&all, "look", "backup", "nearset backup");
    n.ok(&["backup"]);
    // a project of one's own, files that others changed, a name that is none, a version of a nearset to come
    fs::write(n.project.join("views/mine.sql"), "-- description: Mine.\nselect 1 as one\n").expect("a file");
    fs::write(n.project.join("sql/clean/users.sql"), "-- description: Other.\nselect 1 as user_id\n").expect("a file");
    fs::write(n.data().join("evaluation/summary.json"), "{}").expect("a file");
    let current = n.models().join(fs::read_link(n.models().join("current")).expect("a version"));
    let manifest = fs::read_to_string(current.join("manifest.json")).expect("a manifest");
    let other = n.models().join("20270101T000000Z-00000000");
    fs::create_dir(&other).expect("a folder");
    let mut changed: Value = serde_json::from_str(&manifest).expect("JSON");
    changed["format"] = json!(9);
    changed["nearset_version"] = json!("3.0.0");
    changed["version"] = json!("20270101T000000Z-00000000");
    changed["items"] = json!({"of another form": true});
    let mut fields: std::collections::BTreeMap<String, Value> =
        serde_json::from_value(changed.clone()).expect("fields");
    fields.remove("sha256");
    let seal = {
        use sha2::{Digest, Sha256};
        hex::encode(Sha256::digest(serde_json::to_vec(&fields).expect("JSON")))
    };
    changed["sha256"] = json!(seal);
    // as the checksum is made: compact values, by name
    let compact: std::collections::BTreeMap<String, Value> = serde_json::from_value(changed).expect("fields");
    fs::write(other.join("manifest.json"), serde_json::to_vec(&compact).expect("JSON")).expect("written");
    let all = findings(&n, true);
    has(&all, "look", "versions", "nearset 3.0.0 or newer reads it");
    has(&all, "look", "project", "sql/clean/users.sql");
    has(&all, "ok", "project", "views/mine.sql");
    has(&all, "look", "files", "evaluation/summary.json");
    has(&all, "ok", "backup", "nearset-backup-");
    // where it is the current one, that stands in the way, and whoever loads it says the same
    fs::remove_file(n.models().join("current")).expect("a link");
    std::os::unix::fs::symlink("20270101T000000Z-00000000", n.models().join("current")).expect("a link");
    let all = findings(&n, false);
    has(&all, "mend", "versions", "nearset 3.0.0 or newer reads it");
    let said = n.fails(1, &["models", "promote", "20270101T000000Z-00000000"]);
    assert!(said.contains("nearset 3.0.0 or newer reads it"), "{said}");
    fs::write(n.path().join("nearset.toml"), "keep_version = 3\n").expect("settings");
    let all = findings(&n, false);
    has(&all, "mend", "settings", "did you mean keep_versions?");
}
