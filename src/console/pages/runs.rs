//! The page runs.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use crate::console::{Section, Ui, page};
use crate::serve::Shared;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new().route(Section::Runs.path(), get(show))
}

async fn show(ui: Ui) -> Response {
    page(&ui, Section::Runs, "", &html! {})
}
