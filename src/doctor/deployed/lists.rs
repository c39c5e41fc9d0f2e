//! Lists of datasets that there are: each whole, with its headers, by the version that should answer, and soon.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::broken;
use super::client::{Client, json};
use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::operations::Answer;

/// How many datasets' pages are asked for.
const PAGES: usize = 20;
/// How long a list may take before it is looked at twice: as the rule on latency has it.
const LONG: Duration = Duration::from_millis(200);

/// One list that is as it must be.
struct List {
    ids: Vec<String>,
    version: String,
    /// Why it is no usual list.
    fallback: Option<String>,
    took: Duration,
    /// What the server says it took.
    seconds: f64,
}

/// All lists of one pass.
#[derive(Default)]
struct Lists {
    good: Vec<List>,
    bad: Vec<String>,
}

impl Lists {
    /// Asks for a list and keeps it, or what is wrong with it.
    fn ask(&mut self, client: &Client, path: &str, key: &str, page: Option<&str>) -> Option<&List> {
        let asked = client.list(path).and_then(|(answer, took)| list(path, &answer, took, (key, page)));
        match asked {
            Ok(list) => {
                self.good.push(list);
                self.good.last()
            }
            Err(error) => {
                self.bad.push(describe(&error));
                None
            }
        }
    }
}

/// Asks for lists of every kind, those of pages for datasets that the server itself names.
pub(super) fn look(client: &Client, version: Option<&str>) -> Vec<Finding> {
    let mut lists = Lists::default();
    let known = lists.ask(client, "/recommend?user_id=0&top_n=100", "recommendations", None);
    let Some(known) = known.map(|list| list.ids.clone()) else {
        return lists.bad.iter().map(|text| broken("lists", &anyhow::anyhow!(text.clone()))).collect();
    };
    lists.good.clear();
    for id in known.iter().take(PAGES) {
        let page = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
        lists.ask(client, &format!("/similar/{page}?top_n=10"), "similar_items", Some(id));
        lists.ask(client, &format!("/recommend/detail/{page}?user_id=0&top_n=10"), "recommendations", Some(id));
    }
    let trending = client.list("/hot/trending?limit=10&timeframe=7d");
    let trending = trending.and_then(|(answer, _)| json("/hot/trending", &answer, 200));
    lists.bad.extend(trending.err().map(|error| describe(&error)));
    let mut findings = vec![whole(client, &lists)];
    findings.extend(version.and_then(|version| versions(&lists, version)));
    findings.extend(latency(&lists));
    findings
}

/// Reads one list and holds it to what every list must be.
fn list(path: &str, answer: &Answer, took: Duration, (key, page): (&str, Option<&str>)) -> Result<List> {
    if answer.status == 401 {
        bail!(t!(
            "{path} answers 401: TEST_TOKEN is not the server's; give the server's, or none",
            "{path} 返回 401：TEST_TOKEN 与服务器的不同；请使用服务器的 TEST_TOKEN，或不设置"
        ));
    }
    let body = json(path, answer, 200)?;
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let amiss = |what: &str| t!("{path}: {what}", "{path}：{what}");
    let request_id = body["request_id"].as_str().unwrap_or_default();
    ensure!(request_id.starts_with("req_"), amiss("request_id"));
    ensure!(header("x-request-id") == Some(request_id), amiss("X-Request-ID"));
    let seconds = header("x-response-time").and_then(|text| text.parse().ok());
    let seconds = seconds.with_context(|| amiss("X-Response-Time"))?;
    let items = body[key].as_array().with_context(|| amiss(key))?;
    ensure!(!items.is_empty(), t!("{path}: the list is empty", "{path}：列表为空"));
    let ids: Vec<String> = items.iter().filter_map(id).collect();
    ensure!(ids.len() == items.len(), amiss("dataset_id"));
    let distinct: BTreeSet<&String> = ids.iter().collect();
    ensure!(distinct.len() == ids.len(), t!("{path}: a dataset stands in it twice", "{path}：有数据集重复出现"));
    ensure!(
        page.is_none_or(|page| ids.iter().all(|id| id != page)),
        t!("{path}: the page itself stands in its list", "{path}：页面自身出现在列表中")
    );
    let is_shown = |item: &Value| item["title"].as_str().is_some_and(|title| !title.is_empty());
    ensure!(items.iter().all(|item| is_shown(item) && item["score"].is_number()), amiss("title, score"));
    let fallback = (body["variant"] == "fallback")
        .then(|| body["request_context"]["degrade_reason"].as_str().unwrap_or("fallback").to_owned());
    let version = body["algorithm_version"].as_str().with_context(|| amiss("algorithm_version"))?.to_owned();
    Ok(List { ids, version, fallback, took, seconds })
}

/// A dataset's id as text, be it a number or a string.
fn id(item: &Value) -> Option<String> {
    match &item["dataset_id"] {
        Value::Number(id) => Some(id.to_string()),
        Value::String(id) => Some(id.clone()),
        _ => None,
    }
}

/// Whether all lists are as they must be, and how they were asked for.
fn whole(client: &Client, lists: &Lists) -> Finding {
    if let Some(first) = lists.bad.first() {
        let (bad, all) = (lists.bad.len(), lists.bad.len() + lists.good.len());
        let text = t!("{bad} of {all} are not as they must be: {first}", "{all} 个中有 {bad} 个不符合要求：{first}");
        return Finding::new(Verdict::Broken, "lists", text);
    }
    let how = match client.is_testing() {
        true => either("asked for as tests: not logged", "以测试请求获取：不记入日志"),
        false => either(
            "asked for as a browser fetches ahead: logged, in no figure; with TEST_TOKEN not logged",
            "以浏览器预取方式获取：记入日志，不计入指标；设置 TEST_TOKEN 则不记入日志",
        ),
    };
    let good = lists.good.len();
    // user 0 is nobody: that a list is without them is no fault
    let reasons: BTreeSet<&str> = lists.good.iter().filter_map(|list| list.fallback.as_deref()).collect();
    let reasons: Vec<&str> = reasons.into_iter().filter(|reason| *reason != "unknown_user").collect();
    if reasons.is_empty() {
        let text = t!("{good} are whole, with their headers; {how}", "{good} 个均完整，响应头齐全；{how}");
        return Finding::new(Verdict::Fine, "lists", text);
    }
    let reasons = reasons.join(", ");
    let text = t!(
        "{good} are whole, some are fallbacks ({reasons}); {how}",
        "{good} 个均完整，部分为兜底（{reasons}）；{how}"
    );
    Finding::new(Verdict::Odd, "lists", text)
}

/// Whether the version that `/health` names made lists; canaries and experiments may have made others.
fn versions(lists: &Lists, version: &str) -> Option<Finding> {
    let made: BTreeSet<&str> = lists.good.iter().map(|list| list.version.as_str()).collect();
    if made.is_empty() {
        return None;
    }
    let all = made.iter().copied().collect::<Vec<_>>().join(", ");
    Some(match made.contains(version) {
        true => Finding::new(Verdict::Fine, "version", t!("lists are made by {all}", "列表由 {all} 生成")),
        false => Finding::new(
            Verdict::Odd,
            "version",
            t!(
                "lists are made by {all}, and /health names {version}: it was changed just now, or several servers answer",
                "列表由 {all} 生成，而 /health 说是 {version}：版本刚刚切换，或有多台服务器在应答"
            ),
        ),
    })
}

/// How long lists took.
fn latency(lists: &Lists) -> Option<Finding> {
    let mut took: Vec<Duration> = lists.good.iter().map(|list| list.took).collect();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).or(took.last()).copied();
    let (middle, high) = (at(50)?, at(95)?);
    let mut own: Vec<f64> = lists.good.iter().map(|list| list.seconds).collect();
    own.sort_unstable_by(f64::total_cmp);
    let own = own.get(own.len() / 2)? * 1e3;
    let (middle, shown) = (middle.as_secs_f64() * 1e3, high.as_secs_f64() * 1e3);
    let text = t!(
        "half of the lists came within {middle:.1} ms, 95 % within {shown:.1} ms; the server itself took {own:.1} ms",
        "一半的列表在 {middle:.1} 毫秒内返回，95 % 在 {shown:.1} 毫秒内；服务器自身用时 {own:.1} 毫秒"
    );
    Some(Finding::new(if high > LONG { Verdict::Odd } else { Verdict::Fine }, "latency", text))
}
