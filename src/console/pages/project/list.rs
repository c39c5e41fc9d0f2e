//! All relations, room by room, and what is wrong with files.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::{CHANGES, LINEAGE, PREVIEW, address, built};
use crate::console::fragment::fragment;
use crate::console::layout::problem;
use crate::console::parts::{Head, badge, duration, listed, number};
use crate::console::sources::Sources;
use crate::console::{Section, Ui, page};
use crate::query::Rows;
use crate::serve::Shared;
use crate::sql_project::{FAILED, Problem, Project, Relation, Room};

pub async fn show(ui: Ui, State(state): State<Shared>) -> Response {
    let sources = match Sources::read(&state).await {
        Ok(sources) => sources,
        Err(error) => {
            return page(&ui, Section::Project, "", &html! { pre.problem role="alert" { (format!("{error:#}")) } });
        }
    };
    let built = built(&state).await;
    let places = built.as_ref().map(places).unwrap_or_default();
    let project = &sources.project;
    let body = html! {
        p.lead { (project.origin) " · " a href=(LINEAGE) { (ui.say("What feeds what", "血缘关系")) } " · " a href=(PREVIEW) { (ui.say("Try SQL", "试写 SQL")) } }
        div data-poll=(CHANGES) { (problems(&ui, project)) }
        @match &built {
            Err(refusal) => (problem(&ui, refusal)),
            Ok(rows) => @for room in Room::ALL.into_iter().rev() { (of_room(&ui, project, room, rows, &places)) },
        }
    };
    page(&ui, Section::Project, "", &body)
}

/// What is wrong with files as they are now.
pub async fn changes(ui: Ui, State(state): State<Shared>, headers: HeaderMap) -> Response {
    match Sources::read(&state).await {
        Ok(sources) => fragment(&headers, problems(&ui, &sources.project), false),
        Err(error) => html! { pre.problem role="alert" { (format!("{error:#}")) } }.into_response(),
    }
}

fn problems(ui: &Ui, project: &Project) -> Markup {
    let all = project.problems();
    html! {
        @for one in &all { pre.problem role="alert" { (Problem::to_string(one)) } }
        @if all.is_empty() { p.soft { span.good { "✓ " } (ui.say("All files can be read.", "所有文件均可读取。")) } }
    }
}

/// The place of each relation in the rows.
fn places(rows: &Rows) -> BTreeMap<String, usize> {
    (0..rows.len()).map(|row| (rows.text(row, "name"), row)).collect()
}

fn of_room(ui: &Ui, project: &Project, room: Room, rows: &Rows, places: &BTreeMap<String, usize>) -> Markup {
    let relations: Vec<&Relation> = project.relations.iter().filter(|relation| relation.room == room).collect();
    let broken = project.broken.iter().filter(|broken| broken.room == Some(room));
    if relations.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { (room.folder()) " " span.soft { (relations.len()) } }
            (listed(room.folder(), &[
                Head::Words(ui.say("Relation", "关系")),
                Head::Words(ui.say("State", "状态")),
                Head::Figures(ui.say("Rows", "行数")),
                Head::Figures(ui.say("Took", "用时")),
                Head::Figures(ui.say("Tests", "测试")),
                Head::Words(ui.say("What it is", "说明")),
            ], &html! {
                @for one in broken {
                    tr { th scope="row" { a href=(address(&one.name)) { (one.name) } } td { (badge("bad", ui.say("file is wrong", "文件有误"))) } td.number {} td.number {} td.number {} td.text {} }
                }
                @for relation in relations {
                    @let row = places.get(&relation.name).copied();
                    tr {
                        th scope="row" { a href=(address(&relation.name)) { (relation.name) } }
                        td { (state_of(ui, relation, rows, row)) }
                        td.number { (row.and_then(|row| rows.number(row, "rows")).map(number).unwrap_or_default()) }
                        td.number { (row.and_then(|row| rows.number(row, "seconds")).map(|seconds| duration(ui, seconds)).unwrap_or_default()) }
                        td.number { (tested(relation, rows, row)) }
                        td.text { (relation.description) }
                    }
                }
            }))
        }
    }
}

/// How a file stands to what is published of it.
pub fn state_of(ui: &Ui, relation: &Relation, rows: &Rows, row: Option<usize>) -> Markup {
    match row {
        _ if relation.room == Room::Checks => html! {},
        None => badge("", ui.say("not published yet", "尚未发布")),
        Some(row) if rows.text(row, "state") == FAILED => badge("bad", ui.say("failed", "失败")),
        Some(row) if rows.text(row, "digest") != relation.digest => badge("warn", ui.say("edited", "已修改")),
        Some(_) => badge("good", ui.say("published", "已发布")),
    }
}

fn tested(relation: &Relation, rows: &Rows, row: Option<usize>) -> Markup {
    let failing = row.and_then(|row| rows.number(row, "failing")).unwrap_or_default();
    html! {
        @if !relation.tests.is_empty() { (relation.tests.len()) }
        @if failing > 0.0 { " " span.bad { "✗ " (number(failing)) } }
    }
}
