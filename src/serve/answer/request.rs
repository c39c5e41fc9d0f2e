//! Requests for lists as they come in: the parameters of each route, checked.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::answering::Answering;
use crate::recommend::Language;
use crate::serve::deployment::Deployment;
use crate::serve::http::{ApiError, params};
use crate::serve::metrics::Endpoint;
use crate::serve::state::Shared;

/// What a list is asked for, in the ids of whoever asks.
#[derive(Debug)]
pub struct ListQuery {
    /// Which list.
    pub target: Target,
    /// The language of its reasons.
    pub language: Language,
    /// How many items.
    pub top_n: usize,
}

/// Which list is asked for.
#[derive(Debug)]
pub enum Target {
    /// Beside a dataset, the same for everyone.
    Similar {
        /// The page's dataset.
        dataset_id: i64,
        /// Decides which variant answers.
        visitor: Option<String>,
    },
    /// Beside a dataset, for one visitor.
    Detail {
        /// The page's dataset.
        dataset_id: i64,
        /// The marketplace's id of the visitor.
        user_id: Option<i64>,
        /// Decides which variant answers: the user's id as it came, else any other name of the visitor.
        visitor: Option<String>,
        /// What the visitor looked at before, newest first.
        recent: Vec<i64>,
    },
    /// What is viewed most.
    Trending {
        /// Lately, or for how long.
        timeframe: &'static str,
    },
}

impl Target {
    /// The endpoint that is asked for it.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Similar { .. } => Endpoint::Similar,
            Self::Detail { .. } => Endpoint::Detail,
            Self::Trending { .. } => Endpoint::Trending,
        }
    }

    /// The dataset on whose page it is shown.
    pub fn page_id(&self) -> Option<i64> {
        match self {
            Self::Similar { dataset_id, .. } | Self::Detail { dataset_id, .. } => Some(*dataset_id),
            Self::Trending { .. } => None,
        }
    }

    /// The marketplace's id of the visitor, where it is known.
    pub fn user_id(&self) -> Option<i64> {
        match self {
            Self::Detail { user_id, .. } => *user_id,
            Self::Similar { .. } | Self::Trending { .. } => None,
        }
    }

    /// A name that stays with the visitor.
    pub fn visitor(&self) -> Option<&str> {
        match self {
            Self::Similar { visitor, .. } | Self::Detail { visitor, .. } => visitor.as_deref(),
            Self::Trending { .. } => None,
        }
    }
}

/// The parameters of a route that answers lists.
pub trait ListParams: DeserializeOwned + Send {
    /// The endpoint's name in metrics.
    const ENDPOINT: Endpoint;
    /// What the path names.
    type Path: FromRequestParts<Shared, Rejection: Into<ApiError>> + Send;

    /// What is asked for.
    ///
    /// # Errors
    /// A parameter is malformed; the error says which, and what was expected.
    fn check(self, path: Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError>;
}

/// The query of `/similar`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SimilarParams {
    /// How many items, 1 to 100; 10 where it is left out. `limit` is another name for it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Any name that stays with this visitor, so that an experiment does.
    visitor_id: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
    #[param(pattern = "^(zh|en)")]
    lang: Option<String>,
}

impl ListParams for SimilarParams {
    const ENDPOINT: Endpoint = Endpoint::Similar;
    type Path = Path<String>;

    fn check(self, Path(dataset_id): Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError> {
        let dataset_id = params::id("dataset_id", &dataset_id)?;
        let language = params::language(self.lang.as_deref(), headers)?;
        let top_n = params::count("top_n", self.top_n.or(self.limit).as_deref(), 10)?;
        Ok(ListQuery { target: Target::Similar { dataset_id, visitor: named(self.visitor_id) }, language, top_n })
    }
}

/// The query of `/recommend/detail`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DetailParams {
    /// How many items, 1 to 100; 10 where it is left out. `limit` is another name for it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The marketplace's id of the visitor, where it is known.
    #[param(value_type = Option<i64>, minimum = 0)]
    user_id: Option<String>,
    /// Any name that stays with a visitor who is not known, such as Matomo's visitor id, so that an experiment does.
    visitor_id: Option<String>,
    /// Datasets this visitor looked at before, newest first, as in 3,1,2.
    #[param(pattern = "^[0-9, ]*$")]
    recent: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
    #[param(pattern = "^(zh|en)")]
    lang: Option<String>,
}

impl ListParams for DetailParams {
    const ENDPOINT: Endpoint = Endpoint::Detail;
    type Path = Path<String>;

    fn check(self, Path(dataset_id): Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError> {
        let dataset_id = params::id("dataset_id", &dataset_id)?;
        let language = params::language(self.lang.as_deref(), headers)?;
        let top_n = params::count("top_n", self.top_n.or(self.limit).as_deref(), 10)?;
        let user = named(self.user_id);
        let user_id = user.as_deref().map(|text| params::id("user_id", text)).transpose()?;
        let recent = params::ids("recent", self.recent.as_deref().unwrap_or_default())?;
        let visitor = user.or(named(self.visitor_id));
        Ok(ListQuery { target: Target::Detail { dataset_id, user_id, visitor, recent }, language, top_n })
    }
}

/// The query of `/hot/trending`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrendingParams {
    /// How many items, 1 to 100; 20 where it is left out. `top_n` is another name for it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    /// `1h`, `24h` (where it is left out), `7d` or `30d`.
    #[param(pattern = "^(1h|24h|7d|30d)$")]
    timeframe: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
    #[param(pattern = "^(zh|en)")]
    lang: Option<String>,
}

impl ListParams for TrendingParams {
    const ENDPOINT: Endpoint = Endpoint::Trending;
    type Path = ();

    fn check(self, (): Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError> {
        let language = params::language(self.lang.as_deref(), headers)?;
        let top_n = params::count("limit", self.limit.or(self.top_n).as_deref(), 20)?;
        let timeframe = params::timeframe(self.timeframe.as_deref())?;
        Ok(ListQuery { target: Target::Trending { timeframe }, language, top_n })
    }
}

/// A parameter that says something.
fn named(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A request for a list that was taken up: what it asks, and the deployment that answers it, whatever is deployed meanwhile.
pub struct ListRequest<P> {
    pub(super) at: Instant,
    pub(super) query: ListQuery,
    pub(super) deployment: Arc<Deployment>,
    params: PhantomData<P>,
}

impl<P: ListParams> ListRequest<P> {
    async fn read(parts: &mut Parts, state: &Shared, at: Instant) -> Result<Self, ApiError> {
        let path = P::Path::from_request_parts(parts, state).await.map_err(Into::into)?;
        let Query(params) = Query::<P>::from_request_parts(parts, state).await?;
        let query = params.check(path, &parts.headers)?;
        Ok(Self { at, query, deployment: state.admit()?, params: PhantomData })
    }

    /// Answers it.
    pub async fn answer(self, state: Shared) -> Response {
        let answer = Answering::new(&state, self.at, &self.query, &self.deployment).answer().await;
        answer.unwrap_or_else(|error| failed::<P>(&state, error))
    }
}

impl<P: ListParams> FromRequestParts<Shared> for ListRequest<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Response> {
        let at = Instant::now();
        Self::read(parts, state, at).await.map_err(|error| failed::<P>(state, error))
    }
}

/// The one way in which a request for a list fails.
fn failed<P: ListParams>(state: &Shared, error: ApiError) -> Response {
    state.metrics.failed(P::ENDPOINT, error.status().as_u16(), error.code());
    error.into_response()
}
