//! Every setting: its name, its default and its one sentence.
//!
//! A value comes from the first place that has one: a flag, the environment, `.env`, `nearset.toml`, the default here.
//! A name nearset does not know is ignored (an `.env` of the replaced system works as it is); a value it cannot use is
//! an error that names it and the place it came from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use crate::common::secrets;
pub use crate::common::secrets::Secret;

/// One setting: the name it has in the environment and, in lower case, in `nearset.toml`.
pub struct Setting {
    pub name: &'static str,
    pub default: &'static str,
    pub about: &'static str,
}

const fn setting(name: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { name, default, about }
}

/// All settings, in the order of `nearset.example.toml`.
pub const SETTINGS: &[Setting] = &[
    setting("DATA_SOURCE", "json", "Where both sources are read from: json (a folder of exports) or database."),
    setting("BUSINESS_DATA_SOURCE", "", "The same for the marketplace's tables alone."),
    setting("MATOMO_DATA_SOURCE", "", "The same for Matomo's tables alone."),
    setting("DATA_JSON_DIR", "", "The folder of JSON exports."),
    setting(
        "BUSINESS_DB_HOST",
        "127.0.0.1",
        "The marketplace's MySQL or MariaDB server: a name, an address or a socket's path.",
    ),
    setting("BUSINESS_DB_PORT", "3306", "Its port."),
    setting("BUSINESS_DB_USER", "", "Its user; SELECT is the only right that is needed."),
    setting("BUSINESS_DB_PASSWORD", "", "Its password."),
    setting("BUSINESS_DB_NAME", "", "The database with the marketplace's tables."),
    setting(
        "BUSINESS_DB_URL",
        "",
        "Instead of these: mysql://, postgres://, sqlite: or duckdb:, with user and password.",
    ),
    setting("MATOMO_DB_HOST", "127.0.0.1", "Matomo's server, in the same way."),
    setting("MATOMO_DB_PORT", "3306", "Its port."),
    setting("MATOMO_DB_USER", "", "Its user."),
    setting("MATOMO_DB_PASSWORD", "", "Its password."),
    setting("MATOMO_DB_NAME", "", "The database with Matomo's tables."),
    setting("MATOMO_DB_URL", "", "Instead of these, a URL."),
    setting("MATOMO_TABLE_PREFIX", "matomo_", "What the names of Matomo's tables start with; may be empty."),
    setting(
        "DB_OVERLAP_MINUTES",
        "10",
        "How far before the watermark a database is read again, for rows committed late.",
    ),
    setting("DB_RETRIES", "5", "How often a lost connection is tried again, after 1, 2, 4, 8 ... seconds."),
    setting("DB_TIMEOUT_SECONDS", "120", "How long a database may be silent before its connection counts as lost."),
    setting("DUCKDB_EXTENSION_DIRECTORY", "", "Where DuckDB's extensions are; DuckDB's own folder where empty."),
    setting(
        "LEAVE_OUT_COLUMNS",
        "password,passwd,pwd,*_password,salt,*secret*,*token*",
        "Columns no source is asked for (* stands for anything).",
    ),
    setting("DATA_DIR", "data", "The folder of the warehouse, the reports and the exposure log."),
    setting("MODELS_DIR", "models", "The folder of model versions."),
    setting("PROJECT_DIR", "", "The folder that holds sql/, views/ and fixtures/; found by itself where empty."),
    setting("DATASET_IMAGE_ROOT", "", "The folder image_url is relative to; DATA_JSON_DIR where empty."),
    setting("TEXT_MODEL_PATH", "", "A sentence-transformers folder for texts; TF-IDF and LSA where empty."),
    setting("SBERT_MODEL", "", "The same by its name, looked for in the folders where Python keeps models."),
    setting(
        "SENTENCE_TRANSFORMERS_HOME",
        "",
        "A folder of models, looked in first for SBERT_MODEL and CLIP_MODEL_PATH.",
    ),
    setting("CLIP_MODEL_PATH", "", "A CLIP folder (or its name) for pictures; pictures are not looked at where empty."),
    setting("BUSINESS_TIMEZONE", "UTC", "The time zone of the marketplace's own times (an IANA name)."),
    setting("REPORT_TIMEZONE", "UTC", "The time zone that days in reports are cut in."),
    setting("MATOMO_REQUEST_DIMENSIONS", "4,2,3,1", "The custom dimensions searched for a request id, in this order."),
    setting("BOT_MAX_ACTIONS", "100", "A visit with more actions than this is a bot's and counts nowhere."),
    setting("LISTEN", "127.0.0.1:8000", "The address the server listens on."),
    setting("CACHE_MB", "64", "How many megabytes of finished lists the server keeps."),
    setting(
        "TRAIN_SECONDS",
        "300",
        "How long training looks for the best ranker (one of each kind is tried in any case); 0 learns none.",
    ),
    setting("VARIETY", "0.1", "How much a dataset that is like one above it moves down a list; 0 is not at all."),
    setting("PROVIDER_LIMIT", "0", "The most datasets of one provider among a list's first ten; 0 is no limit."),
    setting(
        "EXPLORATION",
        "0.02",
        "The share of /recommend/detail lists in which one place tries a dataset that just missed the list.",
    ),
    setting(
        "EXPOSURE_SYNC",
        "os",
        "How far an exposure is before its list is answered: none (in memory), os (survives the server), disk (survives the machine).",
    ),
    setting(
        "EXPOSURE_ROTATE_MB",
        "256",
        "At how many megabytes the exposure log begins a new file; 0 is only every day.",
    ),
    setting(
        "MAX_CONNECTIONS",
        "4096",
        "How many connections the server holds at a time; for more, idle ones make room.",
    ),
    setting("SLOW_CLIENT_SECONDS", "15", "How long a client may take to send a request or to take its answer."),
    setting("CORS_ORIGINS", "", "Whose pages may ask the API from a browser: origins with commas between, or *."),
    setting("BUDGET_MS", "20", "How late a list may be before it is made the short way (over_budget); 0 is no limit."),
    setting("SHED_MS", "250", "How late the server may be before it turns requests away with 503; 0 is never."),
    setting(
        "EXPERIMENTS_FILE",
        "",
        "Experiments (TOML, or the old system's YAML); DATA_DIR/experiments.toml where empty.",
    ),
    setting("RULES_FILE", "", "Rules for lists (never, pin, boost, demote); DATA_DIR/rules.toml where empty."),
    setting("ADMIN_TOKEN", "", "The token for admin routes (Authorization: Bearer ...); they are off without one."),
    setting(
        "MEMORY_LIMIT",
        "4GB",
        "The most memory a run may take, training included; DuckDB spills to disk to keep to it.",
    ),
    setting("THREADS", "0", "How many threads a run uses; 0 is all cores."),
];

/// All settings with their defaults and what they are for, as `nearset --help` shows them.
pub fn settings_help() -> String {
    let mut text = "Settings, as environment variables or in lower case in nearset.toml:\n".to_owned();
    for Setting { name, default, about } in SETTINGS {
        let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
        text += &format!("  {name:<26} {about}{default}\n");
    }
    text
}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    pub business: Source,
    pub matomo: Source,
    pub json_dir: Option<PathBuf>,
    pub db_overlap: TimeDelta,
    pub db_retries: u32,
    pub db_timeout: Duration,
    pub extension_dir: Option<PathBuf>,
    pub leave_out: Vec<String>,
    pub data_dir: PathBuf,
    pub models_dir: PathBuf,
    project_dir: Option<PathBuf>,
    pub image_root: Option<PathBuf>,
    /// Names or folders of models; see [`crate::embed::neural::folder`].
    pub text_model_path: Option<String>,
    pub sbert_model: Option<String>,
    pub clip_model_path: Option<String>,
    pub sentence_transformers_home: Option<PathBuf>,
    pub business_timezone: String,
    pub report_timezone: String,
    pub request_dimensions: Vec<u32>,
    pub bot_max_actions: u32,
    pub listen: SocketAddr,
    pub cache_mb: u64,
    pub train_budget: Duration,
    pub variety: f32,
    pub provider_limit: usize,
    pub exploration: f64,
    pub exposure_sync: Durability,
    pub exposure_rotate_mb: u64,
    pub max_connections: usize,
    pub slow_client: Duration,
    pub cors_origins: Vec<String>,
    pub budget: Duration,
    pub shed: Duration,
    experiments_file: Option<PathBuf>,
    rules_file: Option<PathBuf>,
    pub admin_token: Option<String>,
    /// In bytes.
    pub memory_limit: u64,
    pub threads: usize,
}

/// How far an exposure is before its list is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// In the server's memory.
    None,
    /// With the operating system: it survives the end of the process.
    Os,
    /// On the disk: it survives the end of the machine.
    Disk,
}

/// Where a source's tables are read from.
#[derive(Clone, Debug)]
pub enum Source {
    Json,
    Database(Database),
}

/// What the settings say of a database; whether it makes sense is found out when it is needed.
#[derive(Clone, Debug)]
pub struct Database {
    /// `BUSINESS` or `MATOMO`: what the names of its settings start with.
    pub settings: &'static str,
    pub url: Option<Secret>,
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub name: Option<String>,
    /// What the names of its tables start with, in place of the prefix they have in exports.
    pub table_prefix: String,
}

/// What the command line says of settings; `None` where it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub data_dir: Option<PathBuf>,
    pub models_dir: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub values: BTreeMap<&'static str, String>,
}

/// Has what is secret in a setting's value hidden wherever it would be shown. A URL with a password may stand in a setting
/// that is no place for one.
fn hide(name: &str, value: &str) {
    if name.ends_with("PASSWORD") || name.ends_with("TOKEN") || name.ends_with("SECRET") {
        secrets::register(value);
    } else {
        secrets::register_url(value);
    }
}

/// The values found, each with the place it was found in.
struct Values(BTreeMap<String, (String, String)>);

impl Values {
    fn gather(overrides: &Overrides) -> Result<Self> {
        let mut found = BTreeMap::new();
        let mut add = |name: &str, value: String, place: &str| {
            // an empty value is as good as none, but that a prefix may be empty
            if (!value.is_empty() || name == "MATOMO_TABLE_PREFIX") && !found.contains_key(name) {
                hide(name, &value);
                found.insert(name.to_owned(), (value, place.to_owned()));
            }
        };
        let path_text = |path: &PathBuf| path.to_string_lossy().into_owned();
        for path in [&overrides.config, &overrides.data_dir, &overrides.models_dir].into_iter().flatten() {
            secrets::register_url(&path_text(path));
        }
        if let Some(dir) = &overrides.data_dir {
            add("DATA_DIR", path_text(dir), "--data-dir");
        }
        if let Some(dir) = &overrides.models_dir {
            add("MODELS_DIR", path_text(dir), "--models-dir");
        }
        for (name, value) in &overrides.values {
            add(name, value.clone(), "the command line");
        }
        for setting in SETTINGS {
            if let Ok(value) = std::env::var(setting.name) {
                // a password may well end in a space
                let value = if setting.name.ends_with("PASSWORD") { value } else { value.trim().to_owned() };
                add(setting.name, value, "the environment");
            }
        }
        if Path::new(".env").is_file() {
            for (name, value) in read_dot_env(Path::new(".env"))? {
                add(&name, value, ".env");
            }
        }
        let file = overrides.config.clone().unwrap_or_else(|| PathBuf::from("nearset.toml"));
        if file.is_file() {
            let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let table: toml::Table =
                toml::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {}", file.display(), e.message()))?;
            for setting in SETTINGS {
                if let Some(value) = table.get(&setting.name.to_lowercase()) {
                    let text = match value {
                        toml::Value::String(text) => text.clone(),
                        toml::Value::Array(items) => items.iter().map(|i| i.to_string()).collect::<Vec<_>>().join(","),
                        other => other.to_string(),
                    };
                    add(setting.name, text, &file.to_string_lossy());
                }
            }
        } else if overrides.config.is_some() {
            bail!("{} does not exist; --config names the settings file to read", file.display());
        }
        for setting in SETTINGS {
            add(setting.name, setting.default.to_owned(), "the default");
        }
        Ok(Self(found))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|(value, _)| value.clone())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// Where a source is read from: its own setting's word, else that of both.
    fn source(&self, settings: &'static str) -> Result<Source> {
        let own = format!("{settings}_DATA_SOURCE");
        let name = if self.0.contains_key(&own) { &own } else { "DATA_SOURCE" };
        let of = |what: &str| format!("{settings}_DB_{what}");
        // a URL here would be taken for a name, and shown
        let named = |what: &str, expected: &str| {
            let name = of(what);
            let is_name = |v: &str| (!v.contains("://") && !v.contains(['@', '?', '\n'])).then(|| v.to_owned());
            match self.0.get(&name) {
                None => Ok(None),
                Some((value, place)) => is_name(value).map(Some).with_context(|| {
                    format!(
                        "{name} (from {place}) cannot be used: expected {expected}; a URL belongs into {}",
                        of("URL")
                    )
                }),
            }
        };
        match self
            .read(name, "json or database", |v| Some(v.to_lowercase()).filter(|v| v == "json" || v == "database"))?
        {
            json if json == "json" => Ok(Source::Json),
            _ => Ok(Source::Database(Database {
                settings,
                url: self.text(&of("URL")).map(Secret),
                host: named("HOST", "a server's name, address or socket")?.unwrap_or_default(),
                port: self.read(&of("PORT"), "a port, 1 to 65535", |v| v.parse().ok().filter(|p| *p > 0))?,
                user: self.text(&of("USER")),
                password: self.text(&of("PASSWORD")).map(Secret),
                name: named("NAME", "a database's name")?,
                table_prefix: if settings == "MATOMO" { self.text("MATOMO_TABLE_PREFIX") } else { None }
                    .unwrap_or_default(),
            })),
        }
    }

    /// The value read by `read`, or an error that names the setting, where it stands and what it should be.
    fn read<T>(&self, name: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        let (value, place) = self.0.get(name).with_context(|| format!("{name} is not set"))?;
        read(value).with_context(|| format!("{name} = {value:?} (from {place}) cannot be used: expected {expected}"))
    }
}

impl Config {
    /// Reads all settings and checks each.
    pub fn load(overrides: &Overrides) -> Result<Self> {
        let values = Values::gather(overrides)?;
        let timezone = |name: &str| {
            values.read(name, "an IANA time zone such as Asia/Shanghai", |v| {
                v.parse::<chrono_tz::Tz>().ok().map(|tz| tz.name().to_owned())
            })
        };
        let project_dir = match values.path("PROJECT_DIR") {
            Some(dir) if is_project(&dir) => Some(dir),
            Some(dir) => bail!("PROJECT_DIR = {:?} cannot be used: it has no sql/staging", dir.display().to_string()),
            None => find_project_dir(),
        };
        let json_dir = values.path("DATA_JSON_DIR");
        Ok(Self {
            business: values.source("BUSINESS")?,
            matomo: values.source("MATOMO")?,
            db_overlap: TimeDelta::minutes(
                values.read("DB_OVERLAP_MINUTES", "a whole number of minutes", |v| {
                    v.parse::<u32>().ok().map(i64::from)
                })?,
            ),
            db_retries: values.read("DB_RETRIES", "a whole number", |v| v.parse().ok())?,
            db_timeout: values.read("DB_TIMEOUT_SECONDS", "a whole number of seconds, 1 or more", |v| {
                v.parse().ok().filter(|s| *s > 0).map(Duration::from_secs)
            })?,
            extension_dir: values.path("DUCKDB_EXTENSION_DIRECTORY"),
            leave_out: values.read("LEAVE_OUT_COLUMNS", "names of columns with commas between", |v| {
                Some(v.split(',').map(|c| c.trim().to_lowercase()).filter(|c| !c.is_empty()).collect())
            })?,
            data_dir: values.path("DATA_DIR").context("DATA_DIR is not set")?,
            models_dir: values.path("MODELS_DIR").context("MODELS_DIR is not set")?,
            text_model_path: values.text("TEXT_MODEL_PATH"),
            sbert_model: values.text("SBERT_MODEL"),
            clip_model_path: values.text("CLIP_MODEL_PATH"),
            sentence_transformers_home: values.path("SENTENCE_TRANSFORMERS_HOME"),
            image_root: values.path("DATASET_IMAGE_ROOT").or_else(|| json_dir.clone()),
            json_dir,
            project_dir,
            business_timezone: timezone("BUSINESS_TIMEZONE")?,
            report_timezone: timezone("REPORT_TIMEZONE")?,
            request_dimensions: values.read(
                "MATOMO_REQUEST_DIMENSIONS",
                "numbers from 1 to 5, as in 4,2,3,1",
                |v| v.split(',').map(|d| d.trim().parse().ok().filter(|d| (1..=5).contains(d))).collect(),
            )?,
            bot_max_actions: values.read("BOT_MAX_ACTIONS", "a whole number", |v| v.parse().ok())?,
            listen: values.read("LISTEN", "an address with a port, as in 127.0.0.1:8000", |v| v.parse().ok())?,
            cache_mb: values.read("CACHE_MB", "a whole number", |v| v.parse().ok())?,
            train_budget: values
                .read("TRAIN_SECONDS", "a whole number of seconds", |v| v.parse().ok().map(Duration::from_secs))?,
            variety: values
                .read("VARIETY", "a number from 0 to 10", |v| v.parse().ok().filter(|v| (0.0..=10.0).contains(v)))?,
            provider_limit: values.read("PROVIDER_LIMIT", "a whole number", |v| v.parse().ok())?,
            exploration: values.read("EXPLORATION", "a number from 0 to 0.5", |v| {
                v.parse().ok().filter(|v| (0.0..=0.5).contains(v))
            })?,
            exposure_sync: values.read("EXPOSURE_SYNC", "none, os or disk", |v| match v.to_lowercase().as_str() {
                "none" => Some(Durability::None),
                "os" => Some(Durability::Os),
                "disk" => Some(Durability::Disk),
                _ => None,
            })?,
            exposure_rotate_mb: values.read("EXPOSURE_ROTATE_MB", "a whole number", |v| v.parse().ok())?,
            max_connections: values
                .read("MAX_CONNECTIONS", "a whole number, 1 or more", |v| v.parse().ok().filter(|n| *n > 0))?,
            slow_client: values.read("SLOW_CLIENT_SECONDS", "a whole number of seconds, 1 or more", |v| {
                v.parse().ok().filter(|s| *s > 0).map(Duration::from_secs)
            })?,
            cors_origins: match values.text("CORS_ORIGINS") {
                Some(_) => values.read("CORS_ORIGINS", "origins such as https://data.example.cn, or *", origins)?,
                None => Vec::new(),
            },
            budget: values.read("BUDGET_MS", "a whole number", |v| v.parse().ok().map(Duration::from_millis))?,
            shed: values.read("SHED_MS", "a whole number", |v| v.parse().ok().map(Duration::from_millis))?,
            experiments_file: values.path("EXPERIMENTS_FILE"),
            rules_file: values.path("RULES_FILE"),
            admin_token: values.text("ADMIN_TOKEN"),
            memory_limit: values.read("MEMORY_LIMIT", "a size such as 4GB, 128MB or more", |v| {
                parse_size(v).filter(|bytes| *bytes >= LEAST_MEMORY)
            })?,
            threads: match values.read("THREADS", "a whole number", |v| v.parse().ok())? {
                0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
                threads => threads,
            },
        })
    }

    /// Where the source of that name, `business` or `matomo`, is read from.
    pub fn source(&self, name: &str) -> &Source {
        if name == "business" { &self.business } else { &self.matomo }
    }

    /// The folder with sql/, views/ and fixtures/; serving does without.
    pub fn project_dir(&self) -> Result<&Path> {
        self.project_dir
            .as_deref()
            .context("sql/ was found neither here nor above the program; set PROJECT_DIR to the folder that holds it")
    }

    pub fn warehouse_path(&self) -> PathBuf {
        self.data_dir.join("warehouse.duckdb")
    }

    /// The file of rules; it need not be there.
    pub fn rules_path(&self) -> PathBuf {
        self.rules_file.clone().unwrap_or_else(|| self.data_dir.join("rules.toml"))
    }

    /// The file of experiments; it need not be there. Without a setting, `experiments.toml`, else the old system's
    /// `experiments.yaml` or `.yml`.
    pub fn experiments_path(&self) -> PathBuf {
        let named = |name: &str| self.data_dir.join(name);
        self.experiments_file.clone().unwrap_or_else(|| {
            let others = ["experiments.yaml", "experiments.yml"].map(named);
            let found = others.into_iter().find(|path| path.exists() && !named("experiments.toml").exists());
            found.unwrap_or_else(|| named("experiments.toml"))
        })
    }

    pub fn evaluation_dir(&self) -> PathBuf {
        self.data_dir.join("evaluation")
    }

    pub fn metadata_dir(&self) -> PathBuf {
        self.data_dir.join("_metadata")
    }
}

/// Reads `NAME=value` lines as Docker Compose does: values may hold spaces, quotes around them are taken off, and what
/// follows ` #` is a comment.
fn read_dot_env(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches("export ");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // the line itself is not repeated: it may hold a secret
        let (name, value) = line
            .split_once('=')
            .with_context(|| format!("{} line {} is not NAME=value", path.display(), number + 1))?;
        let value = value.trim();
        let quoted = ['"', '\''].into_iter().find_map(|q| value.strip_prefix(q)?.split_once(q));
        let value = match quoted {
            Some((inner, _)) => inner,
            None => value.split_once(" #").map_or(value, |(before, _)| before.trim_end()),
        };
        entries.push((name.trim().to_owned(), value.to_owned()));
    }
    Ok(entries)
}

/// Reads origins (scheme, host, port) with commas between.
fn origins(text: &str) -> Option<Vec<String>> {
    text.split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(|origin| match origin {
            "*" => Some("*".to_owned()),
            origin => {
                let url = url::Url::parse(origin).ok().filter(|url| url.path() == "/" && url.query().is_none())?;
                Some(url.origin()).filter(url::Origin::is_tuple).map(|origin| origin.ascii_serialization())
            }
        })
        .collect()
}

fn is_project(dir: &Path) -> bool {
    dir.join("sql/staging").is_dir()
}

/// The folder with `sql/`: the working directory, else one above the program (a checkout, or an image's /app), else the
/// checkout the program was built from.
fn find_project_dir() -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let above = program.ancestors().skip(1);
    let candidates = [Path::new(".")].into_iter().chain(above).chain([Path::new(env!("CARGO_MANIFEST_DIR"))]);
    candidates.into_iter().find(|dir| is_project(dir)).map(Path::to_path_buf)
}

/// With less, DuckDB cannot open a warehouse.
const LEAST_MEMORY: u64 = 128_000_000;

/// Reads a size as DuckDB writes it, such as 500MB, 4GB or 1.5GiB; in bytes.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_lowercase().as_str() {
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => f64::from(1 << 20),
        "gib" => f64::from(1 << 30),
        "tib" => f64::from(1 << 20) * f64::from(1 << 20),
        _ => return None,
    };
    let size = digits.trim().parse::<f64>().ok()? * unit;
    (1.0..1e18).contains(&size).then_some(size as u64)
}

/// Reads a moment as `--as-of` takes it: RFC 3339, or a date with or without a time, which are UTC.
pub fn parse_moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(moment.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc())
        .map_err(|_| format!("{text:?} is no time; write 2026-10-28, 2026-10-28 09:30:00 or 2026-10-28T09:30:00+08:00"))
}
