//! An editor of SQL: the rows of a text as they would be, or what is wrong with it. Nothing is written anywhere.

use std::path::Path;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::PREVIEW;
use crate::console::chart::draw;
use crate::console::layout::problem;
use crate::console::parts::{crumbs, plain_table};
use crate::console::sources::Sources;
use crate::console::{Section, Ui, page};
use crate::query::Refusal;
use crate::serve::{Access, Level, Shared};
use crate::sql_project::{Relation, relation_of};

/// How many rows are shown.
const ROWS: usize = 100;

/// What a file that is no file yet is called.
const UNSAVED: &str = "preview.sql";

/// What stands in it at first.
const EXAMPLE: &str = "-- description: Views and clicks of each day.\n-- chart: line x=day y=views,clicks\nselect day, views, clicks\nfrom funnel_by_day\norder by day\n";

/// What the form sends.
#[derive(Deserialize)]
pub struct Given {
    sql: String,
}

pub async fn show(ui: Ui, access: Access, State(state): State<Shared>) -> Response {
    let sources = Sources::read(&state).await.ok();
    let named = ui.parameter("name").and_then(|name| sources.as_ref()?.project.get(name).ok());
    let text = named.map_or(EXAMPLE, |relation| relation.sql.as_str()).to_owned();
    page(&ui, Section::Project, title(&ui), &editor(&ui, access, &text, &html! {}))
}

/// The rows of what was written.
pub async fn preview(ui: Ui, access: Access, State(state): State<Shared>, Form(given): Form<Given>) -> Response {
    if access.level < Level::Analyst {
        let body = editor(&ui, access, &given.sql, &html! {});
        return (StatusCode::UNAUTHORIZED, page(&ui, Section::Project, title(&ui), &body)).into_response();
    }
    let read = relation_of(Path::new(UNSAVED), &given.sql);
    let result = match (&read, state.desk.rows(&given.sql, Vec::new(), ROWS).await) {
        (_, Err(refusal)) => refused(&ui, &refusal),
        (read, Ok(rows)) => html! {
            // its header is not needed for a look, and told where it was begun
            @if given.sql.trim_start().starts_with("--") {
                @for one in read.as_ref().err().into_iter().flatten() { pre.problem role="alert" { (one.to_string()) } }
            }
            @if let Ok(Relation { chart: Some(chart), description, .. }) = read { (draw(&ui, description, chart, &rows)) }
            (plain_table(&ui, title(&ui), &rows))
            @if rows.is_cut { p.soft { (ui.say("Only the first rows are shown:", "仅显示前")) " " (ROWS) (ui.say("", " 行")) } }
        },
    };
    page(
        &ui,
        Section::Project,
        title(&ui),
        &editor(&ui, access, &given.sql, &html! { section id="result" { (result) } }),
    )
}

fn title(ui: &Ui) -> &'static str {
    if ui.is_chinese() { "试写 SQL" } else { "Try SQL" }
}

fn refused(ui: &Ui, refusal: &Refusal) -> Markup {
    match refusal {
        Refusal::Wrong(mistake) => html! { pre.problem role="alert" { (mistake.to_string()) } },
        other => problem(ui, other),
    }
}

fn editor(ui: &Ui, access: Access, text: &str, result: &Markup) -> Markup {
    html! {
        (crumbs(ui, &[(Section::Project.path(), Section::Project.title(ui))]))
        p.lead { (ui.say("A query on the published warehouse, with views as their files are now. Nothing is saved or published.", "查询已发布的仓库，视图按当前文件。不保存，也不发布。")) }
        @if access.level < Level::Analyst {
            p {
                (ui.say("This needs the analyst token:", "此处需要分析师令牌：")) " "
                a href=(format!("/console/session?to={PREVIEW}")) { (ui.say("sign in", "登录")) }
            }
        }
        form method="post" action=(PREVIEW) {
            p {
                label for="sql" { "SQL" }
                textarea id="sql" name="sql" rows="14" spellcheck="false" autocapitalize="off" maxlength="60000" { (text) }
            }
            p { button.go disabled[access.level < Level::Analyst] { (ui.say("Show rows", "查看结果")) } }
        }
        (result)
    }
}
