//! What the last run published of its data: sources that are old, contracts that are broken, tables of poor quality, orders
//! that are missing in tracking, views that are not known as such. The bounds are those of deploy/prometheus/rules.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::common::language::t;
use crate::config::Config;
use crate::evaluate::OperatorFigures;
use crate::evaluate::operator_figures::OddDay;
use crate::operations::{Alert, Severity};

/// Tables that change every day wherever there are visitors.
const DAILY: [&str; 3] = ["matomo.matomo_log_visit", "matomo.matomo_log_link_visit_action", "exposures.exposure_log"];
/// Older is stale, in seconds.
const STALE: f64 = 172_800.0;
/// Tables whose quality is told.
const MEASURED: [&str; 3] = ["interactions", "dataset_features", "user_profile"];
/// A lower score is poor.
const POOR: f64 = 80.0;
/// A lower share of views with a request id is told.
const COVERED: f64 = 0.8;
/// Of fewer views, one is many.
const LEAST_VIEWS: u64 = 30;

/// All of it.
///
/// # Errors
/// What the last run published cannot be read.
pub fn alerts(config: &Config, now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let figures = OperatorFigures::read(&config.metadata_dir())?;
    let all = [stale(&figures, now), broken(&figures), poor(&figures), odd(&figures), missing(&figures)];
    Ok([all.concat(), uncovered(&figures), failed(&figures)].concat())
}

/// An alert of one table or endpoint, or of none.
fn alert(
    name: &str,
    severity: Severity,
    (label, subject): (&str, &str),
    (summary, description): (String, String),
) -> Alert {
    let labels = if label.is_empty() { None } else { Some((label.to_owned(), subject.to_owned())) };
    let (name, subject, labels) = (name.to_owned(), subject.to_owned(), labels.into_iter().collect());
    Alert { name, subject, severity, summary, description, labels }
}

/// Views of analysts that a run could not make; over once one could.
fn failed(figures: &OperatorFigures) -> Vec<Alert> {
    let failed = figures.views.iter().map(|view| {
        let line = view.line.map(|line| format!(":{line}")).unwrap_or_default();
        let words = (
            t!("the view {} failed, its last good rows stay", "视图 {} 失败，保留上次成功的数据", view.name),
            t!(
                "{}{line}: {}\nmend the file, then `nearset views check` and `nearset build`",
                "{}{line}：{}\n修正文件后执行 `nearset views check` 与 `nearset build`",
                view.file,
                view.error
            ),
        );
        alert("ViewFailed", Severity::Warning, ("view", &view.name), words)
    });
    failed.collect()
}

fn stale(figures: &OperatorFigures, now: DateTime<Utc>) -> Vec<Alert> {
    let told = figures.sources.iter().filter(|source| DAILY.contains(&source.table.as_str()));
    let old = told.filter_map(|source| {
        let newest = source.newest.filter(|newest| now.timestamp() as f64 - newest > STALE)?;
        Some((source.table.as_str(), DateTime::from_timestamp(newest as i64, 0)?.format("%Y-%m-%d %H:%M")))
    });
    old.map(|(table, newest)| {
        let words = (
            t!("nothing new came from {table} for two days", "{table} 两天没有新数据"),
            t!(
                "its newest row is of {newest} (UTC). Does its export still come in, or its database answer? `nearset doctor` \
                 looks",
                "最新一行为 {newest}（UTC）。导出是否还在到达，数据库是否可达？`nearset doctor` 可检查"
            ),
        );
        alert("SourceStale", Severity::Warning, ("table", table), words)
    })
    .collect()
}

fn broken(figures: &OperatorFigures) -> Vec<Alert> {
    let broken = figures.contracts.iter().filter(|contract| !contract.is_kept);
    broken
        .map(|contract| {
            let (table, which) = (contract.table.as_str(), contract.broken.as_deref().unwrap_or_default());
            let words = (
                t!("{table} breaks its contract: {which}", "{table} 不符合契约：{which}"),
                t!(
                    "{} values or columns; `nearset doctor` and the relation schema_contract_results say which",
                    "共 {} 处；`nearset doctor` 与关系 schema_contract_results 列出是哪些",
                    contract.violations
                ),
            );
            alert("ContractBroken", Severity::Critical, ("table", table), words)
        })
        .collect()
}

fn poor(figures: &OperatorFigures) -> Vec<Alert> {
    let poor = figures.quality.iter().filter(|q| MEASURED.contains(&q.table.as_str()) && q.score < POOR);
    poor.map(|quality| {
        let (table, score) = (quality.table.as_str(), quality.score);
        let words = (
            t!("the quality of {table} is {score:.0} of 100", "{table} 的质量分为 {score:.0}（满分 100）"),
            t!(
                "docs/quality.md says what it is made of; `nearset sql \"from data_quality_alerts\"` says what is odd",
                "质量分的构成见 docs/quality.zh-CN.md；`nearset sql \"from data_quality_alerts\"` 列出异常"
            ),
        );
        alert("QualityLow", Severity::Critical, ("table", table), words)
    })
    .collect()
}

fn odd(figures: &OperatorFigures) -> Vec<Alert> {
    let told = figures.odd_days.iter().filter(|odd| odd.severity != "info");
    told.map(|odd| {
        let OddDay { table, measure, day, value, expected, severity, owner } = odd;
        let (value, expected) = match measure.as_str() {
            "events" => (format!("{value:.0}"), format!("{expected:.0}")),
            _ => (format!("{:.1} %", value * 100.0), format!("{:.1} %", expected * 100.0)),
        };
        let to_whom = if owner.is_empty() { String::new() } else { t!("; {owner} should look", "；请 {owner} 查看") };
        let words = (
            t!("{table}: {measure} was {value} on {day}, not {expected}{to_whom}", "{table}：{day} 的 {measure} 为 {value}，而非 {expected}{to_whom}"),
            t!(
                "the same weekdays of the weeks before lead one to expect the other; `nearset sql \"from data_quality_expected where \
                 is_odd\"` has the days, docs/data-quality.md says how they are judged",
                "前几周的同一星期几给出了预期值；`nearset sql \"from data_quality_expected where is_odd\"` 列出各日，判断方法见 \
                 docs/data-quality.zh-CN.md"
            ),
        );
        let mut found = alert("DayOdd", Severity::named(severity), ("table", table), words);
        found.subject = format!("{table} {measure}");
        found.labels.insert("measure".to_owned(), measure.clone());
        found
    })
    .collect()
}

fn missing(figures: &OperatorFigures) -> Vec<Alert> {
    let critical = figures.reconciliation.iter().filter(|days| days.status == "critical" && days.days > 0);
    critical
        .map(|days| {
            let which = days.dates.as_deref().unwrap_or_default();
            let words = (
                t!(
                    "more than a fifth of the orders is missing in Matomo on {which}",
                    "{which} 超过五分之一的订单在 Matomo 中缺失"
                ),
                t!(
                    "`nearset reconcile --start DAY --end DAY` shows the days; is the tracking of orders still in the pages?",
                    "`nearset reconcile --start 日期 --end 日期` 查看；页面里的订单埋点是否还在？"
                ),
            );
            alert("ReconciliationCritical", Severity::Warning, ("", ""), words)
        })
        .collect()
}

fn uncovered(figures: &OperatorFigures) -> Vec<Alert> {
    let low = figures.tracking.iter().filter(|t| t.coverage < COVERED && t.views >= LEAST_VIEWS);
    low.map(|tracking| {
        let (endpoint, percent) = (tracking.endpoint.as_str(), tracking.coverage * 100.0);
        let words = (
            t!(
                "only {percent:.0} % of the views from lists of {endpoint} carry the request id",
                "来自 {endpoint} 列表的浏览只有 {percent:.0} % 带有请求 ID"
            ),
            t!("docs/front-end.md says what a page must send", "页面应发送什么见 docs/front-end.zh-CN.md"),
        );
        alert("CoverageLow", Severity::Warning, ("endpoint", endpoint), words)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_its_bound_is_told_and_names_what_it_is_about() -> Result<()> {
        let figures: OperatorFigures = serde_json::from_value(serde_json::json!({
            "sources": [
                { "table": "matomo.matomo_log_visit", "newest": 1_790_000_000.0, "rows": 9 },
                { "table": "business.dataset", "newest": 0.0, "rows": 9 },
            ],
            "contracts": [
                { "table": "business.user", "is_kept": false, "violations": 3, "broken": "id unique" },
                { "table": "business.task", "is_kept": true, "violations": 0 },
            ],
            "quality": [
                { "table": "interactions", "score": 79.9, "anomalies": 1 },
                { "table": "images", "score": 1.0, "anomalies": 1 },
            ],
            "reconciliation": [{ "status": "critical", "days": 2, "dates": "2026-10-05, 2026-10-09" }],
            "tracking": [
                { "endpoint": "similar", "coverage": 0.7, "views": 30 },
                { "endpoint": "recommend", "coverage": 0.1, "views": 29 },
            ],
        }))?;
        let summaries = |after: i64| -> Vec<String> {
            let now = DateTime::from_timestamp(1_790_000_000 + after, 0).unwrap_or_default();
            let all = [stale(&figures, now), broken(&figures), poor(&figures), missing(&figures), uncovered(&figures)];
            all.concat()
                .into_iter()
                .map(|alert| format!("{} {}: {}", alert.name, alert.subject, alert.summary))
                .collect()
        };
        let lasting = [
            "ContractBroken business.user: business.user breaks its contract: id unique",
            "QualityLow interactions: the quality of interactions is 80 of 100",
            "ReconciliationCritical : more than a fifth of the orders is missing in Matomo on 2026-10-05, 2026-10-09",
            "CoverageLow similar: only 70 % of the views from lists of similar carry the request id",
        ];
        assert_eq!(summaries(172_800), lasting);
        assert_eq!(
            summaries(172_801)[0],
            "SourceStale matomo.matomo_log_visit: nothing new came from matomo.matomo_log_visit for two days"
        );
        Ok(())
    }
}
