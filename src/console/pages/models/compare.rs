//! Two versions side by side: their figures, what they were made of and with.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::address;
use super::figures::{FIGURES, of_version};
use super::list::Look;
use super::version::facts;
use crate::console::parts::{crumbs, scroll};
use crate::console::{Section, Ui, page};
use crate::model::{ListFigures, ListMetrics, Manifest};
use crate::serve::Shared;

/// Which two.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    a: String,
    #[serde(default)]
    b: String,
}

pub async fn show(ui: Ui, State(state): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let title = ui.say("Versions side by side", "版本对比");
    let look = match Look::take(&state).await {
        Ok(look) => look,
        Err(error) => {
            return page(&ui, Section::Models, title, &html! { p.problem role="alert" { (format!("{error:#}")) } });
        }
    };
    let find = |name: &str| look.versions.whole.iter().find(|manifest| manifest.version == name);
    let above = crumbs(&ui, &[(Section::Models.path(), Section::Models.title(&ui))]);
    match (find(&asked.a), find(&asked.b)) {
        (Some(a), Some(b)) => page(&ui, Section::Models, title, &html! { (above) (body(&ui, &look, a, b)) }),
        _ => {
            let text = ui.say(
                "There is no such version; choose two on the page of all versions.",
                "没有这个版本；请在版本列表中选择两个。",
            );
            let body = html! { (above) p.problem role="alert" { (text) } };
            (StatusCode::NOT_FOUND, page(&ui, Section::Models, title, &body)).into_response()
        }
    }
}

fn body(ui: &Ui, look: &Look, a: &Manifest, b: &Manifest) -> Markup {
    let swapped = format!("/console/models/compare?a={}&b={}", b.version, a.version);
    html! {
        p.lead { (ui.say("Held-out figures of each, on its own held-out visits.", "各版本在各自留出的访问上的指标。")) " " a href=(swapped) { (ui.say("Swap", "交换")) } }
        (side_by_side(ui, ui.say("Figures", "指标"), (a, b), &figures(ui, of_version(a), of_version(b))))
        (side_by_side(ui, ui.say("Made of", "参数"), (a, b), &parameters(ui, a, b)))
        @for row in [segments(ui, a, b)] { (side_by_side(ui, ui.say("Hit rate by list", "各列表命中率"), (a, b), &row)) }
        p {
            @for manifest in [a, b] { a href=(address(&manifest.version)) { (manifest.version) } " " (look.roles(ui, &manifest.version)) " " }
        }
    }
}

/// A row: what it is of, both values, and what the second has more.
type Row = (String, Markup, Markup, Markup);

fn side_by_side(ui: &Ui, title: &str, (a, b): (&Manifest, &Manifest), rows: &[Row]) -> Markup {
    html! {
        section {
            h2 { (title) }
            (scroll(title, &html! {
                table {
                    thead { tr {
                        th scope="col" { (title) }
                        @for manifest in [a, b] { th.number scope="col" { a href=(address(&manifest.version)) { (manifest.version) } } }
                        th.number scope="col" { (ui.say("Difference", "差")) }
                    } }
                    tbody { @for (name, first, second, difference) in rows {
                        tr { th scope="row" { (name) } td.number { (first) } td.number { (second) } td.number { (difference) } }
                    } }
                }
            }))
        }
    }
}

fn figures(ui: &Ui, a: Option<&ListMetrics>, b: Option<&ListMetrics>) -> Vec<Row> {
    let row = |figure: &super::figures::Figure| {
        let difference = figure.of(a).zip(figure.of(b)).map(|(a, b)| b - a);
        (
            figure.title(ui).to_owned(),
            figure.shown(a),
            figure.shown(b),
            signed(difference, |value| figure.written(value)),
        )
    };
    FIGURES.iter().map(row).collect()
}

/// A difference with its sign; equal ones are not coloured.
fn signed(difference: Option<f64>, written: impl Fn(f64) -> String) -> Markup {
    match difference {
        None => html! { span.soft { "–" } },
        Some(more) if more > 0.0 => html! { span.good { "+" (written(more)) } },
        Some(less) if less < 0.0 => html! { span.bad { "−" (written(-less)) } },
        Some(_) => html! { "=" },
    }
}

fn parameters(ui: &Ui, a: &Manifest, b: &Manifest) -> Vec<Row> {
    let pairs = facts(ui, a).into_iter().zip(facts(ui, b));
    pairs
        .map(|((name, first), (_, second))| {
            let is_same = first.0 == second.0;
            let said = if is_same {
                html! { "=" }
            } else {
                html! { span.warn { (ui.say("differs", "不同")) } }
            };
            (name.to_owned(), first, second, said)
        })
        .collect()
}

/// The hit rates of segments and channels that either has.
fn segments(ui: &Ui, a: &Manifest, b: &Manifest) -> Vec<Row> {
    let lists = |manifest: &Manifest| -> Vec<(String, ListFigures)> {
        let all = manifest.metrics.iter();
        all.flat_map(|summary| summary.segments.iter().chain(&summary.channels))
            .map(|(name, figures)| (name.clone(), figures.clone()))
            .collect()
    };
    let (first, second) = (lists(a), lists(b));
    let mut names: Vec<&String> = first.iter().chain(&second).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let of = |lists: &[(String, ListFigures)], name: &str| {
        lists.iter().find(|(known, _)| known == name).and_then(|(_, figures)| figures.measured().cloned())
    };
    let figure = &FIGURES[0];
    let row = |name: &&String| {
        let (a, b) = (of(&first, name), of(&second, name));
        let difference = figure.of(a.as_ref()).zip(figure.of(b.as_ref())).map(|(a, b)| b - a);
        let difference = signed(difference, |value| figure.written(value));
        (super::version::list_name(ui, name), figure.shown(a.as_ref()), figure.shown(b.as_ref()), difference)
    };
    names.iter().map(row).collect()
}
