//! `/docs`: the description of the API as a page.

use axum::http::header;
use axum::response::IntoResponse;

const PAGE: &str = include_str!("docs.html");

/// What everything a page needs is in it means to a browser.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'";

/// The page; it shows what `/openapi.json` says, and needs nothing from elsewhere.
pub async fn page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)], PAGE)
}
