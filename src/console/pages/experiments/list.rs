//! All experiments.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::{Look, words};
use crate::console::layout::problem;
use crate::console::parts::{Head, empty, listed, number, percent};
use crate::console::{Section, Ui, page};
use crate::operations::experiments::Standing;
use crate::serve::Shared;

pub async fn show(ui: Ui, State(state): State<Shared>) -> Response {
    let look = Look::take(&state).await;
    let file = state.config.experiments_path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let body = html! {
        @if let Some(broken) = &look.broken {
            p.problem role="alert" { (ui.say("The file makes no sense; servers go on with what it said before.", "文件有误；服务沿用之前的内容。")) }
            pre { (broken) }
        }
        @if let Some(refusal) = &look.refusal { (problem(&ui, refusal)) }
        @if look.standings.is_empty() && look.broken.is_none() {
            (empty(
                ui.say("There are no experiments.", "没有实验。"),
                &format!("{} {file}", ui.say("They are written into DATA_DIR, as", "实验写在 DATA_DIR 下的")),
            ))
        }
        @for standing in &look.standings { (experiment(&ui, standing)) }
        p.soft {
            (ui.say(
                "Visitors are counted, not clicks; intervals hold however often one looks. Nothing is a verdict before it says so.",
                "以访客为单位计算；无论查看多少次，区间都成立。在给出结论之前，任何差异都不算数。",
            ))
        }
    };
    page(&ui, Section::Experiments, "", &body)
}

fn experiment(ui: &Ui, standing: &Standing) -> Markup {
    let address = format!("/console/experiments/{}", urlencoding(&standing.name));
    let days = standing.days();
    html! {
        section {
            h2 { a href=(address) { (standing.name) } " " (words::state(ui, standing)) }
            p.soft {
                @if let Some(plan) = &standing.plan { (plan.slot.name()) ", " (words::metric(ui, plan.metric.name())) ", " }
                @if days > 0 { (days) " " (ui.say("days of lists", "天的列表")) } @else { (ui.say("no run has seen lists of it yet", "还没有运行读到它的列表")) }
            }
            @if standing.is_sample_ratio_off() { (ratio_off(ui)) }
            @if !standing.results.is_empty() {
                (listed(&standing.name, &[
                    Head::Words(ui.say("Variant", "变体")),
                    Head::Figures(ui.say("Share", "比例")),
                    Head::Figures(ui.say("Visitors", "访客")),
                    Head::Figures(ui.say("Figure", "指标")),
                    Head::Figures(ui.say("Change", "变化")),
                    Head::Words(ui.say("Verdict", "结论")),
                ], &html! {
                    @for result in &standing.results {
                        tr {
                            th scope="row" { (result.experiment_variant) }
                            td.number { @if let Some(share) = standing.share(&result.experiment_variant) { (percent(share)) } }
                            td.number { (number(result.visitors as f64)) }
                            td.number { @if let Some(rate) = result.rate { (words::figure(&result.metric)(rate)) } }
                            td.number { @if let Some(effect) = result.effect { (if effect > 0.0 { "+" } else { "" }) (percent(effect)) } }
                            td { (words::verdict(ui, result)) }
                        }
                    }
                }))
            }
        }
    }
}

/// A name as a part of an address.
pub fn urlencoding(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// What is said where visitors do not come as they were allocated.
pub fn ratio_off(ui: &Ui) -> Markup {
    html! {
        p.problem role="alert" {
            (ui.say(
                "The sample ratio is off: clearly more or fewer visitors came to a variant than its share. Its figures are not to be trusted until it is known why.",
                "样本比例异常：某个变体的访客数与其分配比例明显不符。查明原因之前，其数字不可信。",
            ))
        }
    }
}
