//! The SQL project as its files are at this moment, read again where one of them was saved.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use super::fragment::blocking;
use crate::config::Config;
use crate::extract;
use crate::serve::Shared;
use crate::sql_project::{Dashboards, Problem, Project, files_stamp};

/// The files as they are.
pub struct Sources {
    stamp: String,
    /// Their relations, and what is wrong with others.
    pub project: Project,
    /// The dashboards, or why they cannot be read.
    pub dashboards: Result<Dashboards, Problem>,
}

impl Sources {
    /// Reads them, unless they are as they were when they were last read.
    ///
    /// # Errors
    /// The folders cannot be read.
    pub async fn read(state: &Shared) -> Result<Arc<Self>> {
        let config = state.config.clone();
        blocking(move || Self::read_now(&config)).await
    }

    fn read_now(config: &Config) -> Result<Arc<Self>> {
        static LAST: Mutex<Option<Arc<Sources>>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = files_stamp(config)?;
        if let Some(read) = last.as_ref().filter(|read| read.stamp == stamp) {
            return Ok(read.clone());
        }
        let project = Project::read(config, &extract::raw_tables()?)?;
        let dashboards = Dashboards::read(config.project.as_deref());
        Ok(last.insert(Arc::new(Self { stamp, project, dashboards })).clone())
    }
}

/// A short text that is another once a file of the project was saved, or a run has published.
pub async fn as_of_now(state: &Shared) -> String {
    let config = state.config.clone();
    let stamp = blocking(move || {
        let published = fs::metadata(config.warehouse_path());
        let published = published.map_or((0, 0), |about| (about.ino(), about.mtime_nsec()));
        Ok(format!("{}-{:x}-{:x}", files_stamp(&config)?, published.0, published.1))
    });
    stamp.await.unwrap_or_default()
}
