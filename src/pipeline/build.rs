//! Publishing changes of the SQL project without taking in or training anything.
//!
//! The moment is that of the published warehouse, so that what is built is what a whole run would have made of the same rows. What
//! reads a relation that is made anew is made anew, too: what is published fits together.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, ensure};
use chrono::Utc;

use super::observer::{Event, Observer, Observers};
use super::publish::{self, Outbox};
use super::run::{Made, outcome, publish_all};
use super::state::Run;
use super::step::Options;
use super::steps;
use super::versions::{Kept, write_summary};
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::common::{memory, scratch};
use crate::config::Config;
use crate::sql_project::{Project, Room, create_built_tables};
use crate::warehouse::{self, WorkCopy};
use crate::{extract, train};

/// What is to be built.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Relations and folders, of a relation with `+` before it also all that it reads; where there is none, all that has changed.
    pub names: Vec<String>,
    /// Also what has not changed.
    pub full: bool,
}

/// Builds what has changed in the SQL project, and what reads it, and publishes it. Returns the names of what was built; where
/// nothing has changed, nothing is published.
///
/// # Errors
/// There is no warehouse, another run goes on, a name is none, a file of `sql/` has a fault, or a check refuses: the published
/// state is as it was.
pub fn build(config: &Config, selection: &Selection, observers: &[&dyn Observer]) -> Result<Vec<String>> {
    let project = Project::for_run(config, &extract::raw_tables()?)?;
    train::require_no_leak(&project)?;
    ensure!(
        config.warehouse_path().exists(),
        either("there is no warehouse yet; `nearset run` makes it", "还没有仓库；请先 `nearset run`")
    );
    let _lock = warehouse::take_run_lock(config)?;
    publish::recover(config)?;
    let published = warehouse::open_published(config)?;
    let as_of = warehouse::published_as_of(&published)?;
    let names = chosen(&project, selection, &project.differing(&published)?)?;
    drop(published);
    let broken = project.broken.iter().any(|broken| broken.room == Some(Room::Views));
    if names.is_empty() && !(broken && selection.names.is_empty()) {
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let id = Utc::now().format("%Y%m%dT%H%M%S%.6fZ").to_string();
    let observers = Observers { run: &id, all: observers };
    let options = Options { full_refresh: false, steps: Vec::new(), as_of, may_be_past: true, keeps_current: false };
    observers.tell(Event::Started(&options));
    let result = build_locked(config, &project, &options, &names, observers);
    let error = result.as_ref().err().map(describe);
    let (seconds, outcome) = (started.elapsed().as_secs_f64(), outcome(result.as_ref().map(drop)));
    observers.tell(Event::Ended { seconds, peak_bytes: memory::peak(), error: error.as_deref(), outcome });
    scratch::can_end_again();
    result.map(|failed| names.into_iter().filter(|name| !failed.contains(name)).collect())
}

/// Returns the views that failed.
fn build_locked(
    config: &Config,
    project: &Project,
    options: &Options,
    names: &BTreeSet<String>,
    observers: Observers<'_>,
) -> Result<Vec<String>> {
    let work = WorkCopy::open(config)?;
    warehouse::set_parameters(work.db()?, config, options.as_of)?;
    project.create_macros(work.db()?)?;
    create_built_tables(work.db()?)?;
    let mut run = Run::new(config, project, options, work.db()?, Outbox::default(), observers);
    run.sandbox()?;
    observers.tell(Event::PublishStarted);
    let began = Instant::now();
    run.chosen = Some(names.clone());
    let rows = run.build(&Room::ALL)?;
    let is_built = |room: Room| names.iter().any(|name| project.get(name).is_ok_and(|one| one.room == room));
    if is_built(Room::Evaluate) {
        steps::write_figures(&mut run)?;
        write_summary(&mut run)?;
    }
    if is_built(Room::Evaluate) || is_built(Room::Reconcile) {
        steps::write_reports(&mut run)?;
    }
    let rows = rows + steps::finish(&mut run)?;
    let (failed, outbox) = (run.failed().to_vec(), run.outbox);
    publish_all(config, (work, outbox, Kept::default()), Made { steps_ended: began, rows }, observers)?;
    Ok(failed)
}

/// The relations to build, by name: those asked for, what they read that has changed, and all that reads any of them.
fn chosen(project: &Project, selection: &Selection, changed: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let all = || project.relations.iter().filter(|one| one.room != Room::Checks);
    let mut start: BTreeSet<String> = BTreeSet::new();
    for asked in selection.names.iter().map(|asked| asked.trim()) {
        let name = asked.trim_matches('+');
        let folder = name.trim_end_matches('/');
        ensure!(!folder.is_empty(), t!("{asked:?} names no relation and no folder", "{asked:?} 没有指明关系或目录"));
        let found: BTreeSet<String> = all()
            .filter(|one| {
                one.name == name || one.file.starts_with(folder) || one.file.starts_with(format!("sql/{folder}"))
            })
            .map(|one| one.name.clone())
            .collect();
        if found.is_empty() {
            project.get(name)?;
        }
        if asked.starts_with('+') {
            start.extend(project.inputs_of(&found));
        }
        start.extend(found);
    }
    if selection.names.is_empty() {
        let is_wanted = |name: &String| selection.full || changed.contains(name);
        start.extend(all().map(|one| one.name.clone()).filter(is_wanted));
    }
    let stale = project.inputs_of(&start).into_iter().filter(|name| changed.contains(name));
    let start: BTreeSet<String> = stale.chain(start.iter().cloned()).collect();
    Ok(project.readers_of(&start))
}
