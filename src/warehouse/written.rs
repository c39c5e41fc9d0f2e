//! Which files in the places that nearset writes are its own: it notes a hash of each that it writes. What somebody else put
//! there (the old system, before the first run or after a way back) is kept aside before it is replaced.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::common::files;
use crate::common::language::t;
use crate::config::Config;

/// The old system's list of its models, in MODELS_DIR. Promotions write it too and keep what stood in it, so it is kept aside
/// before the first run alone.
const REGISTRY: &str = "model_registry.json";

/// Hashes of files that nearset wrote, by their names below DATA_DIR.
pub struct Written {
    /// `None` where a nearset that noted nothing has published: then all that is there is its own.
    hashes: Option<BTreeMap<PathBuf, String>>,
}

impl Written {
    /// Where it is kept.
    pub fn path(config: &Config) -> PathBuf {
        config.metadata_dir().join("written.json")
    }

    /// What was noted.
    ///
    /// # Errors
    /// The file cannot be read, or makes no sense.
    pub fn read(config: &Config) -> Result<Self> {
        let path = Self::path(config);
        let hashes = match files::read(&path)? {
            Some(text) => Some(
                serde_json::from_slice(&text)
                    .with_context(|| t!("{} makes no sense", "{} 内容有误", path.display()))?,
            ),
            None if config.warehouse_path().exists() => None,
            None => Some(BTreeMap::new()),
        };
        Ok(Self { hashes })
    }

    /// Whether the file at a place is nearset's, as far as anybody knows.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_own(&self, config: &Config, place: &Path) -> Result<bool> {
        let Some(hashes) = &self.hashes else { return Ok(true) };
        Ok(!place.is_file() || hashes.get(&below(config, place)) == Some(&files::sha256(place)?))
    }

    /// The files that somebody else has changed since nearset wrote them, by their names below DATA_DIR: a run keeps them aside
    /// before it writes them again.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn changed(&self, config: &Config) -> Result<Vec<PathBuf>> {
        let mut changed = Vec::new();
        for (name, hash) in self.hashes.iter().flatten() {
            let place = config.data_dir.join(name);
            if place.is_file() && files::sha256(&place)? != *hash {
                changed.push(name.clone());
            }
        }
        Ok(changed)
    }

    /// Notes what will stand at `place`: the file at `from`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn note(&mut self, config: &Config, place: &Path, from: &Path) -> Result<()> {
        self.hashes.get_or_insert_default().insert(below(config, place), files::sha256(from)?);
        Ok(())
    }

    /// The file's content.
    ///
    /// # Errors
    /// A name that is no text.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&self.hashes.clone().unwrap_or_default())?)
    }

    /// Keeps aside what somebody else put in places that are about to be written; it takes no room of its own where the file
    /// system has links. Returns the folders that hold what is kept now, each with how many.
    ///
    /// # Errors
    /// One cannot be kept.
    pub fn keep_others<'a>(
        &self,
        config: &Config,
        places: impl IntoIterator<Item = &'a PathBuf>,
    ) -> Result<BTreeMap<PathBuf, usize>> {
        let registry = config.models_dir.join(REGISTRY);
        let is_first = self.hashes.is_some() && !config.warehouse_path().exists();
        let registry = Some((registry, Path::new("models").join(REGISTRY))).filter(|_| is_first);
        let mut kept = BTreeMap::new();
        for (place, below) in places.into_iter().map(|place| (place.clone(), below(config, place))).chain(registry) {
            if !place.is_file() || self.is_own(config, &place)? {
                continue;
            }
            if let Some(folder) = keep(config, &place, &below)? {
                *kept.entry(folder).or_insert(0) += 1;
            }
        }
        Ok(kept)
    }
}

/// Writes one file outside of a run; what somebody else put there is kept aside.
///
/// # Errors
/// It cannot be written.
pub fn write_own(config: &Config, place: &PathBuf, bytes: &[u8]) -> Result<()> {
    let mut written = Written::read(config)?;
    written.keep_others(config, [place])?;
    files::write(place, bytes)?;
    // of what an earlier nearset wrote nothing is known but that it is all its own
    if written.hashes.is_some() {
        written.note(config, place, place)?;
        files::write(&Written::path(config), &written.bytes()?)?;
    }
    Ok(())
}

/// A place's name below DATA_DIR; of daily reports that go elsewhere, below a folder of that name.
fn below(config: &Config, place: &Path) -> PathBuf {
    if let Ok(below) = place.strip_prefix(&config.data_dir) {
        return below.to_path_buf();
    }
    let daily = place.strip_prefix(config.daily_reports_dir()).ok();
    daily.map_or_else(|| place.to_path_buf(), |name| Path::new("daily_reports").join(name))
}

/// Keeps a file in the first of `before-nearset`, `before-nearset-2`, … that has none of its name; returns which. Nothing is done
/// where one of them has that very file.
fn keep(config: &Config, place: &Path, below: &Path) -> Result<Option<PathBuf>> {
    let hash = files::sha256(place)?;
    let mut number = 1;
    loop {
        let folder = match number {
            1 => config.replaced_dir(),
            _ => config.replaced_dir().with_file_name(format!("before-nearset-{number}")),
        };
        let copy = folder.join(below);
        if !copy.exists() {
            if let Some(parent) = copy.parent() {
                files::make_dir(parent)?;
            }
            if fs::hard_link(place, &copy).is_err() {
                files::copy(place, &copy)?;
            }
            return Ok(Some(folder));
        }
        if files::sha256(&copy)? == hash {
            return Ok(None);
        }
        number += 1;
    }
}
