//! One run from the lock to the end of publishing.

use std::time::Instant;

use anyhow::{Context, Result};
use chrono::Utc;

use super::clock::require_later;
use super::kept::{self, Beginning, Standing};
use super::observer::{Event, Observer, Observers};
use super::publish::{self, Outbox};
use super::state::Run;
use super::step::{Options, Step};
use super::steps;
use super::versions::{Kept, keep_model, prune};
use crate::common::errors::{Failure, describe};
use crate::common::language::t;
use crate::common::{memory, scratch};
use crate::config::Config;
use crate::sql_project::{Project, create_built_tables};
use crate::warehouse::{self, Outcome, WorkCopy};
use crate::{extract, model, train};

/// Runs the steps asked for and publishes what they made; `observers` hear what happens.
///
/// # Errors
/// The published state is as it was, unless the error says otherwise: [`Failure::HeldBack`], [`Failure::Incomplete`].
pub fn run(config: &Config, options: &Options, observers: &[&dyn Observer]) -> Result<()> {
    run_or_retry(config, options, None, observers)
}

/// The same for a run that failed: goes on at the step at which it did, where what it had done before is kept and would be
/// the same again.
///
/// # Errors
/// As for [`run`].
pub fn retry(config: &Config, options: &Options, failed: &str, observers: &[&dyn Observer]) -> Result<()> {
    run_or_retry(config, options, Some(failed), observers)
}

fn run_or_retry(config: &Config, options: &Options, failed: Option<&str>, observers: &[&dyn Observer]) -> Result<()> {
    let project = Project::for_run(config, &extract::raw_tables()?)?;
    train::require_no_leak(&project)?;
    let _lock = warehouse::take_run_lock(config)?;
    let started = Instant::now();
    let id = Utc::now().format("%Y%m%dT%H%M%S%.6fZ").to_string();
    let observers = Observers { run: &id, all: observers };
    observers.tell(Event::Started(options));
    let result = run_locked(config, &project, options, failed, observers);
    let error = result.as_ref().err().map(describe);
    let seconds = started.elapsed().as_secs_f64();
    let outcome = outcome(result.as_ref().copied());
    observers.tell(Event::Ended { seconds, peak_bytes: memory::peak(), error: error.as_deref(), outcome });
    scratch::can_end_again();
    result
}

pub(super) fn outcome(result: Result<(), &anyhow::Error>) -> Outcome {
    match result.map_err(|error| error.downcast_ref()) {
        Ok(()) => Outcome::Done,
        Err(Some(Failure::HeldBack(_))) => Outcome::HeldBack,
        Err(Some(Failure::Gate(_))) => Outcome::Refused,
        Err(Some(Failure::Incomplete(_))) => Outcome::Incomplete,
        Err(_) => Outcome::Failed,
    }
}

fn run_locked(
    config: &Config,
    project: &Project,
    options: &Options,
    failed: Option<&str>,
    observers: Observers<'_>,
) -> Result<()> {
    if let Some(before) = publish::recover(config)? {
        observers.note(&t!(
            "run {before} had been published when it ended; what was left to do of it is done now",
            "运行 {before} 结束时已发布，但未收尾；现已补全"
        ));
    }
    require_later(config, options)?;
    let Beginning { work, outbox, mut standing } = kept::begin(config, project, options, failed, observers)?;
    warehouse::set_parameters(work.db()?, config, options.as_of)?;
    // extraction reads values as every relation does
    project.create_macros(work.db()?)?;
    create_built_tables(work.db()?)?;
    let mut run = Run::new(config, project, options, work.db()?, outbox, observers);
    match run_steps(&mut run, &mut standing) {
        Ok(made) => {
            let kept = keep_model(&mut run)?;
            let outbox = run.outbox;
            publish_all(config, (work, outbox, kept), made, observers)
        }
        Err(error) => {
            let outbox = run.outbox;
            kept::keep(config, project, options, (work, outbox, standing), observers);
            Err(error)
        }
    }
}

/// What the end of the steps made: when they had ended, and the rows of checks and views.
pub(super) struct Made {
    pub steps_ended: Instant,
    pub rows: u64,
}

fn run_steps(run: &mut Run<'_>, standing: &mut Standing) -> Result<Made> {
    run.judge_memory()?;
    for step in &run.options.steps {
        if !standing.has(*step) {
            run_step(run, *step)?;
            standing.reached(*step, &run.outbox);
        }
    }
    run.observers.tell(Event::PublishStarted);
    let steps_ended = Instant::now();
    Ok(Made { steps_ended, rows: steps::finish(run)? })
}

/// Publishes what steps made, and says so.
pub(super) fn publish_all(
    config: &Config,
    (work, mut outbox, Kept { saved, held_back, waits }): (WorkCopy, Outbox, Kept),
    Made { steps_ended, rows }: Made,
    observers: Observers<'_>,
) -> Result<()> {
    let version = saved.as_ref().filter(|_| held_back.is_none() && !waits).map(|saved| saved.version.clone());
    for (folder, count) in publish::keep_others(config, &mut outbox)? {
        observers.note(&t!(
            "{count} files that were there before nearset are kept in {}",
            "nearset 之前已有的 {count} 个文件保存在 {}",
            folder.display()
        ));
    }
    let published = publish::publish(config, work, outbox, observers.run, version.clone());
    let is_undone = published.as_ref().is_err_and(|error| error.downcast_ref::<Failure>().is_none());
    if !is_undone {
        saved.map(model::Saved::keep);
    }
    published?;
    observers.tell(Event::Published { version: version.as_deref() });
    if version.is_some() {
        prune(config, observers);
    }
    observers.tell(Event::PublishFinished { seconds: steps_ended.elapsed().as_secs_f64(), rows });
    held_back.map_or(Ok(()), |why| Err(Failure::HeldBack(why).into()))
}

fn run_step(run: &mut Run<'_>, step: Step) -> Result<()> {
    let started = Instant::now();
    run.observers.tell(Event::StepStarted(step));
    let result = steps::run(run, step).map_err(|error| match describe(&error).contains("FATAL Error") {
        // where the disk fails it, DuckDB does not say which file that was
        true => error.context(warehouse::work_path(run.config).display().to_string()),
        false => error,
    });
    let result = result.with_context(|| t!("step {}", "步骤 {}", step.name()));
    let (seconds, error) = (started.elapsed().as_secs_f64(), result.as_ref().err().map(describe));
    let rows = *result.as_ref().unwrap_or(&0);
    run.observers.tell(Event::StepFinished { step, seconds, rows, error: error.as_deref() });
    result.map(|_| ())
}
