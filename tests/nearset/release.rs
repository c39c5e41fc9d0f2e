//! A release from its training to what visitors' clicks make of it.

use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::backup::ready;
use crate::support::{Nearset, copy_dir};

fn current(n: &Nearset) -> String {
    fs::read_link(n.models().join("current")).expect("a version").display().to_string()
}

fn traffic(n: &Nearset) -> Value {
    let text = fs::read_to_string(n.models().join("traffic.json")).expect("traffic");
    serde_json::from_str(&text).expect("JSON")
}

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Logs one list for each of 150 visitors of a version, of ten datasets with 1205 among them, which every `clicked`th looks at.
fn show(n: &Nearset, version: &str, role: &str, at: DateTime<Utc>, clicked: usize, visits: &mut u64) {
    let (mut log, mut views, mut visited) = (String::new(), String::new(), String::new());
    for visitor in 0..150 {
        *visits += 1;
        let request = format!("req_{version}_{visitor}");
        let items: Vec<Value> = [1205]
            .into_iter()
            .chain(1001..1010)
            .map(|id| json!({"dataset_id": id, "score": 1, "reason": "x"}))
            .collect();
        let context = json!({
            "endpoint": "similar", "variant": "primary", "model_role": role, "experiment_variant": "control",
            "visitor": format!("{:012x}", *visits),
        });
        let line = json!({
            "request_id": request, "user_id": null, "page_id": 1010, "algorithm_version": version,
            "timestamp": at.to_rfc3339(), "items": items, "context": context,
        });
        log += &format!("{line}\n");
        if visitor % clicked == 0 {
            let (visit, time) = (900_000 + *visits, stamp(at + TimeDelta::seconds(20)));
            let view = json!({
                "idlink_va": 900_000 + *visits, "idsite": 1, "idvisitor": format!("{visit:016x}"), "idvisit": visit,
                "server_time": time, "idaction_url": 1, "idaction_name": 2, "pageview_position": 1,
                "custom_dimension_4": request, "custom_dimension_5": null,
            });
            let first = json!({
                "idvisit": visit, "idsite": 1, "idvisitor": format!("{visit:016x}"), "user_id": null,
                "visit_first_action_time": time, "visit_last_action_time": time, "visit_total_actions": 1, "visit_total_time": 0,
            });
            views += &format!("{view}\n");
            visited += &format!("{first}\n");
        }
    }
    let folder = n.data().join("evaluation");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("exposure_log.{role}.jsonl")), log).expect("a log");
    // increments are named by their time
    let name = (at + TimeDelta::seconds(i64::from(role == "canary"))).format("%Y%m%d_%H%M%S");
    for (table, rows) in [("link_visit_action", views), ("log_visit", visited)] {
        let table = table.trim_start_matches("log_");
        n.write(&format!("matomo_log_{table}_{name}.json"), &rows);
    }
}

/// A release that has begun, with the versions: the current one and the new one.
fn begun() -> (Nearset, String, String) {
    let mut n = ready();
    n.set("DATA_JSON_DIR", &n.exports().display().to_string());
    let old = current(&n);
    assert!(n.ok(&["release", "show"]).contains("nothing was ever released"));
    let said = n.ok(&["release", "--as-of", "2026-10-17", "--canary", "20%", "--for", "1h", "--min-exposures", "1000"]);
    assert!(said.contains("answers 20 % of the visitors"), "{said}");
    let canary = traffic(&n)["canary"].clone();
    let new = canary["version"].as_str().expect("a version").to_owned();
    assert_eq!((canary["share"].clone(), canary["is_release"].clone()), (json!(0.2), json!(true)));
    assert_eq!(current(&n), old, "the new version is tried first");
    assert!(new != old && new.starts_with("20261017"), "{new}");
    (n, old, new)
}

#[test]
fn clicks_decide_a_release_and_runs_hold_back_until_they_have() {
    let (n, old, new) = begun();
    // another one has to wait, and a run promotes nothing
    assert!(n.fails(1, &["release"]).contains("is being released"));
    let said = n.ok(&["run", "--as-of", "2026-10-18", "--from", "features"]);
    assert!(said.contains("is kept and not current"), "{said}");
    assert_eq!(current(&n), old);
    assert!(n.ok(&["release", "continue"]).contains("too few exposures"));
    // both are clicked alike
    let worse = Nearset::empty();
    for (from, to) in [(n.data(), worse.data()), (n.models(), worse.models()), (n.exports(), worse.exports())] {
        copy_dir(&from, &to);
    }
    let at = Utc::now() + TimeDelta::seconds(5);
    let mut visits = 0;
    show(&n, &old, "primary", at, 3, &mut visits);
    show(&n, &new, "canary", at, 3, &mut visits);
    let later = stamp(at + TimeDelta::hours(2)) + "Z";
    let sooner = stamp(at + TimeDelta::minutes(10)) + "Z";
    n.ok(&["run", "--as-of", &sooner]);
    assert_eq!(current(&n), old, "its time is not over");
    let show_json =
        |n: &Nearset| -> Value { serde_json::from_str(&n.ok(&["release", "show", "--json"])).expect("JSON") };
    let seen = show_json(&n)["looks"].as_array().and_then(|looks| looks.last().cloned()).expect("a look");
    assert_eq!((seen["verdict"].clone(), seen["new"]["visitors"].clone()), (json!("open"), json!(150.0)));
    assert_eq!(
        (seen["new"]["clicks"]["shown"].clone(), seen["new"]["clicks"]["counted"].clone()),
        (json!(1500.0), json!(50.0))
    );
    n.ok(&["run", "--as-of", &later, "--from", "features"]);
    let release = show_json(&n);
    assert_eq!((release["stage"].clone(), current(&n)), (json!("promoted"), new.clone()), "{release}");
    assert!(traffic(&n)["canary"].is_null());
    assert!(n.ok(&["models", "rollback"]).contains(&old));
    // the new one is clicked by nobody: it goes at once
    show(&worse, &old, "primary", at, 2, &mut visits);
    show(&worse, &new, "canary", at, 150, &mut visits);
    worse.ok(&["run", "--as-of", &sooner]);
    let release = show_json(&worse);
    assert_eq!((release["stage"].clone(), current(&worse)), (json!("went_back"), old.clone()), "{release}");
    assert!(release["why"].as_str().expect("why").contains("clearly worse") && traffic(&worse)["canary"].is_null());
    // from then on runs promote again
    worse.ok(&["run", "--as-of", &later, "--from", "features"]);
    assert_ne!(current(&worse), old);
}

#[test]
fn a_release_is_ended_by_hand_or_by_whoever_changes_what_answers() {
    let (n, old, new) = begun();
    assert!(n.ok(&["release", "abort"]).contains("was ended"));
    assert_eq!((current(&n), traffic(&n)["canary"].is_null()), (old.clone(), true));
    assert!(n.fails(1, &["release", "promote"]).contains("no release is under way"));
    n.ok(&["release", "--version", &new, "--canary", "0.5"]);
    n.ok(&["models", "canary", "off"]);
    assert!(n.ok(&["release", "continue"]).contains("somebody changed"));
    n.ok(&["release", "--version", &new]);
    assert!(n.ok(&["release", "promote"]).contains("became current"));
    assert_eq!(current(&n), new);
    // a canary of a release that nobody knows of holds no run back for long
    n.ok(&["release", "--version", &old]);
    fs::remove_file(n.data().join("operations/release.json")).expect("the state");
    n.ok(&["release", "continue"]);
    assert!(traffic(&n)["canary"].is_null());
    // cut short between what was written down and what was done
    n.ok(&["release", "--version", &old]);
    let path = n.data().join("operations/release.json");
    let mut state: Value = serde_json::from_str(&fs::read_to_string(&path).expect("state")).expect("JSON");
    state["stage"] = json!("promoting");
    fs::write(&path, state.to_string()).expect("written");
    n.ok(&["release", "continue"]);
    assert_eq!(current(&n), old);
    for (args, said) in [
        (&["release", "--canary", "100%"][..], "is no share"),
        (&["release", "--for", "3 days"], "is no time"),
        (&["release", "--version", &old], "is current already"),
        (&["release", "--version", "../x"], "is no name of a version"),
    ] {
        let output = n.run(args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(said), "{args:?}: {told}");
    }
    assert!(Path::new(&path).exists());
}
