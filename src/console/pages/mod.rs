//! The pages, a file each with its own routes.

mod datasets;
mod experiments;
mod lists;
mod models;
mod overview;
mod project;
mod quality;
mod reconciliation;
mod reports;
mod runs;
pub(super) mod session;
mod settings;
mod views;

use axum::Router;
use axum::routing::get;

use super::assets;
use crate::serve::Shared;

/// All pages.
pub fn pages() -> Router<Shared> {
    Router::new()
        .route("/console/assets/{stamp}/{name}", get(assets::file))
        .merge(overview::routes())
        .merge(datasets::routes())
        .merge(lists::routes())
        .merge(views::routes())
        .merge(experiments::routes())
        .merge(models::routes())
        .merge(runs::routes())
        .merge(reports::routes())
        .merge(reconciliation::routes())
        .merge(quality::routes())
        .merge(project::routes())
        .merge(settings::routes())
        .merge(session::routes())
}
