//! From the places that name values to the settings in force, and the paths that follow from them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::kinds::{self, is_project};
use super::operations::{LogFormat, Operations, log_format};
use super::setting::Setting;
use super::settings::{
    Config, Database, Exposures, Lists, Mode, Models, Modes, Outgoing, Parameters, Queries, Serve, Source, Sources,
    Train,
};
use super::values::{Origin, Overrides, Values, is_secret};
use crate::common::language::{Language, t};

/// What the names of the settings of the two databases begin with.
const BUSINESS: &str = "BUSINESS_";
const MATOMO: &str = "MATOMO_";

/// What the filter of the popular list goes by; one of them switches it on.
const POPULAR: [&str; 3] = ["POPULAR_MIN_PRICE", "POPULAR_MIN_INTERACTION", "POPULAR_MAX_INACTIVE_DAYS"];

/// All settings, in the order of the help and of `nearset.example.toml`, each group with its title.
pub(super) fn groups() -> Vec<(&'static str, Vec<Setting>)> {
    let own = vec![
        ("Where rows come from", [Modes::settings(""), Sources::settings("")].concat()),
        ("The marketplace's database", Database::settings(BUSINESS)),
        ("Matomo's database", Database::settings(MATOMO)),
        ("Folders, memory, threads, language", Config::settings("")),
        ("Models of texts and pictures", Models::settings("")),
        ("Time zones and visits", Parameters::settings("")),
        ("Lists", Lists::settings("")),
        ("Training", Train::settings("")),
        ("The exposure log", Exposures::settings("")),
        ("The server", Serve::settings("")),
        ("Queries to the server", Queries::settings("")),
        ("Requests to others", Outgoing::settings("")),
    ];
    [own, Operations::groups()].concat()
}

/// All settings, in the order of the help.
pub fn settings() -> Vec<Setting> {
    groups().into_iter().flat_map(|(_, settings)| settings).collect()
}

impl Source {
    fn read(values: &Values, mode: Mode, prefix: &'static str) -> Result<Self> {
        match mode {
            Mode::Json => Ok(Self::Json),
            Mode::Database => Ok(Self::Database(Database::read(values, prefix, (prefix.trim_end_matches('_'),))?)),
        }
    }
}

/// The values that a process gets which works for this one: where the warehouse and the project are, and what SQL is told.
fn handed_on(values: &Values, popular_filter: Option<bool>) -> BTreeMap<String, String> {
    let groups = [Config::settings(""), Parameters::settings(""), Lists::settings(""), Queries::settings("")];
    let open = groups.into_iter().flatten().filter(|setting| !is_secret(&setting.name));
    let given = open.map(|setting| (setting.name.clone(), values.get(&setting.name).0.to_owned()));
    let filter = popular_filter.map(|is_on| ("POPULAR_ENABLE_FILTER".to_owned(), is_on.to_string()));
    given.chain(filter).collect()
}

/// Looks for the values of all settings in all places.
pub fn gather(overrides: &Overrides) -> Values {
    Values::gather(&settings(), overrides)
}

impl Values {
    /// All that is wrong with names and values, each with its place. Nobody asks for the values of a database that is not read.
    pub fn problems(&self) -> Vec<String> {
        let modes = Modes::read(self, "", ()).ok();
        let is_asked = |name: &str, prefix: &str, own: fn(&Modes) -> Option<Mode>| {
            let mode = modes.as_ref().map(|modes| own(modes).unwrap_or(modes.both));
            mode == Some(Mode::Database) || !name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("DB_"))
        };
        let settings = settings();
        let asked = settings.iter().filter(|setting| {
            is_asked(&setting.name, BUSINESS, |modes| modes.business)
                && is_asked(&setting.name, MATOMO, |modes| modes.matomo)
        });
        self.faults().iter().cloned().chain(asked.filter_map(|setting| setting.problem(self))).collect()
    }
}

impl Config {
    /// The settings in force.
    ///
    /// # Errors
    /// A file cannot be read, a name is none, or a value cannot be used: the error names all such and where they stand.
    pub fn of(values: &Values) -> Result<Self> {
        match values.problems().as_slice() {
            [] => Self::read_all(values),
            [problem] => bail!("{problem}"),
            problems => bail!(t!(
                "{} settings cannot be used:\n  {}",
                "有 {} 项设置无法使用：\n  {}",
                problems.len(),
                problems.join("\n  ")
            )),
        }
    }

    /// The settings of a test: the defaults, but for some, by their names.
    ///
    /// # Errors
    /// A value cannot be used.
    #[cfg(test)]
    pub fn for_test(values: &[(&str, &str)]) -> Result<Self> {
        Self::of(&Values::for_test(&settings(), values))
    }

    /// The settings of a process that works for another one, from what that one [hands on](Self::handed_on).
    ///
    /// # Errors
    /// A value cannot be used.
    pub fn of_another(handed_on: &BTreeMap<String, String>) -> Result<Self> {
        let given = handed_on.iter().map(|(name, value)| (name.as_str(), value.clone()));
        Self::of(&Values::of_environment(&settings(), given))
    }

    /// How much to log, before the settings are known to be good.
    pub fn log_level_early(values: &Values) -> &'static str {
        values.read("", "LOG_LEVEL", &kinds::log_level()).unwrap_or("info")
    }

    /// How the log looks, before the settings are known to be good.
    pub fn log_format_early(values: &Values) -> LogFormat {
        values.read("", "LOG_FORMAT", &log_format()).unwrap_or(LogFormat::Text)
    }

    /// The language to speak, before the settings are read: what UI_LANGUAGE says as far as it can be found, else what the
    /// environment asks for. What is wrong with the settings is said when they are loaded.
    pub fn language_early(overrides: &Overrides) -> Language {
        let kind = kinds::language();
        let variable = |name: &str| std::env::var(name).ok();
        let set = gather(overrides).read("", "UI_LANGUAGE", &kind);
        set.ok().flatten().unwrap_or_else(|| Language::of_locale(variable))
    }

    fn read_all(values: &Values) -> Result<Self> {
        let modes = Modes::read(values, "", ())?;
        let business = Source::read(values, modes.business.unwrap_or(modes.both), BUSINESS)?;
        let matomo = Source::read(values, modes.matomo.unwrap_or(modes.both), MATOMO)?;
        let sources = Sources::read(values, "", (business, matomo))?;
        let models = Models::read(values, "", ())?;
        let parameters = Parameters::read(values, "", ())?;
        let mut lists = Lists::read(values, "", ())?;
        lists.popular_filter =
            lists.popular_filter.or_else(|| Some(POPULAR.iter().any(|name| values.is_of_environment(name))));
        let train = Train::read(values, "", ())?;
        let exposures = Exposures::read(values, "", ())?;
        let serve = Serve::read(values, "", ())?;
        let queries = Queries::read(values, "", ())?;
        let outgoing = Outgoing::read(values, "", ())?;
        let operations = Operations::read(values)?;
        let handed_on = Arc::new(handed_on(values, lists.popular_filter));
        let found = Arc::new(values.clone());
        let groups = (
            sources, models, parameters, lists, train, exposures, serve, queries, outgoing, operations, found,
            handed_on,
        );
        let mut config = Self::read(values, "", groups)?;
        // whoever names another DATA_DIR for once leaves the reports of the usual one alone
        if matches!(values.get("DATA_DIR").1, Origin::Flag(_)) {
            config.daily_reports = None;
        }
        if let Some(dir) = &mut config.daily_reports {
            // a run notes places of files relative to DATA_DIR
            *dir = std::path::absolute(&dir)
                .with_context(|| t!("DAILY_REPORT_DIR {}", "DAILY_REPORT_DIR {}", dir.display()))?;
        }
        config.project = config.project.or_else(|| is_project(Path::new(".")).then(|| PathBuf::from(".")));
        Ok(config)
    }

    /// Whether the settings name any source.
    pub fn has_own_sources(&self) -> bool {
        let Sources { business, matomo, json_dir, .. } = &self.sources;
        json_dir.is_some() || [business, matomo].iter().any(|source| matches!(source, Source::Database(_)))
    }

    /// Where the source of that name, `business` or `matomo`, is read from.
    pub fn source(&self, name: &str) -> &Source {
        if name == "business" { &self.sources.business } else { &self.sources.matomo }
    }

    /// The published warehouse.
    pub fn warehouse_path(&self) -> PathBuf {
        self.data_dir.join("warehouse.duckdb")
    }

    /// The file of rules; it need not be there.
    pub fn rules_path(&self) -> PathBuf {
        self.lists.rules_file.clone().unwrap_or_else(|| self.data_dir.join("rules.toml"))
    }

    /// The file of exclusions; it need not be there.
    pub fn exclude_path(&self) -> PathBuf {
        self.exposures.exclude_file.clone().unwrap_or_else(|| self.data_dir.join("exclude.toml"))
    }

    /// The file of experiments; it need not be there. Without a setting, `experiments.toml`, else the old system's
    /// `experiments.yaml` or `.yml`, in DATA_DIR or where it kept it.
    pub fn experiments_path(&self) -> PathBuf {
        let ours = self.data_dir.join("experiments.toml");
        self.serve.experiments_file.clone().unwrap_or_else(|| {
            let folders = [self.data_dir.as_path(), Path::new("config")];
            let mut others =
                folders.iter().flat_map(|dir| ["experiments.yaml", "experiments.yml"].map(|name| dir.join(name)));
            let found = if ours.exists() { None } else { others.find(|path| path.exists()) };
            found.unwrap_or(ours)
        })
    }

    /// Where pictures are looked for, the first folder first.
    pub fn picture_roots(&self) -> Vec<PathBuf> {
        match (&self.models.image_root, &self.sources.json_dir) {
            (Some(root), _) => vec![root.clone()],
            (None, Some(exports)) => vec![exports.join("images"), exports.clone()],
            (None, None) => Vec::new(),
        }
    }

    /// The folder of daily reports.
    pub fn daily_reports_dir(&self) -> PathBuf {
        self.daily_reports.clone().unwrap_or_else(|| self.evaluation_dir().join("daily_reports"))
    }

    /// The file of schema contracts, where one is named or lies where the old system had it.
    pub fn contracts_path(&self) -> Option<PathBuf> {
        let names = ["schema_contracts.yaml", "schema_contracts.yml"];
        let usual = [Path::new("config"), &self.data_dir].map(|dir| names.map(|name| dir.join(name)));
        let found = usual.into_iter().flatten().find(|path| path.exists());
        self.sources.contracts_file.clone().or(found)
    }

    /// The folder of reports, and of the exposure log.
    pub fn evaluation_dir(&self) -> PathBuf {
        self.data_dir.join("evaluation")
    }

    /// The folder where a first run keeps what of the old system's files it replaces.
    pub fn replaced_dir(&self) -> PathBuf {
        self.data_dir.join("before-nearset")
    }

    /// The file of jobs; it need not be there.
    pub fn schedule_path(&self) -> PathBuf {
        self.operations.schedule.file.clone().unwrap_or_else(|| self.data_dir.join("schedule.toml"))
    }

    /// The file that says who is told of what; it need not be there.
    pub fn notify_path(&self) -> PathBuf {
        self.operations.notify.file.clone().unwrap_or_else(|| self.data_dir.join("notify.toml"))
    }

    /// The folder of what operations keep: schedule, run logs, alerts, what is still to be sent.
    pub fn operations_dir(&self) -> PathBuf {
        self.data_dir.join("operations")
    }

    /// The folder that backups go to.
    pub fn backup_dir(&self) -> PathBuf {
        self.operations.keep.backup_dir.clone().unwrap_or_else(|| self.data_dir.join("backups"))
    }

    /// The folder of what a run keeps for the next: history, the lock, the journal.
    pub fn metadata_dir(&self) -> PathBuf {
        self.data_dir.join("_metadata")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_read_as_its_own_setting_says() -> Result<()> {
        let config = Config::for_test(&[
            ("DATA_SOURCE", "database"),
            ("MATOMO_DATA_SOURCE", "JSON"),
            ("BUSINESS_DB_PORT", "3307"),
            ("MATOMO_DB_PORT", "none: nobody asks for it"),
            ("DATA_JSON_DIR", "exports"),
        ])?;
        assert!(matches!(config.source("matomo"), Source::Json));
        let Source::Database(database) = config.source("business") else { anyhow::bail!("{config:?}") };
        assert_eq!((database.settings, database.host.as_str(), database.port), ("BUSINESS", "127.0.0.1", 3307));
        assert_eq!(config.picture_roots(), ["exports/images", "exports"].map(PathBuf::from));
        assert!(config.has_own_sources() && !Config::for_test(&[])?.has_own_sources());
        Ok(())
    }

    #[test]
    fn the_popular_filter_is_on_where_one_of_its_settings_is() -> Result<()> {
        let filter = |given: &[(&str, &str)]| Config::for_test(given).map(|config| config.lists.popular_filter);
        assert_eq!(filter(&[])?, Some(false));
        assert_eq!(filter(&[("POPULAR_MIN_PRICE", "0.5")])?, Some(true));
        assert_eq!(filter(&[("POPULAR_MIN_PRICE", "0.5"), ("POPULAR_ENABLE_FILTER", "False")])?, Some(false));
        assert_eq!(filter(&[("POPULAR_ENABLE_FILTER", "1")])?, Some(true));
        Ok(())
    }

    #[test]
    fn a_url_in_the_place_of_a_name_is_not_repeated() {
        let given = [("DATA_SOURCE", "database"), ("BUSINESS_DB_HOST", "mysql://reader:hunter2@host/name")];
        let error = Config::for_test(&given).map_err(|e| format!("{e:#}")).err().unwrap_or_default();
        assert!(error.contains("BUSINESS_DB_HOST") && error.contains("BUSINESS_DB_URL"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
