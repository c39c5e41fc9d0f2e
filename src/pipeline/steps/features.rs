//! The step that makes features of rows.

use anyhow::Result;

use crate::common::errors::Failure;
use crate::common::language::{either, t};
use crate::evaluate::OperatorFigures;
use crate::exposures::{Visitors, exclusions};
use crate::extract::contracts::{self, Contracts, Violation, violations};
use crate::extract::data_quality::set_aside;
use crate::extract::{sites, user_names};
use crate::pipeline::experiments;
use crate::pipeline::state::Run;
use crate::sql_project::Room;

/// The rooms that read values.
const READING: [Room; 2] = [Room::Staging, Room::Clean];

/// The rooms whose relations it makes.
const ROOMS: [Room; 5] = [Room::Staging, Room::Clean, Room::Attribution, Room::Marts, Room::Training];

/// Returns the rows of the relations it built.
///
/// # Errors
/// A column that is needed cannot be read in most rows of its table; a contract is broken where it is critical; a relation
/// cannot be built.
pub fn features(run: &mut Run<'_>) -> Result<u64> {
    let contracts = contracts::read(run.config)?;
    experiments::keep(run)?;
    run.observers.at(either("contracts", "契约"));
    contracts::check(run.db, run.config, &contracts)?;
    let excluded = exclusions::read(run.config)?;
    let visitors = if excluded.has_visitors() { Visitors::there(&run.config.metadata_dir())? } else { None };
    exclusions::load(run.db, excluded, visitors.as_ref())?;
    let rows = run.build(&READING)?;
    hold(run, &contracts)?;
    for note in [sites::odd(run.db, run.config)?, user_names::missing(run.db, run.config)?].iter().flatten() {
        run.observers.note(note);
    }
    for effect in exclusions::effects(run.db)? {
        run.observers.note(&t!("exclude.toml: {}", "exclude.toml：{}", effect.text()));
    }
    let tables = set_aside(run.db)?;
    for note in tables.iter().filter_map(|table| table.note()) {
        run.observers.note(&note);
    }
    match tables.iter().find_map(|table| table.unreadable()) {
        Some(unreadable) => Err(Failure::Gate(unreadable).into()),
        None => Ok(rows + run.build(&ROOMS)?),
    }
}

/// Says which rules of the contracts are broken; servers hear of it also where nothing is published.
///
/// # Errors
/// One of them is critical.
fn hold(run: &Run<'_>, contracts: &Contracts) -> Result<()> {
    let (critical, others): (Vec<_>, Vec<_>) = violations(run.db)?.into_iter().partition(Violation::is_critical);
    for note in contracts.notes.iter().cloned().chain(others.iter().map(Violation::text)) {
        run.observers.note(&note);
    }
    if critical.is_empty() {
        return Ok(());
    }
    OperatorFigures::tell_contracts(run.db, &run.config.metadata_dir())?;
    let texts: Vec<String> = critical.iter().map(Violation::text).collect();
    Err(Failure::Gate(texts.join("; ")).into())
}
