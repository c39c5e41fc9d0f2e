//! What every run ends with: views, checks and Parquet copies.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::common::errors::Failure;
use crate::common::files;
use crate::common::language::{either, t};
use crate::evaluate::{OperatorFigures, keep_quality};
use crate::pipeline::state::Run;
use crate::pipeline::step::Step;
use crate::sql_project::{FAILING, Room, existing, export_parquet, exported, keep_exported};
use crate::warehouse::{self, ident};

/// Returns the rows of checks and views.
pub fn finish(run: &mut Run<'_>) -> Result<u64> {
    run.sandbox()?;
    // until features are made of them, rows just extracted are ahead of every other relation
    let steps = &run.options.steps;
    let is_coherent = !steps.contains(&Step::Extract) || steps.contains(&Step::Features);
    let rows = if is_coherent { build(run)? } else { 0 };
    run.project.drop_orphans(run.db)?;
    run.project.keep_made(run.db)?;
    if is_coherent {
        run.observers.at(either("checks", "检查"));
        examine(run)?;
    }
    keep_quality(run.db, run.options.as_of)?;
    warehouse::keep_parameters(run.db, run.config, run.options.as_of)?;
    publish_figures(run)?;
    export(run)?;
    Ok(rows)
}

/// Makes what every run ends with; a view that fails is told and stops nothing.
fn build(run: &mut Run<'_>) -> Result<u64> {
    run.fail_broken_views()?;
    run.build(&[Room::Legacy, Room::Checks, Room::Views])
}

/// Runs checks and tests. What is wrong with training alone holds the new model back; what is wrong with a view is told.
///
/// # Errors
/// Rows are there that should not be: nothing is published.
fn examine(run: &mut Run<'_>) -> Result<()> {
    let (project, observers) = (run.project, run.observers);
    let mut blocking = Vec::new();
    let mut of_the_model = Vec::new();
    for violation in project.violations(run.db, run.failed())? {
        match violation.relation.room {
            _ if violation.is_told => observers.note(&violation.text),
            _ if project.is_of_the_model(violation.relation) => of_the_model.push(violation.text),
            _ => blocking.push(violation.text),
        }
    }
    let results = project.run_tests(run.db, |name| run.has_failed(name))?;
    let mut failing = Vec::new();
    for result in &results {
        let Some(told) = result.told() else { continue };
        match result.severity {
            "warn" => observers.note(&told),
            _ if project.is_of_the_model(project.get(&result.relation)?) => of_the_model.push(told),
            _ => failing.push(result),
        }
    }
    if !failing.is_empty() {
        // what is not published cannot be asked: its rows stand in files
        let folder = run.config.metadata_dir().join(FAILING);
        for result in failing {
            let place = folder.join(format!("{}.jsonl", result.name));
            let rows: Vec<Value> = warehouse::rows(run.db, &format!("from {FAILING}.{}", ident(&result.name)))?;
            let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
            files::write(&place, (lines.join("\n") + "\n").as_bytes())?;
            let message = result.message.as_deref().unwrap_or_default();
            blocking.push(t!("{message}; they are in {}", "{message}；见 {}", place.display()));
        }
    }
    if !of_the_model.is_empty() {
        observers.note(&of_the_model.join("; "));
        run.held_back = Some(of_the_model.join("; "));
    }
    if blocking.is_empty() { Ok(()) } else { Err(Failure::Gate(blocking.join("; ")).into()) }
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
        if run.has_failed(&relation.name) {
            // what was written of it stays, as its rows do
            now.extend(before.get(&relation.name).cloned());
            continue;
        }
        let part = run.outbox.part(processed.join(format!("{}.parquet", relation.name)))?;
        export_parquet(run.db, relation, &part)?;
        now.insert(relation.name.clone());
    }
    let is_broken = |name: &&String| run.project.broken.iter().any(|broken| broken.name == **name);
    now.extend(before.iter().filter(is_broken).cloned());
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
