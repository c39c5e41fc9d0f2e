//! What a run would do.

use anyhow::Result;

use super::step::{Options, Step};
use crate::common::language::t;
use crate::common::progress::Progress;
use crate::common::terminal::say;
use crate::config::Config;
use crate::sql_project::Project;
use crate::{extract, train, warehouse};

/// Says what a run would do, and does none of it.
///
/// # Errors
/// The SQL project has a fault, or a source cannot be read.
pub fn dry_run(config: &Config, options: &Options) -> Result<()> {
    let project = Project::for_run(config, &extract::raw_tables()?)?;
    train::require_no_leak(&project)?;
    for problem in project.problems() {
        say!("  {}", t!("this view will be left as it is: {problem}", "该视图将保持原样：{problem}"));
    }
    say!("{}", t!("as of {}; steps: {}", "时点 {}；步骤：{}", options.as_of, options.step_names().join(", ")));
    if options.steps.contains(&Step::Extract) {
        let published = match options.full_refresh || !config.warehouse_path().exists() {
            true => None,
            false => Some(warehouse::open_published(config)?),
        };
        let progress = Progress { at: &|_| {}, note: &|text| say!("  {text}") };
        for line in extract::preview(published.as_deref(), config, &progress)? {
            say!("  {line}");
        }
    }
    say!(
        "{}",
        t!(
            "{} relations and checks in the SQL project; nothing was changed",
            "SQL 项目有 {} 个关系与检查；未作任何改动",
            project.relations.len()
        )
    );
    Ok(())
}
