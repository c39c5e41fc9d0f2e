//! Shadow lists: what another version would have answered, logged beside what was shown and under the same request id.

use std::sync::Arc;

use anyhow::Result;
use chrono::Utc;

use super::compute::compute;
use super::outcome::Outcome;
use crate::model::Model;
use crate::recommend::Effort;
use crate::serve::deployment::Deployment;
use crate::serve::lists::{List, log_items};
use crate::serve::state::Shared;

/// A list of one version as another numbers its items; `None` where there is nothing to compare.
pub fn translate(list: &List, from: &Model, to: &Model) -> Option<List> {
    let item = |item: u32| to.by_id.get(&from.item(item).dataset_id).copied();
    match list {
        List::Similar { page, top_n } => Some(List::Similar { page: page.and_then(item), top_n: *top_n }),
        List::Detail { page, user, recent, top_n } => Some(List::Detail {
            page: page.and_then(item),
            user: *user,
            recent: recent.iter().filter_map(|r| item(*r)).collect(),
            top_n: *top_n,
        }),
        List::Person { user, recent, top_n } => {
            Some(List::Person { user: *user, recent: recent.iter().filter_map(|r| item(*r)).collect(), top_n: *top_n })
        }
        List::Trending { .. } => None,
    }
}

/// Makes the list that the shadow version would have answered, and logs it.
pub async fn shadow(state: Shared, deployment: Arc<Deployment>, list: List, request_id: String, outcome: Outcome) {
    let endpoint = outcome.endpoint;
    let logged = match line(&state, &deployment, &list, &request_id, outcome) {
        Ok(line) => state.shadow_log.append(&line).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    if let Err(error) = logged {
        tracing::debug!("a shadow list was not logged: {error:#}");
        state.metrics.error("shadow_log", endpoint.name());
    }
}

fn line(state: &Shared, deployment: &Deployment, list: &List, request_id: &str, outcome: Outcome) -> Result<Vec<u8>> {
    let assignment = deployment.assign_shadow()?;
    let model = &assignment.version.model;
    let audience = assignment.version.audiences.of(outcome.client.source.as_deref(), outcome.client.device);
    let policy = assignment.version.policy(0, audience);
    let (made, _) = compute(model, list, policy, &state.views.rankings(), 0, Effort::Full);
    let items = log_items(model, &made[..made.len().min(list.top_n())], state.config.serve.id_format)?;
    let outcome = Outcome { exploration: None, ..outcome };
    let context = outcome.context(&assignment);
    Ok(outcome.line(request_id, Utc::now(), &context, &items, state.config.serve.id_format)?)
}
