//! One relation: what it is, its columns and tests, what feeds it, its source, its first rows.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::graph::around;
use super::list::state_of;
use super::{PREVIEW, built};
use crate::console::fragment::tagged;
use crate::console::layout::problem;
use crate::console::parts::{Head, crumbs, described, empty, listed, number, plain_table, scroll};
use crate::console::sources::{Sources, as_of_now};
use crate::console::{Section, Ui, page};
use crate::query::Rows;
use crate::serve::Shared;
use crate::sql_project::{Broken, FAILING, Relation, Room};
use crate::warehouse::ident;

/// How many rows are shown.
const ROWS: usize = 20;

pub async fn show(ui: Ui, State(state): State<Shared>, Path(name): Path<String>) -> Response {
    let above = crumbs(&ui, &[(Section::Project.path(), Section::Project.title(&ui))]);
    let (is_there, body) = content(&ui, &state, &name).await;
    let now = format!("{}/now", super::address(&name));
    let whole = html! { (above) div data-poll=[is_there.then_some(&now)] { (body) } };
    let status = if is_there { StatusCode::OK } else { StatusCode::NOT_FOUND };
    (status, page(&ui, Section::Project, &name, &whole)).into_response()
}

/// What the page shows, where a file was saved or a run has published since.
pub async fn now(ui: Ui, State(state): State<Shared>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", as_of_now(&state).await);
    match tagged(&headers, &tag, false) {
        Some(same) => same,
        None => ([(header::ETAG, tag)], content(&ui, &state, &name).await.1).into_response(),
    }
}

/// Whether there is such a relation, and what is said of it.
async fn content(ui: &Ui, state: &Shared, name: &str) -> (bool, Markup) {
    let sources = match Sources::read(state).await {
        Ok(sources) => sources,
        Err(error) => return (true, html! { pre.problem role="alert" { (format!("{error:#}")) } }),
    };
    let project = &sources.project;
    if let Some(broken) = project.broken.iter().find(|broken| broken.name == name) {
        return (true, wrong(ui, state, broken).await);
    }
    let Ok(relation) = project.get(name) else {
        return (false, html! { p.problem role="alert" { (ui.say("There is no such relation.", "没有这个关系。")) } });
    };
    let rows = built(state).await.unwrap_or_default();
    let row = (0..rows.len()).find(|row| rows.text(*row, "name") == name);
    let error = row.map(|row| rows.text(row, "error")).unwrap_or_default();
    let asked = format!("from {}", ident(name));
    let (columns, changes) = match state.desk.head(&format!("select * from ({asked})")).await {
        Ok(head) => (described(ui, Some(relation), &head.columns), head.changes),
        Err(refusal) => (problem(ui, &refusal), Vec::new()),
    };
    let body = html! {
        p.lead { (relation.description) " " (state_of(ui, relation, &rows, row)) }
        p.soft { code { (relation.file.display()) } }
        @for problem in changes.iter().filter_map(|change| change.problem.as_ref()) {
            pre.problem role="alert" { (problem.to_string()) }
        }
        @if !error.is_empty() { pre.problem role="alert" { (ui.say("The last run: ", "上次运行：")) (error) } }
        section { h2 { (ui.say("Lineage", "血缘")) } (around(ui, project, name)) }
        @if relation.room != Room::Checks { (columns) }
        (tests(ui, state, relation).await)
        (source(ui, relation))
        @if relation.room != Room::Checks { (first_rows(ui, state, &asked).await) }
    };
    (true, body)
}

/// A file that cannot be used, with what is still published of it.
async fn wrong(ui: &Ui, state: &Shared, broken: &Broken) -> Markup {
    html! {
        pre.problem role="alert" { (broken.told()) }
        p.soft { (ui.say("Below are its last good rows.", "下面是最近一次正确的结果。")) }
        (first_rows(ui, state, &format!("from {}", ident(&broken.name))).await)
    }
}

/// What must be true of its rows, what the last run found, and rows that break it.
async fn tests(ui: &Ui, state: &Shared, relation: &Relation) -> Markup {
    if relation.tests.is_empty() {
        return html! {};
    }
    let sql = "select name, rows from raw.test_results where relation = $1";
    let results = state.desk.rows(sql, vec![relation.name.as_str().into()], 1000).await.unwrap_or_default();
    let found = |name: &str| (0..results.len()).find(|row| results.text(*row, "name") == name);
    let title = ui.say("Tests", "测试");
    let mut failing: Vec<(&str, Rows)> = Vec::new();
    for test in &relation.tests {
        let rows = found(&test.name).and_then(|row| results.number(row, "rows")).unwrap_or_default();
        if rows > 0.0 {
            let sql = format!("from {FAILING}.{}", ident(&test.name));
            failing.push((&test.name, state.desk.rows(&sql, Vec::new(), ROWS).await.unwrap_or_default()));
        }
    }
    html! {
        section {
            h2 { (title) }
            (listed(title, &[
                Head::Words(ui.say("Test", "测试")),
                Head::Words(ui.say("What must hold", "条件")),
                Head::Words(ui.say("Where it does not", "不满足时")),
                Head::Figures(ui.say("Rows that break it", "不满足的行数")),
            ], &html! {
                @for test in &relation.tests {
                    tr {
                        th scope="row" { (test.kind.name()) }
                        td { code { (test.kind.text()) } }
                        td { (if relation.is_held_to(test) { ui.say("nothing is published", "不发布") } else { ui.say("it is told", "仅提示") }) }
                        td.number {
                            @match found(&test.name).map(|row| results.number(row, "rows")) {
                                None => span.soft { (ui.say("not run yet", "尚未执行")) },
                                Some(None) => span.bad { (ui.say("could not be run", "无法执行")) },
                                Some(Some(0.0)) => span.good { "✓" },
                                Some(Some(rows)) => span.bad { "✗ " (number(rows)) },
                            }
                        }
                    }
                }
            }))
            @for (name, rows) in &failing {
                h3 { code { (FAILING) "." (name) } }
                (plain_table(ui, name, rows))
            }
        }
    }
}

fn source(ui: &Ui, relation: &Relation) -> Markup {
    let title = ui.say("Source", "源码");
    html! {
        section {
            h2 { (title) }
            (scroll(title, &html! {
                table.source { tbody { @for (index, line) in relation.sql.lines().enumerate() {
                    tr { td.number.soft id=(format!("L{}", index + 1)) { (index + 1) } td { code style="white-space: pre" { (line) } } }
                } } }
            }))
            @if relation.room != Room::Checks {
                p { a href=(format!("{PREVIEW}?name={}", relation.name)) { (ui.say("Try a change of it here", "在此试改")) } }
            }
        }
    }
}

async fn first_rows(ui: &Ui, state: &Shared, asked: &str) -> Markup {
    let title = ui.say("First rows", "前若干行");
    html! {
        section {
            h2 { (title) }
            @match state.desk.rows(asked, Vec::new(), ROWS).await {
                Ok(rows) if rows.is_empty() => (empty(ui.say("There are no rows.", "没有数据。"), "")),
                Ok(rows) => (plain_table(ui, title, &rows)),
                Err(refusal) => (problem(ui, &refusal)),
            }
        }
    }
}
