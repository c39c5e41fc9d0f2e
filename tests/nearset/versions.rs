//! Versions on disk: damaged, made by hand, promoted by several at once, cut short half-way.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nearset::model::{self, Model};
use nearset::recommend::{self, Effort, Policy, Recommended, Request};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::serving::{two_versions, until};
use crate::support::{Nearset, copy_dir, ids, text};

fn current(n: &Nearset) -> String {
    model::current(&n.models()).expect("a current version")
}

fn current_dir(n: &Nearset) -> PathBuf {
    n.models().join(current(n))
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[place] ^= 1 << (place % 8);
    fs::write(path, bytes).expect("a file");
}

/// Changes a manifest as a hand would: in the form that needs no checksum of its own, with the files' checksums right.
fn by_hand(dir: &Path, change: impl FnOnce(&mut Value)) {
    let path = dir.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).expect("a manifest")).expect("JSON");
    let fields = manifest.as_object_mut().expect("fields");
    fields.shift_remove("sha256");
    fields["format"] = 3.into();
    for (name, sha256) in fields["files"].as_object_mut().expect("files") {
        let digest = Sha256::digest(fs::read(dir.join(name)).expect("a file"));
        *sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    }
    change(&mut manifest);
    fs::write(&path, serde_json::to_vec_pretty(&manifest).expect("JSON")).expect("a manifest");
}

/// A version's copy under another name.
fn copy_as(n: &Nearset, version: &str, name: &str) {
    copy_dir(&n.models().join(version), &n.models().join(name));
    by_hand(&n.models().join(name), |manifest| manifest["version"] = name.into());
}

/// Some lists of a version.
fn lists(model: &Model) -> Vec<Vec<Recommended>> {
    let pages = (0..model.parts.items.len() as u32).step_by(40).map(Some);
    let request = |page| Request { page, recent: &[3, 5], top_n: 20, ..Request::default() };
    let list = |page| recommend::recommend(model, &request(page), &Policy::default(), Effort::Full).0;
    pages.chain([None]).map(list).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).expect("a version").map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    let n = Nearset::demo();
    let (version, dir) = (current(&n), current_dir(&n));
    let before = lists(&model::load(&n.models(), &version).expect("a whole version"));
    let mut refused = 0;
    for path in files(&dir) {
        let whole = fs::read(&path).expect("a file");
        let is_manifest = path.ends_with("manifest.json");
        let times = if is_manifest { 200 } else { 50 };
        for place in (0..times).map(|time| time * whole.len() / times) {
            flip(&path, place);
            match model::load(&n.models(), &version) {
                Ok(model) => assert_eq!(lists(&model), before, "{} at {place}", path.display()),
                Err(_) => refused += 1,
            }
            fs::write(&path, &whole).expect("mended");
        }
    }
    assert!(refused > 500, "{refused} were refused");
    model::load(&n.models(), &version).expect("whole again");
}

#[test]
fn a_flipped_bit_with_the_right_checksums_breaks_nobody() {
    let n = Nearset::demo();
    let (version, dir) = (current(&n), current_dir(&n));
    for name in ["ranker.json", "vectors.f32", "behaviour.f32"] {
        let path = dir.join(name);
        let whole = fs::read(&path).expect("a file");
        for place in (0..60).map(|time| time * whole.len() / 60) {
            flip(&path, place);
            by_hand(&dir, |_| {});
            let loaded = model::load(&n.models(), &version);
            if let Some(model) = loaded.ok().filter(|model| recommend::smoke(model).is_ok()) {
                let lists = lists(&model);
                assert!(lists.iter().flatten().all(|entry| entry.score.is_finite()), "{name} at {place}");
            }
            fs::write(&path, &whole).expect("mended");
        }
    }
}

#[test]
fn a_version_is_the_same_on_any_number_of_threads() {
    let (n, other) = (Nearset::demo(), Nearset::empty());
    let mut demo = other.command(&["demo", "--no-serve"]);
    let done = demo.envs([("THREADS", "1"), ("RAYON_NUM_THREADS", "1")]).output().expect("nearset runs");
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(current(&other), current(&n));
    let tried = |n: &Nearset| model::read_manifest(&n.models(), &current(n)).expect("a manifest").ranker;
    assert!(tried(&n).is_some_and(|ranker| ranker.trials.len() > 4));
    assert_eq!(tried(&other), tried(&n));
}

/// What loading a version says that was changed by hand.
fn refusal(n: &Nearset, what: &str, change: impl FnOnce(&mut Value)) -> String {
    by_hand(&current_dir(n), change);
    match model::load(&n.models(), &current(n)) {
        Ok(_) => panic!("{what} was taken"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn a_manifest_made_by_hand_is_checked_against_the_files() {
    let n = Nearset::demo();
    let dir = current_dir(&n);
    by_hand(&dir, |_| {});
    model::load(&n.models(), &current(&n)).expect("the form before is read");
    let written = fs::read(dir.join("manifest.json")).expect("a manifest");
    let mend = || fs::write(dir.join("manifest.json"), &written).expect("a manifest");
    let huge = 1_000_000_000_000_000_000_u64;
    for field in ["items", "listed_items", "dimensions", "behaviour_dimensions"] {
        for number in
            [json!(0), json!(1), json!(65_535), json!(huge), json!(u64::MAX), json!(-1), json!(0.5), json!("7")]
        {
            refusal(&n, &format!("{field} {number}"), |manifest| manifest[field] = number.clone());
            mend();
        }
    }
    refusal(&n, "a weight", |manifest| manifest["dense_weight"] = json!(1e30));
    mend();
    refusal(&n, "another name", |manifest| manifest["version"] = "another".into());
    mend();
    for name in ["/dev/zero", "../current/items.parquet", "a/b", "", ".", "items.parquet.old"] {
        let said = refusal(&n, name, |manifest| manifest["files"][name] = "00".into());
        assert!(said.contains("no file of a version"), "{said}");
        mend();
    }
    refusal(&n, "no vectors", |manifest| {
        manifest["files"].as_object_mut().expect("files").shift_remove("vectors.f32");
    });
    for bytes in [&b"\xff\xfe{}"[..], b"", b"null", b"{}", &b"[".repeat(1_000_000), &b"{\"ranker\":[".repeat(100_000)] {
        fs::write(dir.join("manifest.json"), bytes).expect("a manifest");
        assert!(model::load(&n.models(), &current(&n)).is_err());
    }
    // a file as long as no memory
    File::create(dir.join("manifest.json")).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
    assert!(model::load(&n.models(), &current(&n)).is_err());
}

#[test]
fn only_plain_files_in_the_folder_are_opened() {
    let n = Nearset::demo();
    let (version, dir) = (current(&n), current_dir(&n));
    for name in ["items.parquet", "vectors.f32", "ranker.json", "manifest.json"] {
        let (path, aside) = (dir.join(name), n.path().join(name));
        fs::rename(&path, &aside).expect("set aside");
        let refused = |what: &str| {
            let error = model::load(&n.models(), &version).err().unwrap_or_else(|| panic!("{name}: {what} was read"));
            assert!(format!("{error:#}").contains(name), "{error:#}");
        };
        refused("nothing");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
        refused("a pipe");
        fs::remove_file(&path).expect("gone");
        for target in [Path::new("/dev/zero"), aside.as_path()] {
            symlink(target, &path).expect("a link");
            refused("a link");
            fs::remove_file(&path).expect("gone");
        }
        fs::create_dir(&path).expect("a folder");
        refused("a folder");
        fs::remove_dir(&path).expect("gone");
        fs::rename(&aside, &path).expect("put back");
    }
    for name in ["../models/current", "current", "current/", ".", "..", "/", "", "a/b"] {
        let error = n.fails(1, &["models", "promote", name]);
        assert!(error.contains("name of a version") || error.contains("no folder"), "{error}");
    }
    n.ok(&["models", "promote", &version]);
}

#[test]
fn a_ranker_that_does_not_fit_is_refused() {
    let n = Nearset::demo();
    let path = current_dir(&n).join("ranker.json");
    let layer = |inputs: usize, outputs: usize, weights: usize| json!({"inputs": inputs, "weights": vec![0.5; weights], "biases": vec![0.5; outputs]});
    let features = model::Feature::COUNT;
    let network =
        |layers: Value| json!({"means": vec![0.0; features], "deviations": vec![1.0; features], "layers": layers});
    let split = |feature: u64, mask: u32| json!([{"splits": [{"feature": feature, "threshold": 0.5, "mask": mask}], "leaves": vec![0.5; 32]}]);
    let mut narrow = network(json!([layer(features, 1, features)]));
    narrow["means"] = json!([0.0]);
    let mut flat = network(json!([layer(features, 1, features)]));
    flat["deviations"][0] = json!(0.0);
    // what was trained before the last features were there
    let names = model::Feature::ALL.map(model::Feature::name);
    let whole = [
        ("features", json!(names[..34])),
        ("trees", split(features as u64 - 1, u32::MAX - 1)),
        ("network", network(json!([layer(features, 4, 4 * features), layer(4, 1, 4)]))),
    ];
    let broken = [
        ("trees", split(65_535, u32::MAX - 1)),
        ("trees", split(features as u64, u32::MAX - 1)),
        ("trees", split(0, 0)),
        ("trees", split(0, u32::MAX)),
        ("trees", split(0, 0b1010)),
        ("trees", json!([{"splits": [], "leaves": [1e39]}])),
        ("network", network(json!([]))),
        ("network", network(json!([layer(0, 1, 0)]))),
        ("network", network(json!([layer(features, 0, 0)]))),
        ("network", network(json!([layer(features, 4, 4 * features), layer(5, 1, 5)]))),
        ("network", network(json!([layer(features, 4, 4 * features)]))),
        ("network", network(json!([layer(features, 1, features - 1)]))),
        ("network", narrow),
        ("network", flat),
        ("features", json!(names[1..])),
        ("features", json!([])),
    ];
    for (is_whole, (field, value)) in
        whole.into_iter().map(|case| (true, case)).chain(broken.into_iter().map(|case| (false, case)))
    {
        let mut ranker = json!({"features": names[..], "trees": [], "network": null});
        ranker[field] = value;
        fs::write(&path, ranker.to_string()).expect("a ranker");
        by_hand(&current_dir(&n), |_| {});
        let loaded = model::load(&n.models(), &current(&n));
        assert_eq!(loaded.is_ok(), is_whole, "{field} {} {:?}", ranker[field], loaded.err());
    }
}

#[test]
fn tables_and_vectors_that_do_not_fit_are_refused() {
    let n = Nearset::demo();
    let dir = current_dir(&n);
    let changed = |name: &str, query: &str| {
        let db = duckdb::Connection::open_in_memory().expect("a database");
        let path = dir.join(name);
        let (from, to) = (path.display(), dir.join("changed").display().to_string());
        db.execute_batch(&format!("create table t as from '{from}'; copy ({query}) to '{to}' (format parquet)"))
            .unwrap_or_else(|e| panic!("{query}: {e}"));
        let whole = fs::read(&path).expect("a file");
        fs::rename(to, &path).expect("changed");
        let said = refusal(&n, query, |_| {});
        fs::write(&path, whole).expect("mended");
        assert!(said.contains(name), "{query}: {said}");
    };
    for figure in ["visits", "next_organic", "next_followed", "clicks"] {
        changed("neighbours.parquet", &format!("select * replace (70000::uinteger as {figure}) from t"));
        changed("neighbours.parquet", &format!("select * replace (null::uinteger as {figure}) from t"));
    }
    changed("neighbours.parquet", "select * replace ('nan'::float as organic) from t");
    changed("neighbours.parquet", "select * replace (-7::bigint as neighbour_id) from t");
    changed("neighbours.parquet", "select * from t order by dataset_id desc");
    changed("neighbours.parquet", "select * exclude (walk) from t");
    changed("items.parquet", "from t limit 10");
    changed("items.parquet", "select * replace (1001::bigint as dataset_id) from t");
    changed("items.parquet", "select * replace ('inf'::double as price) from t");
    changed("items.parquet", "select * replace (-1::float as recent_views) from t");
    changed("lists.parquet", "select * replace ('nan'::float as score) from t");
    changed("lists.parquet", "select * replace (-7::bigint as dataset_id) from t");
    changed("users.parquet", "select * replace ([-7]::bigint[] as viewed) from t");
    changed("visits.parquet", "select * replace ([-7]::bigint[] as dataset_ids) from t");
    for number in [f32::NAN, f32::INFINITY, 1e30] {
        let mut bytes = fs::read(dir.join("vectors.f32")).expect("vectors");
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        fs::write(dir.join("vectors.f32"), bytes).expect("vectors");
        assert!(refusal(&n, "a vector", |_| {}).contains("vectors.f32"));
    }
}

#[test]
fn a_version_that_lists_nothing_is_not_promoted() {
    let n = Nearset::demo();
    let before = current(&n);
    let mut model = model::load(&n.models(), &before).expect("a version");
    model.parts.items.iter_mut().for_each(|item| item.is_listed = false);
    model.manifest.listed_items = 0;
    let version = model::save(&n.models(), &mut model).expect("saved").keep();
    assert!(n.fails(1, &["models", "promote", &version]).contains("lists no dataset"));
    assert!(n.fails(1, &["models", "canary", &version]).contains("lists no dataset"));
    assert!(n.fails(1, &["models", "shadow", &version]).contains("lists no dataset"));
    assert_eq!(current(&n), before);
    assert_eq!(model::traffic(&n.models()).expect("traffic"), model::Traffic::default());
}

#[test]
fn a_damaged_current_version_is_stood_in_for_until_it_is_mended() {
    let n = Nearset::demo();
    let (first, second) = two_versions(&n);
    n.ok(&["models", "promote", &second]);
    // a newer one that nobody promoted is not the one to go back to
    copy_as(&n, &second, "20991231T000000Z-00000000");
    let path = n.models().join(&second).join("items.parquet");
    let whole = fs::read(&path).expect("a file");
    flip(&path, 100);
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    let version = || server.list("/similar/1001")["algorithm_version"].clone();
    assert_eq!(version(), *first);
    let (status, health) = server.get("/health");
    assert_eq!((status, &health["status"]), (200, &"degraded".into()));
    let fault = health["model_fault"].as_str().expect("a fault").to_owned();
    assert!(fault.contains(&second) && !fault.contains('/'), "{fault}");
    assert!(server.get_text("/metrics").1.contains("model_fault 1"));
    // rules are taken up all the same
    let listed = || ids(&server.list("/similar/1001")["similar_items"]);
    let never = listed()[0];
    fs::write(n.data().join("rules.toml"), format!("[[rule]]\naction = \"never\"\ndatasets = [{never}]\n"))
        .expect("rules");
    until("the rule is taken up", || !listed().contains(&never));
    fs::write(&path, &whole).expect("mended");
    until("the mended version is taken up", || version() == *second);
    let health = server.get("/health").1;
    assert_eq!((&health["status"], &health["model_fault"]), (&"healthy".into(), &Value::Null));
    assert!(server.get_text("/metrics").1.contains("model_fault 0"));
    // damaged while it is in force, it goes on from memory
    flip(&path, 100);
    assert_eq!(server.post("/models/reload", Some("t")).0, 500);
    assert_eq!((version(), server.get("/health").1["status"].clone()), (second.clone().into(), "degraded".into()));
    fs::write(&path, &whole).expect("mended");
    until("it is whole again", || server.get("/health").1["status"] == "healthy");
    // one that is promoted while the current one is damaged answers, and nothing is wrong any more
    flip(&path, 100);
    assert_eq!(server.post("/models/reload", Some("t")).0, 500);
    n.ok(&["models", "rollback"]);
    until("the version before answers", || version() == *first);
    assert_eq!(server.get("/health").1["status"], "healthy");
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(log.contains("was not taken up") && log.contains("checksum"), "{log}");
}

#[test]
fn any_whole_version_is_better_than_none() {
    let n = Nearset::demo();
    let only = current(&n);
    copy_as(&n, &only, "20000101T000000Z-00000000");
    fs::write(n.models().join(&only).join("manifest.json"), "{").expect("damage");
    let server = n.serve();
    assert_eq!(server.list("/similar/1001")["algorithm_version"], "20000101T000000Z-00000000");
}

#[test]
fn a_canary_that_was_refused_is_tried_again_when_it_changes() {
    let n = Nearset::demo();
    let other = "20200101T000000Z-00000000";
    copy_as(&n, &current(&n), other);
    n.ok(&["models", "canary", other]);
    n.ok(&["models", "shadow", other]);
    let path = n.models().join(other).join("users.parquet");
    let whole = fs::read(&path).expect("a file");
    flip(&path, 7);
    let server = n.serve();
    let beside = |name: &str| server.get("/health").1[name].clone();
    assert_eq!((beside("canary_version"), beside("shadow_version")), (Value::Null, Value::Null));
    fs::write(&path, whole).expect("mended");
    until("canary and shadow answer", || beside("canary_version") == other && beside("shadow_version") == other);
    assert_eq!(beside("status"), "healthy");
}

#[test]
fn changes_made_at_once_are_all_kept() {
    let n = Nearset::demo();
    let first = current(&n);
    let others = ["20200101T000000Z-00000000", "20200102T000000Z-00000000", "20200103T000000Z-00000000"];
    others.iter().for_each(|name| copy_as(&n, &first, name));
    for round in 0..4 {
        let next = if round % 2 == 0 { others[2] } else { first.as_str() };
        let all = [
            vec!["models", "canary", others[0]],
            vec!["models", "shadow", others[1]],
            vec!["models", "promote", next],
            vec!["models", "promote", if round % 2 == 0 { &first } else { others[2] }],
        ];
        let running: Vec<_> = all.iter().map(|args| n.command(args).spawn().expect("nearset runs")).collect();
        for mut child in running {
            assert!(child.wait().expect("an end").success());
        }
        let traffic = model::traffic(&n.models()).expect("traffic");
        assert_eq!(traffic.canary.expect("the canary").version, others[0]);
        assert_eq!(traffic.shadow.expect("the shadow").version, others[1]);
        assert_eq!(promotions(&n).last(), Some(&current(&n)));
        n.ok(&["models", "canary", "off"]);
        n.ok(&["models", "shadow", "off"]);
    }
    assert!(promotions(&n).len() >= 5, "{:?}", promotions(&n));
    assert!(!fs::read_dir(n.models()).expect("models").any(|e| {
        let name = e.expect("an entry").file_name();
        name.to_string_lossy().starts_with('.') || name.to_string_lossy().ends_with(".part")
    }));
}

fn promotions(n: &Nearset) -> Vec<String> {
    let text = fs::read_to_string(n.models().join("promotions.jsonl")).expect("promotions");
    let version =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["version"].as_str().map(str::to_owned);
    text.lines().map(|line| version(line).expect("a version")).collect()
}

fn link(n: &Nearset, version: &str) {
    fs::remove_file(n.models().join("current")).expect("gone");
    symlink(version, n.models().join("current")).expect("a link");
}

#[test]
fn a_promotion_that_was_cut_short_leads_nobody_astray() {
    let n = Nearset::demo();
    let first = current(&n);
    let names = ["20200101T000000Z-00000000", "20200102T000000Z-00000000", "20200103T000000Z-00000000"];
    names.iter().for_each(|name| copy_as(&n, &first, name));
    n.ok(&["models", "promote", names[0]]);
    // killed behind the history, before the link: it never was current
    let path = n.models().join("promotions.jsonl");
    let line = format!("{{\"version\":\"{}\",\"at\":\"2026-10-16T00:00:00Z\"}}\n", names[1]);
    let torn = "{\"version\":\"2020";
    fs::write(&path, fs::read_to_string(&path).expect("promotions") + &line + torn).expect("promotions");
    assert!(n.ok(&["models", "rollback"]).contains(&first));
    assert_eq!(promotions(&n), [first.as_str(), names[0], first.as_str()]);
    // current without a word in the history, as nearset once left it and hands still do
    link(&n, names[2]);
    assert!(n.ok(&["models", "rollback"]).contains(&first));
    // a version on the way back that is damaged is passed over
    for name in [names[1], names[2], names[0]] {
        n.ok(&["models", "promote", name]);
    }
    flip(&n.models().join(names[2]).join("lists.parquet"), 9);
    assert!(n.ok(&["models", "rollback"]).contains(names[1]));
}

#[test]
fn old_versions_go_but_none_that_is_named_and_a_damaged_one_stops_nothing() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let first = current(&n);
    let name = |day: u32| format!("200001{day:02}T000000Z-00000000");
    for day in 1..=16 {
        copy_as(&n, &first, &name(day));
    }
    n.ok(&["models", "canary", &name(1)]);
    n.ok(&["models", "shadow", &name(2)]);
    let experiments = n.data().join("experiments.toml");
    let variant = |day: u32| {
        format!("[[experiments.e{day}.variants]]\nallocation = 1\nparameters = {{ model = \"{}\" }}\n", name(day))
    };
    let named = format!("[experiments.e3]\n{}[experiments.e4]\nstatus = \"paused\"\n{}", variant(3), variant(4));
    flip(&n.models().join(name(16)).join("manifest.json"), 40);
    fs::write(n.models().join(name(15)).join("manifest.json"), b"\xff").expect("damage");
    let there = |day: u32| n.models().join(name(day)).is_dir();
    // which are named is not known: all stay
    fs::write(&experiments, "[experiments").expect("a file");
    let output = n.run(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(text_of(&output).contains("old versions stay"), "{}", text_of(&output));
    assert!((1..=16).all(there));
    fs::write(&experiments, named).expect("a file");
    let second = current(&n);
    n.ok(&["run", "--as-of", "2026-10-18", "--from", "features"]);
    assert!((1..=4).all(there), "canary, shadow and what experiments name");
    assert!((15..=16).all(there), "what is damaged is kept");
    assert!((5..=7).all(|day| !there(day)) && there(14));
    assert!(n.models().join(&second).is_dir() && n.models().join(&first).is_dir());
    let said = n.ok(&["models", "list"]);
    let damaged: Vec<&str> = said.lines().filter(|line| line.contains("damaged: ")).collect();
    assert!(damaged.len() == 2 && damaged[0].contains(&name(15)) && damaged[1].contains(&name(16)), "{said}");
    assert!(n.ok(&["models", "rollback"]).contains(&second));
    let output = n.run(&["evaluate", "--all", "--brief", "--from", "2026-10-01"]);
    assert!(output.status.success() && text(&output.stderr).contains("is left out"), "{}", text_of(&output));
}

fn text_of(output: &std::process::Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_run_mends_a_version_of_its_own_that_was_damaged() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    let version = current(&n);
    flip(&current_dir(&n).join("users.parquet"), 5);
    assert!(n.fails(1, &["models", "promote", &version]).contains("checksum"));
    n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    assert_eq!(current(&n), version);
    n.ok(&["models", "promote", &version]);
}
