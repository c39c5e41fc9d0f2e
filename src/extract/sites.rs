//! The sites that Matomo's rows are of, beside those that MATOMO_SITE_ID names.

use anyhow::Result;
use duckdb::Connection;
use serde::Deserialize;

use crate::common::language::t;
use crate::config::Config;
use crate::warehouse;

/// A row of `matomo_sites`.
#[derive(Deserialize)]
struct Site {
    site_id: i64,
    visits: u64,
}

/// Where Matomo has several sites and the settings name none, or one that is not there.
///
/// # Errors
/// `matomo_sites` cannot be read.
pub fn odd(db: &Connection, config: &Config) -> Result<Option<String>> {
    let there: Vec<Site> = warehouse::rows(db, "select site_id, visits from matomo_sites order by site_id")?;
    let named = &config.parameters.matomo_sites;
    let texts: Vec<String> = there
        .iter()
        .map(|Site { site_id, visits }| t!("{site_id} ({visits} visits)", "{site_id}（{visits} 次访问）"))
        .collect();
    let texts = texts.join(", ");
    if let (true, Some(absent)) =
        (!there.is_empty(), named.iter().find(|site| there.iter().all(|row| row.site_id != i64::from(**site))))
    {
        return Ok(Some(t!(
            "MATOMO_SITE_ID names site {absent}, of which Matomo has no row; it has {texts}",
            "MATOMO_SITE_ID 指定了站点 {absent}，而 Matomo 没有它的行；有的是 {texts}"
        )));
    }
    match there.len() {
        2.. if named.is_empty() => Ok(Some(t!(
            "Matomo has rows of sites {texts}, and all of them count; MATOMO_SITE_ID names those that should",
            "Matomo 有多个站点的行：{texts}，且全部计入；请用 MATOMO_SITE_ID 指明应计入的站点"
        ))),
        _ => Ok(None),
    }
}
