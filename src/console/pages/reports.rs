//! The page reports.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use crate::console::{Section, Ui, page};
use crate::serve::Shared;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new().route(Section::Reports.path(), get(show))
}

async fn show(ui: Ui) -> Response {
    page(&ui, Section::Reports, "", &html! {})
}
