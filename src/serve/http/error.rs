//! The one place where an error becomes a status and a JSON body.

use std::any::Any;
use std::convert::Infallible;

use anyhow::anyhow;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::query::{Mistake, Refusal};

/// What a request can fail with.
#[derive(Debug)]
pub enum ApiError {
    /// 400: what is malformed, and what was expected.
    BadRequest(String),
    /// 401.
    Unauthorized(&'static str),
    /// 404.
    NotFound(String),
    /// 405.
    WrongMethod(String),
    /// 408: the head of a request did not come in time.
    TooSlow,
    /// 409: what stands in the way.
    Conflict(String),
    /// 413: how many bytes a body may have.
    TooLarge(usize),
    /// 414: how many bytes a request's first line may have.
    AddressTooLong(usize),
    /// 400: what is wrong with a query, and where.
    WrongQuery(Mistake),
    /// 422: what a query needs too much of.
    TooMuch(String),
    /// 431: how many bytes a request's head may have.
    HeadTooLarge(usize),
    /// 503: there is no warehouse, or it cannot be read.
    NoWarehouse(String),
    /// 503: no model is loaded.
    NoModel,
    /// 503: more is asked than can be answered in time.
    Overloaded,
    /// 500: the cause is logged where it becomes a response, not shown.
    Internal(anyhow::Error),
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// A stable name for programs.
    #[schema(example = "bad_request")]
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// Of a query: the line that is wrong, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Of a query: the character of that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// Of a query: that line, and below it a caret under what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caret: Option<String>,
}

impl ApiError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::Unauthorized(_) => "unauthorized",
            Self::NotFound(_) => "not_found",
            Self::WrongMethod(_) => "method_not_allowed",
            Self::TooSlow => "too_slow",
            Self::Conflict(_) => "conflict",
            Self::TooLarge(_) => "too_large",
            Self::AddressTooLong(_) => "address_too_long",
            Self::WrongQuery(_) => "wrong_query",
            Self::TooMuch(_) => "too_much",
            Self::HeadTooLarge(_) => "head_too_large",
            Self::NoWarehouse(_) => "no_warehouse",
            Self::NoModel => "no_model",
            Self::Overloaded => "overloaded",
            Self::Internal(_) => "internal",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::WrongQuery(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::AddressTooLong(_) => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooMuch(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NoModel | Self::Overloaded | Self::NoWarehouse(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body that is answered. What is internal goes to the log, not to whoever asked.
    pub fn body(self) -> ErrorBody {
        let code = self.code();
        let Mistake { message, line, column, caret } = match self {
            Self::WrongQuery(mistake) => mistake,
            other => Mistake::from(other.message()),
        };
        ErrorBody { error: ErrorDetail { code, message, line, column, caret } }
    }

    fn message(self) -> String {
        match self {
            Self::BadRequest(message)
            | Self::NotFound(message)
            | Self::WrongMethod(message)
            | Self::TooMuch(message)
            | Self::NoWarehouse(message)
            | Self::Conflict(message) => message,
            Self::WrongQuery(mistake) => mistake.to_string(),
            Self::Unauthorized(message) => message.to_owned(),
            Self::TooSlow => "the request did not come to its end in time; send it again, at once".to_owned(),
            Self::TooLarge(most) => format!("a body may have {most} bytes; only /sql and /models/reload read one"),
            Self::AddressTooLong(most) => format!("a request's first line may have {most} bytes; shorten its address"),
            Self::HeadTooLarge(most) => {
                format!(
                    "a request's first line and headers may have {most} bytes, and be 100; send fewer or shorter ones"
                )
            }
            Self::NoModel => "no model is loaded yet; run the pipeline, then try again".to_owned(),
            Self::Overloaded => "too much is asked of this server just now; ask again in a moment".to_owned(),
            Self::Internal(cause) => {
                tracing::error!("a request failed: {cause:#}");
                "something broke on our side; the log has the details".to_owned()
            }
        }
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Wrong(mistake) => Self::WrongQuery(mistake),
            Refusal::TooMuch(message) => Self::TooMuch(message),
            Refusal::Busy => Self::Overloaded,
            missing @ (Refusal::NoWarehouse | Refusal::Broken) => Self::NoWarehouse(missing.to_string()),
        }
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(cause: serde_json::Error) -> Self {
        Self::Internal(anyhow::Error::new(cause).context("an answer cannot be written as JSON"))
    }
}

/// A path that names nothing cannot be wrong.
impl From<Infallible> for ApiError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = match self {
            Self::NoModel | Self::NoWarehouse(_) => Some("5"),
            Self::Overloaded => Some("1"),
            _ => None,
        };
        let body = self.body();
        let headers = [(header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(seconds));
        }
        response
    }
}

/// For a path that no route has.
pub async fn no_route(uri: Uri) -> ApiError {
    ApiError::NotFound(format!("there is no route {}; /openapi.json lists them", uri.path()))
}

/// For a method that a route does not take.
pub async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::WrongMethod(format!("{} does not take {method}", uri.path()))
}

/// A panic fails one request and nothing else.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    ApiError::Internal(anyhow!("a request panicked: {}", said.unwrap_or("it said nothing"))).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn every_error_has_its_status_and_its_body() {
        let errors = [
            ApiError::BadRequest("top_n is \"x\"; it must be a whole number from 1 to 100".to_owned()),
            ApiError::Unauthorized("send the admin token: Authorization: Bearer …"),
            no_route(Uri::from_static("/nowhere?a=b")).await,
            wrong_method(Method::POST, Uri::from_static("/health")).await,
            ApiError::TooSlow,
            ApiError::Conflict("version x is damaged".to_owned()),
            ApiError::TooLarge(65536),
            ApiError::AddressTooLong(16384),
            ApiError::HeadTooLarge(16384),
            ApiError::WrongQuery(Mistake {
                message: "Parser Error: syntax error".to_owned(),
                line: Some(2),
                column: Some(3),
                caret: Some("  form x\n    ^".to_owned()),
            }),
            ApiError::TooMuch("the query needs more than SQL_MEMORY_MB (512 MB) leaves it".to_owned()),
            ApiError::NoWarehouse("there is no warehouse yet".to_owned()),
            ApiError::NoModel,
            ApiError::Overloaded,
            ApiError::Internal(anyhow!("a secret path")),
        ];
        let mut text = String::new();
        for error in errors {
            let response = error.into_response();
            let (status, retry) = (response.status(), response.headers().get(header::RETRY_AFTER).cloned());
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            text += &format!("{status} {retry:?}\n{}\n", String::from_utf8_lossy(&body));
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_panic_is_an_error_of_ours() {
        assert_eq!(panicked(Box::new("went wrong")).status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
