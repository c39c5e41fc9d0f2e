//! The deployment that answers now, and how another takes its place.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow, ensure};
use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use chrono::{NaiveDate, Utc};

use super::loader::{FolderState, Loader, folder_state};
use super::{Deployment, Experiments, LoadedVersion, TrafficShare};
use crate::common::files;
use crate::common::language::t;
use crate::config::Config;
use crate::model::{self, Model, Share};
use crate::recommend::rules::Rules;
use crate::recommend::{Audiences, Policy};
use crate::serve::lists::ListCache;
use crate::serve::metrics::Metrics;

/// The deployment that answers now, with all that the next one is made of.
pub struct Deployments {
    pub(super) config: Arc<Config>,
    pub(super) metrics: Arc<Metrics>,
    cache: ListCache,
    current: ArcSwapOption<Deployment>,
    /// The operator's rules, whatever the day, and the experiments: the last that could be read.
    rules: ArcSwap<Rules>,
    experiments: ArcSwap<Experiments>,
    /// Only one at a time is put in place.
    placing: Mutex<()>,
    /// The last version that was looked at and does not answer.
    looked_at: Mutex<Option<Arc<Model>>>,
    /// Why the current version does not answer, where another does or none.
    fault: ArcSwapOption<String>,
    /// Versions that could not be loaded, and how their folders looked then: another look is due when they change.
    refused: Mutex<HashMap<String, FolderState>>,
}

/// Reads a file of rules; where there is none, there are no rules.
///
/// # Errors
/// It cannot be read, or a rule makes no sense.
pub fn read_rules(path: &Path) -> Result<Rules> {
    let text = files::read_text(path)?.unwrap_or_default();
    Rules::parse(&text).map_err(|problem| anyhow!("{}: {problem}", path.display()))
}

/// Where the current version is taken from.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    Disk,
    /// It stays the one that answers.
    Memory,
}

impl Deployments {
    /// Nothing answers yet, and there are no rules or experiments.
    pub fn new(config: Arc<Config>, metrics: Arc<Metrics>, cache: ListCache) -> Self {
        Self {
            config,
            metrics,
            cache,
            current: ArcSwapOption::empty(),
            rules: ArcSwap::default(),
            experiments: ArcSwap::default(),
            placing: Mutex::default(),
            looked_at: Mutex::default(),
            fault: ArcSwapOption::empty(),
            refused: Mutex::default(),
        }
    }

    /// What answers now; `None` until there is a model.
    pub fn current(&self) -> Option<Arc<Deployment>> {
        self.current.load_full()
    }

    /// The same for a look.
    pub fn peek(&self) -> Guard<Option<Arc<Deployment>>> {
        self.current.load()
    }

    /// The operator's rules, whatever the day.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// A version as it would answer, whether it does or not: one that is not in memory comes from disk, and the last such one
    /// stays for who looks at the next list.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be loaded.
    pub fn look_at(&self, name: &str) -> Result<Arc<LoadedVersion>> {
        let deployment = self.current();
        if let Some(loaded) = deployment.iter().flat_map(|all| all.versions()).find(|version| version.name() == name) {
            return Ok(loaded.clone());
        }
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let model = match looked_at.take().filter(|model| model.manifest.version == name) {
            Some(model) => model,
            None => {
                let is_there = model::list(&self.config.models_dir)?.whole.iter().any(|one| one.version == name);
                ensure!(is_there, t!("there is no version {name}", "没有版本 {name}"));
                Arc::new(model::load(&self.config.models_dir, name)?)
            }
        };
        *looked_at = Some(model.clone());
        let experiments = deployment.map_or_else(|| self.experiments.load_full(), |all| all.experiments.clone());
        let (audiences, policies) = self.policies(&model, &experiments);
        Ok(Arc::new(LoadedVersion::new(model, audiences, policies)))
    }

    /// Which version should answer and cannot.
    pub fn fault(&self) -> Option<Arc<String>> {
        self.fault.load_full()
    }

    /// Deploys what there is when the server starts: the current version or, where it is damaged, the one that stands in.
    pub fn start(&self) {
        let Err(error) = self.deploy_current() else { return };
        match self.deploy_standby() {
            Ok(version) => tracing::error!(
                "the current version does not answer, {version} does: {error:#}; `nearset models promote` or `rollback` \
                 makes another current, `nearset run` trains one"
            ),
            Err(others) => {
                tracing::warn!("no model yet, lists answer 503 until there is one: {error:#}");
                tracing::debug!("nothing stands in: {others:#}");
            }
        }
    }

    /// Deploys the newest whole version that was current before, else the newest there is; returns its name.
    fn deploy_standby(&self) -> Result<String> {
        let dir = &self.config.models_dir;
        // where nothing was ever promoted, nothing is to be served
        model::require_current(dir)?;
        for version in model::standbys(dir)? {
            match self.deploy(&version, Source::Disk) {
                Ok(()) => return Ok(version),
                Err(error) => tracing::error!("version {version} cannot stand in: {error:#}"),
            }
        }
        Err(anyhow!(t!("no version is whole", "没有完整的版本")))
    }

    /// Loads the current version from disk and deploys it; returns its name.
    ///
    /// # Errors
    /// There is none, or it is damaged; what answered before still does.
    pub fn deploy_current(&self) -> Result<String> {
        let current = model::require_current(&self.config.models_dir)?;
        if let Err(error) = self.deploy(&current, Source::Disk) {
            // what is wrong with it names folders: it goes to the log, not to whoever asks for the server's health
            let fault = format!("version {current} is current and cannot be loaded; the server's log says why");
            self.fault.store(Some(Arc::new(fault)));
            return Err(error);
        }
        tracing::info!("serving model {current}");
        self.warn_of_large_ids();
        Ok(current)
    }

    /// Tells the operator where browsers would change digits of ids.
    fn warn_of_large_ids(&self) {
        let largest = self.current().map_or(0, |deployment| deployment.current.model.largest_id());
        if self.config.serve.id_format.is_lossy(largest) {
            tracing::warn!(
                "the catalogue has ids such as {largest}, beyond 2^53: JSON.parse in a browser changes their digits, and links \
                 lead nowhere; set ID_FORMAT=string, or read ids as text, as the snippet in docs/front-end.md does"
            );
        }
    }

    /// Deploys the version that answers once more, with what else has changed.
    ///
    /// # Errors
    /// It cannot answer any more; what answered before still does.
    pub(super) fn redeploy(&self, version: &str) -> Result<()> {
        self.deploy(version, Source::Memory)
    }

    /// Deploys a version as the current one, with canary, shadow, experiments and the rules of the day, and no list made
    /// before. A version beside the current one that cannot answer is left out and reported.
    fn deploy(&self, version: &str, source: Source) -> Result<()> {
        let _one = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current();
        let mut loader = Loader::new(&self.config.models_dir, before.as_deref());
        if source == Source::Disk {
            loader.forget(version);
        }
        let experiments = self.experiments.load_full();
        let current = match loader.load(version, |model| self.policies(model, &experiments)) {
            Ok(current) => current,
            Err(error) => {
                self.refused().extend(loader.refused);
                return Err(error);
            }
        };
        let deployment = self.around(current, &mut loader, experiments);
        self.current.store(Some(Arc::new(deployment)));
        self.cache.clear();
        self.remember(version, source, loader.refused);
        Ok(())
    }

    /// A version as the current one, with those that answer beside it.
    fn around(
        &self,
        current: Arc<LoadedVersion>,
        loader: &mut Loader<'_>,
        experiments: Arc<Experiments>,
    ) -> Deployment {
        let traffic = model::traffic(&self.config.models_dir).unwrap_or_else(|error| {
            self.report("canary or shadow", "?", &error);
            model::Traffic::default()
        });
        let mut load = |what: &str, version: &str| {
            let loaded = loader.load(version, |model| self.policies(model, &experiments));
            loaded.inspect_err(|error| self.report(what, version, error)).ok()
        };
        let mut beside = |what: &str, share: Option<Share>| {
            let Share { version, share, .. } = share.filter(|s| s.share > 0.0 && s.version != current.name())?;
            Some(TrafficShare { version: load(what, &version)?, share })
        };
        let (canary, shadow) = (beside("canary", traffic.canary), beside("shadow", traffic.shadow));
        let named = experiments.running_versions().filter_map(|v| Some((v.to_owned(), load("experiment", v)?)));
        let named = named.collect();
        Deployment { current, canary, shadow, named, experiments }
    }

    /// Tells the operator of a version that was left out.
    fn report(&self, what: &str, version: &str, error: &anyhow::Error) {
        tracing::error!("{what} version {version} does not answer: {error:#}");
        self.metrics.error("model_load", what);
    }

    fn refused(&self) -> MutexGuard<'_, HashMap<String, FolderState>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a version could not be loaded when that was last tried.
    pub(super) fn is_refused(&self, version: &str) -> bool {
        self.refused().contains_key(version)
    }

    /// Whether the folder of a version that was refused looks another way now.
    pub fn has_refused_changed(&self) -> bool {
        self.refused().iter().any(|(version, state)| folder_state(&self.config.models_dir, version) != *state)
    }

    /// Keeps which versions were refused now that `version` answers: the current one stays among them until it was loaded.
    fn remember(&self, version: &str, source: Source, now: HashMap<String, FolderState>) {
        let current = model::current(&self.config.models_dir);
        let mut refused = self.refused();
        refused.retain(|name, _| Some(name) == current.as_ref() && (name != version || source == Source::Memory));
        refused.extend(now);
        if current.as_deref() == Some(version) && !refused.contains_key(version) {
            self.fault.store(None);
        }
    }

    /// What settings, rules and experiments ask of lists today, for each variant and each kind of request.
    fn policies(&self, model: &Model, experiments: &Experiments) -> (Audiences, Vec<Policy>) {
        let (rules, lists) = (self.rules.load(), &self.config.lists);
        let audiences = Audiences::new(
            rules.sources().chain(lists.diversity.sources()),
            rules.devices().chain(lists.diversity.devices()),
        );
        let active = rules.active_on(self.today(), model, &audiences);
        let settings: Vec<Policy> = audiences
            .all()
            .zip(active)
            .map(|((source, device), rules)| Policy {
                diversity: lists.diversity.of(source, device),
                per_provider: lists.provider_limit,
                rules,
                ..Policy::default()
            })
            .collect();
        let policies = experiments.variants().iter().flat_map(|variant| settings.iter().map(|s| variant.policy(s)));
        let policies = policies.collect();
        (audiences, policies)
    }

    /// The day that rules are read for, in the time zone of reports.
    pub fn today(&self) -> NaiveDate {
        let zone: chrono_tz::Tz = self.config.parameters.report_timezone.parse().unwrap_or(chrono_tz::UTC);
        Utc::now().with_timezone(&zone).date_naive()
    }

    /// Reads the file of rules; where there is none, there are no rules.
    ///
    /// # Errors
    /// It cannot be read, or a rule makes no sense; those read before stay.
    pub fn read_rules(&self) -> Result<()> {
        let path = self.config.rules_path();
        if self.config.lists.rules_file.is_some() && !path.exists() {
            tracing::warn!("RULES_FILE names {}, which is not there: no rule holds", path.display());
        }
        let rules = read_rules(&path)?;
        tracing::info!("{} rules in {}", rules.rules.len(), path.display());
        self.rules.store(Arc::new(rules));
        Ok(())
    }

    /// Reads the file of experiments; where there is none, there are none.
    ///
    /// # Errors
    /// It cannot be read, or an experiment makes no sense; those read before stay.
    pub fn read_experiments(&self) -> Result<()> {
        let path = self.config.experiments_path();
        if self.config.serve.experiments_file.is_some() && !path.exists() {
            tracing::warn!("EXPERIMENTS_FILE names {}, which is not there: no experiment runs", path.display());
        }
        let experiments = Experiments::read(&self.config)?;
        tracing::info!("{} experiments run by {}", experiments.count(), path.display());
        self.experiments.store(Arc::new(experiments));
        Ok(())
    }
}
