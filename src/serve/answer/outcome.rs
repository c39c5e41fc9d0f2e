//! What is known of a request once its list is made: the same for its answer, its line in the log and its metrics.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::query::Target;
use crate::common::ids::IdFormat;
use crate::exposures::exclusions::Asked;
use crate::exposures::{Context, Exploration, Exposure, Visitor};
use crate::serve::deployment::Assignment;
use crate::serve::endpoint::Endpoint;
use crate::serve::http::{Client, Purpose};

/// Why a list is not what it would be at best, and what stood in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DegradeReason {
    /// The version does not know the page's dataset.
    UnknownDataset,
    /// The version does not know the user.
    UnknownUser,
    /// The server is late.
    OverBudget,
}

impl DegradeReason {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownDataset => "unknown_dataset",
            Self::UnknownUser => "unknown_user",
            Self::OverBudget => "over_budget",
        }
    }

    /// The next best that answered.
    pub fn level(self) -> &'static str {
        match self {
            Self::UnknownDataset => "popular",
            Self::UnknownUser => "anonymous",
            Self::OverBudget => "short",
        }
    }
}

/// Who asks for a list.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Whether a visitor looks at it.
    pub purpose: Purpose,
    /// What the request says of itself.
    pub client: Client,
    /// Who it is, without a name.
    pub visitor: Visitor,
    /// The exclusions that name where the request comes from.
    pub excluded: Vec<String>,
}

/// What is known of a request once its list is made.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The endpoint that was asked.
    pub endpoint: Endpoint,
    /// The page's dataset.
    pub page_id: Option<i64>,
    /// The marketplace's id of the visitor.
    pub user_id: Option<i64>,
    /// Why it is a fallback, where it is one.
    pub degrade_reason: Option<DegradeReason>,
    /// Whether a visitor looks at it.
    pub purpose: Purpose,
    /// What was tried, where something may be.
    pub exploration: Option<Exploration>,
    /// Who asked, by what the request says of itself.
    pub client: Client,
    /// Who asked, without a name.
    pub visitor: Visitor,
    /// The exclusions that name where the request comes from.
    pub excluded: Vec<String>,
}

impl Outcome {
    /// That of a request as it was asked.
    pub fn of(target: &Target, asker: Asker, degrade_reason: Option<DegradeReason>) -> Self {
        let (endpoint, page_id, user_id) = (target.endpoint(), target.page_id(), target.user_id());
        let Asker { purpose, client, visitor, excluded } = asker;
        Self { endpoint, page_id, user_id, degrade_reason, purpose, exploration: None, client, visitor, excluded }
    }

    /// What answer and log say of how the list was made.
    pub fn context<'a>(&'a self, assignment: &Assignment<'a>) -> Context<'a> {
        Context {
            endpoint: self.endpoint.name(),
            variant: if self.degrade_reason.is_some() { "fallback" } else { "primary" },
            experiment: assignment.variant.experiment.as_deref(),
            experiment_variant: &assignment.variant.name,
            model_role: assignment.role,
            degrade_reason: self.degrade_reason.map(DegradeReason::name),
            model_run_id: assignment.version.name(),
            purpose: self.purpose.name(),
            exploration: self.exploration,
            source: self.client.source.as_deref(),
            device_type: self.client.device.name(),
            locale: self.client.locale.as_deref(),
            client_app: self.client.app.as_deref(),
            feature_snapshot_id: &assignment.version.snapshot,
            visitor: self.visitor,
            excluded: &self.excluded,
            allocation: assignment.variant.allocation.as_ref(),
            holdout: assignment.holdout,
        }
    }

    /// Who asked, as exclusions know it.
    pub fn asked(&self, at: DateTime<Utc>) -> Asked<'_> {
        let source = self.client.source.as_deref();
        Asked { at, endpoint: self.endpoint.name(), user: self.user_id, visitor: Some(self.visitor), source }
    }

    /// The log's line, without its end.
    ///
    /// # Errors
    /// A figure that JSON cannot say.
    pub fn line(
        &self,
        request_id: &str,
        timestamp: DateTime<Utc>,
        context: &Context<'_>,
        items: &RawValue,
        ids: IdFormat,
    ) -> serde_json::Result<Vec<u8>> {
        let (user_id, page_id) = (self.user_id.map(|id| ids.id(id)), self.page_id.map(|id| ids.id(id)));
        let algorithm_version = context.model_run_id;
        Exposure { request_id, user_id, page_id, algorithm_version, timestamp, items, context: *context }.line()
    }
}
