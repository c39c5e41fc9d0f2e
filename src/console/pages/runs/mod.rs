//! The pages of runs: all of them, one with its steps and logs, and what ends or repeats one.

mod act;
mod list;
mod run;

use axum::Router;
use axum::routing::{get, post};
use maud::Markup;

use crate::common::language::spoken;
use crate::console::parts::badge;
use crate::console::{Section, Ui};
use crate::pipeline::shown_state;
use crate::serve::Shared;
use crate::warehouse::Outcome;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Runs.path(), get(list::show))
        .route("/console/runs/now", get(list::now))
        .route("/console/runs/act", post(act::act))
        .route("/console/runs/{run}", get(run::show))
        .route("/console/runs/{run}/now", get(run::now))
}

/// The page of a run.
fn address(run: &str) -> String {
    format!("{}/{run}", Section::Runs.path())
}

/// A state in a word, and whether it is a good one.
fn state_badge(ui: &Ui, outcome: Outcome) -> Markup {
    let kind = match outcome {
        Outcome::Done => "good",
        Outcome::HeldBack | Outcome::Incomplete | Outcome::Running => "warn",
        Outcome::Refused | Outcome::Failed | Outcome::Killed => "bad",
        Outcome::Cancelled => "",
    };
    badge(kind, &state_name(ui, outcome))
}

fn state_name(ui: &Ui, outcome: Outcome) -> String {
    let name = outcome.name();
    spoken(ui.language, || shown_state(name).replace('_', " "))
}
