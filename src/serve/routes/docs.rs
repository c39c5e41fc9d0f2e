//! `/docs`: the description of the API as a page.

use axum::http::header;
use axum::response::IntoResponse;

use super::console::POLICY;

const PAGE: &str = include_str!("docs.html");

/// The page; it shows what `/openapi.json` says, and needs nothing from elsewhere.
pub async fn page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)], PAGE)
}
