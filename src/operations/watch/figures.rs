//! What the last run published of its data: sources that are old, contracts that are broken, tables of poor quality, orders
//! that are missing in tracking, views that are not known as such. The bounds are those of deploy/prometheus/rules.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::common::language::t;
use crate::config::Config;
use crate::evaluate::OperatorFigures;
use crate::operations::{Alert, Severity};

/// Tables that change every day wherever there are visitors.
const DAILY: [&str; 3] = ["matomo.matomo_log_visit", "matomo.matomo_log_link_visit_action", "exposures.exposure_log"];
/// Older is stale, in seconds.
const STALE: f64 = 172_800.0;
/// Tables whose quality is told.
const MEASURED: [&str; 3] = ["interactions", "dataset_features", "user_profile"];
/// A lower score is poor.
const POOR: f64 = 80.0;
/// A lower share of views with a request id is told, of so many views at least.
const COVERED: (f64, u64) = (0.8, 30);

/// All of it.
pub fn alerts(config: &Config, now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let figures = OperatorFigures::read(&config.metadata_dir())?;
    let mut alerts = Vec::new();
    let mut add = |name: &str, (label, subject): (&str, &str), severity, summary, description| {
        let labels = if label.is_empty() { None } else { Some((label.to_owned(), subject.to_owned())) };
        let (name, subject) = (name.to_owned(), subject.to_owned());
        alerts.push(Alert { name, subject, severity, summary, description, labels: labels.into_iter().collect() });
    };
    for source in figures.sources.iter().filter(|source| DAILY.contains(&source.table.as_str())) {
        let Some(newest) = source.newest.filter(|newest| now.timestamp() as f64 - newest > STALE) else { continue };
        let day = DateTime::from_timestamp(newest as i64, 0).unwrap_or(now).format("%Y-%m-%d %H:%M");
        let table = source.table.as_str();
        add(
            "SourceStale",
            ("table", table),
            Severity::Warning,
            t!("nothing new came from {table} for two days", "{table} 两天没有新数据"),
            t!(
                "its newest row is of {day} (UTC). Does its export still come in, or its database answer? `nearset doctor` looks",
                "最新一行为 {day}（UTC）。导出是否还在到达，数据库是否可达？`nearset doctor` 可检查"
            ),
        );
    }
    for contract in figures.contracts.iter().filter(|contract| !contract.is_kept) {
        let (table, broken) = (contract.table.as_str(), contract.broken.as_deref().unwrap_or_default());
        add(
            "ContractBroken",
            ("table", table),
            Severity::Critical,
            t!("{table} breaks its contract: {broken}", "{table} 不符合契约：{broken}"),
            t!(
                "{} values or columns; `nearset doctor` and the relation schema_contract_results say which",
                "共 {} 处；`nearset doctor` 与关系 schema_contract_results 列出是哪些",
                contract.violations
            ),
        );
    }
    for quality in figures.quality.iter().filter(|q| MEASURED.contains(&q.table.as_str()) && q.score < POOR) {
        let (table, score) = (quality.table.as_str(), quality.score);
        add(
            "QualityLow",
            ("table", table),
            Severity::Critical,
            t!("the quality of {table} is {score:.0} of 100", "{table} 的质量分为 {score:.0}（满分 100）"),
            t!(
                "docs/quality.md says what it is made of; `nearset sql \"from data_quality_alerts\"` says what is odd",
                "质量分的构成见 docs/quality.zh-CN.md；`nearset sql \"from data_quality_alerts\"` 列出异常"
            ),
        );
    }
    for days in figures.reconciliation.iter().filter(|days| days.status == "critical" && days.days > 0) {
        let which = days.dates.as_deref().unwrap_or_default();
        add(
            "ReconciliationCritical",
            ("", ""),
            Severity::Warning,
            t!(
                "more than a fifth of the orders is missing in Matomo on {which}",
                "{which} 超过五分之一的订单在 Matomo 中缺失"
            ),
            t!(
                "`nearset reconcile --start DAY --end DAY` shows the days; is the tracking of orders still in the pages?",
                "`nearset reconcile --start 日期 --end 日期` 查看；页面里的订单埋点是否还在？"
            ),
        );
    }
    let (least, views) = COVERED;
    for tracking in figures.tracking.iter().filter(|t| t.coverage < least && t.views >= views) {
        let (endpoint, percent) = (tracking.endpoint.as_str(), tracking.coverage * 100.0);
        add(
            "CoverageLow",
            ("endpoint", endpoint),
            Severity::Warning,
            t!(
                "only {percent:.0} % of the views from lists of {endpoint} carry the request id",
                "来自 {endpoint} 列表的浏览只有 {percent:.0} % 带有请求 ID"
            ),
            t!("docs/front-end.md says what a page must send", "页面应发送什么见 docs/front-end.zh-CN.md"),
        );
    }
    Ok(alerts)
}
