//! The parameters of the routes that answer lists, and what they ask for.

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::query::{ListQuery, Target};
use crate::common::ids::Id;
use crate::serve::endpoint::Endpoint;
use crate::serve::http::{ApiError, params};
use crate::serve::state::Shared;

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
    /// How many items, 1 to 100; 10 where it is left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    /// Another name for `top_n`.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Any name that stays with this visitor, so that an experiment does.
    visitor_id: Option<String>,
    /// The language of reasons: a tag of Chinese or English, such as `zh-CN`. Where it is another or left out, what
    /// Accept-Language prefers; else English.
    #[param(example = "zh-CN")]
    lang: Option<String>,
    /// Where the list is shown, such as search or home; the header X-Recommend-Source comes before it.
    #[param(example = "search")]
    source: Option<String>,
}

impl ListParams for SimilarParams {
    const ENDPOINT: Endpoint = Endpoint::Similar;
    type Path = Path<String>;

    fn check(self, Path(dataset_id): Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError> {
        let dataset_id = params::id("dataset_id", &dataset_id)?;
        let language = params::language(self.lang.as_deref(), headers);
        let top_n = params::count("top_n", self.top_n.or(self.limit).as_deref(), 10)?;
        let target = Target::Similar { dataset_id, visitor: named(self.visitor_id) };
        Ok(ListQuery { target, language, top_n, source: self.source })
    }
}

/// The query of `/recommend/detail`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DetailParams {
    /// How many items, 1 to 100; 10 where it is left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    /// Another name for `top_n`.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The marketplace's id of the visitor, where it is known.
    #[param(value_type = Option<Id>)]
    user_id: Option<String>,
    /// Any name that stays with a visitor who is not known, such as Matomo's visitor id, so that an experiment does.
    visitor_id: Option<String>,
    /// Datasets this visitor looked at before, newest first, as in 3,1,2; the first 20 that are known are read.
    #[param(pattern = "^[0-9,， ]*$")]
    recent: Option<String>,
    /// The language of reasons: a tag of Chinese or English, such as `zh-CN`. Where it is another or left out, what
    /// Accept-Language prefers; else English.
    #[param(example = "zh-CN")]
    lang: Option<String>,
    /// Where the list is shown, such as search or home; the header X-Recommend-Source comes before it.
    #[param(example = "search")]
    source: Option<String>,
}

impl ListParams for DetailParams {
    const ENDPOINT: Endpoint = Endpoint::Detail;
    type Path = Path<String>;

    fn check(self, Path(dataset_id): Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError> {
        let dataset_id = params::id("dataset_id", &dataset_id)?;
        let language = params::language(self.lang.as_deref(), headers);
        let top_n = params::count("top_n", self.top_n.or(self.limit).as_deref(), 10)?;
        let user = named(self.user_id);
        let user_id = user.as_deref().map(|text| params::id("user_id", text)).transpose()?;
        let recent = params::ids("recent", self.recent.as_deref().unwrap_or_default())?;
        let visitor = user.or(named(self.visitor_id));
        let target = Target::Detail { dataset_id, user_id, visitor, recent };
        Ok(ListQuery { target, language, top_n, source: self.source })
    }
}

/// The query of `/recommend`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PersonParams {
    /// The marketplace's id of the person, where it is known.
    #[param(value_type = Option<Id>)]
    user_id: Option<String>,
    /// How many items, 1 to 100; 10 where it is left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    /// Another name for `top_n`.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Any name that stays with a visitor who is not known, such as Matomo's visitor id, so that an experiment does.
    visitor_id: Option<String>,
    /// Datasets this visitor looked at before, newest first, as in 3,1,2; the first 20 that are known are read.
    #[param(pattern = "^[0-9,， ]*$")]
    recent: Option<String>,
    /// The language of reasons: a tag of Chinese or English, such as `zh-CN`. Where it is another or left out, what
    /// Accept-Language prefers; else English.
    #[param(example = "zh-CN")]
    lang: Option<String>,
    /// Where the list is shown, such as search or home; the header X-Recommend-Source comes before it.
    #[param(example = "search")]
    source: Option<String>,
}

impl ListParams for PersonParams {
    const ENDPOINT: Endpoint = Endpoint::Person;
    type Path = ();

    fn check(self, (): Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError> {
        let language = params::language(self.lang.as_deref(), headers);
        let top_n = params::count("top_n", self.top_n.or(self.limit).as_deref(), 10)?;
        let user = named(self.user_id);
        let user_id = user.as_deref().map(|text| params::id("user_id", text)).transpose()?;
        let recent = params::ids("recent", self.recent.as_deref().unwrap_or_default())?;
        let target = Target::Person { user_id, visitor: user.or(named(self.visitor_id)), recent };
        Ok(ListQuery { target, language, top_n, source: self.source })
    }
}

/// What else a request for a list may say of itself, in headers.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes headers, which are read by their names")]
pub struct ListHeaders {
    /// Where the list is shown, such as search or home: `request_context.source`.
    #[param(rename = "X-Recommend-Source", value_type = String, required = false, example = "search")]
    source: Option<String>,
    /// The program that asks: `request_context.client_app`.
    #[param(rename = "X-Client-App", value_type = String, required = false, example = "shop-web/3.2")]
    client_app: Option<String>,
    /// An id of your own for this list, `req_` and up to 60 letters, digits, `-` and `_`; one that was given before, or that looks
    /// like those made here, is not taken over. The answer's `request_id` counts.
    #[param(rename = "X-Request-ID", value_type = String, required = false, example = "req_home-7f3a2c")]
    request_id: Option<String>,
    /// The test token: the list is answered, and neither logged nor counted.
    #[param(rename = "X-Test-Token", value_type = String, required = false)]
    test_token: Option<String>,
}

/// The query of `/hot/trending`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrendingParams {
    /// How many items, 1 to 100; 20 where it is left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Another name for `limit`.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    /// `1h`, `24h` (where it is left out), `7d` or `30d`.
    #[param(pattern = "^(1h|24h|7d|30d)$")]
    timeframe: Option<String>,
    /// The language of reasons: a tag of Chinese or English, such as `zh-CN`. Where it is another or left out, what
    /// Accept-Language prefers; else English.
    #[param(example = "zh-CN")]
    lang: Option<String>,
    /// Where the list is shown, such as search or home; the header X-Recommend-Source comes before it.
    #[param(example = "search")]
    source: Option<String>,
}

impl ListParams for TrendingParams {
    const ENDPOINT: Endpoint = Endpoint::Trending;
    type Path = ();

    fn check(self, (): Self::Path, headers: &HeaderMap) -> Result<ListQuery, ApiError> {
        let language = params::language(self.lang.as_deref(), headers);
        let top_n = params::count("limit", self.limit.or(self.top_n).as_deref(), 20)?;
        let timeframe = params::timeframe(self.timeframe.as_deref())?;
        Ok(ListQuery { target: Target::Trending { timeframe }, language, top_n, source: self.source })
    }
}

/// A parameter that says something.
fn named(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
