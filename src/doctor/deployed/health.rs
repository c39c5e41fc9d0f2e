//! Whether the server is there, ready, and well.

use serde_json::Value;

use super::broken;
use super::client::{Client, json};
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};

/// How the server says that it is.
pub(super) struct Health {
    pub findings: Vec<Finding>,
    /// Whether it is worth asking it for more.
    pub is_there: bool,
    /// The version that answers.
    pub version: Option<String>,
}

pub(super) fn look(client: &Client) -> Health {
    let mut health = Health { findings: Vec::new(), is_there: false, version: None };
    let live = client.get("/health/live").and_then(|answer| json("/health/live", &answer, 200));
    if let Err(error) = live {
        health.findings.push(broken("server", &error));
        return health;
    }
    health.is_there = true;
    health.findings.push(match client.get("/health/ready") {
        Err(error) => broken("server", &error),
        Ok(answer) if answer.is_success() => {
            Finding::new(Verdict::Fine, "server", either("it runs and is ready", "在运行，已就绪").to_owned())
        }
        Ok(answer) => Finding::new(
            Verdict::Broken,
            "server",
            t!(
                "it runs and is not ready ({}): no version is loaded; `nearset run` makes one, `nearset models list` shows \
                 what there is",
                "在运行但未就绪（{}）：没有加载任何版本；`nearset run` 生成版本，`nearset models list` 列出已有版本",
                answer.status
            ),
        ),
    });
    match client.get("/health").and_then(|answer| json("/health", &answer, answer.status)) {
        Err(error) => health.findings.push(broken("health", &error)),
        Ok(body) => {
            health.version = body["model_version"].as_str().map(str::to_owned);
            health.findings.push(well(&body));
        }
    }
    health
}

/// What `/health` says in a line: all is well, or what is not.
fn well(body: &Value) -> Finding {
    let status = body["status"].as_str().unwrap_or("?");
    let checks = body["checks"].as_object().into_iter().flatten();
    let amiss: Vec<String> = checks
        .filter(|(_, check)| check["status"] != "ok")
        .map(|(name, check)| format!("{name}: {}", check["detail"].as_str().unwrap_or("?")))
        .collect();
    let verdict = match status {
        "healthy" if amiss.is_empty() => Verdict::Fine,
        "unavailable" => Verdict::Broken,
        _ => Verdict::Odd,
    };
    let datasets = body["datasets"].as_u64().unwrap_or(0);
    let version = body["model_version"].as_str().unwrap_or(either("no version", "无版本"));
    let text = t!("{status}; {version}, {datasets} datasets", "{status}；{version}，{datasets} 个数据集");
    Finding::new(verdict, "health", [vec![text], amiss].concat().join("\n"))
}
