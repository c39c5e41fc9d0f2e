//! The report as a page that needs nothing else: both languages are in it, and a button that changes between them.

use super::figures::{Alert, QualityReport, TableFigures};

/// The page, with places for what is told.
const PAGE: &str = include_str!("page.html");

/// Checks by their names: English, Chinese, and the advice in Chinese.
const CHECKS: [(&str, &str, &str, &str); 10] = [
    ("nulls", "missing", "缺失", "行里缺少必要的值：请在源头补齐，或导出该列。"),
    ("duplicates", "repeated", "重复", "同样的内容出现多次：请检查导出时的连接，或页面是否重复埋点。"),
    ("set_aside", "set aside", "搁置", "有值无法读取或使用：set_aside 中有原因和例子。"),
    ("strangers", "unknown ids", "未知 ID", "事件指向数据源里没有的数据集或用户：请完整导出这些表，包括已删除的。"),
    ("concentration", "Gini", "基尼系数", "少数数据集占了几乎全部浏览：请检查爬虫、监控或单次活动。"),
    ("price_outliers", "odd prices", "价格异常", "有价格远离其余价格：请检查是否把分当成元，或 999999 之类的占位值。"),
    ("day_gaps", "missing days", "缺失日", "中间缺少某些天：请检查导出是否缺失，或埋点是否停过。"),
    ("unusual_days", "unusual days", "异常日", "有些天的事件远多于或少于其他天：请检查爬虫，或埋点是否停过。"),
    ("contract", "contract", "契约", "不符合表结构契约：schema_contract_results 说明了哪些规则，并有例子。"),
    ("score", "score", "得分", "得分低于 80：该表上面的各项检查说明了原因。"),
];

/// The page's text.
pub(super) fn html(report: &QualityReport) -> String {
    let summary = &report.summary;
    let critical = summary.alerts.get("critical").copied().unwrap_or_default();
    let warnings = summary.alerts.get("warning").copied().unwrap_or_default();
    PAGE.replace("{{as_of}}", &escaped(&report.generated_at))
        .replace("{{overall}}", &format!("{:.1}", summary.overall_score))
        .replace("{{tables}}", &summary.tables.to_string())
        .replace("{{critical}}", &critical.to_string())
        .replace("{{warnings}}", &warnings.to_string())
        .replace("{{anomalies}}", &summary.anomalies.to_string())
        .replace("{{alert_rows}}", &report.alerts.iter().map(alert).collect::<String>())
        .replace("{{no_alerts}}", if report.alerts.is_empty() { "" } else { "hidden" })
        .replace("{{some_alerts}}", if report.alerts.is_empty() { "hidden" } else { "" })
        .replace("{{score_rows}}", &report.tables.iter().map(|(name, table)| score(name, table)).collect::<String>())
        .replace("{{contract_rows}}", &contracts(report))
}

/// Text that stands in a page as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A table's name, which may be broken after its dots and underscores.
fn table_name(name: &str) -> String {
    escaped(name).replace('.', ".<wbr>").replace('_', "_<wbr>")
}

fn both(english: &str, chinese: &str) -> String {
    format!("<span class=\"en\">{}</span><span class=\"zh\">{}</span>", escaped(english), escaped(chinese))
}

fn check(name: &str) -> String {
    let found = CHECKS.iter().find(|(check, ..)| *check == name);
    found.map_or_else(|| escaped(name), |(_, english, chinese, _)| both(english, chinese))
}

/// A share as a percentage, with as many digits as it takes to see that it is not 0.
fn share(value: Option<f64>) -> String {
    match value {
        None => "<td class=\"none\">–</td>".to_owned(),
        Some(0.0) => "<td>0 %</td>".to_owned(),
        Some(value) => format!("<td>{:.2} %</td>", value * 100.0),
    }
}

fn grade(score: f64) -> &'static str {
    match score {
        score if score < 80.0 => "bad",
        score if score < 95.0 => "fair",
        _ => "good",
    }
}

fn score(name: &str, table: &TableFigures) -> String {
    let gini = table.concentration.map_or("<td class=\"none\">–</td>".to_owned(), |g| format!("<td>{g:.3}</td>"));
    let shares: String = [table.nulls, table.duplicates, table.set_aside, table.strangers].map(share).concat();
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"score\"><b class=\"{grade}\">{score:.1}</b><i><s class=\"{grade}\" \
         style=\"width:{score:.1}%\"></s></i></td><td>{}</td>{shares}{gini}{}{}<td>{}</td></tr>\n",
        table_name(name),
        table.rows,
        share(table.price_outliers),
        share(table.day_gaps),
        table.anomalies,
        grade = grade(table.score),
        score = table.score,
    )
}

fn alert(alert: &Alert) -> String {
    let chinese = CHECKS.iter().find(|(check, ..)| *check == alert.check_name).map_or("", |(.., advice)| advice);
    let severity = match alert.severity.as_str() {
        "critical" => both("critical", "严重"),
        _ => both("warning", "警告"),
    };
    let advice = both(&alert.advice, if chinese.is_empty() { &alert.advice } else { chinese });
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"text {}\">{severity}</td><td class=\"text\">{}</td><td>{}</td><td>{}</td>\
         <td class=\"text wide\">{advice}</td></tr>\n",
        table_name(&alert.table_name),
        escaped(&alert.severity),
        check(&alert.check_name),
        alert.value,
        alert.bound,
    )
}

fn contracts(report: &QualityReport) -> String {
    let mut rows = String::new();
    for (name, contract) in &report.contracts {
        let state = match contract.status {
            1 => format!("<td class=\"text good\">{}</td>", both("held", "符合")),
            _ => format!("<td class=\"text critical\">{}</td>", both("broken", "不符")),
        };
        let broken: Vec<String> = contract
            .broken
            .iter()
            .map(|broken| {
                let example = broken.example.as_ref().map_or(String::new(), |e| format!(" ({e})"));
                let column = if broken.column.is_empty() { String::new() } else { format!("{}: ", broken.column) };
                escaped(&format!("{column}{} {}: {}{example}", broken.rule, broken.expected, broken.violations))
            })
            .collect();
        rows += &format!(
            "<tr><th scope=\"row\">{}</th>{state}<td>{}</td><td>{}</td><td class=\"text wide\">{}</td></tr>\n",
            table_name(name),
            contract.rules,
            contract.violations,
            broken.join("<br>")
        );
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_row_is_no_markup() {
        assert_eq!(escaped("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
        assert_eq!(check("no <such>"), "no &lt;such&gt;");
        assert_eq!(share(Some(0.0001)), "<td>0.01 %</td>");
    }
}
