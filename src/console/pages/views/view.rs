//! One view: drawn as its header says, and its rows, which can be filtered, sorted, paged through and taken along.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::asked::{Asked, PER_PAGE, Test};
use super::{address, panel};
use crate::console::fragment::tagged;
use crate::console::layout::problem;
use crate::console::parts::{Col, crumbs, described, paging, table};
use crate::console::sources::{Sources, as_of_now};
use crate::console::{Section, Ui, page};
use crate::query::{Column, Refusal};
use crate::serve::Shared;
use crate::sql_project::{ChartKind, Problem, Relation, Room};
use crate::warehouse::ident;

/// The forms that rows can be taken along in.
const FORMS: [&str; 4] = ["csv", "json", "parquet", "arrow"];

pub async fn show(
    ui: Ui,
    State(state): State<Shared>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let above = crumbs(&ui, &[(Section::Views.path(), Section::Views.title(&ui))]);
    let sources = match Sources::read(&state).await {
        Ok(sources) => sources,
        Err(error) => {
            return page(
                &ui,
                Section::Views,
                &name,
                &html! { (above) pre.problem role="alert" { (format!("{error:#}")) } },
            );
        }
    };
    let is_there = sources.project.relations.iter().any(|relation| relation.name == name && is_shown(relation));
    if !is_there && panel::problems_of(&sources.project, &name).is_empty() {
        let text = ui.say("There is no such view.", "没有这个视图。");
        let body = html! { (above) p.problem role="alert" { (text) } };
        return (StatusCode::NOT_FOUND, page(&ui, Section::Views, &name, &body)).into_response();
    }
    let query = query.unwrap_or_default();
    let joint = if query.is_empty() { "" } else { "?" };
    let body = html! {
        (above)
        div data-poll=(format!("{}/now{joint}{query}", address(&name))) { (rows(&ui, &state, &sources, &name, &query).await) }
    };
    page(&ui, Section::Views, &name, &body)
}

/// The relations that have a page, as at `GET /views`: those of the rooms with figures. What is in the others names people.
pub fn is_shown(relation: &Relation) -> bool {
    matches!(relation.room, Room::Views | Room::Evaluate | Room::Reconcile)
}

/// What the page shows, where a file was saved or a run has published since.
pub async fn now(
    ui: Ui,
    State(state): State<Shared>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let tag = format!("\"{}\"", as_of_now(&state).await);
    if let Some(same) = tagged(&headers, &tag, false) {
        return same;
    }
    let query = query.unwrap_or_default();
    let joint = if query.is_empty() { "" } else { "?" };
    // links lead to the page, not to this piece of it
    let ui = Ui { address: format!("{}{joint}{query}", address(&name)), ..ui };
    match Sources::read(&state).await {
        Ok(sources) => ([(header::ETAG, tag)], rows(&ui, &state, &sources, &name, &query).await).into_response(),
        Err(error) => html! { pre.problem role="alert" { (format!("{error:#}")) } }.into_response(),
    }
}

async fn rows(ui: &Ui, state: &Shared, sources: &Arc<Sources>, name: &str, query: &str) -> Markup {
    let relation = sources.project.relations.iter().find(|relation| relation.name == name);
    // what is only wrong once columns are known
    let (columns, changes) = match state.desk.head(&format!("select * from {}", ident(name))).await {
        Ok(head) => (Ok(head.columns), head.changes),
        Err(refusal) => (Err(refusal), Vec::new()),
    };
    let is_known = |problem: &Problem| panel::problems_of(&sources.project, name).contains(problem);
    let saved: Vec<Problem> =
        changes.into_iter().filter_map(|change| change.problem).filter(|one| !is_known(one)).collect();
    let head = html! {
        @if let Some(relation) = relation { p.lead { (relation.description) } }
        (panel::problems(ui, panel::problems_of(&sources.project, name)))
        (panel::problems(ui, &saved))
    };
    let columns = match columns {
        Ok(columns) => columns,
        Err(refusal) => return html! { (head) (problem(ui, &refusal)) },
    };
    let asked = Asked::read(query, &columns);
    let chart = panel::chart_of(relation);
    html! {
        (head)
        @if chart.kind != ChartKind::Table {
            section { (panel::drawn(ui, state, relation.map_or(name, panel::title), &chart, asked.all(name, &columns)).await) }
        }
        (conditions(ui, name, &asked, &columns))
        @match listed(ui, state, name, &asked, &columns).await {
            Ok(listed) => (listed),
            Err(refusal) => (problem(ui, &refusal)),
        }
        (take_along(ui, name, &asked))
        (described(ui, relation, &columns))
    }
}

/// The conditions that hold, each with a way to do without it, and a form for one more.
fn conditions(ui: &Ui, name: &str, asked: &Asked, columns: &[Column]) -> Markup {
    html! {
        @if !asked.conditions.is_empty() {
            p {
                @for (place, one) in asked.conditions.iter().enumerate() {
                    a.badge href=(format!("{}?{}", address(name), asked.query(Some(place), &[]))) {
                        (one.column) " " (one.test.sign()) " " (one.value)
                        " " span aria-label=(ui.say("Take out", "移除")) { "×" }
                    }
                    " "
                }
            }
        }
        form.filters method="get" action=(address(name)) {
            @for (name, value) in asked.conditions.iter().map(super::asked::Condition::pair) { input type="hidden" name=(name) value=(value); }
            label { (ui.say("Column", "列")) select name="column" { @for column in columns { option value=(column.name) { (column.name) } } } }
            label { (ui.say("Test", "条件")) select name="test" { @for (word, test) in Test::ALL { option value=(word) { (test_name(ui, test)) } } } }
            label { (ui.say("Value", "值")) input type="search" id="value" name="value" maxlength="300"; }
            button.go { (ui.say("Filter", "筛选")) }
        }
    }
}

fn test_name(ui: &Ui, test: Test) -> &str {
    match test {
        Test::Is => ui.say("is", "等于"),
        Test::IsNot => ui.say("is not", "不等于"),
        Test::Contains => ui.say("contains", "包含"),
        Test::AtLeast => ui.say("is at least", "不小于"),
        Test::AtMost => ui.say("is at most", "不大于"),
    }
}

async fn listed(ui: &Ui, state: &Shared, name: &str, asked: &Asked, columns: &[Column]) -> Result<Markup, Refusal> {
    let (sql, parameters) = asked.rows(name, columns);
    let rows = state.desk.rows(&sql, parameters, PER_PAGE).await?;
    let (sql, parameters) = asked.count(name, columns);
    let total = state.desk.rows(&sql, parameters, 1).await?.number(0, "rows").unwrap_or_default() as usize;
    let shown: Vec<Col<'_>> = columns.iter().map(|column| Col::new(&column.name, &column.name).sortable()).collect();
    Ok(html! { (table(ui, name, &rows, &shown)) (paging(ui, asked.page, PER_PAGE, total)) })
}

fn take_along(ui: &Ui, name: &str, asked: &Asked) -> Markup {
    let order =
        asked.order.as_ref().map(|(column, is_down)| if *is_down { format!("{column}.desc") } else { column.clone() });
    let more = |form: &'static str| {
        let order = order.as_deref().map(|order| ("order", order));
        [("format", form)].into_iter().chain(order).collect::<Vec<_>>()
    };
    html! {
        p {
            (ui.say("Take these rows along:", "下载这些行："))
            @for form in FORMS { " " a href=(format!("/views/{name}?{}", asked.query(None, &more(form)))) download { (form) } }
            " · " a href=(format!("{}/{name}", Section::Project.path())) { (ui.say("its SQL", "查看 SQL")) }
        }
    }
}
