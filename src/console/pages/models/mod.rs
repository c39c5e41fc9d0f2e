//! The pages of model versions: which there are, one of them, two side by side, and what changes which one answers.

mod change;
mod compare;
mod figures;
mod list;
mod version;

use axum::Router;
use axum::routing::{get, post};

use crate::console::Section;
use crate::serve::Shared;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Models.path(), get(list::show))
        .route("/console/models/compare", get(compare::show))
        .route("/console/models/change", post(change::make))
        .route("/console/models/{version}", get(version::show))
}

/// The page of a version.
fn address(version: &str) -> String {
    format!("{}/{version}", Section::Models.path())
}
