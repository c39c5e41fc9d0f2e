//! What can be changed of an experiment: forms, and what they ask for. The same as `nearset experiments` does it.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::list::urlencoding;
use crate::common::language::spoken;
use crate::console::fragment::blocking;
use crate::console::parts::percent;
use crate::console::{Section, Ui, page};
use crate::operations::experiments::{Standing, tune};
use crate::serve::deployment::{Change, State as Stage, change};
use crate::serve::{Access, Level, Shared};

/// What a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Start,
    Stop,
    Look,
    Tune,
}

/// What a form sends.
#[derive(Debug, Deserialize)]
pub struct Asked {
    what: What,
    name: String,
}

/// The least share that tuning leaves a variant, as the command has it.
const LEAST: f64 = 0.05;

/// What was just done, as the address of the page says after it.
pub fn done(ui: &Ui) -> Markup {
    let said = match ui.parameter("done") {
        Some("start") => ui.say("It runs within a second.", "一秒内开始运行。"),
        Some("stop") => ui.say("It is stopped within a second.", "一秒内停止。"),
        Some("tune") => ui.say("The new shares hold within a second.", "新的比例一秒内生效。"),
        _ => return html! {},
    };
    html! { p.note role="status" { span.good { "✓ " } (said) } }
}

/// Does what a form asks for, and goes back to the experiment's page.
pub async fn make(ui: Ui, access: Access, State(state): State<Shared>, Form(asked): Form<Asked>) -> Response {
    let address = format!("/console/experiments/{}", urlencoding(&asked.name));
    let told = |status: StatusCode, said: &Markup| {
        let body = html! { (said) p { a href=(address) { (asked.name) } } };
        (status, page(&ui, Section::Experiments, "", &body)).into_response()
    };
    if access.level < Level::Admin {
        let why = ui.say("This needs the admin token: sign in first.", "此操作需要管理员令牌：请先登录。");
        return told(StatusCode::UNAUTHORIZED, &html! { p.problem role="alert" { (why) } });
    }
    let (config, language, name, what) = (state.config.clone(), ui.language, asked.name.clone(), asked.what);
    let made = blocking(move || {
        spoken(language, || match what {
            What::Start => change(&config, &name, &Change::Start).map(|()| Vec::new()),
            What::Stop => change(&config, &name, &Change::Stop).map(|()| Vec::new()),
            What::Look => tune(&config, &name, LEAST, false),
            What::Tune => tune(&config, &name, LEAST, true),
        })
    });
    match (made.await, what) {
        (Ok(tuned), What::Look) => told(
            StatusCode::OK,
            &html! {
                h2 { (ui.say("New shares by smoothed rates", "按平滑比率的新分配")) }
                ul { @for one in &tuned { li { b { (one.variant) } " " (percent(one.share)) " → " (percent(one.tuned)) } } }
                (form("tune", &asked.name, ui.say("Write them", "写入"), ui.say("Give the variants these shares?", "按此比例分配？")))
            },
        ),
        (Ok(_), _) => {
            let what = match what {
                What::Start => "start",
                What::Stop => "stop",
                What::Look | What::Tune => "tune",
            };
            tracing::info!("changed on the console: {what} {}", asked.name);
            Redirect::to(&format!("{address}?done={what}")).into_response()
        }
        (Err(error), _) => {
            tracing::warn!("asked for on the console, and not done: {error:#}");
            told(StatusCode::CONFLICT, &html! { p.problem role="alert" { (format!("{error:#}")) } })
        }
    }
}

fn form(what: &str, name: &str, button: &str, question: &str) -> Markup {
    html! {
        form.row method="post" action="/console/experiments/change" data-confirm=[Some(question).filter(|text| !text.is_empty())] {
            input type="hidden" name="what" value=(what);
            input type="hidden" name="name" value=(name);
            button { (button) }
        }
    }
}

/// What can be changed by whoever has the right to.
pub fn forms(ui: &Ui, access: Access, standing: &Standing) -> Markup {
    let Some(plan) = &standing.plan else { return html! {} };
    html! {
        section {
            h2 { (ui.say("Change it", "更改")) }
            @if access.level < Level::Admin {
                p.soft {
                    a href="/console/session?to=/console/experiments" { (ui.say("Sign in", "登录")) }
                    " " (ui.say("with the admin token to start, stop and tune.", "（需管理员令牌）后可启动、停止和调整。"))
                }
            } @else {
                @if plan.is_active {
                    (form("stop", &plan.name, ui.say("Stop", "停止"), ui.say("Have everybody get what settings say?", "让所有访客恢复为设置所定的列表？")))
                } @else {
                    (form("start", &plan.name, ui.say("Start", "启动"), ui.say("Have visitors assigned to its variants?", "开始为访客分配变体？")))
                }
                @if standing.state == Some(Stage::Running) {
                    (form("look", &plan.name, ui.say("New shares by clicks …", "按点击重新分配……"), ""))
                }
            }
        }
    }
}
