//! What a server answers besides lists: refusals, metrics, its description, reports.

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::broken;
use super::client::{Client, json};
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::operations::Answer;

/// Whether what is asked wrongly is refused, in the form of all errors.
pub(super) fn refusals(client: &Client) -> Finding {
    let path = "/similar/1?top_n=0";
    let read = client.get(path).and_then(|answer| json(path, &answer, 400));
    match read.map(|body| body.pointer("/error/code").is_some_and(Value::is_string)) {
        Err(error) => broken("refusals", &error),
        Ok(false) => {
            broken("refusals", &anyhow!(t!("{path} is refused without error.code", "{path} 被拒绝，但没有 error.code")))
        }
        Ok(true) => Finding::new(
            Verdict::Fine,
            "refusals",
            either("what is asked wrongly is refused with its reason", "错误的请求会被拒绝并说明原因").to_owned(),
        ),
    }
}

/// Asks for what a proxy may rightly keep to itself.
fn inside(client: &Client, what: &str, path: &str) -> Result<Answer, Finding> {
    match client.get(path) {
        Err(error) => Err(broken(what, &error)),
        Ok(answer) if [401, 403, 404].contains(&answer.status) => {
            let text = t!(
                "{path} answers {}: a proxy may keep it to itself; ask the server's own address to see it",
                "{path} 返回 {}：可能由代理屏蔽；请直接询问服务器自身的地址",
                answer.status
            );
            Err(Finding::new(Verdict::Odd, what, text))
        }
        Ok(answer) => Ok(answer),
    }
}

/// Whether Prometheus can read the metrics.
pub(super) fn metrics(client: &Client) -> Finding {
    let path = "/metrics";
    let answer = match inside(client, "metrics", path) {
        Err(finding) => return finding,
        Ok(answer) => answer,
    };
    match series(&answer.text()) {
        Ok(count) if answer.is_success() => {
            Finding::new(Verdict::Fine, "metrics", t!("{count} series can be read", "{count} 个序列可读"))
        }
        Ok(_) => broken("metrics", &anyhow!(t!("{path} answers {}", "{path} 返回 {}", answer.status))),
        Err(error) => broken("metrics", &error),
    }
}

/// How many series a text of metrics has.
fn series(text: &str) -> Result<usize> {
    let mut count = 0;
    let mut has_requests = false;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let unread = || {
            let number = number + 1;
            t!("line {number} of /metrics cannot be read: {line}", "/metrics 第 {number} 行无法读取：{line}")
        };
        let (name, value) = line.rsplit_once(' ').with_context(unread)?;
        let bare = name.split_once('{').map_or(name, |(bare, labels)| if labels.ends_with('}') { bare } else { "" });
        let is_name = bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        ensure!(!bare.is_empty() && is_name && value.parse::<f64>().is_ok(), unread());
        has_requests |= bare == "recommendation_requests_total";
        count += 1;
    }
    ensure!(
        has_requests,
        either("/metrics has no recommendation_requests_total", "/metrics 中没有 recommendation_requests_total")
    );
    Ok(count)
}

/// Whether programs can read what there is to ask for.
pub(super) fn description(client: &Client) -> Finding {
    let path = "/openapi.json";
    let answer = match inside(client, "api", path) {
        Err(finding) => return finding,
        Ok(answer) => answer,
    };
    let read = json(path, &answer, 200).and_then(|body| {
        let routes = body["paths"].as_object().filter(|paths| paths.contains_key("/similar/{dataset_id}"));
        let routes = routes.with_context(|| t!("{path} does not have /similar", "{path} 中没有 /similar"))?.len();
        Ok((routes, body["info"]["version"].as_str().unwrap_or("?").to_owned()))
    });
    match read {
        Err(error) => broken("api", &error),
        Ok((routes, version)) => {
            let text = t!("nearset {version} describes {routes} routes", "nearset {version} 描述了 {routes} 个路由");
            Finding::new(Verdict::Fine, "api", text)
        }
    }
}

/// Who may read the reports.
pub(super) fn reports(client: &Client) -> Finding {
    let path = "/reports?format=json";
    let answer = match client.get(path) {
        Err(error) => return broken("report pages", &error),
        Ok(answer) => answer,
    };
    let finding = |verdict, text: &str| Finding::new(verdict, "report pages", text.to_owned());
    match answer.status {
        200 if client.is_here => finding(Verdict::Fine, either("can be read from here", "可从本机查看")),
        200 => finding(
            Verdict::Odd,
            either(
                "can be read by whoever asks, figures of sales too; REPORTS=local keeps them to this machine and ADMIN_TOKEN",
                "任何人都可查看，包括销售数据；REPORTS=local 只允许本机与持有 ADMIN_TOKEN 者查看",
            ),
        ),
        401 | 403 => {
            finding(Verdict::Fine, either("are kept to whoever has the admin token", "只对持有管理令牌者开放"))
        }
        404 => finding(Verdict::Fine, either("are not shown here", "此处不开放")),
        status => broken("report pages", &anyhow!(t!("{path} answers {status}", "{path} 返回 {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_line_by_line() {
        let good = "# TYPE a counter\nrecommendation_requests_total{endpoint=\"a b\"} 3\nb +Inf\nc{x=\"}\"} 1e-9\n";
        assert!(series(good).is_ok_and(|count| count == 3));
        for bad in ["<html>no</html>", "recommendation_requests_total 1\na{b=\"c\" 2", "a 1", ""] {
            assert!(series(bad).is_err(), "{bad}");
        }
    }
}
