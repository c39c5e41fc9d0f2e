//! Whether pages tell what came of lists, and whether what a release is judged by lies within its bounds; which sites and
//! users Matomo's rows are of.

use anyhow::Result;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::config::Config;
use crate::evaluate::tracking::{Check, checklist};
use crate::extract::{sites, user_names};
use crate::sql_project::existing;
use crate::warehouse;

/// What the published warehouse says of it; nothing of relations that it does not have yet.
///
/// # Errors
/// It cannot be read.
pub fn tracking(config: &Config) -> Result<Vec<Finding>> {
    if !config.warehouse_path().exists() {
        return Ok(Vec::new());
    }
    let db = warehouse::glance(config)?;
    let (mut found, there) = (Vec::new(), existing(&db)?);
    if there.contains_key("matomo_sites") {
        found.extend(sites::odd(&db, config)?.map(|text| Finding::new(Verdict::Odd, "sites", text)));
    }
    if there.contains_key("user_names") {
        found.extend(user_names::missing(&db, config)?.map(|text| Finding::new(Verdict::Odd, "users", text)));
    }
    found.extend(checks(&checklist(&db)?));
    Ok(found)
}

/// A line on tracking, one on the rest, and one for each figure outside its bounds.
fn checks(all: &[Check]) -> Vec<Finding> {
    let mut found = Vec::new();
    let (tracking, others): (Vec<&Check>, Vec<&Check>) =
        all.iter().partition(|check| check.name == "tracking_coverage");
    if let Some(check) = tracking.first() {
        found.push(match check.value {
            None => Finding::new(
                Verdict::Fine,
                "tracking",
                t!(
                    "no view of the last 7 days came from a list on a dataset's page",
                    "最近 7 天没有浏览来自数据集页面上的列表"
                ),
            ),
            Some(_) => finding("tracking", check),
        });
    }
    let (fine, outside): (Vec<&Check>, Vec<&Check>) =
        others.into_iter().filter(|check| check.value.is_some()).partition(|check| is_fine(check));
    if !fine.is_empty() {
        let texts: Vec<String> = fine.into_iter().map(figure).collect();
        found.push(Finding::new(Verdict::Fine, "figures", texts.join(either("; ", "；"))));
    }
    found.extend(outside.into_iter().map(|check| finding("figures", check)));
    found
}

fn is_fine(check: &Check) -> bool {
    matches!(check.status.as_str(), "ok" | "unknown")
}

fn finding(what: &str, check: &Check) -> Finding {
    let figure = figure(check);
    match either(&check.advice, &check.advice_zh) {
        Some(advice) if !is_fine(check) => {
            Finding::new(Verdict::Odd, what, t!("{figure}: {advice}", "{figure}：{advice}"))
        }
        _ => Finding::new(if is_fine(check) { Verdict::Fine } else { Verdict::Odd }, what, figure),
    }
}

/// A figure in words, and its bounds where it is outside.
fn figure(check: &Check) -> String {
    let value = check.value.unwrap_or_default();
    let bounds = match check.status.as_str() {
        "low" => bound(check.low, |low| t!(", usually {low} or more", "，通常不低于 {low}"), check),
        "high" => bound(check.high, |high| t!(", usually {high} or less", "，通常不高于 {high}"), check),
        _ => String::new(),
    };
    let (share, basis) = (percent(value), check.basis.unwrap_or_default());
    let text = match check.name.as_str() {
        "tracking_coverage" => t!(
            "{share} of {basis} views that came from a list in the last 7 days carry its request id",
            "最近 7 天来自列表的 {basis} 次浏览中，{share} 带有其请求号"
        ),
        "ctr" => t!("CTR {share} of {basis} exposures", "点击率 {share}（{basis} 次曝光）"),
        "cvr" => t!("CVR {share} of {basis} clicks", "转化率 {share}（{basis} 次点击）"),
        name => {
            let hours = value.round();
            match name.strip_prefix("freshness_") {
                Some("business") => {
                    t!("newest row of the marketplace {hours} h old", "业务数据最新一行距今 {hours} 小时")
                }
                Some("matomo") => t!("newest row of Matomo {hours} h old", "Matomo 最新一行距今 {hours} 小时"),
                Some("exposures") => t!("newest list {hours} h old", "最新的列表距今 {hours} 小时"),
                _ => format!("{name} {value}"),
            }
        }
    };
    format!("{text}{bounds}")
}

/// A bound in the unit of its figure.
fn bound(bound: Option<f64>, say: impl Fn(String) -> String, check: &Check) -> String {
    let Some(bound) = bound else { return String::new() };
    say(if check.name.starts_with("freshness_") { t!("{bound} h", "{bound} 小时") } else { percent(bound) })
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}
