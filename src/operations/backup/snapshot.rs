//! One moment, held fast while everything goes on: links to files that are replaced and never written to, and of logs, to which
//! lines are added, how far they had got.
//!
//! A run publishes by renaming, so a link holds what was published whatever comes after it. That all links are of the same moment
//! is seen by looking again: nothing that was held fast may have been replaced, and nobody may be publishing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};

use super::part::Part;
use super::sources::{Form, Source, sources, versions};
use super::user_files::toml_without_secrets;
use crate::common::language::t;
use crate::common::progress::Progress;
use crate::common::scratch::Scratch;
use crate::common::{files, lock};
use crate::config::{Config, Portable, Values, in_force};
use crate::{model, pipeline, warehouse};

/// How long is waited for a run that publishes.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long is waited before the next look.
const PAUSE: Duration = Duration::from_millis(50);

/// Something held fast.
pub(super) struct Pinned {
    pub part: Part,
    pub name: String,
    pub bytes: u64,
    pub at: Place,
}

/// Where what was held fast is read from.
pub(super) enum Place {
    /// The first bytes of a file.
    File(PathBuf),
    /// Here.
    Memory(Vec<u8>),
}

/// A moment held fast, until it is dropped.
pub(super) struct Snapshot {
    pub pinned: Vec<Pinned>,
    pub made_at: DateTime<Utc>,
    pub as_of: Option<DateTime<Utc>>,
    pub current: Option<String>,
    pub models: BTreeMap<String, u32>,
    pub secrets: BTreeMap<String, Vec<String>>,
    /// The folders of the links, which go with it.
    scratch: (Scratch, Option<Scratch>),
}

/// What is taken, and of whom.
pub(super) struct Wanted<'a> {
    pub config: &'a Config,
    pub values: &'a Values,
    pub all_versions: bool,
}

impl Snapshot {
    /// Holds this moment fast.
    ///
    /// # Errors
    /// A file cannot be read or linked, or a run has been publishing for minutes.
    pub fn take(wanted: &Wanted<'_>, progress: &Progress<'_>) -> Result<Self> {
        let since = Instant::now();
        loop {
            if is_published(wanted.config, progress)?
                && let Some(snapshot) = Self::try_take(wanted, progress)?
            {
                return Ok(snapshot);
            }
            if since.elapsed() > PATIENCE {
                bail!(t!(
                    "a run has been publishing for {} seconds, or files change all the time; try again later",
                    "有一次运行已发布了 {} 秒，或文件一直在变；请稍后再试",
                    PATIENCE.as_secs()
                ));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The same; `None` where something changed meanwhile.
    fn try_take(wanted: &Wanted<'_>, progress: &Progress<'_>) -> Result<Option<Self>> {
        let config = wanted.config;
        let scratch = (Scratch::new(&[&config.data_dir])?, scratch_of_models(config)?);
        let held = scratch.1.as_ref().map(|_| lock::wait(&config.models_dir)).transpose()?;
        let before = Listing::of(wanted)?;
        let mut snapshot = Self {
            pinned: Vec::new(),
            made_at: Utc::now(),
            as_of: None,
            current: before.current.clone(),
            models: BTreeMap::new(),
            secrets: BTreeMap::new(),
            scratch,
        };
        for (number, source) in before.sources.iter().enumerate() {
            let (data, models) = &snapshot.scratch;
            let folder = models.as_ref().filter(|_| source.part == Part::Models).unwrap_or(data);
            let place = folder.path().join(number.to_string());
            let is_there = snapshot.pin(source, &place, progress)?;
            // state of operations comes and goes, each file by itself
            if !is_there && source.part != Part::Operations {
                return Ok(None);
            }
        }
        let after = Listing::of(wanted)?;
        if config.metadata_dir().join(warehouse::PUBLISHING).exists() || before.stamp() != after.stamp() {
            return Ok(None);
        }
        drop(held);
        for version in before.versions {
            let format = model::read_manifest(&config.models_dir, &version).map_or(0, |manifest| manifest.format);
            snapshot.models.insert(version, format);
        }
        snapshot.read_moment(config)?;
        snapshot.add_in_force(wanted)?;
        Ok(Some(snapshot))
    }

    /// Holds one file fast at a place of its own; false where it is gone.
    fn pin(&mut self, source: &Source, place: &Path, progress: &Progress<'_>) -> Result<bool> {
        let cannot = || t!("{} cannot be held fast", "{} 无法固定", source.path.display());
        let (bytes, at) = match source.form {
            Form::Whole | Form::Lines => {
                if let Err(error) =
                    fs::hard_link(&source.path, place).or_else(|_| fs::copy(&source.path, place).map(drop))
                {
                    return if error.kind() == ErrorKind::NotFound {
                        Ok(false)
                    } else {
                        Err(error).with_context(cannot)
                    };
                }
                let mut file = File::open(place).with_context(cannot)?;
                let bytes = match source.form {
                    Form::Lines => files::whole_lines(&mut file).with_context(cannot)?,
                    _ => file.metadata().with_context(cannot)?.len(),
                };
                (bytes, Place::File(place.to_owned()))
            }
            form => {
                let Some(text) = files::read_text(&source.path)? else { return Ok(false) };
                let (text, taken) = match without_secrets(form, &text) {
                    Ok(clean) => clean,
                    Err(error) => {
                        progress.note(&t!(
                            "{} is left out, since it may hold secrets and cannot be understood: {error:#}",
                            "{} 未纳入备份：可能含有密钥，且无法解析：{error:#}",
                            source.path.display()
                        ));
                        return Ok(true);
                    }
                };
                if !taken.is_empty() {
                    self.secrets.insert(source.name.clone(), taken);
                }
                (text.len() as u64, Place::Memory(text.into_bytes()))
            }
        };
        self.pinned.push(Pinned { part: source.part, name: source.name.clone(), bytes, at });
        Ok(true)
    }

    /// Asks the warehouse that was held fast for the moment it stands for, which also shows that it can be read.
    fn read_moment(&mut self, config: &Config) -> Result<()> {
        let warehouse = self.pinned.iter().find(|pinned| pinned.name == "data/warehouse.duckdb");
        if let Some(Pinned { at: Place::File(path), .. }) = warehouse {
            // one that has only been extracted to stands for no moment yet
            self.as_of = warehouse::published_as_of(&warehouse::glance_at(config, path)?).ok();
        }
        Ok(())
    }

    /// Adds what the settings in force are, wherever they come from; secrets are hidden.
    fn add_in_force(&mut self, wanted: &Wanted<'_>) -> Result<()> {
        let settings: Vec<_> = in_force(wanted.values).into_iter().flat_map(|(_, settings)| settings).collect();
        let bytes = crate::common::secrets::scrub(&serde_json::to_string_pretty(&settings)?).into_owned().into_bytes();
        let name = "settings/in-force.json".to_owned();
        let at = Place::Memory(bytes.clone());
        self.pinned.push(Pinned { part: Part::Settings, name, bytes: bytes.len() as u64, at });
        Ok(())
    }
}

fn without_secrets(form: Form, text: &str) -> Result<(String, Vec<String>)> {
    let Portable { text, taken } = match form {
        Form::Environment => Portable::of_environment(text),
        Form::Settings => Portable::of_toml(text)?,
        _ => return toml_without_secrets(text),
    };
    Ok((text, taken))
}

/// What there is at a moment.
struct Listing {
    sources: Vec<Source>,
    versions: BTreeSet<String>,
    current: Option<String>,
    /// What tells whether a file was replaced: none for those that may be at any time.
    inodes: Vec<Option<(u64, u64)>>,
}

impl Listing {
    fn of(wanted: &Wanted<'_>) -> Result<Self> {
        let versions = versions(wanted.config, wanted.all_versions)?;
        let sources = sources(wanted.config, &Part::ALL, &versions, &wanted.values.files())?;
        let inode = |source: &Source| {
            let is_free = source.part == Part::Operations;
            fs::metadata(&source.path).ok().filter(|_| !is_free).map(|about| (about.dev(), about.ino()))
        };
        let inodes = sources.iter().map(inode).collect();
        Ok(Self { sources, versions, current: model::current(&wanted.config.models_dir), inodes })
    }

    /// All that must be the same before and after.
    fn stamp(&self) -> Vec<(&str, (u64, u64))> {
        let all = self.sources.iter().zip(&self.inodes);
        let held = all.filter_map(|(source, inode)| Some((source.name.as_str(), (*inode)?)));
        let current = self.current.iter().map(|version| (version.as_str(), (0, 0)));
        held.chain(current).collect()
    }
}

/// A folder to link versions in; none where there are no versions.
fn scratch_of_models(config: &Config) -> Result<Option<Scratch>> {
    if !config.models_dir.is_dir() {
        return Ok(None);
    }
    Scratch::new(&[&config.models_dir]).map(Some)
}

/// Whether nobody is publishing. What a run that was killed had published is completed first, as the next run would.
fn is_published(config: &Config, progress: &Progress<'_>) -> Result<bool> {
    if !config.metadata_dir().join(warehouse::PUBLISHING).exists() {
        return Ok(true);
    }
    if warehouse::is_run_lock_held(config) {
        progress.at(&t!("waiting for a run that publishes", "等待正在发布的运行"));
        return Ok(false);
    }
    let Ok(_lock) = warehouse::take_run_lock(config) else { return Ok(false) };
    if let Some(run) = pipeline::recover(config)? {
        progress.note(&t!(
            "run {run} had been published when it was killed; what was left to do of it is done now",
            "运行 {run} 在发布后被终止；现已补全"
        ));
    }
    Ok(true)
}
