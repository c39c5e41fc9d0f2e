//! What a run that failed had done, kept so that another try need not do it again.
//!
//! The work copy as it stood when the run failed, the files that extraction had written, and what all of it stands on, below
//! DATA_DIR/kept-run. Taking in and building features is kept: both leave all they make in the work copy, and any later step
//! makes anew what it makes, so that one which failed half way leaves nothing that its second try would see. What training
//! makes is in memory, so a run that fails after it trains again. Whatever a retry would see otherwise than the run that failed
//! (the published warehouse, the program, the settings or files that went into what is kept) makes it begin from the start.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::observer::{Event, Observers};
use super::publish::Outbox;
use super::step::{Options, Step};
use crate::common::errors::describe;
use crate::common::language::t;
use crate::common::{files, scratch};
use crate::config::Config;
use crate::exposures::exclusions;
use crate::sql_project::{Project, Room};
use crate::warehouse::{self, WorkCopy};

/// The last step whose work is kept.
const LAST: Step = Step::Features;

/// The rooms that the kept steps make.
const ROOMS: [Room; 5] = [Room::Staging, Room::Clean, Room::Attribution, Room::Marts, Room::Training];

/// What a run begins with.
pub struct Beginning {
    pub work: WorkCopy,
    pub outbox: Outbox,
    pub standing: Standing,
}

/// How far a run has come that may be kept.
#[derive(Default)]
pub struct Standing {
    done: Vec<Step>,
    /// How many files of the outbox these wrote.
    files: usize,
}

impl Standing {
    /// Whether that step is done.
    pub fn has(&self, step: Step) -> bool {
        self.done.contains(&step)
    }

    /// A step is done.
    pub fn reached(&mut self, step: Step, outbox: &Outbox) {
        if step <= LAST {
            self.done.push(step);
            self.files = outbox.len();
        }
    }
}

/// What is known of what is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The run that failed.
    run: String,
    /// The steps that it had done.
    done: Vec<Step>,
    /// The step that a retry goes on at.
    next: String,
    /// A hash of all that these stand on.
    stands_on: String,
    /// Where the files beside will stand, below DATA_DIR.
    files: Vec<PathBuf>,
}

fn folder(config: &Config) -> PathBuf {
    config.data_dir.join("kept-run")
}

fn kept_path(config: &Config) -> PathBuf {
    folder(config).join("run.json")
}

fn file_of(config: &Config, number: usize) -> PathBuf {
    folder(config).join(number.to_string())
}

fn read(config: &Config) -> Result<Option<Kept>> {
    let path = kept_path(config);
    let text = files::read(&path)?;
    text.map(|text| serde_json::from_slice(&text).with_context(|| path.display().to_string())).transpose()
}

/// The step that a retry of a run goes on at, where what it had done is kept.
pub fn goes_on_at(config: &Config, run: &str) -> Option<String> {
    read(config).ok().flatten().filter(|kept| kept.run == run).map(|kept| kept.next)
}

/// What a run begins with: what the run `retried` had done, where that is kept and would be the same now; else a new copy of
/// what is published. What is kept is gone then in any case.
///
/// # Errors
/// There is no room, or a file cannot be read, written or moved.
pub fn begin(
    config: &Config,
    project: &Project,
    options: &Options,
    retried: Option<&str>,
    observers: Observers<'_>,
) -> Result<Beginning> {
    if let Some(run) = retried {
        let taken = take_up(config, project, options, run)?;
        let done = taken.as_ref().map(|taken| taken.standing.done.as_slice()).unwrap_or_default();
        observers.tell(Event::Retries { run, done });
        if let Some(taken) = taken {
            remove(config)?;
            return Ok(taken);
        }
    }
    remove(config)?;
    Ok(Beginning { work: WorkCopy::open(config)?, outbox: Outbox::default(), standing: Standing::default() })
}

fn take_up(config: &Config, project: &Project, options: &Options, run: &str) -> Result<Option<Beginning>> {
    let Some(kept) = read(config)?.filter(|kept| kept.run == run) else { return Ok(None) };
    let is_first = options.steps.starts_with(&kept.done);
    if !is_first || stands_on(config, project, options, &kept.done)? != kept.stands_on {
        return Ok(None);
    }
    let mut outbox = Outbox::default();
    for (number, place) in kept.files.iter().enumerate() {
        let part = outbox.part(config.data_dir.join(place))?;
        files::rename_unsynced(&file_of(config, number), &part)?;
    }
    let work = WorkCopy::resume(config, &folder(config).join("warehouse.duckdb"))?;
    let standing = Standing { files: outbox.len(), done: kept.done };
    Ok(Some(Beginning { work, outbox, standing }))
}

/// Keeps what a run that failed had done, where that is something, the settings allow it and the disk has room for the
/// next run all the same. A run that failed has failed whatever becomes of this.
pub fn keep(
    config: &Config,
    project: &Project,
    options: &Options,
    (work, outbox, standing): (WorkCopy, Outbox, Standing),
    observers: Observers<'_>,
) {
    if standing.done.is_empty() || !config.operations.keep.failed_run {
        return;
    }
    let place = folder(config);
    scratch::remove_at_signal(&place);
    let done = try_to_keep(config, project, options, (work, outbox, standing), observers.run);
    match done {
        Ok(Some(next)) => observers.note(&t!(
            "what the steps before had done is kept: `nearset runs retry` goes on at {next}",
            "之前各步的结果已保留：`nearset runs retry` 将从 {next} 继续"
        )),
        Ok(None) => {}
        Err(error) => tracing::warn!("what this run had done is not kept: {}", describe(&error)),
    }
    scratch::settled(&place);
}

fn try_to_keep(
    config: &Config,
    project: &Project,
    options: &Options,
    (work, mut outbox, Standing { done, files }): (WorkCopy, Outbox, Standing),
    run: &str,
) -> Result<Option<String>> {
    let stands_on = stands_on(config, project, options, &done)?;
    let work_path = warehouse::work_path(config);
    work.close()?;
    let kept = move_there(config, &work_path, outbox.hand_over(files)).and_then(|files| {
        let next = options.steps.get(done.len()).map_or("publish", |step| step.name()).to_owned();
        let kept = Kept { run: run.to_owned(), done, next, stands_on, files };
        match warehouse::has_room_for_a_run(config)? {
            true => files::write(&kept_path(config), &serde_json::to_vec_pretty(&kept)?).map(|()| Some(kept.next)),
            false => Ok(None),
        }
    });
    if !matches!(kept, Ok(Some(_))) {
        warehouse::remove_work(&work_path)?;
        remove(config)?;
    }
    kept
}

/// Moves the work copy and the files to where they are kept; returns where the files will stand.
fn move_there(config: &Config, work: &Path, parts: Vec<(PathBuf, PathBuf)>) -> Result<Vec<PathBuf>> {
    remove(config)?;
    files::make_dir(&folder(config))?;
    let mut places = Vec::new();
    for (number, (place, part)) in parts.into_iter().enumerate() {
        files::sync(&part)?;
        files::rename_unsynced(&part, &file_of(config, number))?;
        places.push(place.strip_prefix(&config.data_dir).map(Path::to_path_buf).unwrap_or(place));
    }
    files::rename(work, &folder(config).join("warehouse.duckdb"))?;
    Ok(places)
}

/// Removes what is kept.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(config: &Config) -> Result<()> {
    let place = folder(config);
    if !place.exists() {
        return Ok(());
    }
    // what is left without this is never taken up
    files::remove(&kept_path(config))?;
    fs::remove_dir_all(&place).with_context(|| t!("{} cannot be removed", "{} 无法删除", place.display()))
}

/// A hash of all that the kept steps stand on: what was published, the program, the run's options, what settings say of
/// sources and times, the macros, and once features are made the relations, the contracts and the exclusions that these came of.
fn stands_on(config: &Config, project: &Project, options: &Options, done: &[Step]) -> Result<String> {
    let published = fs::metadata(config.warehouse_path()).ok();
    let published = published.map(|about| (about.len(), about.mtime(), about.mtime_nsec(), about.ino()));
    let mut sources = config.sources.clone();
    // how long somebody waited changes nothing
    (sources.retries, sources.timeout) = (0, std::time::Duration::ZERO);
    let settings = (sources, &config.parameters, &config.lists);
    let asked = (env!("CARGO_PKG_VERSION"), options.as_of, options.full_refresh, &options.steps, done);
    let mut hash = Sha256::new();
    hash.update(format!("{published:?} {asked:?} {settings:?} {:?}", project.macros));
    if done.contains(&LAST) {
        for relation in project.relations.iter().filter(|relation| ROOMS.contains(&relation.room)) {
            hash.update(format!("{} {}\n", relation.name, relation.sql));
        }
        let contracts = config.contracts_path().map(|path| files::read(&path)).transpose()?;
        hash.update(contracts.flatten().unwrap_or_default());
        hash.update(format!("{:?}", exclusions::read(config)?));
    }
    Ok(hex::encode(hash.finalize()))
}
