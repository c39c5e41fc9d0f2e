//! What the server says of itself, where one answers: asked over HTTP, since it may be another process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::common::language::t;
use crate::config::Config;
use crate::operations::notify::Routing;
use crate::operations::{Alert, Outgoing, Severity};

/// How long a server may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that cannot log, that answers with another version than it should, or that does not answer although it must.
///
/// # Errors
/// `notify.toml` makes no sense.
pub fn alerts(config: &Config, _now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let expected = Routing::of(config)?.server;
    let address = expected.clone().unwrap_or_else(|| format!("http://{}", reachable(config.serve.listen)));
    let mut quick = config.clone();
    quick.outgoing.timeout = quick.outgoing.timeout.min(PATIENCE);
    let answer = Outgoing::of(&quick)?.get(&format!("{}/health", address.trim_end_matches('/')));
    let health = answer.ok().and_then(|answer| serde_json::from_slice::<Value>(&answer.body).ok());
    let health = health.filter(|health| health["exposures_logged"].is_boolean());
    match (health, expected) {
        (Some(health), _) => Ok(of_health(&health)),
        (None, Some(address)) => Ok(vec![down(&address)]),
        (None, None) => Ok(Vec::new()),
    }
}

/// An address that can be asked: a server that listens on all of them is asked on this machine's own.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    listen
}

fn alert(name: &str, severity: Severity, summary: String, description: String) -> Alert {
    let (name, subject, labels) = (name.to_owned(), String::new(), [].into());
    Alert { name, subject, severity, summary, description, labels }
}

fn down(address: &str) -> Alert {
    alert(
        "ServerDown",
        Severity::Critical,
        t!("nearset does not answer at {address}", "{address} 上的 nearset 没有应答"),
        t!(
            "no lists are shown. Does its service run (`systemctl status nearset`), and what does its log say?",
            "列表无法显示。服务是否在运行（`systemctl status nearset`），日志说了什么？"
        ),
    )
}

fn of_health(health: &Value) -> Vec<Alert> {
    let mut alerts = Vec::new();
    if health["exposures_logged"] == false {
        let lost = health["exposures_unlogged"].as_u64().unwrap_or(0);
        alerts.push(alert(
            "ExposuresNotLogged",
            Severity::Critical,
            t!("lists are shown without being logged", "列表已展示但未写入曝光日志"),
            t!(
                "{lost} lists are lost to the log so far. Is the disk of DATA_DIR full, or closed to the server's user?",
                "至今有 {lost} 个列表未进入日志。DATA_DIR 的磁盘是否已满，服务用户是否无权写入？"
            ),
        ));
    }
    if let Some(fault) = health["model_fault"].as_str() {
        alerts.push(alert(
            "ModelRefused",
            Severity::Critical,
            t!("the current version does not answer, another stands in", "当前版本未能启用，由其他版本代答"),
            format!(
                "{fault}\n{}",
                t!(
                    "`nearset models list` shows the versions; `nearset models rollback` goes back to the one before",
                    "`nearset models list` 查看版本；`nearset models rollback` 回退到之前的版本"
                )
            ),
        ));
    }
    alerts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_server_says_is_told_and_one_that_is_well_says_nothing() {
        let names = |health: Value| of_health(&health).into_iter().map(|alert| alert.name).collect::<Vec<_>>();
        assert!(names(json!({ "exposures_logged": true, "model_fault": null })).is_empty());
        let both = names(json!({ "exposures_logged": false, "exposures_unlogged": 7, "model_fault": "no file" }));
        assert_eq!(both, ["ExposuresNotLogged", "ModelRefused"]);
        assert_eq!(reachable(([0, 0, 0, 0], 8000).into()), ([127, 0, 0, 1], 8000).into());
    }
}
