//! The settings of operations: when jobs run, whom is told of what, where figures go, what is logged and how long things are
//! kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use url::Url;

use super::kinds::{Kind, milliseconds, path_or_none, some, switch, text, text_or_none, whole};
use super::setting::{Setting, settings};
use super::values::Values;
use crate::common::language::either;
use crate::common::secrets::Secret;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object.
    Json,
}

pub(super) fn log_format() -> Kind<LogFormat> {
    Kind::new(either("text or json", "text 或 json"), |text| match text.to_lowercase().as_str() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    })
}

fn address_or_none() -> Kind<Option<SocketAddr>> {
    Kind::new(
        either("an address with a port, such as 127.0.0.1:9000", "带端口的地址，例如 127.0.0.1:9000"),
        |text| {
            if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
        },
    )
}

fn secret_or_none() -> Kind<Option<Secret>> {
    Kind::hidden(either("a text", "文本"), |text| Some(some(text).map(Secret)))
}

/// Where MLflow is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// Its server.
    Server(Url),
    /// A folder in the form of its file store.
    Folder(PathBuf),
}

fn tracking_or_none() -> Kind<Option<Tracking>> {
    Kind::hidden(
        either(
            "an MLflow server (http://… or https://…) or a folder (file:… or a path); of a database name the server before it",
            "MLflow 服务（http://… 或 https://…）或目录（file:… 或路径）；若是数据库，请填其前面的服务",
        ),
        |text| if text.is_empty() { Some(None) } else { tracking(text).map(Some) },
    )
}

/// As MLflow reads it: what has no scheme is a path.
fn tracking(text: &str) -> Option<Tracking> {
    let folder = |path: &str| Some(Tracking::Folder(PathBuf::from(path))).filter(|_| !path.is_empty());
    match text.split_once(':') {
        Some(("http" | "https", _)) => Url::parse(text).ok().filter(|url| url.has_host()).map(Tracking::Server),
        Some(("file", path)) if path.starts_with("//") => {
            Url::parse(text).ok()?.to_file_path().ok().map(Tracking::Folder)
        }
        Some(("file", path)) => folder(path),
        Some(_) => None,
        None => folder(text),
    }
}

/// A name that MLflow takes for a registered model or its alias.
fn plain_name_or_none() -> Kind<Option<String>> {
    Kind::new(either("a name without / : and quotes", "不含 / : 与引号的名称"), |text| {
        text.chars().all(|c| !"/:'\"`".contains(c)).then(|| some(text))
    })
}

/// Which requests are traced, by OpenTelemetry's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// A share.
    Ratio,
    /// What the caller says; else all.
    ParentAlwaysOn,
    /// What the caller says; else none.
    ParentAlwaysOff,
    /// What the caller says; else a share.
    ParentRatio,
}

fn sampler() -> Kind<Sampler> {
    let expected = either(
        "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio",
        "always_on、always_off、traceidratio、parentbased_always_on、parentbased_always_off 或 parentbased_traceidratio",
    );
    Kind::new(expected, |text| match text.to_lowercase().as_str() {
        "always_on" => Some(Sampler::AlwaysOn),
        "always_off" => Some(Sampler::AlwaysOff),
        "traceidratio" => Some(Sampler::Ratio),
        "parentbased_always_on" => Some(Sampler::ParentAlwaysOn),
        "parentbased_always_off" => Some(Sampler::ParentAlwaysOff),
        "parentbased_traceidratio" => Some(Sampler::ParentRatio),
        _ => None,
    })
}

fn share() -> Kind<f64> {
    Kind::new(either("a number from 0 to 1", "0 到 1 的数"), |text| {
        text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
    })
}

/// An HTTP address that others are asked at.
fn http_or_none() -> Kind<Option<Url>> {
    Kind::hidden(either("an address such as http://127.0.0.1:4318", "地址，例如 http://127.0.0.1:4318"), |text| {
        if text.is_empty() {
            return Some(None);
        }
        let url = Url::parse(text).ok().filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
        url.map(Some)
    })
}

settings! {
    /// When jobs run.
    pub struct Schedule {
        /// The jobs of `nearset schedule` (TOML); DATA_DIR/schedule.toml where empty, and the usual four where that is not there.
        file: Option<PathBuf> = SCHEDULE_FILE, example "schedule.toml", path_or_none();
    }
}

settings! {
    /// Who is told of what.
    pub struct Notify {
        /// Who is told of what (TOML); DATA_DIR/notify.toml where empty.
        file: Option<PathBuf> = NOTIFY_FILE, example "notify.toml", path_or_none();
        /// The address at which Alertmanager's webhooks are taken; none where empty.
        listen: Option<SocketAddr> = NOTIFY_LISTEN, example "127.0.0.1:9000", address_or_none();
        /// The company's id at WeCom; with it and the three below all is told through its application.
        corp_id: Option<String> = WEIXIN_CORP_ID, example "ww0123456789abcdef", text_or_none();
        /// The secret of the application at WeCom.
        corp_secret: Option<Secret> = WEIXIN_CORP_SECRET, example "...", secret_or_none();
        /// The number of the application at WeCom.
        agent_id: Option<String> = WEIXIN_AGENT_ID, example "1000002", text_or_none();
        /// Who is told at WeCom: user ids with | between them, or @all.
        default_user: String = WEIXIN_DEFAULT_USER, default "@all", text();
    }
}

settings! {
    /// Where the figures of training go besides.
    pub struct Mlflow {
        /// The MLflow server (http or https) or folder (file:) that runs are told to; none where empty.
        tracking: Option<Tracking> = MLFLOW_TRACKING_URI, example "http://127.0.0.1:5000", tracking_or_none();
        /// The experiment that they are told under.
        experiment: String = MLFLOW_EXPERIMENT_NAME, default "dataset_recommendation", text();
        /// The name in MLflow's registry that versions stand under; that of the experiment where empty.
        model_name: Option<String> = MLFLOW_MODEL_NAME, example "dataset_recommendation", plain_name_or_none();
        /// The alias in MLflow's registry of the version that answers; none where empty.
        alias: Option<String> = MLFLOW_MODEL_ALIAS, default "champion", plain_name_or_none();
        /// The user at the MLflow server.
        user: Option<String> = MLFLOW_TRACKING_USERNAME, example "nearset", text_or_none();
        /// Its password.
        password: Option<Secret> = MLFLOW_TRACKING_PASSWORD, example "...", secret_or_none();
        /// A token instead of user and password.
        token: Option<Secret> = MLFLOW_TRACKING_TOKEN, example "...", secret_or_none();
    }
}

settings! {
    /// What is logged and traced.
    pub struct Logs {
        /// How a line of the log looks: text or json.
        format: LogFormat = LOG_FORMAT, default "text", log_format();
        /// How many milliseconds a request takes before it is logged as slow; 0 is never.
        slow_request: Duration = SLOW_REQUEST_MS, default "1000", milliseconds();
        /// Whether every request is logged when it is answered: on or off.
        requests: bool = LOG_REQUESTS, default "off", switch();
        /// Where traces go (OTLP over HTTP); none are made where empty.
        otlp_endpoint: Option<Url> = OTEL_EXPORTER_OTLP_ENDPOINT, example "http://127.0.0.1:4318", http_or_none();
        /// Which requests are traced, by OpenTelemetry's names; parentbased_ asks the caller's traceparent first.
        sampler: Sampler = OTEL_TRACES_SAMPLER, default "parentbased_traceidratio", sampler();
        /// The share of requests that a sampler with traceidratio takes, 0 to 1.
        sampled: f64 = OTEL_TRACES_SAMPLER_ARG, default "0.1", share();
        /// What this server is called in traces.
        service_name: String = OTEL_SERVICE_NAME, default "nearset", text();
    }
}

settings! {
    /// How long things are kept.
    pub struct Keep {
        /// How many model versions are kept, the newest; 0 is all.
        ///
        /// Those that answer, that experiments name or that lead back are kept beside them.
        versions: usize = KEEP_VERSIONS, default "10", whole();
        /// How many days packed exposure logs are kept once a run has taken them in; 0 is for ever.
        ///
        /// Their figures stay in the warehouse. None is removed within three days.
        exposure_log_days: u32 = KEEP_EXPOSURE_LOGS_DAYS, default "0", whole();
        /// How many backups are kept in BACKUP_DIR, the newest; 0 is all.
        backups: usize = KEEP_BACKUPS, default "0", whole();
        /// Where `nearset backup` writes; DATA_DIR/backups where empty.
        ///
        /// Name a folder on another disk: one beside the data is lost with it.
        backup_dir: Option<PathBuf> = BACKUP_DIR, example "/mnt/backup/nearset", path_or_none();
        /// How many days logs of runs are kept; 0 is for ever.
        run_log_days: u32 = KEEP_RUN_LOGS_DAYS, default "90", whole();
        /// Whether a run that fails keeps what its steps had done, for `nearset runs retry`: on or off.
        ///
        /// It takes as much of the disk as the warehouse, until the next run.
        failed_run: bool = KEEP_FAILED_RUN, default "on", switch();
        /// How many days daily reports and reconciliations are kept; 0 is for ever.
        report_days: u32 = KEEP_REPORTS_DAYS, default "0", whole();
    }
}

/// The settings of operations.
#[derive(Clone, Debug)]
pub struct Operations {
    /// When jobs run.
    pub schedule: Schedule,
    /// Who is told of what.
    pub notify: Notify,
    /// Where the figures of training go besides.
    pub mlflow: Mlflow,
    /// What is logged and traced.
    pub logs: Logs,
    /// How long things are kept.
    pub keep: Keep,
}

impl Operations {
    pub(super) fn groups() -> Vec<(&'static str, Vec<Setting>)> {
        vec![
            ("The schedule", Schedule::settings("")),
            ("Notifications", Notify::settings("")),
            ("MLflow", Mlflow::settings("")),
            ("Logs and traces", Logs::settings("")),
            ("What is kept", Keep::settings("")),
        ]
    }

    pub(super) fn read(values: &Values) -> Result<Self> {
        Ok(Self {
            schedule: Schedule::read(values, "", ())?,
            notify: Notify::read(values, "", ())?,
            mlflow: Mlflow::read(values, "", ())?,
            logs: Logs::read(values, "", ())?,
            keep: Keep::read(values, "", ())?,
        })
    }
}
