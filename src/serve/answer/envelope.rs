//! What an answer says around its items.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::query::Target;
use crate::common::ids::{Id, IdFormat};
use crate::exposures::Context;
use crate::serve::lists::ListItem;

/// The answer of `/similar`.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimilarAnswer<'a> {
    pub dataset_id: Id,
    #[schema(value_type = Vec<ListItem>)]
    pub similar_items: &'a RawValue,
    #[serde(flatten)]
    pub envelope: Envelope<'a>,
}

/// The answer of `/recommend/detail`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailAnswer<'a> {
    pub dataset_id: Id,
    #[schema(value_type = Vec<ListItem>)]
    pub recommendations: &'a RawValue,
    #[serde(flatten)]
    pub envelope: Envelope<'a>,
}

/// The answer of `/recommend`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonAnswer<'a> {
    pub user_id: Option<Id>,
    #[schema(value_type = Vec<ListItem>)]
    pub recommendations: &'a RawValue,
    #[serde(flatten)]
    pub envelope: Envelope<'a>,
}

/// The answer of `/hot/trending`.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrendingAnswer<'a> {
    #[schema(example = "24h")]
    pub timeframe: &'a str,
    #[schema(value_type = Vec<ListItem>)]
    pub items: &'a RawValue,
    #[serde(flatten)]
    pub envelope: Envelope<'a>,
}

/// What every list says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<'a> {
    /// New for every answer; hand it to Matomo when an item is clicked.
    #[schema(example = "req_0ec4a1f9fa6eabfeeeee")]
    pub request_id: &'a str,
    pub algorithm_version: &'a str,
    /// `primary`, or `fallback`.
    pub variant: &'a str,
    pub experiment_variant: &'a str,
    pub request_context: Context<'a>,
}

impl Envelope<'_> {
    /// The answer's body.
    ///
    /// # Errors
    /// A figure that JSON cannot say.
    pub fn around(self, items: &RawValue, target: &Target, ids: IdFormat) -> serde_json::Result<Vec<u8>> {
        let envelope = self;
        match *target {
            Target::Similar { dataset_id, .. } => {
                serde_json::to_vec(&SimilarAnswer { dataset_id: ids.id(dataset_id), similar_items: items, envelope })
            }
            Target::Detail { dataset_id, .. } => {
                serde_json::to_vec(&DetailAnswer { dataset_id: ids.id(dataset_id), recommendations: items, envelope })
            }
            Target::Person { user_id, .. } => {
                let user_id = user_id.map(|id| ids.id(id));
                serde_json::to_vec(&PersonAnswer { user_id, recommendations: items, envelope })
            }
            Target::Trending { timeframe } => serde_json::to_vec(&TrendingAnswer { timeframe, items, envelope }),
        }
    }
}
