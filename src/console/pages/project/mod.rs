//! The SQL project: its relations, what feeds what, one relation with its source, and an editor whose result is published nowhere.

mod editor;
mod graph;
mod list;
mod relation;

use axum::Router;
use axum::routing::get;

use crate::console::Section;
use crate::query::{Refusal, Rows};
use crate::serve::Shared;

/// Where the editor is.
const PREVIEW: &str = "/console/project/preview";

/// Where all relations are drawn.
const LINEAGE: &str = "/console/project/lineage";

/// Where it is told, again and again, what is wrong with files that were just saved.
const CHANGES: &str = "/console/project/changes";

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Project.path(), get(list::show))
        .route(CHANGES, get(list::changes))
        .route(LINEAGE, get(graph::show))
        .route(PREVIEW, get(editor::show).post(editor::preview))
        .route("/console/project/{name}", get(relation::show))
        .route("/console/project/{name}/now", get(relation::now))
}

/// The page of a relation.
fn address(name: &str) -> String {
    format!("{}/{name}", Section::Project.path())
}

/// How the relations were made that are published; nothing where an earlier nearset published them.
async fn built(state: &Shared) -> Result<Rows, Refusal> {
    let sql = "select name, digest, materialized, rows, state, error, error_line, seconds,
            coalesce(tests, 0) as tests, coalesce(failing, 0) as failing
        from raw.built_relations
        left join timings.built_relations using (name)
        left join (
            select relation as name, count(*) as tests, count(*) filter (where rows is distinct from 0) as failing
            from raw.test_results group by relation
        ) using (name)
        order by name";
    match state.desk.rows(sql, Vec::new(), 10_000).await {
        Err(Refusal::Wrong(_)) => Ok(Rows::default()),
        answer => answer,
    }
}
