//! Runs whose I/O calls fail, end early or are the last before a kill; and two runs at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use super::shim::{Counters, ERRNOS, Errno, Fault};
use super::state::{self, AS_OF, State};
use super::{Dice, Plan};
use crate::support::{Nearset, copy_dir, text};

/// A run that may go wrong: what it begins with, and what a run without faults makes of that.
pub struct Scene {
    before: Nearset,
    old: State,
    pub new: State,
    /// Files before, and after a run without faults.
    files: [BTreeSet<PathBuf>; 2],
    outcome: BTreeMap<PathBuf, String>,
    promoted: Vec<String>,
    /// The calls of that run.
    pub counters: Counters,
}

impl Scene {
    /// The first run there is.
    pub fn first() -> Self {
        Self::of(state::small(1))
    }

    /// A run that adds to what was published.
    pub fn second() -> Self {
        let before = state::small(1);
        before.ok(&["run", "--as-of", AS_OF]);
        state::add_stage(&before, 2);
        Self::of(before)
    }

    fn of(before: Nearset) -> Self {
        let names = |n: &Nearset| state::files(n).into_keys().collect();
        let old = State::read(&before).expect("the old state");
        let done = copy(&before);
        let output = run(&done, &Fault::Nothing);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let new = State::read(&done).expect("the new state");
        assert!(new.warehouse.is_some() && new.version.is_some() && new != old);
        Self {
            old,
            new,
            files: [names(&before), names(&done)],
            outcome: state::outcome(&done),
            promoted: state::promoted(&done),
            counters: Counters::read(&counters(&done)),
            before,
        }
    }

    /// One of its own to break.
    pub fn copy(&self) -> Nearset {
        copy(&self.before)
    }

    /// What a run that ended as `output` says must agree with what is on disk.
    pub fn agrees(&self, plan: &mut Plan, n: &Nearset, fault: &str, output: &Output) {
        let said = text(&output.stderr);
        let line = said.lines().rfind(|line| line.starts_with("nearset:")).unwrap_or(&said).to_owned();
        plan.expect(!said.contains("panicked"), format!("{fault}: panics: {said}"));
        let Some(found) = plan.good(State::read(n), fault) else { return };
        let is_whole = self.is_old_or_new(plan, &found, fault);
        match output.status.code() {
            Some(0) => {
                plan.expect(found == self.new, format!("{fault}: exits 0 without having published all"));
            }
            Some(1) if is_whole => {
                let denies = line.contains("nothing was published");
                let says = line.contains("published") && !denies;
                let is_old = found == self.old;
                plan.expect(says != is_old, format!("{fault}: exits 1, {}: {line}", self.name(&found)));
                let names = ["data/", "models", "exports/", ".json"].iter().any(|dir| line.contains(dir));
                plan.expect(names, format!("{fault}: the error names no path: {line}"));
            }
            Some(1) => {}
            _ => {
                plan.expect(false, format!("{fault}: {}: {said}", output.status));
            }
        }
    }

    /// Whether warehouse and model are each the old or the new one, and no new model stands beside the old warehouse.
    pub fn is_old_or_new(&self, plan: &mut Plan, found: &State, fault: &str) -> bool {
        let warehouse = [&self.old, &self.new].iter().any(|state| state.warehouse == found.warehouse);
        let version = [&self.old, &self.new].iter().any(|state| state.version == found.version);
        let is_ahead = found.version == self.new.version && found.warehouse != self.new.warehouse;
        plan.expect(warehouse, format!("{fault}: the warehouse is neither the old nor the new"))
            & plan.expect(version, format!("{fault}: version {:?} is neither the old nor the new", found.version))
            & plan.expect(!is_ahead, format!("{fault}: the new model stands beside the old warehouse"))
    }

    fn name(&self, found: &State) -> &'static str {
        match (found.warehouse == self.new.warehouse, found.version == self.new.version) {
            (true, true) => "all new",
            (true, false) => "new warehouse, old model",
            (false, true) => "old warehouse, new model",
            (false, false) => "all old",
        }
    }

    /// No file may lie there that neither the old nor the new state has.
    pub fn left_nothing(&self, plan: &mut Plan, n: &Nearset, fault: &str, output: Option<&Output>) {
        let known: BTreeSet<&PathBuf> = self.files.iter().flatten().collect();
        let mut left: Vec<PathBuf> = state::files(n).into_keys().filter(|path| !known.contains(path)).collect();
        // what says to the next run what it has to complete
        let is_published = output.is_some_and(|o| text(&o.stderr).contains("the warehouse is published, but"));
        // what operations keep of every run, and what one that failed had done
        let failed = output.is_some_and(|output| !output.status.success());
        left.retain(|path| !path.starts_with("data/operations"));
        left.retain(|path| !(failed && path.starts_with("data/kept-run")));
        left.retain(|path| {
            !(is_published && (path.ends_with("publishing.json") || path.extension().is_some_and(|e| e == "part")))
        });
        plan.expect(left.is_empty(), format!("{fault}: leaves {left:?}"));
    }

    /// The next run, without faults, makes what a run that never failed makes; where something is kept of the one that failed,
    /// it is another try of it.
    pub fn recovers(&self, plan: &mut Plan, n: &Nearset, fault: &str) {
        let begun = state::runs_begun(n);
        let is_kept = n.data().join("kept-run/run.json").exists();
        let output = n.run(if is_kept { &["runs", "retry"] } else { &["run", "--as-of", AS_OF] });
        let said = text(&output.stderr);
        if !plan.expect(output.status.success(), format!("{fault}: the next run fails: {said}")) {
            return;
        }
        if let Some(found) = plan.good(State::read(n), fault) {
            plan.expect(found == self.new, format!("{fault}: after the next run {}", self.name(&found)));
        }
        self.left_nothing(plan, n, &format!("{fault}, then a run"), None);
        let outcome = state::outcome(n);
        let differ: Vec<&PathBuf> =
            self.outcome.keys().filter(|path| outcome.get(*path) != self.outcome.get(*path)).collect();
        plan.expect(differ.is_empty(), format!("{fault}: after the next run {differ:?} differ"));
        let promoted = state::promoted(n);
        let knows = self.promoted.iter().all(|version| promoted.contains(version));
        plan.expect(knows, format!("{fault}: history knows {promoted:?}, not {:?}", self.promoted));
        plan.expect(state::runs_begun(n) == begun + 1, format!("{fault}: the history of runs was cut"));
    }
}

fn copy(of: &Nearset) -> Nearset {
    let mut copy = Nearset::in_memory();
    copy.set("THREADS", "1");
    copy_dir(of.path(), copy.path());
    copy
}

/// Where the shim counts a nearset's calls: outside of what it counts.
fn counters(n: &Nearset) -> PathBuf {
    n.path().join("counters")
}

/// A run with its files under the shim.
pub fn run(n: &Nearset, fault: &Fault) -> Output {
    let mut command = n.command(&["run", "--as-of", AS_OF]);
    fault.apply(&mut command, n.path(), &counters(n)).output().expect("nearset runs")
}

/// A fault at a place that has calls: half of them among the last, where a run publishes.
fn fault(dice: &mut Dice, counters: &Counters) -> Fault {
    const LAST: u64 = 40;
    let position = |dice: &mut Dice, kinds: &str| {
        let calls = counters.of(kinds);
        let from = if dice.one_in(2) { calls.saturating_sub(LAST) } else { 0 };
        from + dice.below((calls - from) as usize) as u64 + 1
    };
    let changing = "cwsnutaml";
    match dice.below(10) {
        0 => Fault::ShortWrites(dice.below(1 << 30) as u64),
        1 | 2 => Fault::Kill { at: position(dice, changing), kinds: changing.to_owned() },
        other => {
            let there: Vec<char> = counters.kinds().collect();
            let kind = *dice.pick(&there);
            let may_be: Vec<Errno> = ERRNOS.into_iter().filter(|errno| errno.kinds.contains(kind)).collect();
            let errno = *dice.pick(&may_be);
            let for_good = other % 2 == 0;
            let kinds = if for_good { errno.kinds.to_owned() } else { kind.to_string() };
            Fault::Fails { errno, at: position(dice, &kinds), kinds, for_good }
        }
    }
}

/// A fault that was not tried yet, where one is found soon: of some kinds there are few calls.
pub fn fresh(tried: &mut HashSet<String>, mut draw: impl FnMut() -> Fault) -> Fault {
    let draws: Vec<Fault> = (0..20).map(|_| draw()).collect();
    let fault = draws.iter().find(|fault| !tried.contains(&fault.to_string())).unwrap_or(&draws[0]);
    tried.insert(fault.to_string());
    fault.clone()
}

fn every_fault(plan: &mut Plan, scene: &Scene, in_the_gate: usize) -> String {
    let (mut hit, mut failed, mut tried) = (0, 0, HashSet::new());
    let cases = plan.cases(in_the_gate);
    for case in cases.clone() {
        let mut dice = plan.begin(case);
        let fault = fresh(&mut tried, || fault(&mut dice, &scene.counters));
        let n = scene.copy();
        let output = run(&n, &fault);
        let counted = Counters::read(&counters(&n));
        std::fs::remove_file(counters(&n)).expect("the counters");
        let name = format!("{fault} [{}]", counted.first.replace(&*n.path().to_string_lossy(), ""));
        hit += usize::from(counted.hits > 0);
        failed += usize::from(!output.status.success());
        match fault {
            // DuckDB ends the process where its own log cannot be cut: as good as a kill
            _ if output.status.code().is_none()
                && (matches!(fault, Fault::Kill { .. }) || text(&output.stderr).contains("duckdb::IOException")) =>
            {
                if let Some(found) = plan.good(State::read(&n), &name) {
                    scene.is_old_or_new(plan, &found, &name);
                }
            }
            _ => {
                scene.agrees(plan, &n, &name, &output);
                // who may not remove anything leaves it to the next run
                if !matches!(&fault, Fault::Fails { kinds, for_good: true, .. } if kinds.contains('u')) {
                    scene.left_nothing(plan, &n, &name, Some(&output));
                }
            }
        }
        scene.recovers(plan, &n, &name);
    }
    format!(
        "{} cases, {hit} hit, {failed} runs did not end well; {} calls a run",
        cases.len(),
        scene.counters.of(super::shim::KINDS)
    )
}

#[test]
fn a_first_run_whose_calls_fail_publishes_whole_or_nothing_and_says_which() {
    let mut plan = Plan::new("first run");
    let tried = every_fault(&mut plan, &Scene::first(), 8);
    plan.end(tried);
}

#[test]
fn a_run_whose_calls_fail_leaves_the_old_or_the_new_whole_and_says_which() {
    let mut plan = Plan::new("second run");
    let tried = every_fault(&mut plan, &Scene::second(), 18);
    plan.end(tried);
}

/// A run that is stopped in the middle, with its work copy on disk.
fn stopped_half_way(n: &Nearset) -> Child {
    let mut command = n.command(&["run", "--as-of", AS_OF]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a run");
    let started = Instant::now();
    while !has_work_copy(&n.data()) {
        assert!(started.elapsed() < Duration::from_secs(30) && child.try_wait().expect("its state").is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "STOP");
    child
}

fn has_work_copy(data: &Path) -> bool {
    let is_work = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().contains("work");
    std::fs::read_dir(data).expect("a folder").flatten().any(is_work)
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.expect("kill").success());
}

#[test]
fn of_two_runs_one_goes_on_also_where_the_lock_was_removed() {
    let mut plan = Plan::new("two runs");
    let scene = Scene::second();
    let cases = plan.cases(3);
    for case in cases.clone() {
        let mut dice = plan.begin(case);
        let n = scene.copy();
        let (is_lock_gone, is_killed) = (!dice.one_in(3), dice.one_in(3));
        let name = format!("lock removed: {is_lock_gone}, first killed: {is_killed}");
        let mut first = stopped_half_way(&n);
        if is_lock_gone {
            std::fs::remove_file(n.data().join("_metadata/run.lock")).ok();
        }
        let second = n.run(&["run", "--as-of", AS_OF]);
        let said = text(&second.stderr);
        plan.expect(second.status.code() == Some(3), format!("{name}: the second ends with {}: {said}", second.status));
        if is_killed {
            first.kill().expect("a kill");
        }
        signal(&first, "CONT");
        let first = first.wait_with_output().expect("its end");
        if !is_killed {
            let said = text(&first.stderr);
            plan.expect(first.status.success(), format!("{name}: the first ends with {}: {said}", first.status));
            scene.left_nothing(&mut plan, &n, &name, None);
        }
        if let Some(found) = plan.good(State::read(&n), &name) {
            scene.is_old_or_new(&mut plan, &found, &name);
            plan.expect(is_killed || found == scene.new, format!("{name}: {}", scene.name(&found)));
        }
        scene.recovers(&mut plan, &n, &name);
    }
    plan.end(format!("{} pairs", cases.len()));
}
