//! An MLflow server, by its REST API.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use axum::http::{HeaderMap, HeaderValue};
use axum_extra::headers::{Authorization, HeaderMapExt};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use ureq::http::{Method, Request, header};
use url::Url;

use super::store::{Content, MODEL, Names, Registered, Store, TrackedRun, VERSION_TAG};
use super::told::Told;
use crate::common::files;
use crate::common::language::t;
use crate::config::Config;
use crate::operations::{Answer, Outgoing};

/// What a request may note at once.
const PARAMS: usize = 100;
const METRICS: usize = 1000;

/// The longest text of a parameter.
const LONGEST_PARAM: usize = 500;

/// What stands for something else in a path.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// An MLflow server.
pub struct Server {
    out: Outgoing,
    base: Url,
    authorization: Option<HeaderValue>,
    names: Names,
}

/// What a server says is wrong.
#[derive(Debug)]
struct Refused {
    status: u16,
    code: String,
    message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, message } = self;
        write!(f, "{}", t!("MLflow answers {status} {code}: {message}", "MLflow 应答 {status} {code}：{message}"))
    }
}

impl std::error::Error for Refused {}

/// Where a run's files go.
enum Place {
    /// Through the server, below this path.
    Proxy(String),
    /// A folder that is here, too.
    Folder(PathBuf),
    /// Nowhere that can be reached, and why.
    Nowhere(String),
}

impl Server {
    /// The server of that address, with the user or token of the settings.
    ///
    /// # Errors
    /// The proxy cannot be used.
    pub fn of(config: &Config, url: &Url) -> Result<Self> {
        let settings = &config.operations.mlflow;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = settings.user.clone().or_else(|| Some(decoded(url.username())).filter(|user| !user.is_empty()));
        let password = settings.password.as_ref().map(|password| password.0.clone());
        let password = password.or_else(|| url.password().map(decoded)).unwrap_or_default();
        let mut headers = HeaderMap::new();
        if let Some(user) = user {
            headers.typed_insert(Authorization::basic(&user, &password));
        } else if let Some(token) = &settings.token {
            headers.typed_insert(Authorization::bearer(&token.0).context("MLFLOW_TRACKING_TOKEN")?);
        }
        let authorization = headers.remove(header::AUTHORIZATION);
        let mut base = url.clone();
        // neither is part of where requests go
        base.set_username("").ok();
        base.set_password(None).ok();
        Ok(Self { out: Outgoing::of(config)?, base, authorization, names: Names::of(config) })
    }

    fn request(&self, method: Method, path: &str) -> ureq::http::request::Builder {
        let url = format!("{}/api/2.0/{path}", self.base.as_str().trim_end_matches('/'));
        let request = Request::builder().method(method).uri(url);
        match &self.authorization {
            Some(authorization) => request.header(header::AUTHORIZATION, authorization),
            None => request,
        }
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let request = self.request(Method::GET, &format!("mlflow/{path}?{query}")).body(Vec::new())?;
        understood(self.out.send(request)?)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request =
            self.request(Method::POST, &format!("mlflow/{path}")).header(header::CONTENT_TYPE, "application/json");
        understood(self.out.send(request.body(serde_json::to_vec(body)?)?)?)
    }

    /// The experiment's id; it is made where it is not there.
    fn experiment(&self) -> Result<String> {
        let name = self.names.experiment.as_str();
        let found = match self.get("experiments/get-by-name", &[("experiment_name", name)]) {
            Err(error) if is(&error, "RESOURCE_DOES_NOT_EXIST") => {
                return text(&self.post("experiments/create", &json!({"name": name}))?, "/experiment_id");
            }
            found => found?,
        };
        if found["experiment"]["lifecycle_stage"] == "deleted" {
            bail!(t!(
                "the experiment {name} is deleted in MLflow: restore it there, or set MLFLOW_EXPERIMENT_NAME",
                "实验 {name} 在 MLflow 中已删除：请在那里恢复，或设置 MLFLOW_EXPERIMENT_NAME"
            ));
        }
        text(&found, "/experiment/experiment_id")
    }

    fn place(&self, run: &TrackedRun) -> Place {
        let uri = run.artifact_uri.as_str();
        if let Some(path) = uri.strip_prefix("mlflow-artifacts:") {
            return match path.strip_prefix("//") {
                // with a server in it, which may be another
                Some(rest) => match rest.split_once('/') {
                    Some((host, path)) if host.is_empty() || self.is_at(host) => Place::Proxy(path.to_owned()),
                    _ => Place::Nowhere(uri.to_owned()),
                },
                None => Place::Proxy(path.trim_start_matches('/').to_owned()),
            };
        }
        let folder = match uri.strip_prefix("file:") {
            Some(_) => Url::parse(uri).ok().and_then(|url| url.to_file_path().ok()),
            None => Some(PathBuf::from(uri)).filter(|path| path.is_absolute()),
        };
        // ROOT/EXPERIMENT/RUN/artifacts: the root is there where the server's disk is ours
        match folder.filter(|folder| folder.ancestors().nth(3).is_some_and(Path::is_dir)) {
            Some(folder) => Place::Folder(folder),
            None => Place::Nowhere(uri.to_owned()),
        }
    }

    /// Whether the server is at that host, with or without a port.
    fn is_at(&self, host: &str) -> bool {
        let own = self.base.host_str().unwrap_or_default();
        let port = self.base.port_or_known_default().unwrap_or_default();
        host == own || host == format!("{own}:{port}")
    }
}

/// The JSON of an answer, or what the server says is wrong.
fn understood(answer: Answer) -> Result<Value> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.is_success() {
        return Ok(body);
    }
    let of = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let message = if body.is_object() { of("message") } else { answer.text().chars().take(200).collect() };
    let hint = match answer.status {
        401 | 403 => t!(
            " (MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN)",
            "（MLFLOW_TRACKING_USERNAME 与 MLFLOW_TRACKING_PASSWORD，或 MLFLOW_TRACKING_TOKEN）"
        ),
        _ => String::new(),
    };
    Err(Refused { status: answer.status, code: of("error_code"), message: message + &hint }.into())
}

fn is(error: &anyhow::Error, code: &str) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.code == code)
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| anyhow!(t!("MLflow's answer lacks {pointer}", "MLflow 的应答缺少 {pointer}")))
}

fn pairs(of: &BTreeMap<String, String>) -> Vec<Value> {
    of.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

fn tracked(info: &Value) -> Result<TrackedRun> {
    let is_finished = info["status"] == "FINISHED";
    Ok(TrackedRun { id: text(info, "/run_id")?, artifact_uri: text(info, "/artifact_uri")?, is_finished })
}

impl Store for Server {
    fn run(&self, told: &Told) -> Result<TrackedRun> {
        let experiment = self.experiment()?;
        let (tag, value) = told.found_by();
        let filter = format!("tags.`{tag}` = '{value}'");
        let found =
            self.post("runs/search", &json!({"experiment_ids": [experiment], "filter": filter, "max_results": 1}))?;
        if let Some(info) = found.pointer("/runs/0/info") {
            return tracked(info);
        }
        let body = json!({
            "experiment_id": experiment,
            "run_name": told.name(),
            "start_time": told.started.timestamp_millis(),
            "tags": pairs(&told.tags),
        });
        tracked(&self.post("runs/create", &body)?["run"]["info"])
    }

    fn note(&self, run: &TrackedRun, told: &Told) -> Result<()> {
        let short = |text: &String| text.chars().take(LONGEST_PARAM).collect();
        let params: BTreeMap<String, String> =
            told.params.iter().map(|(key, value)| (key.clone(), short(value))).collect();
        for some in pairs(&params).chunks(PARAMS) {
            self.post("runs/log-batch", &json!({"run_id": run.id, "params": some}))?;
        }
        // the same moment each time, so that a figure noted again is the same one
        let at = told.ended.timestamp_millis();
        let metric = |(key, value)| json!({"key": key, "value": value, "timestamp": at, "step": 0});
        let metrics: Vec<Value> = told.metrics.iter().map(metric).collect();
        for some in metrics.chunks(METRICS) {
            self.post("runs/log-batch", &json!({"run_id": run.id, "metrics": some}))?;
        }
        Ok(())
    }

    fn refuses_files(&self, run: &TrackedRun) -> Option<String> {
        match self.place(run) {
            Place::Nowhere(uri) => Some(format!(
                "the run's files belong to {uri}, which nearset cannot write: start the server with --serve-artifacts"
            )),
            _ => None,
        }
    }

    fn files(&self, run: &TrackedRun, folder: &str) -> Result<BTreeMap<String, u64>> {
        let mut files = BTreeMap::new();
        let mut page = String::new();
        loop {
            let query = [("run_id", run.id.as_str()), ("path", folder), ("page_token", page.as_str())];
            let query = if page.is_empty() { &query[..2] } else { &query[..] };
            let listed = self.get("artifacts/list", query)?;
            for file in listed["files"].as_array().into_iter().flatten() {
                let size = file["file_size"].as_u64().or_else(|| file["file_size"].as_str()?.parse().ok());
                if let (Some(path), Some(size)) = (file["path"].as_str(), size) {
                    files.insert(path.rsplit('/').next().unwrap_or(path).to_owned(), size);
                }
            }
            match listed["next_page_token"].as_str() {
                Some(next) if !next.is_empty() && next != page => page = next.to_owned(),
                _ => return Ok(files),
            }
        }
    }

    fn put(&self, run: &TrackedRun, path: &str, content: Content<'_>) -> Result<()> {
        let below = match self.place(run) {
            Place::Proxy(below) => below,
            Place::Folder(folder) => return put_in(&folder, path, content),
            Place::Nowhere(uri) => bail!("{uri}"),
        };
        let path = format!("mlflow-artifacts/artifacts/{below}/{path}");
        let request = self.request(Method::PUT, &utf8_percent_encode(&path, PATH).to_string());
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        let answer = match content {
            Content::Bytes(bytes) => self.out.send(request.body(bytes.to_vec())?)?,
            Content::File(file) => self.out.send_file(request.body(())?, file)?,
        };
        understood(answer).map(drop).with_context(|| path)
    }

    fn finish(&self, run: &TrackedRun, told: &Told, tags: &BTreeMap<String, String>) -> Result<()> {
        if !tags.is_empty() {
            self.post("runs/log-batch", &json!({"run_id": run.id, "tags": pairs(tags)}))?;
        }
        let end = told.ended.timestamp_millis();
        self.post("runs/update", &json!({"run_id": run.id, "status": "FINISHED", "end_time": end})).map(drop)
    }

    fn registered(&self, version: &str) -> Result<Option<Registered>> {
        let filter = format!("name = '{}' and tags.`{VERSION_TAG}` = '{version}'", self.names.model);
        let found = self.get("model-versions/search", &[("filter", &filter), ("max_results", "1")])?;
        let Some(first) = found.pointer("/model_versions/0") else { return Ok(None) };
        let number = text(first, "/version")?.parse().context("version")?;
        let of = |key: &str| first[key].as_str().unwrap_or_default();
        Ok(Some(Registered::new(number, of("run_id"), of("source"))))
    }

    fn register(&self, version: &str, run: &TrackedRun) -> Result<()> {
        let name = &self.names.model;
        match self.post("registered-models/create", &json!({"name": name})) {
            Err(error) if is(&error, "RESOURCE_ALREADY_EXISTS") => {}
            made => drop(made?),
        }
        let body = json!({
            "name": name,
            "source": format!("{}/{MODEL}", run.artifact_uri),
            "run_id": run.id,
            "tags": [{"key": VERSION_TAG, "value": version}],
        });
        self.post("model-versions/create", &body).map(drop)
    }

    fn set_alias(&self, alias: &str, number: u64) -> Result<()> {
        let body = json!({"name": self.names.model, "alias": alias, "version": number.to_string()});
        self.post("registered-models/alias", &body).map(drop)
    }
}

/// Puts a file into a folder of ours.
pub(super) fn put_in(folder: &Path, path: &str, content: Content<'_>) -> Result<()> {
    let place = folder.join(path);
    match content {
        Content::Bytes(bytes) => files::write(&place, bytes),
        Content::File(file) => {
            if let Some(parent) = place.parent() {
                files::make_dir(parent)?;
            }
            let part = files::part_of(&place);
            files::copy(file, &part)?;
            files::sync(&part)?;
            files::rename(&part, &place)
        }
    }
}
