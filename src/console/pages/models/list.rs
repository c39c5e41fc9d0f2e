//! All versions, which of them answer, and how good they were on visits that none had seen.

use anyhow::Result;
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::address;
use super::change::{self, Done};
use super::figures::{FIGURES, history, of_version};
use crate::console::chart::draw;
use crate::console::fragment::blocking;
use crate::console::parts::{Head, badge, empty, listed, number, percent, scroll, time};
use crate::console::{Section, Ui, page};
use crate::model::{self, Manifest, Promotion, Traffic, Versions};
use crate::serve::{Access, Shared};
use crate::sql_project::{Chart, ChartKind};

/// How many of the last promotions are told.
const TOLD: usize = 20;

/// What is on disk.
pub struct Look {
    /// The version that all get.
    pub current: Option<String>,
    /// All there are.
    pub versions: Versions,
    /// What else answers; or why that is not known.
    pub traffic: Result<Traffic>,
    promotions: Vec<Promotion>,
}

impl Look {
    /// Reads it. Files of versions are not gone through: whatever loads one does that.
    pub async fn take(state: &Shared) -> Result<Self> {
        let dir = state.config.models_dir.clone();
        blocking(move || {
            Ok(Self {
                current: model::current(&dir),
                versions: model::list(&dir)?,
                traffic: model::traffic(&dir),
                promotions: model::promotions(&dir)?,
            })
        })
        .await
    }

    /// What a version is at the moment.
    pub fn roles(&self, ui: &Ui, version: &str) -> Markup {
        let traffic = self.traffic.as_ref().ok();
        let share = |what: &str, share: Option<&model::Share>| {
            let share = share.filter(|share| share.version == version);
            share.map(|share| badge("warn", &format!("{what} {}", percent(share.share))))
        };
        html! {
            @if self.current.as_deref() == Some(version) { (badge("good", ui.say("current", "当前"))) " " }
            @if let Some(badge) = share(ui.say("canary", "灰度"), traffic.and_then(|t| t.canary.as_ref())) { (badge) " " }
            @if let Some(badge) = share(ui.say("shadow", "影子"), traffic.and_then(|t| t.shadow.as_ref())) { (badge) }
        }
    }
}

pub async fn show(ui: Ui, access: Access, State(state): State<Shared>) -> Response {
    let body = match Look::take(&state).await {
        Ok(look) => body(&ui, access, &look),
        Err(error) => html! { p.problem role="alert" { (format!("{error:#}")) } },
    };
    page(&ui, Section::Models, "", &body)
}

fn body(ui: &Ui, access: Access, look: &Look) -> Markup {
    let versions = &look.versions.whole;
    let chart = Chart {
        kind: ChartKind::Line,
        x: Some("trained".to_owned()),
        y: vec!["hit_rate".to_owned()],
        by: None,
        low_high: Some(("low".to_owned(), "high".to_owned())),
    };
    html! {
        (Done::of(ui))
        @if let Err(error) = &look.traffic { p.problem role="alert" { (format!("{error:#}")) } }
        @if versions.is_empty() {
            (empty(ui.say("There is no version yet.", "还没有模型版本。"), ui.say("nearset run trains one.", "请运行 nearset run 训练一个。")))
        } @else {
            section {
                h2 { (ui.say("Versions", "版本")) }
                (table(ui, look))
                (compare_form(ui, versions))
            }
            section {
                h2 { (ui.say("Hit rate over time", "命中率变化")) }
                p.soft {
                    (ui.say(
                        "On visits that were held out of training; the interval holds in 95 of 100 cases.",
                        "在训练时留出的访问上计算；区间为 95% 置信区间。",
                    ))
                }
                (draw(ui, ui.say("Hit rate of each version", "各版本命中率"), &chart, &history(versions)))
            }
            (change::forms(ui, access, look, None))
            (promotions(ui, &look.promotions))
        }
        (damaged(ui, &look.versions))
    }
}

fn table(ui: &Ui, look: &Look) -> Markup {
    let figures = &FIGURES[..3];
    scroll(
        ui.say("Versions", "版本"),
        &html! {
            table {
                thead { tr {
                    th scope="col" { (ui.say("Version", "版本")) }
                    th scope="col" { (ui.say("Role", "角色")) }
                    th scope="col" { (ui.say("Data up to", "数据截至")) }
                    @for figure in figures { th.number scope="col" { (figure.title(ui)) } }
                    th.number scope="col" { (FIGURES[6].title(ui)) }
                    th scope="col" { (ui.say("Ranker", "排序器")) }
                    th.number scope="col" { (ui.say("Datasets", "数据集")) }
                } }
                tbody { @for manifest in look.versions.whole.iter().rev() {
                    tr {
                        th scope="row" { a href=(address(&manifest.version)) { (manifest.version) } }
                        td { (look.roles(ui, &manifest.version)) }
                        td { (time(ui, manifest.trained_at)) }
                        @for figure in figures { td.number { (figure.shown(of_version(manifest))) } }
                        td.number { (FIGURES[6].shown(of_version(manifest))) }
                        td { (manifest.ranker.as_ref().map_or("–", |ranker| &ranker.kept)) }
                        td.number { (number(manifest.listed_items as f64)) }
                    }
                } }
            }
        },
    )
}

fn compare_form(ui: &Ui, versions: &[Manifest]) -> Markup {
    let [.., before, last] = versions else { return html! {} };
    let choice = |name: &str, label: &str, chosen: &str| {
        html! {
            label {
                (label)
                select name=(name) {
                    @for manifest in versions.iter().rev() {
                        option value=(manifest.version) selected[manifest.version == chosen] { (manifest.version) }
                    }
                }
            }
        }
    };
    html! {
        form.row method="get" action="/console/models/compare" {
            (choice("a", ui.say("This version", "版本一"), &before.version))
            (choice("b", ui.say("beside this one", "版本二"), &last.version))
            button { (ui.say("Compare", "对比")) }
        }
    }
}

fn promotions(ui: &Ui, all: &[Promotion]) -> Markup {
    html! {
        @if !all.is_empty() {
            section {
                h2 { (ui.say("Which was current when", "上线记录")) }
                (listed(ui.say("Which was current when", "上线记录"), &[
                    Head::Words(ui.say("Since", "上线时间")),
                    Head::Words(ui.say("Version", "版本")),
                ], &html! {
                    @for one in all.iter().rev().take(TOLD) {
                        tr { td { (time(ui, one.at)) } td { a href=(address(&one.version)) { (one.version) } } }
                    }
                }))
            }
        }
    }
}

fn damaged(ui: &Ui, versions: &Versions) -> Markup {
    html! {
        @if !versions.damaged.is_empty() {
            section {
                h2 { (ui.say("Damaged versions", "已损坏的版本")) }
                ul { @for (version, error) in &versions.damaged { li { b { (version) } ": " (format!("{error:#}")) } } }
            }
        }
    }
}
