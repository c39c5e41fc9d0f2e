//! Experiments: where all stand, one in depth, and what can be changed of it.

mod change;
mod list;
mod one;
mod words;

use anyhow::Result;
use axum::Router;
use axum::routing::{get, post};
use chrono::Utc;
use serde_json::{Map, Value};

use crate::console::Section;
use crate::console::fragment::blocking;
use crate::evaluate::experiments::{RESULTS, VariantResult};
use crate::operations::experiments::{Standing, merged};
use crate::query::{Refusal, Rows};
use crate::serve::Shared;
use crate::serve::deployment::Experiments;

/// The most rows of one relation.
const ROWS: usize = 10_000;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Experiments.path(), get(list::show))
        .route("/console/experiments/{name}", get(one::show))
        .route("/console/experiments/change", post(change::make))
}

/// What there is to see: of the file as it is now, and of the warehouse where that can be asked.
struct Look {
    standings: Vec<Standing>,
    /// Why the file is not what is shown.
    broken: Option<String>,
    /// Why the warehouse has no figures.
    refusal: Option<Refusal>,
}

impl Look {
    async fn take(state: &Shared) -> Self {
        let config = state.config.clone();
        let read = blocking(move || Experiments::read(&config)).await;
        let (experiments, broken) = match read {
            Ok(experiments) => (experiments, None),
            Err(error) => (Experiments::default(), Some(format!("{error:#}"))),
        };
        let (results, refusal) = match state.desk.rows(RESULTS, Vec::new(), ROWS).await {
            Ok(rows) => (read_results(&rows), None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        Self { standings: merged(experiments, results, Utc::now()), broken, refusal }
    }
}

/// The rows as what they say.
fn read_results(rows: &Rows) -> Vec<VariantResult> {
    let read = |row: &Vec<Value>| -> Result<VariantResult> {
        let fields: Map<String, Value> =
            rows.columns.iter().map(|column| column.name.clone()).zip(row.iter().cloned()).collect();
        Ok(serde_json::from_value(Value::Object(fields))?)
    };
    let all = rows.rows.iter().map(read);
    all.filter_map(|row| row.inspect_err(|error| tracing::warn!("a result of an experiment: {error:#}")).ok()).collect()
}
