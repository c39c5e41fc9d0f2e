//! `/models`: administration of versions.

use std::path::Path;

use anyhow::Context;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Of;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::common::about;
use crate::model::{self, Beside, Share};
use crate::recommend;
use crate::serve::http::access::Admin;
use crate::serve::http::{ApiError, ErrorBody};
use crate::serve::state::{Shared, State};

/// What refused requests are counted under.
const ENDPOINT: &str = "models_reload";

/// What a version is loaded as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It answers.
    #[default]
    Primary,
    /// Its lists are logged and not shown.
    Shadow,
}

/// What is to be loaded; without a body, the current version.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reload {
    mode: Mode,
    /// Where versions come from: MODELS_DIR, which `local` says, too.
    source: Option<String>,
    /// The version, by its name; the current one where it is left out. In mode `primary` it becomes current.
    run_id: Option<String>,
    /// In mode `shadow`, for which share of the requests, 0 to 1; 0 for none, 0.1 where it is left out.
    #[schema(minimum = 0, maximum = 1)]
    rollout: Option<f64>,
}

/// What was loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reloaded {
    /// `success`; what fails is an error.
    status: &'static str,
    mode: Mode,
    /// The version that was loaded; `null` where the shadow was ended.
    run_id: Option<String>,
    /// For which share of the requests the shadow makes lists.
    shadow_rollout: f64,
    /// What was done, in a sentence.
    message: String,
    /// The version that answers.
    model_version: String,
}

/// The share of a shadow of which nothing is said, as for `nearset models shadow`.
const SHADOW_SHARE: f64 = 0.1;

impl Reload {
    /// Reads a body; what is blank is none.
    fn read(body: &[u8]) -> Result<Self, ApiError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        // a list would be taken for the fields in their order
        let object = serde_json::from_slice::<Map<String, Value>>(body);
        let read: Self = object.and_then(|object| serde_json::from_value(Value::Object(object))).map_err(|error| {
            ApiError::BadRequest(format!("the body is no {{mode, source, run_id, rollout}} in JSON: {error}"))
        })?;
        read.check()?;
        Ok(read)
    }

    /// Refuses by name what cannot be done here.
    fn check(&self) -> Result<(), ApiError> {
        let refused = |what: String| Err(ApiError::BadRequest(what));
        match (self.source.as_deref(), self.rollout, self.mode) {
            (Some(source), ..)
                if !["", "local", "file", "models_dir"].contains(&source.to_ascii_lowercase().as_str()) =>
            {
                refused(format!(
                    "source is {source:?}; versions come from MODELS_DIR alone: leave it out, or say \"local\""
                ))
            }
            (_, Some(rollout), _) if !(0.0..=1.0).contains(&rollout) => {
                refused(format!("rollout is {rollout}; it must be a share from 0 to 1, such as 0.1"))
            }
            (_, Some(rollout), Mode::Primary) if rollout > 0.0 && rollout < 1.0 => refused(format!(
                "rollout is {rollout} and mode primary, which answers all; `nearset models canary` gives a version a share"
            )),
            (_, rollout, Mode::Shadow) if self.run_id.is_none() && rollout != Some(0.0) => {
                refused("run_id is missing; mode shadow needs the version that is to make lists".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Loads what is asked for; the sentence says what was done.
    fn load(self, state: &State) -> Result<Reloaded, ApiError> {
        let (dir, deployments) = (&state.config.models_dir, &state.deployments);
        let mut run_id = self.run_id.filter(|name| !name.is_empty());
        if let Some(name) = &run_id {
            // the old scripts take it from model_registry.json, where it may be MLflow's
            run_id = model::version_of_run(dir, name)?.or(run_id);
        }
        if let Some(name) = &run_id {
            require(dir, name)?;
        }
        let share = match (self.mode, &run_id) {
            (Mode::Primary, Some(name)) => {
                model::promote(dir, name, recommend::smoke).map_err(|error| unusable(name, error))?;
                0.0
            }
            (Mode::Primary, None) => 0.0,
            (Mode::Shadow, name) => {
                let share = self.rollout.unwrap_or(SHADOW_SHARE);
                let name = name.as_ref().filter(|_| share > 0.0);
                if name.is_some() && name == model::current(dir).as_ref() {
                    return Err(ApiError::Conflict(
                        "run_id is the current version; it has no shadow of itself".to_owned(),
                    ));
                }
                let beside = name.map(|version| Share::of(version.clone(), share));
                let put = model::set_beside(dir, Beside::Shadow, beside, recommend::smoke);
                put.map_err(|error| unusable(name.map_or("the shadow", |name| name), error))?;
                share
            }
        };
        let model_version = deployments.deploy_current()?;
        let (run_id, message) = match self.mode {
            Mode::Primary => (Some(model_version.clone()), format!("{model_version} answers")),
            Mode::Shadow if share > 0.0 => {
                let name = run_id.unwrap_or_default();
                let message = format!("{name} makes lists for {} % of the requests, not shown", share * 100.0);
                (Some(name), message)
            }
            Mode::Shadow => (None, "no version makes lists that are not shown".to_owned()),
        };
        let shadow_rollout = match self.mode {
            Mode::Shadow => share,
            Mode::Primary => {
                deployments.peek().as_ref().and_then(|d| d.shadow.as_ref()).map_or(0.0, |shadow| shadow.share)
            }
        };
        Ok(Reloaded { status: "success", mode: self.mode, run_id, shadow_rollout, message, model_version })
    }
}

/// Refuses a name that is no version's, before any path is made of it.
fn require(dir: &Path, name: &str) -> Result<(), ApiError> {
    let versions = model::list(dir)?;
    if versions.damaged.iter().any(|(damaged, _)| damaged == name) {
        return Err(ApiError::Conflict(format!(
            "run_id is {name:?}, a version that is damaged; `nearset models list` says how"
        )));
    }
    let is_there = versions.whole.iter().any(|manifest| manifest.version == name);
    is_there.then_some(()).ok_or_else(|| {
        ApiError::BadRequest(format!("run_id is {name:?}; MODELS_DIR has no such version (`nearset models list`)"))
    })
}

/// A version that is there and cannot answer: why goes to the log, since it names folders.
fn unusable(name: &str, error: anyhow::Error) -> ApiError {
    tracing::error!("reload of {name}: {error:#}");
    ApiError::Conflict(format!("version {name} cannot be used; the server's log says why, and the one before goes on"))
}

/// Load the current version now, or another one as current or shadow. Needs the admin token.
#[utoipa::path(post, path = "/models/reload", tag = "operation", security(("admin_token" = [])),
    request_body(content = Option<Reload>, description = "What to load; the current version where there is none"),
    responses(
        (status = 200, body = Reloaded, description = "It was loaded"),
        (status = 400, body = ErrorBody, description = "A body that asks for what there is not, which the message names"),
        (status = 401, body = ErrorBody, description = "The admin token is missing or wrong, or none is set"),
        (status = 409, body = ErrorBody, description = "The version is damaged, or is current and would be its own shadow"),
        (status = 503, body = ErrorBody, description = "It cannot be loaded, and no other answers"),
    ))]
pub async fn reload(_: Admin, Of(state): Of<Shared>, body: Bytes) -> Result<Json<Reloaded>, ApiError> {
    let asked = Reload::read(&body)?;
    let loading = state.clone();
    let loaded = about::blocking(move || asked.load(&loading)).await;
    match loaded.context("loading a version ended early")? {
        Err(ApiError::Internal(error)) => {
            state.metrics.error("model_load", ENDPOINT);
            if state.deployments.peek().is_some() {
                return Err(error.context("reload").into());
            }
            tracing::error!("reload: {error:#}");
            Err(ApiError::NoModel)
        }
        done => done.map(Json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_or_refused_by_name() {
        let read = |body: &str| Reload::read(body.as_bytes()).map(|read| (read.mode, read.run_id, read.rollout));
        assert_eq!(read(" ").ok(), Some((Mode::Primary, None, None)));
        assert_eq!(read("{}").ok(), Some((Mode::Primary, None, None)));
        let shadow = read(r#"{"mode": "shadow", "source": "local", "run_id": "v2", "rollout": 0.25}"#);
        assert_eq!(shadow.ok(), Some((Mode::Shadow, Some("v2".to_owned()), Some(0.25))));
        for (body, named) in [
            ("{", "no {mode, source, run_id, rollout}"),
            ("[]", "no {mode, source, run_id, rollout}"),
            (r#"{"mode": "canary"}"#, "canary"),
            (r#"{"stage": "x"}"#, "stage"),
            (r#"{"source": "mlflow"}"#, "source is \"mlflow\""),
            (r#"{"rollout": 2}"#, "rollout is 2"),
            (r#"{"rollout": 0.5}"#, "models canary"),
            (r#"{"mode": "shadow"}"#, "run_id is missing"),
        ] {
            let said = match read(body) {
                Err(ApiError::BadRequest(said)) => said,
                other => panic!("{body}: {other:?}"),
            };
            assert!(said.contains(named), "{body}: {said}");
        }
    }
}
