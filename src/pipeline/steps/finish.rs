//! What every run ends with: views, checks and Parquet copies.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::common::errors::Failure;
use crate::common::language::{either, t};
use crate::evaluate::{OperatorFigures, keep_quality};
use crate::pipeline::state::Run;
use crate::pipeline::step::Step;
use crate::sql_project::{Room, existing, export_parquet, exported, keep_exported};
use crate::warehouse;

/// Returns the rows of checks and views.
pub fn finish(run: &mut Run<'_>) -> Result<u64> {
    run.sandbox()?;
    // until features are made of them, rows just extracted are ahead of every other relation
    let steps = &run.options.steps;
    let is_coherent = !steps.contains(&Step::Extract) || steps.contains(&Step::Features);
    let rows = if is_coherent { run.build(&[Room::Legacy, Room::Checks, Room::Views])? } else { 0 };
    run.project.drop_orphans(run.db)?;
    run.observers.at(either("checks", "检查"));
    let violations = if is_coherent { run.project.violations(run.db)? } else { Vec::new() };
    if !violations.is_empty() {
        return Err(Failure::Gate(violations.join("; ")).into());
    }
    keep_quality(run.db, run.options.as_of)?;
    warehouse::keep_parameters(run.db, run.config, run.options.as_of)?;
    publish_figures(run)?;
    export(run)?;
    Ok(rows)
}

/// Writes what servers tell operators of this run: they open no warehouse.
fn publish_figures(run: &mut Run<'_>) -> Result<()> {
    let figures = OperatorFigures::published(run.db)?;
    run.outbox.write(OperatorFigures::path(&run.config.metadata_dir()), &figures)
}

/// Writes the Parquet copies that go to `processed/`; those of the run before that nothing makes any more go.
fn export(run: &mut Run<'_>) -> Result<()> {
    let processed = run.config.data_dir.join("processed");
    let there = existing(run.db)?;
    let before = exported(run.db)?;
    let mut now = BTreeSet::new();
    for relation in run.project.relations.iter().filter(|r| r.export && there.contains_key(&r.name)) {
        run.observers.at(&format!("{}.parquet", relation.name));
        let part = run.outbox.part(processed.join(format!("{}.parquet", relation.name)))?;
        export_parquet(run.db, relation, &part)?;
        now.insert(relation.name.clone());
    }
    let gone: Vec<&str> = before.difference(&now).map(String::as_str).collect();
    if !gone.is_empty() {
        run.observers.note(&t!(
            "no longer made; what was written of them is removed from processed/: {}",
            "不再生成，此前写出的已从 processed/ 删除：{}",
            gone.join(", ")
        ));
    }
    for name in gone {
        run.outbox.remove(processed.join(format!("{name}.parquet")));
    }
    keep_exported(run.db, &now)
}
