//! One experiment in depth.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::json;

use super::list::ratio_off;
use super::{Look, ROWS, change, words};
use crate::console::chart::draw;
use crate::console::layout::problem;
use crate::console::parts::{Head, crumbs, facts, figure_with_interval, listed, number, percent, plain_table, time};
use crate::console::{Section, Ui, page};
use crate::operations::experiments::Standing;
use crate::query::{Refusal, Rows};
use crate::serve::{Access, Shared};
use crate::sql_project::{Chart, ChartKind};

/// Each variant's figure after each day.
const RATES: &str = "select day, experiment_variant, rate, rate_low, rate_high from experiment_looks
    where experiment = $1 and rate is not null order by experiment_variant, day";

/// How each variant differed from the control after each day.
const DIFFERENCES: &str =
    "select day, experiment_variant, difference, difference_low, difference_high from experiment_looks
    where experiment = $1 and is_enough order by experiment_variant, day";

/// What happened on each day.
const DAYS: &str =
    "select day, experiment_variant, visitors, lists, exposures, clicks, orders, revenue from experiment_days
    where experiment = $1 order by day desc, experiment_variant";

pub async fn show(ui: Ui, access: Access, State(state): State<Shared>, Path(name): Path<String>) -> Response {
    let look = Look::take(&state).await;
    let above = crumbs(&ui, &[(Section::Experiments.path(), ui.say("All experiments", "全部实验"))]);
    let Some(standing) = look.standings.iter().find(|standing| standing.name == name) else {
        let body = html! {
            (above)
            @if let Some(broken) = &look.broken { pre.problem { (broken) } }
            p.problem role="alert" { (ui.say("There is no such experiment.", "没有这个实验。")) }
        };
        return (StatusCode::NOT_FOUND, page(&ui, Section::Experiments, "", &body)).into_response();
    };
    let ask = |sql: &'static str| state.desk.rows(sql, vec![json!(name)], ROWS);
    let (rates, differences, days) = (ask(RATES).await, ask(DIFFERENCES).await, ask(DAYS).await);
    let metric = standing.results.first().map_or("clicks", |result| result.metric.as_str());
    let body = html! {
        (above)
        (change::done(&ui))
        p { (words::state(&ui, standing)) }
        @if let Some(refusal) = &look.refusal { (problem(&ui, refusal)) }
        @if standing.is_sample_ratio_off() { (ratio_off(&ui)) }
        (about(&ui, standing))
        (results(&ui, standing, metric))
        @if !standing.results.is_empty() {
            section {
                h2 { (ui.say("Over time", "随时间变化")) }
                (drawn(&ui, words::metric(&ui, metric), "rate", rates))
                (drawn(&ui, ui.say("Difference from the control", "与对照组之差"), "difference", differences))
                p.soft {
                    (ui.say(
                        "Of all lists up to each day. The bands hold at all looks together: a verdict is reached where the band of the difference leaves zero.",
                        "截至每一天的全部列表。区间对所有查看同时成立：差值区间离开零时即可得出结论。",
                    ))
                }
            }
            section {
                h2 { (ui.say("Day by day", "逐日")) }
                @match days { Ok(rows) => (plain_table(&ui, ui.say("Day by day", "逐日"), &rows)), Err(refusal) => (problem(&ui, &refusal)) }
            }
        }
        (change::forms(&ui, access, standing))
    };
    page(&ui, Section::Experiments, &standing.name, &body)
}

fn drawn(ui: &Ui, title: &str, figure: &str, rows: Result<Rows, Refusal>) -> Markup {
    let chart = Chart {
        kind: ChartKind::Line,
        x: Some("day".to_owned()),
        y: vec![figure.to_owned()],
        by: Some("experiment_variant".to_owned()),
        low_high: Some((format!("{figure}_low"), format!("{figure}_high"))),
    };
    match rows {
        Ok(rows) => draw(ui, title, &chart, &rows),
        Err(refusal) => problem(ui, &refusal),
    }
}

/// What the file says of it.
fn about(ui: &Ui, standing: &Standing) -> Markup {
    let Some(plan) = &standing.plan else { return html! {} };
    let open = || html! { (ui.say("open", "未定")) };
    let changes = |arm: &crate::serve::deployment::Arm| {
        let parts: Vec<String> = arm.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        if parts.is_empty() { ui.say("changes nothing", "不作改变").to_owned() } else { parts.join(", ") }
    };
    html! {
        section {
            h2 { (ui.say("What is tried", "实验内容")) }
            (facts(&[
                (ui.say("Lists", "列表"), html! { (plan.slot.name()) }),
                (ui.say("From", "开始"), plan.period.start.map_or_else(open, |at| time(ui, at))),
                (ui.say("To", "结束"), plan.period.end.map_or_else(open, |at| time(ui, at))),
                (ui.say("Compared by", "比较指标"), html! { (words::metric(ui, plan.metric.name())) }),
                (ui.say("Worth finding", "值得关注的变化"), html! { (percent(plan.least_effect)) }),
            ]))
            ul { @for arm in &plan.variants {
                li { b { (arm.name) } " " (percent(arm.share)) " – " (changes(arm)) }
            } }
        }
    }
}

/// Where its variants stand.
fn results(ui: &Ui, standing: &Standing, metric: &str) -> Markup {
    if standing.results.is_empty() {
        return html! { p.soft { (ui.say("No run has seen lists of it yet.", "还没有运行读到它的列表。")) } };
    }
    let form = words::figure(metric);
    let ratio = standing.results.iter().find_map(|result| result.sample_ratio_p);
    let allocations = standing.results.iter().filter_map(|result| result.allocations).max().unwrap_or(1);
    html! {
        section {
            h2 { (ui.say("Results", "结果")) }
            (listed(ui.say("Results", "结果"), &[
                Head::Words(ui.say("Variant", "变体")),
                Head::Figures(ui.say("Visitors", "访客")),
                Head::Figures(ui.say("Lists", "列表")),
                Head::Figures(ui.say("Clicks", "点击")),
                Head::Figures(ui.say("Orders", "订单")),
                Head::Figures(words::metric(ui, metric)),
                Head::Figures(ui.say("Difference from the control", "与对照组之差")),
                Head::Words(ui.say("Verdict", "结论")),
            ], &html! {
                @for result in &standing.results {
                    tr {
                        th scope="row" { (result.experiment_variant) }
                        @for count in [result.visitors, result.lists, result.clicks, result.orders] { td.number { (number(count as f64)) } }
                        td.number { @if let Some(rate) = result.rate {
                            (figure_with_interval(rate, result.rate_low.zip(result.rate_high), form))
                        } }
                        td.number { @if let Some(difference) = result.difference {
                            (words::signed(metric, difference))
                            @if let Some(effect) = result.effect { " (" (if effect > 0.0 { "+" } else { "" }) (percent(effect)) ")" }
                            @if let (Some(low), Some(high)) = (result.difference_low, result.difference_high) {
                                " " span.interval { (words::signed(metric, low)) " – " (words::signed(metric, high)) }
                            }
                        } }
                        td { (words::verdict(ui, result)) }
                    }
                }
            }))
            p {
                (ui.say("Sample ratio:", "样本比例：")) " "
                @match (ratio, standing.is_sample_ratio_off()) {
                    (None, _) => (ui.say("the log does not say the shares", "日志没有记录分配比例")),
                    (Some(_), true) => span.bad { (ui.say("off", "异常")) },
                    (Some(p), false) => { (ui.say("as allocated", "与分配一致")) " " span.soft { "p = " (number(p)) } }
                }
                @if allocations > 1 { "; " (allocations) " " (ui.say("allocations, compared each by itself", "次不同的分配，分段比较")) }
            }
        }
    }
}
