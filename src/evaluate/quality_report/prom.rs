//! The figures in Prometheus's text format, under the names that `/metrics` has.

use super::figures::QualityReport;

/// A metric's name, help and label, and its series by the label's value.
type Family<'a> = (&'static str, &'static str, &'static str, Vec<(&'a str, String)>);

/// The file's text.
pub(super) fn text(report: &QualityReport) -> String {
    let tables = || report.tables.iter();
    let contracts = || report.contracts.iter();
    let families: [Family<'_>; 5] = [
        (
            "data_quality_score",
            "How good a table's data are, 0 to 100.",
            "table",
            tables().map(|(name, table)| (name.as_str(), table.score.to_string())).collect(),
        ),
        (
            "data_quality_anomalies",
            "Odd rows, days or datasets of a table.",
            "table",
            tables().map(|(name, table)| (name.as_str(), table.anomalies.to_string())).collect(),
        ),
        (
            "data_quality_alerts",
            "Alerts on the data by severity.",
            "severity",
            report.summary.alerts.iter().map(|(name, count)| (name.as_str(), count.to_string())).collect(),
        ),
        (
            "data_schema_contract_status",
            "Whether a source table holds to its contract: 1, else 0.",
            "table",
            contracts().map(|(name, contract)| (name.as_str(), contract.status.to_string())).collect(),
        ),
        (
            "data_schema_contract_violations",
            "Rows of a source table that break a rule of its contract.",
            "table",
            contracts().map(|(name, contract)| (name.as_str(), contract.violations.to_string())).collect(),
        ),
    ];
    let mut text = String::new();
    for (name, help, label, series) in families.iter().filter(|(.., series)| !series.is_empty()) {
        text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (value, figure) in series {
            text += &format!("{name}{{{label}=\"{value}\"}} {figure}\n");
        }
    }
    text
}
