//! The console's first page: try lists on any dataset.

use axum::http::header;
use axum::response::IntoResponse;

const PAGE: &str = include_str!("console.html");

/// The page.
pub async fn page() -> impl IntoResponse {
    // everything the page needs is in it
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)], PAGE)
}
