//! The one place where an error becomes a status and a JSON body.

use std::any::Any;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

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
    /// 413: how many bytes a body may have.
    TooLarge(usize),
    /// 503: no model is loaded.
    NoModel,
    /// 503: more is asked than can be answered in time.
    Overloaded,
    /// 500: the cause is logged, not shown.
    Internal,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// A stable name for programs.
    #[schema(example = "bad_request")]
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl ApiError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::Unauthorized(_) => "unauthorized",
            Self::NotFound(_) => "not_found",
            Self::WrongMethod(_) => "method_not_allowed",
            Self::TooLarge(_) => "too_large",
            Self::NoModel => "no_model",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoModel | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
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
        let (status, code) = (self.status(), self.code());
        let retry_after = match self {
            Self::NoModel => Some("5"),
            Self::Overloaded => Some("1"),
            _ => None,
        };
        let message = match self {
            Self::BadRequest(message) | Self::NotFound(message) | Self::WrongMethod(message) => message,
            Self::Unauthorized(message) => message.to_owned(),
            Self::TooLarge(most) => format!("a body may have {most} bytes; no route reads one"),
            Self::NoModel => "no model is loaded yet; run the pipeline, then try again".to_owned(),
            Self::Overloaded => "too much is asked of this server just now; ask again in a moment".to_owned(),
            Self::Internal => "something broke on our side; the log has the details".to_owned(),
        };
        let mut response = (status, Json(ErrorBody { error: ErrorDetail { code, message } })).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(seconds));
        }
        response
    }
}

pub async fn no_route(uri: Uri) -> ApiError {
    ApiError::NotFound(format!("there is no route {}; /openapi.json lists them", uri.path()))
}

pub async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::WrongMethod(format!("{} does not take {method}", uri.path()))
}

/// A panic fails one request and nothing else.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request panicked");
    ApiError::Internal.into_response()
}
