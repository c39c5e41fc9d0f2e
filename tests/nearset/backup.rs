//! Backups while everything goes on, and the way back: byte for byte, all or nothing, and never from what somebody changed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::support::{AS_OF, Nearset, copy_dir, ids, text};

fn newest(n: &Nearset) -> PathBuf {
    let mut all: Vec<PathBuf> =
        fs::read_dir(n.data().join("backups")).expect("backups").map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    all.pop().expect("a backup")
}

/// A first run on the fixtures, done once and copied.
pub fn ready() -> Nearset {
    static DONE: OnceLock<Nearset> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let n = Nearset::empty();
        n.take_fixtures(|_| true);
        n.take_exposures();
        n.ok(&["run", "--as-of", AS_OF]);
        n
    });
    let copy = Nearset::empty();
    for (from, to) in [(done.data(), copy.data()), (done.models(), copy.models()), (done.exports(), copy.exports())] {
        copy_dir(&from, &to);
    }
    copy
}

/// A nearset on another folder's data and models.
fn at(n: &Nearset, dir: &Path) -> Nearset {
    let mut other = Nearset::empty();
    other.project = n.project.clone();
    other.set("DATA_DIR", &dir.join("data").display().to_string());
    other.set("MODELS_DIR", &dir.join("models").display().to_string());
    other
}

/// What fifty pages show, by a server that is asked on one connection at a time.
fn lists(n: &Nearset) -> Vec<Vec<i64>> {
    let server = n.serve();
    let popular = ids(&server.list("/hot/trending?timeframe=30d&limit=50")["items"]);
    let pages: Vec<i64> = (0..50).map(|place| popular.get(place).copied().unwrap_or(1001 + place as i64)).collect();
    let similar = |page: &i64| server.get(&format!("/similar/{page}?limit=10")).1["similar_items"].clone();
    pages.iter().map(similar).map(|list| if list.is_array() { ids(&list) } else { Vec::new() }).collect()
}

/// The hash of every file below a folder that is no folder of backups and no lock.
fn hashes(dir: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_other = name == "backups" || name.ends_with(".lock") || name.starts_with("before-restore");
            if is_other {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let bytes = match fs::read_link(&path) {
                    Ok(target) => target.to_string_lossy().into_owned().into_bytes(),
                    Err(_) => fs::read(&path).expect("a file"),
                };
                let below = path.strip_prefix(dir).expect("below").display().to_string();
                all.insert(below, hex::encode(Sha256::digest(bytes)));
            }
        }
    }
    all
}

/// What a kill may leave beside backups and data: nothing that counts.
fn halves(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".part"))
        .collect()
}

/// Everything that is in an archive, unpacked.
fn unpacked(backup: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in tar::Archive::new(File::open(backup).expect("a backup")).entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let is_packed = entry.path_bytes().ends_with(b".gz");
        let mut bytes = Vec::new();
        match is_packed {
            true => flate2::read::GzDecoder::new(entry).read_to_end(&mut bytes).expect("unpacked"),
            false => entry.read_to_end(&mut bytes).expect("read"),
        };
        all.extend(bytes);
    }
    all
}

/// Settings and files with secrets in them, each of which says `hunter`.
fn with_secrets(n: &mut Nearset) {
    fs::write(n.data().join("rules.toml"), "").expect("rules");
    fs::write(n.path().join(".env"), "# hunter0\nADMIN_TOKEN=hunter1\nTHREADS=2\nOTHER_KEY=hunter2\n")
        .expect("settings");
    fs::write(n.path().join("nearset.toml"), "test_token = \"hunter3\"\nvariety = \"0.2\"\n").expect("settings");
    let notify = "[[receiver]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"https://example.org/?key=hunter4\"\n";
    fs::create_dir_all(n.data().join("operations/outbox/notify")).expect("a folder");
    fs::write(n.data().join("operations/outbox/notify/1.json"), "{\"token\":\"hunter5\"}").expect("a file");
    fs::write(n.data().join("operations/wecom-token.json"), "hunter6").expect("a file");
    fs::write(n.data().join("operations/schedule.json"), "{}").expect("a file");
    fs::write(n.path().join("own-notify.toml"), notify).expect("a file");
    n.set("NOTIFY_FILE", "own-notify.toml");
}

#[test]
fn what_comes_back_is_what_was_there_to_the_byte_and_without_secrets() {
    let mut n = ready();
    with_secrets(&mut n);
    let (before, figures) = (lists(&n), n.fingerprints());
    let said = n.ok(&["backup", "--verify"]);
    assert!(said.contains("read again and whole") && said.contains("ADMIN_TOKEN"), "{said}");
    let backup = newest(&n);
    // no secret is in it, packed or not
    let all = unpacked(&backup);
    let all = String::from_utf8_lossy(&all);
    let found = all.find("hunter").map(|at| all[at.saturating_sub(60)..].chars().take(100).collect::<String>());
    assert_eq!(found, None);

    let to = n.path().join("elsewhere");
    let said = n.ok(&["restore", &backup.display().to_string(), "--to", "elsewhere"]);
    assert!(said.contains("answers:") && said.contains("secrets to set again"), "{said}");
    let other = at(&n, &to);
    // the settings of the backup, as they came
    for file in ["nearset.toml", ".env"] {
        fs::copy(to.join("data/restored/settings").join(file), other.path().join(file)).expect("settings");
    }
    assert_eq!(other.fingerprints(), figures);
    assert_eq!(lists(&other), before);
    let back = hashes(&to.join("data"));
    assert!(back.contains_key("restored/settings/.env") && back.contains_key("restored/settings/nearset.toml"));
    assert!(back.contains_key("operations/schedule.json") && !back.keys().any(|name| name.contains("outbox")));
    let reports = |all: &BTreeMap<String, String>| {
        all.clone()
            .into_iter()
            .filter(|(name, _)| name.starts_with("evaluation/recomm") || name == "evaluation/summary.json")
            .collect::<Vec<_>>()
    };
    assert_eq!(reports(&back), reports(&hashes(&n.data())));
    // only where there is nothing yet, unless it is meant
    let said = other.fails(1, &["restore", &backup.display().to_string()]);
    assert!(said.contains("--over"), "{said}");
    fs::write(to.join("data/evaluation/mine.json"), "{}").expect("a file");
    other.ok(&["restore", &backup.display().to_string(), "--over"]);
    assert_eq!(other.fingerprints(), figures);
    assert!(!to.join("data/evaluation/mine.json").exists(), "it was of a later state");
    let aside = fs::read_dir(to.join("data")).expect("data").flatten().map(|entry| entry.path());
    let aside: Vec<PathBuf> = aside.filter(|path| path.display().to_string().contains("before-restore")).collect();
    assert!(aside.len() == 1 && aside[0].join("evaluation/mine.json").exists(), "{aside:?}");
    // a part alone
    fs::remove_file(to.join("data/evaluation/summary.json")).expect("a report");
    other.ok(&["restore", &backup.display().to_string(), "--only", "reports", "--over"]);
    assert!(to.join("data/evaluation/summary.json").exists());
    // the next run goes on from there
    other.take_fixtures(|_| true);
    other.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    // and a server's data is not pulled away under it
    let server = other.serve();
    let said = other.fails(1, &["restore", &backup.display().to_string(), "--over"]);
    assert!(said.contains("stop it first"), "{said}");
    drop(server);
}

/// The lists in all files of the log: every line whole, each list once.
fn logged(evaluation: &Path) -> std::collections::BTreeSet<String> {
    let mut seen = std::collections::BTreeSet::new();
    for entry in fs::read_dir(evaluation).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("exposure_log") {
            continue;
        }
        let mut lines = String::new();
        match name.ends_with(".gz") {
            true => {
                flate2::read::MultiGzDecoder::new(File::open(entry.path()).expect("a log")).read_to_string(&mut lines)
            }
            false => File::open(entry.path()).expect("a log").read_to_string(&mut lines),
        }
        .expect("text");
        assert!(lines.is_empty() || lines.ends_with('\n'), "{name} ends in half a line");
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).expect("a whole line");
            assert!(
                seen.insert(line["request_id"].as_str().expect("an id").to_owned()),
                "{} twice",
                line["request_id"]
            );
        }
    }
    seen
}

/// A backup that is made while a run publishes and a server logs holds one moment: what the log held when the warehouse was
/// published is in both.
#[test]
fn a_backup_beside_a_run_and_traffic_is_of_one_moment() {
    let mut n = ready();
    n.set("EXPOSURE_ROTATE_MB", "1");
    let server = n.serve();
    let done = AtomicBool::new(false);
    let backups: Vec<PathBuf> = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut page = 0;
            while !done.load(Ordering::Relaxed) {
                page += 1;
                server.get(&format!("/similar/{}?limit=50", 1001 + page % 60));
            }
            page
        });
        let running = scope.spawn(|| {
            n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
        });
        let (mut made, mut faults) = (Vec::new(), String::new());
        while !running.is_finished() && faults.is_empty() {
            let output = n.run(&["backup"]);
            match output.status.success() {
                true => made.push(newest(&n)),
                false => faults = text(&output.stderr),
            }
        }
        let ran = running.join();
        done.store(true, Ordering::Relaxed);
        assert_eq!((ran.is_ok(), faults), (true, String::new()));
        assert!(asking.join().expect("the server answers") > 10);
        made
    });
    drop(server);
    assert!(backups.len() > 2, "{}", backups.len());
    let mut moments = Vec::new();
    for (number, backup) in backups.iter().enumerate().filter(|(number, _)| number % backups.len().div_ceil(4) == 0) {
        let to = n.path().join(format!("moment-{number}"));
        n.ok(&["restore", &backup.display().to_string(), "--to", &to.display().to_string()]);
        let other = at(&n, &to);
        // the version that answers is the one of the warehouse's run
        let as_of = other.value("select strftime(as_of, '%Y%m%d') from raw.run_parameters");
        let current = fs::read_link(to.join("models/current")).expect("a version").display().to_string();
        assert!(current.starts_with(as_of.as_str().expect("text")), "{current} of {as_of}");
        let seen = logged(&to.join("data/evaluation"));
        let taken = other.sql("select request_id from raw.exposure_log");
        let lost = taken.iter().filter(|row| !seen.contains(row["request_id"].as_str().unwrap_or_default())).count();
        assert_eq!(lost, 0, "lists of the warehouse that are in no log");
        moments.push(as_of);
    }
    assert!(moments.is_sorted_by(|a, b| a.as_str() <= b.as_str()), "{moments:?}");
}

fn killed_after(mut child: Child, microseconds: u64) {
    std::thread::sleep(Duration::from_micros(microseconds));
    child.kill().ok();
    child.wait().expect("its end");
}

/// Numbers that are the same for the same seed.
fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |most| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % most
    }
}

#[test]
fn a_kill_leaves_the_old_or_the_new_and_nothing_between() {
    let n = ready();
    n.ok(&["backup"]);
    let backup = newest(&n).display().to_string();
    let (old, old_models) = (hashes(&n.data()), hashes(&n.models()));
    let to = n.path().join("to");
    n.ok(&["restore", &backup, "--to", "to"]);
    let (whole, models) = (hashes(&to.join("data")), hashes(&to.join("models")));
    let other = at(&n, &to);
    let mut random = draws(7);
    let (mut completed, mut kept) = (0, 0);
    for _ in 0..10 {
        // another state lies there
        fs::write(to.join("data/evaluation/mine.json"), "{}").expect("a file");
        let child = other.command(&["restore", &backup, "--over"]).stdout(Stdio::null()).spawn().expect("it starts");
        killed_after(child, random(400_000));
        // whatever is run next knows
        other.ok(&["models", "list"]);
        let (mut now, mine) = (hashes(&to.join("data")), to.join("data/evaluation/mine.json").exists());
        now.remove("evaluation/mine.json");
        assert_eq!(now, whole);
        assert_eq!(hashes(&to.join("models")), models);
        assert!(!to.join("data/.nearset-restore").exists() && !to.join("models/.nearset-restore").exists());
        if mine { kept += 1 } else { completed += 1 }
    }
    println!("{kept} kills left the old, {completed} the new");
    for _ in 0..10 {
        let child = n.command(&["backup"]).stdout(Stdio::null()).spawn().expect("it starts");
        killed_after(child, random(300_000));
    }
    n.ok(&["backup"]);
    let backups = n.data().join("backups");
    assert!(halves(&backups).is_empty(), "{:?}", halves(&backups));
    for path in fs::read_dir(backups).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        n.ok(&["backup", "verify", &path.display().to_string()]);
    }
    assert_eq!((hashes(&n.data()), hashes(&n.models())), (old, old_models), "a backup changes nothing");
}

#[test]
fn a_changed_byte_and_a_missing_member_are_found_and_named() {
    let n = ready();
    n.ok(&["backup"]);
    let backup = newest(&n);
    let bytes = fs::read(&backup).expect("a backup");
    let changed = n.path().join("changed.tar");
    let mut random = draws(11);
    let mut refused = 0;
    for _ in 0..20 {
        let mut other = bytes.clone();
        let at = random(other.len() as u64) as usize;
        other[at] ^= 1 << random(8);
        fs::write(&changed, &other).expect("written");
        let output = n.run(&["backup", "verify", "changed.tar"]);
        if !output.status.success() {
            refused += 1;
            let said = text(&output.stderr);
            assert!(said.contains("changed.tar"), "{said}");
        }
    }
    // what fills a block up behind a member is nobody's
    assert!(refused >= 18, "{refused} of 20");
    // in a member whose place is known
    let mut tar = tar::Archive::new(&bytes[..]);
    let places: Vec<(String, u64, u64)> = tar
        .entries()
        .expect("entries")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.path().expect("a name").display().to_string(), entry.raw_file_position(), entry.size()))
        .collect();
    let (_, start, size) = places.iter().find(|(name, ..)| name.ends_with("items.parquet")).expect("a member");
    let mut other = bytes.clone();
    other[(start + size / 2) as usize] ^= 4;
    fs::write(&changed, &other).expect("written");
    let said = n.fails(1, &["restore", "changed.tar", "--to", "to"]);
    assert!(said.contains("items.parquet") && said.contains("damaged"), "{said}");
    assert!(!n.path().join("to/data/warehouse.duckdb").exists());
    // cut
    fs::write(&changed, &bytes[..bytes.len() * 2 / 3]).expect("written");
    assert!(n.fails(1, &["backup", "verify", "changed.tar"]).contains("cut"));
    // without one member
    rewrite(&bytes, &changed, |name, _| !name.ends_with("items.parquet"), |_| {});
    let said = n.fails(1, &["backup", "verify", "changed.tar"]);
    assert!(said.contains("items.parquet") && said.contains("is missing"), "{said}");
    let list = n.ok(&["backup", "list"]);
    assert!(list.contains("warehouse of 2026-10-16"), "{list}");
    // of a nearset to come
    let rewritten = |change: fn(&mut Value)| rewrite(&bytes, &changed, |_, _| true, change);
    rewritten(|manifest| {
        manifest["format"] = json!(9);
        manifest["nearset"] = json!("7.1.0");
    });
    let said = n.fails(1, &["restore", "changed.tar", "--to", "to"]);
    assert!(said.contains("nearset 7.1.0 or newer reads it"), "{said}");
    rewritten(|manifest| {
        let current = manifest["current"].as_str().expect("a version").to_owned();
        manifest["models"][current] = json!(2);
    });
    let said = n.fails(1, &["restore", "changed.tar", "--to", "to"]);
    assert!(said.contains("nearset 0.1.0-alpha reads it"), "{said}");
}

/// Writes a backup again, some of its members, with another manifest and its checksum.
fn rewrite(bytes: &[u8], to: &Path, keep: impl Fn(&str, &Header) -> bool, change: impl Fn(&mut Value)) {
    let mut out = tar::Builder::new(File::create(to).expect("a file"));
    for entry in tar::Archive::new(bytes).entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        let mut header = entry.header().clone();
        if !keep(&name, &header) || name == "manifest.sha256" {
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("read");
        if name == "manifest.json" {
            let mut manifest: Value = serde_json::from_slice(&content).expect("JSON");
            change(&mut manifest);
            content = serde_json::to_vec_pretty(&manifest).expect("JSON");
            header.set_size(content.len() as u64);
            out.append_data(&mut header, &name, &content[..]).expect("written");
            let seal = hex::encode(Sha256::digest(&content));
            header.set_size(seal.len() as u64);
            out.append_data(&mut header, "manifest.sha256", seal.as_bytes()).expect("written");
        } else {
            out.append_data(&mut header, &name, &content[..]).expect("written");
        }
    }
    out.finish().expect("written");
}

/// An archive of one member by hand, of any name and kind, with a manifest that names it.
fn hostile(to: &Path, name: &str, kind: EntryType, content: &[u8], is_named: bool) {
    let mut file = File::create(to).expect("a file");
    let mut header = Header::new_gnu();
    header.as_gnu_mut().expect("gnu").name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    if kind != EntryType::Regular {
        header.as_gnu_mut().expect("gnu").linkname[..11].copy_from_slice(b"/etc/passwd");
    }
    header.set_cksum();
    file.write_all(header.as_bytes()).expect("written");
    file.write_all(content).expect("written");
    file.write_all(&vec![0; (512 - content.len() % 512) % 512]).expect("written");
    let member = json!({
        "name": name, "part": "reports", "bytes": content.len(), "packed": false, "sha256": hex::encode(Sha256::digest(content)),
    });
    let members = if is_named { vec![member] } else { Vec::new() };
    let manifest = json!({
        "format": 1, "nearset": "0.1.0", "made_at": "2026-10-16T00:00:00Z", "as_of": null, "current": null, "models": {},
        "secrets": {}, "members": members,
    });
    let manifest = serde_json::to_vec(&manifest).expect("JSON");
    let seal = hex::encode(Sha256::digest(&manifest));
    let mut out = tar::Builder::new(file);
    for (name, content) in [("manifest.json", manifest.as_slice()), ("manifest.sha256", seal.as_bytes())] {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        out.append_data(&mut header, name, content).expect("written");
    }
    out.finish().expect("written");
}

#[test]
fn no_archive_writes_where_it_should_not() {
    let n = Nearset::empty();
    let archive = n.path().join("hostile.tar");
    let outside = n.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    let refused = |what: &str| {
        let said = n.fails(1, &["restore", "hostile.tar", "--to", "to"]);
        assert!(said.contains("hostile.tar"), "{what}: {said}");
        let there = fs::read_dir(&outside).expect("a folder").count();
        assert_eq!(there, 0, "{what}");
        assert!(!n.path().join("escaped").exists() && !n.path().join("to/data/evaluation").exists(), "{what}");
    };
    for name in [
        "../escaped",
        "data/../../../escaped",
        "/tmp/nearset-escaped-from-a-test",
        "data/_metadata/publishing.json",
        "data/.nearset-restore/journal.json",
        "models/current",
        "data/evaluation/../../escaped",
        "elsewhere/x",
    ] {
        hostile(&archive, name, EntryType::Regular, b"{}", true);
        refused(name);
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo, EntryType::Directory] {
        hostile(&archive, "data/evaluation/x", kind, b"", true);
        refused(&format!("{kind:?}"));
    }
    hostile(&archive, "data/evaluation/x.json", EntryType::Regular, b"{}", false);
    refused("what no manifest names");
    assert!(!Path::new("/tmp/nearset-escaped-from-a-test").exists());
    fs::write(&archive, "no tar at all").expect("written");
    assert!(n.fails(1, &["backup", "verify", "hostile.tar"]).contains("hostile.tar"));
}

#[test]
fn old_backups_go_and_a_full_disk_is_told_before() {
    let n = ready();
    for _ in 0..3 {
        n.ok(&["backup"]);
    }
    let said = n.ok(&["backup", "--keep", "2"]);
    let list = n.ok(&["backup", "list"]);
    assert!(said.matches("removed").count() == 2 && list.lines().count() == 2, "{said}{list}");
    let folder = n.path().join("copies");
    copy_dir(&n.data().join("backups"), &folder);
    assert_eq!(n.ok(&["backup", "list", "copies"]).lines().count(), 2);
    n.ok(&["backup", "copies/by-hand.tar"]);
    assert!(n.fails(1, &["backup", "copies/by-hand.tar"]).contains("is there already"));
    let small = Path::new("/dev/shm");
    if small.is_dir() {
        // no disk has room for a warehouse of this size: it takes none itself
        let file = File::options().write(true).open(n.data().join("evaluation/summary.json")).expect("a report");
        file.set_len(1 << 43).expect("a sparse file");
        let said = n.fails(1, &["backup", "copies"]);
        assert!(said.contains("may be needed"), "{said}");
        assert!(halves(&folder).is_empty());
    }
    assert!(Nearset::empty().fails(1, &["backup"]).contains("nothing to keep"));
}
