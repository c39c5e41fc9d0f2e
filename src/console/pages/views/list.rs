//! All dashboards and views.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::view::is_shown;
use super::{address, panel};
use crate::console::parts::{Head, badge, empty, listed};
use crate::console::sources::Sources;
use crate::console::{Section, Ui, page};
use crate::serve::Shared;
use crate::sql_project::{ChartKind, Relation, Room};

pub async fn show(ui: Ui, State(state): State<Shared>) -> Response {
    let body = match Sources::read(&state).await {
        Ok(sources) => html! { (dashboards(&ui, &sources)) (views(&ui, &sources)) },
        Err(error) => html! { pre.problem role="alert" { (format!("{error:#}")) } },
    };
    page(&ui, Section::Views, "", &body)
}

fn dashboards(ui: &Ui, sources: &Sources) -> Markup {
    let all = match &sources.dashboards {
        Ok(all) => all,
        Err(error) => return html! { pre.problem role="alert" { (error.to_string()) } },
    };
    html! {
        @for problem in all.problems(&sources.project) { pre.problem role="alert" { (problem.to_string()) } }
        section {
            h2 { (ui.say("Dashboards", "看板")) }
            @if all.all.is_empty() {
                (empty(
                    ui.say("There are no dashboards yet.", "还没有看板。"),
                    ui.say("A file views/dashboards.toml lists views.", "在 views/dashboards.toml 里列出视图即可。"),
                ))
            }
            div.columns { @for one in &all.all {
                div.panel {
                    h3 { a href=(format!("/console/dashboards/{}", one.name())) { (one.title.of(ui.language)) } }
                    p { (one.description.of(ui.language)) }
                    p.soft.small { (one.panels.len()) " " (ui.say("panels", "个图表")) }
                }
            } }
        }
    }
}

fn views(ui: &Ui, sources: &Sources) -> Markup {
    let project = &sources.project;
    let is_told =
        |relation: &&Relation| is_shown(relation) && (relation.room == Room::Views || relation.chart.is_some());
    let mut all: Vec<&Relation> = project.relations.iter().filter(is_told).collect();
    all.sort_by(|a, b| (a.room != Room::Views, &a.name).cmp(&(b.room != Room::Views, &b.name)));
    let broken: Vec<_> = project.broken.iter().filter(|broken| broken.room == Some(Room::Views)).collect();
    let title = ui.say("Views", "视图");
    html! {
        section {
            h2 { (title) }
            (listed(title, &[
                Head::Words(ui.say("View", "视图")),
                Head::Words(ui.say("Drawn as", "图表")),
                Head::Words(ui.say("What it is", "说明")),
            ], &html! {
                @for one in broken {
                    tr {
                        th scope="row" { a href=(address(&one.name)) { (one.name) } }
                        td { (badge("bad", ui.say("broken", "有错误"))) }
                        td.text { pre.problem { (one.problems.first().map_or(String::new(), ToString::to_string)) } }
                    }
                }
                @for relation in all {
                    tr {
                        th scope="row" { a href=(address(&relation.name)) { (relation.name) } }
                        td { (badge("", kind(ui, panel::chart_of(Some(relation)).kind))) }
                        td.text { (relation.description) }
                    }
                }
            }))
        }
    }
}

fn kind(ui: &Ui, kind: ChartKind) -> &str {
    match kind {
        ChartKind::Line => ui.say("line", "折线"),
        ChartKind::Bar => ui.say("bar", "柱状"),
        ChartKind::Area => ui.say("area", "面积"),
        ChartKind::Funnel => ui.say("funnel", "漏斗"),
        ChartKind::Heat => ui.say("heat map", "热力"),
        ChartKind::Table => ui.say("table", "表格"),
        ChartKind::Number => ui.say("number", "数字"),
    }
}
