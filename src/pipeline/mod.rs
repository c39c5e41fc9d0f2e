//! The pipeline: extract, features, train, evaluate, reconcile, on a work copy that is published whole or not at all.

pub mod history;
pub mod offline;
mod publish;

use std::collections::HashSet;
use std::fs;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use duckdb::Connection;

use crate::common::errors::{Failure, describe};
use crate::common::progress::{Progress, StepBar, grouped};
use crate::common::terminal::say;
use crate::common::{files, memory};
use crate::config::{Config, Source};
use crate::recommend::{self, Policy};
use crate::serve::deployment::Experiments;
use crate::sql_project::{Project, Relation, Room, export_parquet};
use crate::train::{self, Catalogue, Choice, Training};
use crate::warehouse::{self, Turn, WorkCopy};
use crate::{evaluate, extract, model, sql_project};
use history::Event;
use publish::Outbox;

/// A step of the pipeline, in the order they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Step {
    Extract,
    Features,
    Train,
    Evaluate,
    Reconcile,
}

impl Step {
    pub const ALL: [Self; 5] = [Self::Extract, Self::Features, Self::Train, Self::Evaluate, Self::Reconcile];

    pub fn name(self) -> &'static str {
        match self {
            Self::Extract => "extract",
            Self::Features => "features",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Reconcile => "reconcile",
        }
    }
}

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub full_refresh: bool,
    pub steps: Vec<Step>,
    /// Stands for now, so that runs repeat exactly.
    pub as_of: DateTime<Utc>,
    /// It may be before the moment that the published warehouse stands for.
    pub may_be_past: bool,
}

/// A run under way: the work copy, and what will be put in place once it is published.
struct Run<'a> {
    config: &'a Config,
    project: &'a Project,
    options: &'a Options,
    db: &'a Connection,
    is_fenced: bool,
    built: HashSet<String>,
    outbox: Outbox,
    catalogue: Option<Rc<Catalogue>>,
    twin: Option<Twin>,
    trained: Option<model::Model>,
    is_memory_judged: bool,
    progress: StepBar,
}

/// The rooms whose relations the features step makes.
const FEATURES: [Room; 5] = [Room::Staging, Room::Clean, Room::Attribution, Room::Marts, Room::Training];

/// What training holds beside the process itself for each dataset: its words, candidates and vectors, twice where visits are
/// held out. Measured on 20,000 datasets.
const BYTES_PER_DATASET: u64 = 20_000;

/// What DuckDB needs to get on at all, and the process itself.
const BYTES_AT_LEAST: u64 = 400 << 20;

/// What was trained without the held-out visits: to measure by, and to choose the ranker's kind by.
struct Twin {
    from: DateTime<Utc>,
    model: model::Model,
    choice: Option<Choice>,
}

/// Says what a run would do, and does none of it.
pub fn dry_run(config: &Config, options: &Options) -> Result<()> {
    let project = Project::load(config.project_dir()?, &extract::raw_tables()?)?;
    say!("as of {}; steps: {}", options.as_of, step_names(&options.steps).join(", "));
    if options.steps.contains(&Step::Extract) {
        let published = match options.full_refresh || !config.warehouse_path().exists() {
            true => None,
            false => Some(warehouse::open_published(config)?),
        };
        let watch = Progress { at: &|_| {}, note: &|text| say!("  {text}") };
        for line in extract::preview(published.as_deref(), config, &watch)? {
            say!("  {line}");
        }
    }
    say!("{} relations and checks in the SQL project; nothing was changed", project.relations.len());
    Ok(())
}

fn step_names(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|s| s.name().to_owned()).collect()
}

/// Runs the steps asked for and publishes what they made.
///
/// # Errors
/// The published state is as it was, unless the error says otherwise: [`Failure::HeldBack`], [`Failure::Incomplete`].
pub fn run(config: &Config, options: &Options) -> Result<()> {
    let project = Project::load(config.project_dir()?, &extract::raw_tables()?)?;
    let _lock = warehouse::take_run_lock(config)?;
    let started = Instant::now();
    let id = Utc::now().format("%Y%m%dT%H%M%S%.6fZ").to_string();
    history::record(
        config,
        &Event::Started { run: id.clone(), at: Utc::now(), as_of: options.as_of, steps: step_names(&options.steps) },
    );
    say!("run {id}, as of {}", options.as_of.format("%Y-%m-%d %H:%M:%S UTC"));
    let result = run_locked(config, &project, options, &id);
    let error = result.as_ref().err().map(describe);
    let (seconds, peak_bytes) = (started.elapsed().as_secs_f64(), memory::peak());
    history::record(config, &Event::Ended { run: id, at: Utc::now(), seconds, peak_bytes, error });
    if result.is_ok() {
        say!("done in {seconds:.1} s, peak memory {} MB", peak_bytes / 1_000_000);
    }
    result
}

/// Refuses a moment before the one that the published warehouse stands for: rows that are known already would lie in its
/// future. A clock that was set back is the usual cause.
fn require_later(config: &Config, options: &Options) -> Result<()> {
    if options.may_be_past || !config.warehouse_path().exists() {
        return Ok(());
    }
    let published = warehouse::published_as_of(&*warehouse::open_published(config)?)?;
    if options.as_of < published {
        let time = |moment: DateTime<Utc>| moment.format("%Y-%m-%d %H:%M:%S").to_string();
        if published > Utc::now() {
            bail!(
                "the published warehouse stands for {} UTC, which is ahead of this machine's clock: a run by a wrong clock, \
                 or a wrong --as-of, made it; say --as-of-past once to come back",
                time(published)
            );
        }
        bail!(
            "the published warehouse stands for {} UTC, and this run for {}, which is before that; set this machine's \
             clock, or say --as-of-past where it is meant",
            time(published),
            time(options.as_of)
        );
    }
    Ok(())
}

fn run_locked(config: &Config, project: &Project, options: &Options, id: &str) -> Result<()> {
    if let Some(before) = publish::recover(config)? {
        say!("    run {before} had been published when it ended; what was left to do of it is done now");
    }
    require_later(config, options)?;
    let work = WorkCopy::open(config)?;
    warehouse::set_parameters(work.db()?, config, options.as_of)?;
    let mut run = Run {
        config,
        project,
        options,
        db: work.db()?,
        is_fenced: false,
        built: HashSet::new(),
        outbox: Outbox::default(),
        catalogue: None,
        twin: None,
        trained: None,
        is_memory_judged: false,
        progress: StepBar::default(),
    };
    run.judge_memory()?;
    for step in &options.steps {
        let started = Instant::now();
        run.progress.start(step.name());
        let result = run.step(*step).map_err(|error| match describe(&error).contains("FATAL Error") {
            // where the disk fails it, DuckDB does not say which file that was
            true => error.context(warehouse::work_path(config).display().to_string()),
            false => error,
        });
        let result = result.with_context(|| format!("step {}", step.name()));
        let seconds = started.elapsed().as_secs_f64();
        history::record(
            config,
            &Event::Step {
                run: id.to_owned(),
                step: step.name().to_owned(),
                at: Utc::now(),
                seconds: (seconds * 1000.0).round() / 1000.0,
                rows: *result.as_ref().unwrap_or(&0),
                error: result.as_ref().err().map(describe),
            },
        );
        run.progress.finish(step.name(), seconds, result?);
    }
    run.progress.start("publish");
    let started = Instant::now();
    let rows = run.finish()?;
    let Kept { saved, held_back } = run.keep_model()?;
    let version = saved.as_ref().filter(|_| held_back.is_none()).map(|saved| saved.version.clone());
    let Run { outbox, progress, .. } = run;
    let published = publish::publish(config, work, outbox, id, version.clone());
    let is_undone = published.as_ref().is_err_and(|error| error.downcast_ref::<Failure>().is_none());
    if !is_undone {
        saved.map(model::Saved::keep);
    }
    published?;
    if let Some(version) = version {
        progress.note(&format!("model {version} is current"));
        prune(config, &progress);
    }
    progress.finish("publish", started.elapsed().as_secs_f64(), rows);
    held_back.map_or(Ok(()), |why| Err(Failure::HeldBack(why).into()))
}

/// What becomes of what was trained.
struct Kept {
    /// The version that was saved, which goes again where nothing is published.
    saved: Option<model::Saved>,
    /// Why it does not become current.
    held_back: Option<String>,
}

/// Removes old versions. What is published stays so where that fails: the next run tries again.
fn prune(config: &Config, progress: &StepBar) {
    let experiments = Experiments::read(&config.experiments_path());
    let pruned = experiments.and_then(|experiments| model::prune(&config.models_dir, &experiments.versions));
    if let Err(error) = pruned {
        progress.note(&format!("old versions stay: {}", describe(&error)));
    }
}

impl Run<'_> {
    /// Runs one step; returns the rows it took in or made.
    fn step(&mut self, step: Step) -> Result<u64> {
        if step != Step::Extract {
            self.fence()?;
        }
        match step {
            Step::Extract => self.extract(),
            Step::Features => self.build(&FEATURES),
            Step::Train => self.train(),
            Step::Evaluate => self.evaluate(),
            Step::Reconcile => {
                let rows = self.build(&[Room::Reconcile])?;
                for (place, bytes) in evaluate::reports::after_run(self.db, self.config)? {
                    self.outbox.write(place, &bytes)?;
                }
                Ok(rows)
            }
        }
    }

    /// From here on, what is in `sql/` and `views/` runs: it reads the warehouse, and no file but the Parquet copies.
    fn fence(&mut self) -> Result<()> {
        if !self.is_fenced {
            warehouse::fence(self.db, &[self.config.data_dir.join("processed")])?;
            self.project.create_macros(self.db)?;
            self.is_fenced = true;
        }
        Ok(())
    }

    /// Says so before the work begins where `MEMORY_LIMIT` cannot be kept: as soon as it is known how many datasets there are.
    fn judge_memory(&mut self) -> Result<()> {
        if self.is_memory_judged || !sql_project::existing(self.db)?.contains_key("datasets") {
            return Ok(());
        }
        self.is_memory_judged = true;
        let datasets: u64 = self.db.query_row("select count(*) from datasets", [], |row| row.get(0))?;
        let least = BYTES_AT_LEAST + datasets * BYTES_PER_DATASET;
        if self.config.memory_limit < least {
            self.progress.note(&format!(
                "MEMORY_LIMIT is {} MB, and this run may take more: {} datasets need about {} MB; set it to that, where \
                 the machine has so much",
                self.config.memory_limit / 1_000_000,
                grouped(datasets),
                least / 1_000_000
            ));
        }
        Ok(())
    }

    fn extract(&mut self) -> Result<u64> {
        let watch = Progress { at: &|what| self.progress.at(what), note: &|text| self.progress.note(text) };
        let rows = extract::extract(self.db, self.config, self.options.as_of, self.options.full_refresh, &watch)?;
        let state = extract::state(self.db)?;
        self.outbox.write(self.config.metadata_dir().join("extract_state.json"), &state)?;
        Ok(rows)
    }

    /// Runs `with` on what training works on; the catalogue and its vectors are read once a run.
    fn with_training<T>(&mut self, with: impl FnOnce(&Training<'_>) -> Result<T>) -> Result<T> {
        let catalogue = match &self.catalogue {
            Some(catalogue) => catalogue.clone(),
            None => {
                self.judge_memory()?;
                self.progress.at("texts");
                warehouse::share_memory(self.db, self.config, Turn::Rows)?;
                let watch = Progress { at: &|what| self.progress.at(what), note: &|text| self.progress.note(text) };
                self.catalogue.insert(Rc::new(Catalogue::read(self.db, self.config, &watch)?)).clone()
            }
        };
        warehouse::share_memory(self.db, self.config, Turn::Queries)?;
        let result = with(&Training {
            db: self.db,
            config: self.config,
            project: self.project,
            catalogue: &catalogue,
            as_of: self.options.as_of,
            budget: self.config.train_budget,
            at: &|what| self.progress.at(what),
        });
        warehouse::share_memory(self.db, self.config, Turn::Queries)?;
        result
    }

    /// Trains without the held-out visits, where that was not done yet, and where there are any.
    fn train_twin(&mut self) -> Result<()> {
        if self.twin.is_none()
            && let Some(from) = train::holdout_from(self.db)?
        {
            let (model, choice) = self
                .with_training(|training| training.fit(Some(from), None))
                .context("training without the held-out visits")?;
            if let Some(choice) = &choice {
                self.progress.note(&choice.headline());
            }
            self.twin = Some(Twin { from, model, choice });
        }
        Ok(())
    }

    /// The ranker's kind is chosen without the held-out visits; the model is then trained on everything.
    fn train(&mut self) -> Result<u64> {
        self.train_twin()?;
        let choice = self.twin.as_ref().and_then(|twin| twin.choice.clone());
        let (model, _) = self.with_training(|training| training.fit(None, choice.as_ref()))?;
        let items = model.parts.items.len() as u64;
        self.trained = Some(model);
        Ok(items)
    }

    /// Replays the held-out visits, and lets SQL do the arithmetic.
    fn evaluate(&mut self) -> Result<u64> {
        self.train_twin()?;
        let policy = policy(self.config);
        self.progress.at("replay");
        match self.twin.take() {
            None => evaluate::forget(self.db)?,
            Some(twin) => {
                self.with_training(|training| {
                    evaluate::replay_held_out(training, &twin.model, twin.from, &policy)?;
                    evaluate::replay_current(training, &self.config.models_dir, &twin.model, twin.from, &policy)
                })?;
            }
        }
        let rows = self.build(&[Room::Evaluate])?;
        let exposures = evaluate::exposure_metrics(self.db)?;
        let path = self.config.evaluation_dir().join("exposure_metrics.json");
        self.outbox.write(path, &serde_json::to_vec_pretty(&exposures)?)?;
        Ok(rows)
    }

    /// Saves what was trained with its held-out figures, and writes them to `summary.json`. A version that is clearly
    /// worse than the current one is kept, but held back.
    fn keep_model(&mut self) -> Result<Kept> {
        let evaluated = self.options.steps.contains(&Step::Evaluate);
        let models_dir = &self.config.models_dir;
        let mut summary = match evaluated {
            true => Some(evaluate::summary(self.db, self.options.as_of)?),
            false => None,
        };
        let mut kept = Kept { saved: None, held_back: None };
        // gone once it is saved: to become current it is loaded again, and asked for lists
        if let Some(mut model) = self.trained.take() {
            recommend::smoke(&model).context("the model that was trained cannot answer")?;
            model.manifest.metrics = summary.clone();
            kept.saved = Some(model::save(models_dir, &mut model)?);
        }
        if let Some(summary) = &mut summary {
            let saved = kept.saved.as_ref().map(|saved| saved.version.clone());
            summary.model_version = saved.clone().or_else(|| model::current(models_dir));
            self.progress.note(&evaluate::headline(summary));
            let place = self.config.evaluation_dir().join("summary.json");
            self.outbox.write(place, &serde_json::to_vec_pretty(summary)?)?;
            if let Some(version) = saved {
                kept.held_back = evaluate::worse(self.db, models_dir, summary)?
                    .map(|why| format!("{why}; version {version} is kept and not current (`nearset models promote`)"));
            }
        }
        Ok(kept)
    }

    /// Builds the relations of some rooms, with what they need that is missing or older than its inputs.
    fn build(&mut self, rooms: &[Room]) -> Result<u64> {
        let there = sql_project::existing(self.db)?;
        let mut rows = 0;
        for relation in self.project.needed_for(rooms) {
            let wanted = rooms.contains(&relation.room)
                || !there.contains_key(&relation.name)
                || relation.inputs.iter().any(|input| self.built.contains(input));
            if wanted && !self.built.contains(&relation.name) {
                rows += self.build_one(relation)?;
            }
        }
        Ok(rows)
    }

    fn build_one(&mut self, relation: &Relation) -> Result<u64> {
        self.progress.at(&relation.name);
        let built = relation.build(self.db)?;
        let ms = built.elapsed.as_millis() as u64;
        tracing::debug!(relation = built.name, rows = built.rows, ms, "built");
        self.built.insert(built.name);
        Ok(built.rows)
    }

    /// Views, checks and Parquet copies: what every run ends with.
    fn finish(&mut self) -> Result<u64> {
        self.fence()?;
        // until features are made of them, rows just extracted are ahead of every other relation
        let is_coherent = !self.options.steps.contains(&Step::Extract) || self.options.steps.contains(&Step::Features);
        let rows = if is_coherent { self.build(&[Room::Checks, Room::Views])? } else { 0 };
        self.project.drop_orphans(self.db)?;
        self.progress.at("checks");
        let violations = if is_coherent { self.project.violations(self.db)? } else { Vec::new() };
        if !violations.is_empty() {
            return Err(Failure::Gate(violations.join("; ")).into());
        }
        warehouse::keep_parameters(self.db, self.config, self.options.as_of)?;
        let there = sql_project::existing(self.db)?;
        if there.contains_key("data_quality") {
            let quality = extract::data_quality::published(self.db)?;
            self.outbox.write(extract::data_quality::path(&self.config.metadata_dir()), &quality)?;
        }
        let processed = self.config.data_dir.join("processed");
        for relation in self.project.relations.iter().filter(|r| r.export && there.contains_key(&r.name)) {
            self.progress.at(&format!("{}.parquet", relation.name));
            let part = self.outbox.part(processed.join(format!("{}.parquet", relation.name)))?;
            export_parquet(self.db, relation, &part)?;
        }
        Ok(rows)
    }
}

/// What the settings ask of lists, without the operator's rules: quality is measured before those.
pub fn policy(config: &Config) -> Policy {
    Policy { diversity: config.variety, per_provider: config.provider_limit, ..Policy::default() }
}

/// Points the settings at the fixtures, and returns the moment they stand for. Their exposure log joins the data folder
/// as a rotated sibling, beside the one that serving the demo writes.
pub fn use_fixtures(config: &mut Config) -> Result<DateTime<Utc>> {
    let fixtures = config.project_dir()?.join("fixtures");
    let path = fixtures.join("as_of");
    let as_of = fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read; fixtures/ belongs beside sql/", path.display()))?;
    let log = fixtures.join("exposure_log.1.jsonl.gz");
    let evaluation = config.evaluation_dir();
    files::make_dir(&evaluation)?;
    files::copy(&log, &evaluation.join("exposure_log.1.jsonl.gz"))?;
    config.json_dir = Some(fixtures.join("json"));
    config.business = Source::Json;
    config.matomo = Source::Json;
    config.image_root = config.json_dir.clone();
    crate::config::parse_moment(as_of.trim()).map_err(anyhow::Error::msg)
}

/// Before this no run can have been: a clock that says so was never set.
const FIRST_DAY: DateTime<Utc> = DateTime::from_timestamp_nanos(1_767_225_600_000_000_000);

/// Now, to the second: finer would make no difference to any figure and be harder to type.
///
/// # Errors
/// This machine's clock was never set.
pub fn now() -> Result<DateTime<Utc>> {
    let now = Utc::now().trunc_subsecs(0);
    if now < FIRST_DAY {
        bail!(
            "this machine's clock says {}; set it, or name the time with --as-of",
            now.format("%Y-%m-%d %H:%M:%S UTC")
        );
    }
    Ok(now)
}
