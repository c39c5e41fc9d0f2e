//! The folder layout is the architecture: a room imports only rooms below it, and docs/architecture.md names them all.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::files_below;

/// From the top to the bottom.
const ROOMS: [&str; 20] = [
    "cli",
    "doctor",
    "console",
    "operations",
    "pipeline",
    "serve",
    "evaluate",
    "train",
    "search",
    "recommend",
    "extract",
    "exposures",
    "model",
    "embed",
    "index",
    "query",
    "sql_project",
    "warehouse",
    "config",
    "common",
];

/// The rooms a line of code names: `crate::model::…`, or one of `use crate::{model, …}`.
fn named(code: &str) -> Vec<&str> {
    let word = |text: &str| text.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(text.len());
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => list.split_once("};").map_or(list, |(list, _)| list).split(',').map(str::trim).collect(),
            None => vec![rest],
        })
        .map(|rest| &rest[..word(rest)])
        .collect()
}

#[test]
fn a_room_imports_only_rooms_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rank = |room: &str| ROOMS.iter().position(|name| *name == room);
    let mut upward = BTreeSet::new();
    let mut looked_at = 0;
    for room in ROOMS {
        for file in files_below(&root.join("src").join(room), "rs") {
            let text = fs::read_to_string(&file).expect("a source file");
            // what comments link to is no import
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            for other in named(&code).into_iter().filter(|other| *other != room) {
                looked_at += 1;
                if rank(other).is_none_or(|other| Some(other) < rank(room)) {
                    upward.insert(format!("{} imports {other}", file.strip_prefix(root).unwrap_or(&file).display()));
                }
            }
        }
    }
    assert!(looked_at > 100, "only {looked_at} imports were found");
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn every_room_is_in_the_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let walk = fs::read_to_string(root.join("docs/architecture.md")).expect("docs/architecture.md");
    let folders = |dir: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(dir)).expect("a folder").map(|entry| entry.expect("an entry"));
        let folders = entries.filter(|entry| entry.path().is_dir());
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let rooms = folders("src");
    assert_eq!(rooms, ROOMS.iter().map(|room| (*room).to_owned()).collect());
    for room in
        rooms.iter().map(|room| format!("src/{room}/")).chain(folders("sql").iter().map(|r| format!("sql/{r}/")))
    {
        assert!(walk.contains(&room), "docs/architecture.md says nothing of {room}");
    }
}
