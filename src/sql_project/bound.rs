//! Whether the relations bind: their columns and types against a warehouse that is there.

use anyhow::{Result, bail};

use super::Project;
use crate::config::Config;
use crate::warehouse;

/// Binds every relation against the published warehouse, where there is one, without building any; says so in words to
/// append to a verdict.
///
/// # Errors
/// All that is wrong, a line each.
pub fn check_against_warehouse(config: &Config, project: &Project) -> Result<&'static str> {
    if !config.warehouse_path().exists() {
        return Ok("; columns are checked once there is a warehouse (`nearset run`)");
    }
    let published = warehouse::open_published(config)?;
    warehouse::set_parameters(&published, config, warehouse::published_as_of(&published)?)?;
    let relations = project.relations.iter();
    let problems: Vec<String> =
        relations.filter_map(|r| r.bind(&published).err()).map(|error| format!("{error:#}")).collect();
    if problems.is_empty() { Ok(", and bind against the warehouse") } else { bail!("{}", problems.join("\n")) }
}
