//! What all requests share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Result, anyhow};
use tokio::sync::Semaphore;

use super::deployment::{Deployment, Deployments};
use super::exclusions::InForce;
use super::http::ApiError;
use super::http::overload::Lag;
use super::http::request_id::RequestIds;
use super::http::sessions::Sessions;
use super::lists::ListCache;
use super::metrics::Metrics;
use super::recent_views::RecentViews;
use super::routes::Seen;
use super::test_requests;
use crate::common::language::t;
use crate::config::{Config, Durability};
use crate::embed::neural::QueryEncoder;
use crate::exposures::files::{LOG_NAME, SHADOW_LOG_NAME};
use crate::exposures::{ExposureLog, Options, Visitors};
use crate::query::Desk;

/// What all requests share: what answers, the lists it made, the logs, the metrics.
pub struct State {
    /// The settings.
    pub config: Arc<Config>,
    /// What answers now.
    pub deployments: Deployments,
    /// Lists that many ask for.
    pub cache: ListCache,
    /// What was shown.
    pub log: ExposureLog,
    /// What the shadow version would have shown.
    pub shadow_log: ExposureLog,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What was looked at in the last hour and day.
    pub views: RecentViews,
    /// How late requests are taken up.
    pub lag: Lag,
    /// Known users that asked for a list since the start.
    pub users: Mutex<HashSet<i64>>,
    /// The ids that clients gave their lists.
    pub request_ids: RequestIds,
    /// Makes visitors of what requests say.
    pub visitors: Visitors,
    /// Who counts in no figure.
    pub exclusions: InForce,
    /// What the console's previews are known by.
    pub console_token: String,
    /// Browsers that gave a token.
    pub sessions: Sessions,
    /// Where the warehouse is asked.
    pub desk: Desk,
    /// The SQL project.
    pub project: Seen,
    /// When the server started.
    pub started: Instant,
    /// As many searches at a time as there are threads: lists come first.
    pub searching: Semaphore,
    encoder: Mutex<Option<Arc<QueryEncoder>>>,
}

/// The state as handlers get it.
pub type Shared = Arc<State>;

impl State {
    /// Opens the logs and sets up the rest, without a model.
    ///
    /// # Errors
    /// A log cannot be written.
    pub fn open(config: Config) -> Result<Shared> {
        let options =
            Options { durability: config.exposures.sync, rotate_bytes: config.exposures.rotate_mb * 1_000_000 };
        let log = ExposureLog::open(&config.evaluation_dir().join(LOG_NAME), options)?;
        // nothing waits for what was not shown
        let shadow_options = Options { durability: Durability::None, ..options };
        let shadow_log = ExposureLog::open(&config.evaluation_dir().join(SHADOW_LOG_NAME), shadow_options)?;
        let megabytes = config.serve.cache_mb;
        let (metrics, cache) = (Arc::new(Metrics::new(&config.serve.environment)?), ListCache::new(megabytes));
        let config = Arc::new(config);
        let observed = metrics.clone();
        let observer = move |asker, outcome, time| observed.queried(asker, outcome, time);
        Ok(Arc::new(Self {
            deployments: Deployments::new(config.clone(), metrics.clone(), cache.clone()),
            cache,
            log,
            shadow_log,
            metrics,
            views: RecentViews::default(),
            lag: Lag::default(),
            users: Mutex::default(),
            request_ids: RequestIds::default(),
            visitors: Visitors::open(&config.metadata_dir())?,
            exclusions: InForce::default(),
            console_token: test_requests::console_token(),
            sessions: Sessions::default(),
            desk: Desk::new(config.clone(), Box::new(observer)),
            project: Seen::default(),
            started: Instant::now(),
            searching: Semaphore::new(config.threads.max(1)),
            encoder: Mutex::default(),
            config,
        }))
    }

    /// What answers now, unless there is nothing, or too much to do.
    ///
    /// # Errors
    /// No model is loaded, or the server is too late to take up more.
    pub fn admit(&self) -> Result<Arc<Deployment>, ApiError> {
        if self.lag.is_above(self.config.serve.shed) {
            return Err(ApiError::Overloaded);
        }
        self.deployments.current().ok_or(ApiError::NoModel)
    }

    /// The models that queries are read with, loaded when they are first asked for.
    ///
    /// # Errors
    /// A model that settings name cannot be loaded.
    pub fn encoder(&self) -> Result<Arc<QueryEncoder>> {
        let mut encoder = self.encoder.lock().map_err(|_| {
            anyhow!(t!("loading the models of queries has panicked before", "查询所用的模型此前加载时崩溃"))
        })?;
        if let Some(encoder) = &*encoder {
            return Ok(encoder.clone());
        }
        Ok(encoder.insert(Arc::new(QueryEncoder::load(&self.config)?)).clone())
    }
}
