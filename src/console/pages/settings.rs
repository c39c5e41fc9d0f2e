//! The settings in force: each with its value, what it is for and where it stands. What is secret is hidden.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use crate::common::language::spoken;
use crate::config::{Config, InForce, in_force};
use crate::console::parts::{Field, Head, badge, empty, filters, listed};
use crate::console::{Section, Ui, page};
use crate::serve::Shared;
use crate::sql_project::Dashboards;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new().route(Section::Settings.path(), get(show))
}

/// Which of them.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    words: String,
    #[serde(default)]
    changed: String,
}

impl Asked {
    /// Whether a setting is one of those.
    fn wants(&self, setting: &InForce) -> bool {
        let words = self.words.to_lowercase();
        let mut said = [&setting.name, &setting.value, &setting.origin, &setting.about].into_iter();
        (self.changed.is_empty() || setting.is_changed)
            && (words.trim().is_empty() || said.any(|text| text.to_lowercase().contains(words.trim())))
    }
}

async fn show(ui: Ui, State(state): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let mut groups = spoken(ui.language, || in_force(&state.config.found));
    for (_, settings) in &mut groups {
        settings.retain(|setting| asked.wants(setting));
    }
    groups.retain(|(_, settings)| !settings.is_empty());
    let body = html! {
        p.lead { (ui.say("As the server has read them when it started; secrets are hidden.", "服务启动时读取的设置；机密已隐藏。")) }
        (filters(&ui, Section::Settings.path(), &[
            Field::Text("words", ui.say("Words", "关键词"), &asked.words),
            Field::Check("changed", ui.say("Only those that differ from the default", "仅显示与默认值不同的"), !asked.changed.is_empty()),
        ]))
        @if groups.is_empty() { (empty(ui.say("No setting is like this.", "没有符合条件的设置。"), "")) }
        @for (title, settings) in &groups { (group(&ui, title, settings)) }
        (files(&ui, &state.config))
    };
    page(&ui, Section::Settings, "", &body)
}

fn group(ui: &Ui, title: &str, settings: &[InForce]) -> Markup {
    html! {
        section {
            h2 { (title) }
            (listed(title, &[
                Head::Words(ui.say("Setting", "设置")),
                Head::Words(ui.say("Value", "值")),
                Head::Words(ui.say("Default", "默认值")),
                Head::Words(ui.say("From", "来自")),
                Head::Words(ui.say("What it is for", "用途")),
            ], &html! {
                @for setting in settings {
                    tr id=(setting.name.to_lowercase()) {
                        th scope="row" { code { (setting.name) } @if setting.is_changed { " " (badge("warn", ui.say("changed", "已修改"))) } }
                        td { code { (setting.value) } }
                        td { @if !setting.default.is_empty() { code.soft { (setting.default) } } @else { span.soft { "–" } } }
                        td { (setting.origin) }
                        td.text { (setting.about) }
                    }
                }
            }))
        }
    }
}

/// The files that settings and the rest are read from, and whether they are there.
fn files(ui: &Ui, config: &Config) -> Markup {
    let project = config.project.as_deref();
    let read = config.found.files().into_iter().map(|file| (ui.say("settings", "设置"), file));
    let beside = [
        (ui.say("rules", "规则"), config.rules_path()),
        (ui.say("experiments", "实验"), config.experiments_path()),
        (ui.say("jobs", "定时任务"), config.schedule_path()),
        (ui.say("who is told", "通知"), config.notify_path()),
        (ui.say("dashboards", "看板"), Dashboards::place(project)),
    ];
    let contracts = config.contracts_path().map(|file| (ui.say("contracts", "数据约定"), file));
    let title = ui.say("Files", "文件");
    html! {
        section {
            h2 { (title) }
            (listed(title, &[
                Head::Words(ui.say("For", "用途")),
                Head::Words(ui.say("File", "文件")),
                Head::Words(ui.say("State", "状态")),
            ], &html! {
                @for (what, file) in read.chain(beside).chain(contracts) {
                    tr {
                        th scope="row" { (what) }
                        td { code { (file.display()) } }
                        td { @if file.exists() { (badge("good", ui.say("is there", "存在"))) } @else { (badge("", ui.say("is not there", "不存在"))) } }
                    }
                }
            }))
        }
    }
}
