//! The pages of views: all of them, one as its header draws it, and dashboards. What was saved is seen at once.

mod asked;
mod dashboard;
mod list;
mod panel;
mod view;

use axum::Router;
use axum::routing::get;

use crate::console::Section;
use crate::serve::Shared;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Views.path(), get(list::show))
        .route("/console/views/{name}", get(view::show))
        .route("/console/views/{name}/now", get(view::now))
        .route("/console/dashboards/{name}", get(dashboard::show))
        .route("/console/dashboards/{name}/now", get(dashboard::now))
}

/// The page of a view.
fn address(name: &str) -> String {
    format!("{}/{name}", Section::Views.path())
}
