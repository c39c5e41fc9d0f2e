//! A clock that moves: increments that come in any order at any `as_of` leave what a full refresh leaves, and a run that
//! is asked for an earlier moment than the published one refuses.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::state::{self, AS_OF, State, query};
use super::{Dice, Plan};
use crate::support::{Nearset, text};

/// Increments of one table.
const FILES: usize = 5;

/// Rows of one table, in all increments.
const ROWS: usize = 30;

/// A table's increment, and the newest change time in it.
struct Increment {
    name: String,
    rows: String,
    newest: String,
}

/// Every row has a change time of its own, in an order of its own; written as the increments of a table.
fn increments(dice: &mut Dice, table: &str, row: impl Fn(usize, &str) -> Value) -> Vec<Increment> {
    let mut minutes: Vec<usize> = (0..ROWS).collect();
    dice.shuffle(&mut minutes);
    let mut files: Vec<(Vec<Value>, String)> = vec![(Vec::new(), "2026-10-02 00:00:00".to_owned()); FILES];
    for (number, minute) in minutes.into_iter().enumerate() {
        // a file has rows of some days, and some that are much older
        let file = if dice.one_in(3) { dice.below(FILES) } else { minute * FILES / ROWS };
        let time = format!("2026-10-{:02} 12:{minute:02}:00", 2 + minute * 13 / ROWS);
        let (rows, newest) = &mut files[file];
        rows.push(row(1 + number % 12, &time));
        *newest = time.max(newest.clone());
    }
    let named = files.into_iter().enumerate().map(|(number, (rows, newest))| Increment {
        name: format!("{table}_202610{:02}_000000.json", 3 + number * 2),
        rows: json!(rows).to_string(),
        newest,
    });
    named.collect()
}

fn increments_of_all(dice: &mut Dice) -> Vec<Increment> {
    let mut files = increments(dice, "dataset", |id, time| {
        json!({"id": id, "dataset_name": format!("name of {time}"), "price": id, "is_delete": 0,
            "create_time": "2026-01-01 00:00:00", "update_time": time})
    });
    files.extend(increments(dice, "task", |id, time| {
        json!({"id": id, "dataset_id": 1 + id % 24, "create_user": 1 + id % 4, "price": time.len() + id,
            "create_time": "2026-10-01 10:00:00", "update_time": time})
    }));
    dice.shuffle(&mut files);
    files
}

/// Relations that tell in which order rows came in.
const OF_ORDER: &[&str] = &["raw.rejected", "main.rejected_rows", "raw.files", "raw.built_relations"];

/// Relations that tell of what was published before.
const OF_RUNS: &[&str] = &[
    "raw.quality_history",
    "raw.quality_profiles",
    "raw.quality_values",
    "raw.built_relations",
    "main.data_quality_history",
    "main.data_quality_changes",
];

/// All relations but some.
fn relations(n: &Nearset, left_out: &[&str]) -> Result<Vec<Value>, String> {
    let found = query(n, &n.fingerprint_query())?;
    let mut rows: Vec<Value> = serde_json::from_str(&found).map_err(|e| e.to_string())?;
    rows.retain(|row| !left_out.iter().any(|name| row["name"] == **name));
    Ok(rows)
}

/// The names of those in which two differ.
fn differences<'a>(one: &'a [Value], other: &[Value]) -> Vec<&'a str> {
    one.iter().filter(|row| !other.contains(row)).filter_map(|row| row["name"].as_str()).collect()
}

/// Takes increments in by several runs, in the order in which they are, and all at once by one; compares what they leave.
fn compare_orders(plan: &mut Plan, dice: &mut Dice, moment: impl Fn(&mut Dice, &[Increment]) -> String) {
    const LAST: &str = "2026-10-17";
    let files = increments_of_all(dice);
    let (stepwise, whole) = (state::small(1), state::small(1));
    let (mut done, mut said, mut before) = (0, Vec::new(), String::new());
    for _ in 0..2 {
        let until = done + dice.below(files.len() + 1 - done);
        files[done..until].iter().for_each(|file| stepwise.write(&file.name, &file.rows));
        done = until;
        let as_of = moment(dice, &files[..done]).max(before);
        let output = stepwise.run(&["run", "--only", "extract", "--as-of", &as_of]);
        plan.expect(output.status.success(), format!("as of {as_of}: {}", text(&output.stderr)));
        said.push(format!("{as_of} with {done} of {} files", files.len()));
        before = as_of;
    }
    files[done..].iter().for_each(|file| stepwise.write(&file.name, &file.rows));
    files.iter().for_each(|file| whole.write(&file.name, &file.rows));
    stepwise.ok(&["run", "--as-of", LAST]);
    whole.ok(&["run", "--as-of", LAST, "--full-refresh"]);
    let name = format!("runs as of {}", said.join(", "));
    let [left, expected] = [&stepwise, &whole].map(|n| plan.good(relations(n, OF_ORDER), &name).unwrap_or_default());
    let differ = differences(&left, &expected);
    plan.expect(differ.is_empty(), format!("{name}: {} relations differ: {differ:?}", differ.len()));
}

#[test]
fn a_full_refresh_leaves_what_increments_left_in_any_order() {
    let mut plan = Plan::new("increments");
    let cases = plan.cases(2);
    for case in cases.clone() {
        let mut dice = plan.begin(case);
        compare_orders(&mut plan, &mut dice, |dice, there| {
            let newest = there.iter().map(|file| file.newest.clone()).max();
            newest.filter(|_| dice.one_in(2)).unwrap_or_else(|| "2026-10-16 00:00:00".to_owned())
        });
    }
    plan.end(format!("{} orders, each in three runs", cases.len()));
}

/// All files but what tells that a run was refused.
fn published_files(n: &Nearset) -> std::collections::BTreeMap<PathBuf, String> {
    let mut files = state::files(n);
    files.retain(|path, _| !["data/_metadata", "data/operations"].iter().any(|kept| path.starts_with(Path::new(kept))));
    files
}

#[test]
fn an_earlier_moment_than_the_published_one_is_refused_unless_it_is_meant() {
    let mut plan = Plan::new("earlier");
    let n = state::small(1);
    n.ok(&["run", "--as-of", AS_OF]);
    let read = |n| Ok((relations(n, OF_RUNS)?, State::read(n)?.version));
    let ((before, version), files) = (read(&n).expect("the old state"), published_files(&n));
    for (case, as_of) in ["1970-01-01", "2026-10-01", "2026-10-15T23:59:59"].iter().enumerate() {
        plan.begin(case);
        let output = n.run(&["run", "--as-of", as_of]);
        let said = text(&output.stderr);
        let is_refused = output.status.code() == Some(1) && said.contains("--as-of-past");
        plan.expect(is_refused, format!("as of {as_of} ends with {}: {said}", output.status));
        plan.expect(published_files(&n) == files, format!("as of {as_of} changes what is published"));
    }
    let output = n.run(&["run", "--as-of", "2026-10-01", "--as-of-past"]);
    plan.expect(output.status.success(), format!("as it is meant: {}", text(&output.stderr)));
    n.ok(&["run", "--as-of", AS_OF]);
    if let Some((after, version_after)) = plan.good(read(&n), "and forward again") {
        let differ = differences(&before, &after);
        plan.expect(differ.is_empty(), format!("going back and forward again leaves something else: {differ:?}"));
        plan.expect(version_after == version, "going back and forward again leaves another version");
    }
    plan.end("3 earlier moments, and there and back");
}
