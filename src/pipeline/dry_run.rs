//! What a run would do.

use anyhow::Result;
use serde_json::json;

use super::step::{Options, Step};
use crate::common::language::t;
use crate::common::progress::Progress;
use crate::common::terminal::say;
use crate::config::Config;
use crate::extract::Foreseen;
use crate::sql_project::Project;
use crate::{extract, train, warehouse};

/// Says what a run would do, and does none of it.
///
/// # Errors
/// The SQL project has a fault, or a source cannot be read.
pub fn dry_run(config: &Config, options: &Options, is_json: bool) -> Result<()> {
    let project = Project::for_run(config, &extract::raw_tables()?)?;
    train::require_no_leak(&project)?;
    let mut reads = Vec::new();
    let tell = |text: &str| {
        if !is_json {
            say!("{text}");
        }
    };
    let broken: Vec<String> = project.problems().iter().map(ToString::to_string).collect();
    for problem in &broken {
        tell(&t!("  this view will be left as it is: {problem}", "  该视图将保持原样：{problem}"));
    }
    tell(&t!("as of {}; steps: {}", "时点 {}；步骤：{}", options.as_of, options.step_names().join(", ")));
    if options.steps.contains(&Step::Extract) {
        let published = match options.full_refresh || !config.warehouse_path().exists() {
            true => None,
            false => Some(warehouse::open_published(config)?),
        };
        let progress = Progress { at: &|_| {}, note: &|text| tell(&format!("  {text}")) };
        reads = extract::preview(published.as_deref(), config, &progress)?;
        reads.iter().flat_map(Foreseen::lines).for_each(|line| tell(&format!("  {line}")));
    }
    let relations = project.relations.len();
    tell(&t!(
        "{relations} relations and checks in the SQL project; nothing was changed",
        "SQL 项目有 {relations} 个关系与检查；未作任何改动"
    ));
    if is_json {
        let (as_of, steps) = (options.as_of, options.step_names());
        let done =
            json!({ "as_of": as_of, "steps": steps, "reads": reads, "relations": relations, "broken_views": broken });
        say!("{}", serde_json::to_string_pretty(&done)?);
    }
    Ok(())
}
