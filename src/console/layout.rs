//! What stands around every page.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::ui::Ui;
use crate::query::Refusal;

/// What a page may load: its own scripts and styles, and nothing of others.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https: http:; \
    connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The parts of the console, as its navigation has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    Datasets,
    Lists,
    Views,
    Experiments,
    Models,
    Runs,
    Reports,
    Reconciliation,
    Quality,
    Project,
    Settings,
}

impl Section {
    const ALL: [Self; 12] = [
        Self::Overview,
        Self::Datasets,
        Self::Lists,
        Self::Views,
        Self::Experiments,
        Self::Models,
        Self::Runs,
        Self::Reports,
        Self::Reconciliation,
        Self::Quality,
        Self::Project,
        Self::Settings,
    ];

    /// Where it is.
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview => "/console",
            Self::Datasets => "/console/datasets",
            Self::Lists => "/console/lists",
            Self::Views => "/console/views",
            Self::Experiments => "/console/experiments",
            Self::Models => "/console/models",
            Self::Runs => "/console/runs",
            Self::Reports => "/console/reports",
            Self::Reconciliation => "/console/reconciliation",
            Self::Quality => "/console/quality",
            Self::Project => "/console/project",
            Self::Settings => "/console/settings",
        }
    }

    /// What it is called.
    pub fn title(self, ui: &Ui) -> &'static str {
        let (english, chinese) = match self {
            Self::Overview => ("Overview", "总览"),
            Self::Datasets => ("Datasets", "数据集"),
            Self::Lists => ("Lists side by side", "列表对比"),
            Self::Views => ("Dashboards", "看板"),
            Self::Experiments => ("Experiments", "实验"),
            Self::Models => ("Models", "模型"),
            Self::Runs => ("Runs", "运行"),
            Self::Reports => ("Reports", "报表"),
            Self::Reconciliation => ("Reconciliation", "对账"),
            Self::Quality => ("Data quality", "数据质量"),
            Self::Project => ("SQL project", "SQL 项目"),
            Self::Settings => ("Settings", "设置"),
        };
        ui.say(english, chinese)
    }
}

/// A whole page. `title` is what it shows; the section's own where it is empty.
pub fn page(ui: &Ui, section: Section, title: &str, body: &Markup) -> Response {
    let title = if title.is_empty() { section.title(ui) } else { title };
    let markup = html! {
        (DOCTYPE)
        html lang=(if ui.is_chinese() { "zh-CN" } else { "en" }) data-theme=(ui.theme)
            data-charts=(assets::address("echarts.min.js")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · nearset" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::address("console.css"));
                script defer src=(assets::address("console.js")) {}
            }
            body {
                a.skip href="#main" { (ui.say("Skip to the content", "跳到正文")) }
                header.top { (navigation(ui, section)) }
                main id="main" tabindex="-1" {
                    h1 { (title) }
                    (body)
                }
            }
        }
    };
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], markup).into_response()
}

/// The way to the other pages, languages and colours.
fn navigation(ui: &Ui, section: Section) -> Markup {
    let themes =
        [("auto", ui.say("Auto", "自动")), ("light", ui.say("Light", "浅色")), ("dark", ui.say("Dark", "深色"))];
    html! {
        a.brand href="/console" { "nearset" }
        nav aria-label=(ui.say("Pages", "页面")) {
            details.menu { summary { (ui.say("Menu", "菜单")) } }
            ul.pages {
                @for one in Section::ALL {
                    li { a href=(one.path()) aria-current=[(one == section).then_some("page")] { (one.title(ui)) } }
                }
            }
            div.choices {
                p {
                    @for (value, tag, name) in [("en", "en", "English"), ("zh", "zh-CN", "中文")] {
                        a href=(ui.choosing("lang", value)) lang=(tag)
                            aria-current=[(ui.is_chinese() == (value == "zh")).then_some("true")] { (name) }
                    }
                }
                p {
                    @for (value, name) in themes {
                        a href=(ui.choosing("theme", value)) aria-current=[(ui.theme == value).then_some("true")] { (name) }
                    }
                }
                p {
                    a href="/docs" { "API" }
                    a href="/console/session" { (ui.say("Sign in", "登录")) }
                }
            }
        }
    }
}

/// What stands in the place of figures that could not be had.
pub fn problem(ui: &Ui, refusal: &Refusal) -> Markup {
    html! {
        p.problem role="alert" {
            @match refusal {
                Refusal::NoWarehouse => (ui.say("There is no warehouse yet: nearset run makes it.", "还没有仓库：请先运行 nearset run。")),
                Refusal::Busy => (ui.say("Too many queries are asked just now; try again in a moment.", "当前查询过多，请稍后再试。")),
                Refusal::Broken => (ui.say("The warehouse cannot be read just now; the server's log says why.", "暂时无法读取仓库，原因见服务器日志。")),
                other => (other.to_string()),
            }
        }
    }
}
