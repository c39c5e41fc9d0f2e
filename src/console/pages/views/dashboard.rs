//! A dashboard: views side by side.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tokio::time::{Instant, timeout_at};

use super::{address, panel};
use crate::console::fragment::tagged;
use crate::console::parts::crumbs;
use crate::console::sources::{Sources, as_of_now};
use crate::console::{Section, Ui, page};
use crate::serve::Shared;
use crate::sql_project::{Panel, Width};

/// How long a page waits for its panels; those that take longer come with what it asks for afterwards.
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn show(ui: Ui, State(state): State<Shared>, Path(name): Path<String>) -> Response {
    let above = crumbs(&ui, &[(Section::Views.path(), Section::Views.title(&ui))]);
    let found = Sources::read(&state).await;
    let dashboard = found.as_ref().map_err(|error| format!("{error:#}")).and_then(|sources| {
        let all = sources.dashboards.as_ref().map_err(|error| format!("{error:#}"))?;
        all.get(&name).map_err(|error| format!("{error:#}"))
    });
    match dashboard {
        Ok(dashboard) => {
            let body = html! {
                (above)
                p.lead { (dashboard.description.of(ui.language)) }
                div data-poll=(format!("/console/dashboards/{name}/now")) { (panels(&ui, &state, &name, Some(PATIENCE)).await) }
            };
            page(&ui, Section::Views, dashboard.title.of(ui.language), &body)
        }
        Err(why) => {
            let body = html! { (above) pre.problem role="alert" { (why) } };
            (StatusCode::NOT_FOUND, page(&ui, Section::Views, &name, &body)).into_response()
        }
    }
}

/// Its panels, where a file was saved or a run has published since.
pub async fn now(ui: Ui, State(state): State<Shared>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", as_of_now(&state).await);
    match tagged(&headers, &tag, false) {
        Some(same) => same,
        None => ([(axum::http::header::ETAG, tag)], panels(&ui, &state, &name, None).await).into_response(),
    }
}

/// Draws them; one that takes longer than `patience` is left for the next time that they are asked for.
async fn panels(ui: &Ui, state: &Shared, name: &str, patience: Option<Duration>) -> Markup {
    let sources = match Sources::read(state).await {
        Ok(sources) => sources,
        Err(error) => return html! { pre.problem role="alert" { (format!("{error:#}")) } },
    };
    let found = sources.dashboards.as_ref().map_err(|error| format!("{error:#}"));
    let dashboard = match found.and_then(|all| all.get(name).map_err(|error| format!("{error:#}"))) {
        Ok(dashboard) => dashboard,
        Err(why) => return html! { pre.problem role="alert" { (why) } },
    };
    // all of them are asked for at the same time
    let asked: Vec<_> = (0..dashboard.panels.len())
        .map(|place| {
            let (ui, state, sources, name) = (ui.clone(), state.clone(), sources.clone(), name.to_owned());
            let until = patience.map(|patience| Instant::now() + patience);
            tokio::spawn(async move {
                let drawing = panel_of(&ui, &state, &sources, &name, place);
                match until {
                    Some(until) => timeout_at(until, drawing).await.unwrap_or_else(|_| later(&ui)),
                    None => drawing.await,
                }
            })
        })
        .collect();
    let mut drawn = Vec::new();
    for (panel, asked) in dashboard.panels.iter().zip(asked) {
        drawn.push((panel, asked.await.unwrap_or_default()));
    }
    html! {
        div.dashboard { @for (panel, drawn) in drawn { div class=(format!("panel {}", width(panel))) { (drawn) } } }
    }
}

/// What stands where a panel is not there yet.
fn later(ui: &Ui) -> Markup {
    html! { p.soft { (ui.say("This view takes long: it comes as soon as it is there.", "此视图较慢：算好后会出现。")) } }
}

fn width(panel: &Panel) -> &'static str {
    match panel.width {
        Width::Full => "full",
        Width::Half => "half",
        Width::Third => "third",
    }
}

async fn panel_of(ui: &Ui, state: &Shared, sources: &Arc<Sources>, name: &str, place: usize) -> Markup {
    let Ok(all) = &sources.dashboards else { return html! {} };
    let Some(one) = all.get(name).ok().and_then(|dashboard| dashboard.panels.get(place)) else { return html! {} };
    let relation = sources.project.relations.iter().find(|relation| relation.name == one.view());
    let own = one.title.as_ref().map(|title| title.of(ui.language));
    let title = own.or_else(|| relation.map(panel::title)).unwrap_or_else(|| one.view());
    let problems = panel::problems_of(&sources.project, one.view());
    let chart = match one.chart() {
        Ok(chart) => chart.unwrap_or_else(|| panel::chart_of(relation)),
        Err(error) => {
            return html! { figure { figcaption { (title) } pre.problem role="alert" { (error.to_string()) } } };
        }
    };
    html! {
        (panel::problems(ui, problems))
        (panel::drawn(ui, state, title, &chart, panel::filtered(one.view(), &one.filter)).await)
        p.small { a href=(address(one.view())) { (one.view()) } }
    }
}
