//! A folder in the form of MLflow's file store, which its programs read (`mlflow ui --backend-store-uri DIR`).
//!
//! ROOT/EXPERIMENT/RUN holds `meta.yaml` and a file each for parameters, figures and tags; ROOT/models is the registry. Names of
//! folders follow from what they are of, so that what was begun is found again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::Utc;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::server::put_in;
use super::store::{Content, MODEL, Names, Registered, Store, TrackedRun, VERSION_TAG};
use super::told::Told;
use crate::common::files;
use crate::common::language::{either, t};
use crate::config::Config;

const META: &str = "meta.yaml";

/// The numbers of states in `meta.yaml`.
const RUNNING: u8 = 1;
const FINISHED: u8 = 3;

/// What a run's source is, as a number: a program on this machine.
const LOCAL: u8 = 4;

/// A file store.
pub struct Folder {
    root: PathBuf,
    names: Names,
}

impl Folder {
    /// The file store of a folder, which is made when something is put there.
    ///
    /// # Errors
    /// The working folder is gone.
    pub fn of(config: &Config, root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).context("MLFLOW_TRACKING_URI")?;
        Ok(Self { root, names: Names::of(config) })
    }

    fn experiment(&self) -> Result<String> {
        let name = &self.names.experiment;
        for folder in folders(&self.root)? {
            let Some(meta) = read_meta(&folder)? else { continue };
            if meta["name"] == name.as_str() {
                if meta["lifecycle_stage"] == "deleted" {
                    bail!(t!(
                        "the experiment {name} is deleted in MLflow: restore it there, or set MLFLOW_EXPERIMENT_NAME",
                        "实验 {name} 在 MLflow 中已删除：请在那里恢复，或设置 MLFLOW_EXPERIMENT_NAME"
                    ));
                }
                return Ok(name_of(&folder));
            }
        }
        let hash = Sha256::digest(name.as_bytes());
        let number = hash.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        // eighteen digits, as MLflow's own
        let id = (100_000_000_000_000_000 + number % 900_000_000_000_000_000).to_string();
        let (folder, now) = (self.root.join(&id), Utc::now().timestamp_millis());
        let meta = json!({
            "artifact_location": url_of(&folder)?,
            "creation_time": now,
            "experiment_id": id,
            "last_update_time": now,
            "lifecycle_stage": "active",
            "name": name,
        });
        write_meta(&folder, &meta)?;
        Ok(id)
    }

    fn write_run(&self, folder: &Path, told: &Told, status: u8) -> Result<()> {
        let experiment = folder.parent().map(name_of).unwrap_or_default();
        let meta = json!({
            "artifact_uri": url_of(&folder.join("artifacts"))?,
            "end_time": (status == FINISHED).then(|| told.ended.timestamp_millis()),
            "entry_point_name": "",
            "experiment_id": experiment,
            "lifecycle_stage": "active",
            "run_id": name_of(folder),
            "run_name": told.name(),
            "run_uuid": name_of(folder),
            "source_name": "",
            "source_type": LOCAL,
            "source_version": "",
            "start_time": told.started.timestamp_millis(),
            "status": status,
            "tags": [],
            "user_id": "nearset",
        });
        write_meta(folder, &meta)
    }

    /// A run's folder, by where its files are.
    fn folder_of(run: &TrackedRun) -> Result<PathBuf> {
        let artifacts = Url::parse(&run.artifact_uri).ok().and_then(|url| url.to_file_path().ok());
        let folder = artifacts.as_deref().and_then(Path::parent);
        folder.map(Path::to_path_buf).with_context(|| run.artifact_uri.clone())
    }

    fn model(&self) -> PathBuf {
        self.root.join("models").join(&self.names.model)
    }

    /// The numbers that the registered model has.
    fn numbers(&self) -> Result<Vec<u64>> {
        let folders = folders(&self.model())?;
        Ok(folders.iter().filter_map(|folder| name_of(folder).strip_prefix("version-")?.parse().ok()).collect())
    }
}

fn name_of(path: impl AsRef<Path>) -> String {
    path.as_ref().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn url_of(path: &Path) -> Result<String> {
    let url = Url::from_file_path(path).ok();
    url.map(String::from).with_context(|| t!("{} is no place", "{} 不是有效位置", path.display()))
}

/// The folders in a folder, which need not be there.
fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let cannot = || t!("{} cannot be read", "{} 无法读取", dir.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_meta(folder: &Path) -> Result<Option<Value>> {
    let place = folder.join(META);
    let Some(text) = files::read_text(&place)? else { return Ok(None) };
    let read = serde_saphyr::from_str(&text);
    read.map(Some).with_context(|| t!("{} makes no sense", "{} 内容有误", place.display()))
}

/// Writes YAML, whose strings may be those of JSON.
fn write_meta(folder: &Path, meta: &Value) -> Result<()> {
    let lines = meta.as_object().into_iter().flatten().map(|(key, value)| format!("{key}: {value}\n"));
    files::write(&folder.join(META), lines.collect::<String>().as_bytes())
}

/// Writes many small files, which [`sync`] has be on disk together: waiting for each takes seconds.
fn write_all(folder: &Path, texts: impl IntoIterator<Item = (String, String)>) -> Result<()> {
    for (name, text) in texts {
        let place = folder.join(name);
        files::make_dir(place.parent().unwrap_or(folder))?;
        fs::write(&place, text).with_context(|| t!("{} cannot be written", "{} 无法写入", place.display()))?;
    }
    Ok(())
}

/// Waits until all that was written below a folder is on disk.
fn sync(folder: &Path) -> Result<()> {
    let failed = || t!("{} could not be written to disk", "{} 未能落盘", folder.display());
    rustix::fs::syncfs(File::open(folder).with_context(failed)?).with_context(failed)
}

impl Store for Folder {
    fn run(&self, told: &Told) -> Result<TrackedRun> {
        let experiment = self.root.join(self.experiment()?);
        let (_, value) = told.found_by();
        let folder = experiment.join(&hex::encode(Sha256::digest(value.as_bytes()))[..32]);
        let meta = match read_meta(&folder)? {
            Some(meta) => meta,
            None => {
                self.write_run(&folder, told, RUNNING)?;
                read_meta(&folder)?.unwrap_or_default()
            }
        };
        let is_finished = meta["status"] == FINISHED;
        let artifact_uri = meta["artifact_uri"].as_str().context("artifact_uri")?.to_owned();
        Ok(TrackedRun { id: name_of(&folder), artifact_uri, is_finished })
    }

    fn note(&self, run: &TrackedRun, told: &Told) -> Result<()> {
        let folder = Self::folder_of(run)?;
        let at = told.ended.timestamp_millis();
        write_all(&folder.join("tags"), told.tags.clone())?;
        write_all(&folder.join("params"), told.params.clone())?;
        let metrics = told.metrics.iter().map(|(name, value)| (name.clone(), format!("{at} {value:?} 0\n")));
        write_all(&folder.join("metrics"), metrics)?;
        sync(&folder)
    }

    fn refuses_files(&self, _run: &TrackedRun) -> Option<String> {
        None
    }

    fn files(&self, run: &TrackedRun, folder: &str) -> Result<BTreeMap<String, u64>> {
        let folder = Self::folder_of(run)?.join("artifacts").join(folder);
        if !folder.exists() {
            return Ok(BTreeMap::new());
        }
        let cannot = || t!("{} cannot be read", "{} 无法读取", folder.display());
        let mut sizes = BTreeMap::new();
        for entry in fs::read_dir(&folder).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let size = entry.metadata().with_context(cannot)?.len();
            sizes.insert(entry.file_name().to_string_lossy().into_owned(), size);
        }
        Ok(sizes)
    }

    fn put(&self, run: &TrackedRun, path: &str, content: Content<'_>) -> Result<()> {
        put_in(&Self::folder_of(run)?.join("artifacts"), path, content)
    }

    fn finish(&self, run: &TrackedRun, told: &Told, tags: &BTreeMap<String, String>) -> Result<()> {
        let folder = Self::folder_of(run)?;
        write_all(&folder.join("tags"), tags.clone())?;
        self.write_run(&folder, told, FINISHED)
    }

    fn registered(&self, version: &str) -> Result<Option<Registered>> {
        for number in self.numbers()? {
            let folder = self.model().join(format!("version-{number}"));
            if files::read_text(&folder.join("tags").join(VERSION_TAG))?.as_deref() == Some(version) {
                let meta = read_meta(&folder)?.unwrap_or_default();
                let of = |key: &str| meta[key].as_str().unwrap_or_default();
                return Ok(Some(Registered::new(number, of("run_id"), of("source"))));
            }
        }
        Ok(None)
    }

    fn register(&self, version: &str, run: &TrackedRun) -> Result<()> {
        let (model, now) = (self.model(), Utc::now().timestamp_millis());
        let name = &self.names.model;
        if read_meta(&model)?.is_none() {
            let meta =
                json!({"creation_timestamp": now, "description": null, "last_updated_timestamp": now, "name": name});
            write_meta(&model, &meta)?;
        }
        let number = self.numbers()?.into_iter().max().unwrap_or_default() + 1;
        let source = format!("{}/{MODEL}", run.artifact_uri);
        let meta = json!({
            "creation_timestamp": now,
            "current_stage": "None",
            "description": null,
            "last_updated_timestamp": now,
            "name": name,
            "run_id": run.id,
            "run_link": null,
            "source": source,
            "status": "READY",
            "status_message": null,
            "storage_location": source,
            "user_id": "nearset",
            "version": number,
        });
        // whole before it is there
        let part = model.join(format!(".version-{number}.part"));
        write_meta(&part, &meta)?;
        write_all(&part.join("tags"), [(VERSION_TAG.to_owned(), version.to_owned())])?;
        sync(&part)?;
        files::rename(&part, &model.join(format!("version-{number}")))
    }

    fn set_alias(&self, alias: &str, number: u64) -> Result<()> {
        let place = self.model().join("aliases").join(alias);
        files::write(&place, number.to_string().as_bytes()).context(either("the alias cannot be set", "别名无法设置"))
    }
}
