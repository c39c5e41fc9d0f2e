//! Loading versions: from memory where they answer already, else from disk; each is asked for lists before it answers any.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::{Deployment, LoadedVersion};
use crate::common::language::t;
use crate::model::{self, Model};
use crate::recommend::{self, Audiences, Policy};

/// How the files of a version's folder look from outside: name, when written, length, inode.
pub type FolderState = Vec<(OsString, Option<SystemTime>, u64, u64)>;

/// Looks at the folder of a version; empty where there is none.
pub fn folder_state(models_dir: &Path, version: &str) -> FolderState {
    let Ok(entries) = std::fs::read_dir(models_dir.join(version)) else { return FolderState::new() };
    let about = |entry: DirEntry| entry.metadata().map(|m| (entry.file_name(), m.modified().ok(), m.len(), m.ino()));
    let mut state: FolderState = entries.flatten().filter_map(|entry| about(entry).ok()).collect();
    state.sort();
    state
}

/// Loads versions once each.
pub struct Loader<'a> {
    models_dir: &'a Path,
    models: HashMap<String, Arc<Model>>,
    /// Versions that could not be loaded, and how their folders looked before that was tried.
    pub refused: HashMap<String, FolderState>,
}

impl<'a> Loader<'a> {
    /// One that knows the versions of a deployment.
    pub fn new(models_dir: &'a Path, before: Option<&Deployment>) -> Self {
        let versions = before.into_iter().flat_map(Deployment::versions);
        let models = versions.map(|version| (version.name().to_owned(), version.model.clone())).collect();
        Self { models_dir, models, refused: HashMap::new() }
    }

    /// Takes a version from disk also where it is in memory.
    pub fn forget(&mut self, version: &str) {
        self.models.remove(version);
    }

    /// Loads a version, with the policies that are made for its model.
    ///
    /// # Errors
    /// It is damaged, or cannot answer; it is then among the refused.
    pub fn load(
        &mut self,
        version: &str,
        policies: impl Fn(&Model) -> (Audiences, Vec<Policy>),
    ) -> Result<Arc<LoadedVersion>> {
        let folder = folder_state(self.models_dir, version);
        let model = self.model(version).inspect_err(|_| drop(self.refused.insert(version.to_owned(), folder)))?;
        let (audiences, policies) = policies(&model);
        Ok(Arc::new(LoadedVersion::new(model, audiences, policies)))
    }

    fn model(&mut self, version: &str) -> Result<Arc<Model>> {
        let model = match self.models.get(version) {
            Some(model) => model.clone(),
            None => Arc::new(model::load(self.models_dir, version)?),
        };
        recommend::smoke(&model).with_context(|| t!("version {version} cannot answer", "版本 {version} 无法应答"))?;
        self.models.insert(version.to_owned(), model.clone());
        Ok(model)
    }
}
