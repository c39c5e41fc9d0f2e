//! What is published: which files there are, what they hold, and whether they are whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Nearset, text};

/// The moment of all runs here but those of the clock's plan.
pub const AS_OF: &str = "2026-10-16";

/// Everything of a nearset that must be the old or the new.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The fingerprints of all relations; none where nothing is published.
    pub warehouse: Option<String>,
    /// The current version; none where there is none.
    pub version: Option<String>,
}

impl State {
    /// Reads what is published, and says where it is not whole.
    pub fn read(n: &Nearset) -> Result<Self, String> {
        let warehouse = match n.data().join("warehouse.duckdb").exists() {
            true => Some(query(n, fingerprints())?),
            false => None,
        };
        Ok(Self { warehouse, version: current(&n.models())? })
    }
}

/// What `nearset sql` answers, or what it says instead.
pub fn query(n: &Nearset, sql: &str) -> Result<String, String> {
    let output = n.run(&["sql", sql, "--format", "json"]);
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("the warehouse does not open ({}): {}", output.status, text(&output.stderr))),
    }
}

/// The current version, where every file of it is what its manifest says.
fn current(models: &Path) -> Result<Option<String>, String> {
    let Ok(target) = fs::read_link(models.join("current")) else { return Ok(None) };
    let dir = models.join(&target);
    let manifest = fs::read(dir.join("manifest.json")).map_err(|e| format!("current has no manifest: {e}"))?;
    let manifest: Value = serde_json::from_slice(&manifest).map_err(|e| format!("a torn manifest: {e}"))?;
    let files = manifest["files"].as_object().ok_or("a manifest without files")?;
    for (name, expected) in files {
        let bytes = fs::read(dir.join(name)).map_err(|e| format!("current has no {name}: {e}"))?;
        if expected.as_str() != Some(&hash(&bytes)) {
            return Err(format!("{name} of the current version is torn"));
        }
    }
    Ok(Some(target.to_string_lossy().into_owned()))
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of every file of data and models by its path from `n`'s folder; a link's target.
pub fn files(n: &Nearset) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for dir in [n.data(), n.models()].iter().filter(|dir| dir.is_dir()) {
        walk(n.path(), dir, &mut found);
    }
    found
}

fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("below the folder").to_owned();
        if path.is_symlink() {
            found.insert(name, fs::read_link(&path).expect("a link").to_string_lossy().into_owned());
        } else if path.is_dir() {
            found.insert(name, "a folder".to_owned());
            walk(root, &path, found);
        } else {
            found.insert(name, hash(&fs::read(&path).expect("a file")));
        }
    }
}

/// Files that a run writes and that are the same in every run: reports, tables, what was read up to where.
pub fn outcome(n: &Nearset) -> BTreeMap<PathBuf, String> {
    let is_repeated = |path: &Path| {
        let name = path.to_string_lossy();
        // what a run took in depends on what was there before it
        if name.ends_with("extract_metrics.json") {
            return false;
        }
        ["data/processed/", "data/evaluation/", "data/_metadata/extract_state"].iter().any(|p| name.starts_with(p))
    };
    files(n).into_iter().filter(|(path, _)| is_repeated(path)).collect()
}

/// Versions in the order of their promotion.
pub fn promoted(n: &Nearset) -> Vec<String> {
    let text = fs::read_to_string(n.models().join("promotions.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["version"].as_str().map(str::to_owned))
        .collect()
}

/// How often history knows of runs that began.
pub fn runs_begun(n: &Nearset) -> usize {
    let text = fs::read_to_string(n.data().join("_metadata/runs.jsonl")).unwrap_or_default();
    text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|e| e["event"] == "started")).count()
}

/// One query for the fingerprints of all relations that a run makes.
fn fingerprints() -> &'static str {
    static QUERY: OnceLock<String> = OnceLock::new();
    QUERY.get_or_init(|| {
        let n = small(1);
        n.ok(&["run", "--as-of", AS_OF]);
        n.fingerprint_query()
    })
}

/// A marketplace of a handful, so that a run is done in no time. Its second stage holds increments and more of the log.
pub fn small(stage: usize) -> Nearset {
    let mut n = Nearset::in_memory();
    // one thread: the same calls in the same order every time
    n.set("THREADS", "1");
    add_stage(&n, 1);
    if stage == 2 {
        add_stage(&n, 2);
    }
    n
}

pub fn add_stage(n: &Nearset, stage: usize) {
    let stamp = if stage == 1 { "" } else { "_20261015_000000" };
    let write = |table: &str, rows: Vec<Value>| n.write(&format!("{table}{stamp}.json"), &json!(rows).to_string());
    let day = if stage == 1 { 1 } else { 12 };
    let words =
        ["river flow", "rain fall", "sea level", "bond price", "road map", "crop yield", "air quality", "port call"];
    let dataset = |id: usize| {
        let name = format!("{} {id}", words[id % words.len()]);
        json!({"id": id, "dataset_name": name, "description": format!("{name} by hour"), "tag": words[id % words.len()],
            "price": id % 5, "create_company_name": format!("provider {}", id % 3), "is_delete": 0,
            "create_time": "2026-01-01 00:00:00", "update_time": format!("2026-10-{day:02} 00:00:{id:02}")})
    };
    write("dataset", (1..=24).filter(|id| stage == 1 || id % 4 == 0).map(dataset).collect());
    let from = (stage - 1) * 12;
    write(
        "task",
        (from..from + 6)
            .map(|id| {
                json!({"id": id + 1, "dataset_id": 1 + id % 24, "create_user": 1 + id % 4, "price": 3,
            "create_time": format!("2026-10-{:02} 10:00:00", day + id % 3)})
            })
            .collect(),
    );
    if stage == 1 {
        write("user", (1..5).map(|id| json!({"id": id, "create_time": "2026-01-01 00:00:00"})).collect());
        write("matomo_log_action", (1..=24).map(|id| {
            json!({"idaction": id, "name": format!("example.org/dataDetail/{id}"), "type": 1, "url_prefix": 2})
        }).collect());
    }
    write("matomo_log_visit", (from..from + 12).map(|visit| {
        json!({"idvisit": visit + 1, "idsite": 1, "idvisitor": format!("{visit:016x}"), "user_id": (1 + visit % 4).to_string(),
            "visit_first_action_time": moment(day, visit, 0), "visit_last_action_time": moment(day, visit, 3)})
    }).collect());
    write("matomo_log_link_visit_action", (from * 4..(from + 12) * 4).map(|view| {
        let (visit, step) = (view / 4, view % 4);
        json!({"idlink_va": view + 1, "idvisit": visit + 1, "idsite": 1, "server_time": moment(day, visit, step),
            "idaction_url": 1 + (visit * 5 + step * step) % 24, "custom_dimension_1": request_id(visit)})
    }).collect());
    let log: String = (from..from + 12).map(|number| exposure(number, &moment(day, number, 0)) + "\n").collect();
    let path = n.data().join("evaluation/exposure_log.jsonl");
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::create_dir_all(n.models()).expect("a folder");
    fs::write(&path, fs::read_to_string(&path).unwrap_or_default() + &log).expect("a log");
}

fn moment(day: usize, visit: usize, step: usize) -> String {
    format!("2026-10-{:02} 0{step}:{:02}:00", day + visit % 3, visit % 60)
}

fn request_id(number: usize) -> String {
    format!("req_{number:020x}")
}

fn exposure(number: usize, at: &str) -> String {
    let items: Vec<Value> =
        (0..4).map(|k| json!({"dataset_id": 1 + (number * 5 + k * k) % 24, "score": 0.5, "reason": "alike"})).collect();
    json!({"request_id": request_id(number), "user_id": null, "page_id": 1 + number % 24, "algorithm_version": "v1",
        "timestamp": at, "items": items, "context": {"endpoint": "recommend_detail", "variant": "primary"}})
    .to_string()
}
