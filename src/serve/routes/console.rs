//! The console's first page: try lists on any dataset. What it asks for is no visitor's, and in no log.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::serve::state::Shared;

const PAGE: &str = include_str!("console.html");

/// What everything a page needs is in it means to a browser.
pub const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'";

/// The page.
pub async fn page(State(state): State<Shared>) -> impl IntoResponse {
    let page = PAGE.replace("{console token}", &state.console_token);
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)], page)
}
