//! What begins, repeats or ends a run.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::address;
use crate::common::language::spoken;
use crate::console::fragment::blocking;
use crate::console::{Section, Ui, page};
use crate::operations;
use crate::operations::run_log::{self, Cancelled, Look};
use crate::serve::{Access, Level, Shared};
use crate::warehouse::Outcome;

/// What a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Start,
    Retry,
    Cancel,
}

/// What a form sends.
#[derive(Deserialize)]
pub struct Asked {
    what: What,
    #[serde(default)]
    run: String,
}

/// What was just done, as the address of the page says after it.
pub fn done(ui: &Ui) -> Markup {
    let (is_done, said) = match ui.parameter("done") {
        Some("start") => (true, ui.say("A run has begun.", "已开始运行。")),
        Some("retry") => (true, ui.say("The run is tried again.", "已开始重试。")),
        Some("cancel") => (true, ui.say("The run was told to end.", "已通知运行结束。")),
        Some("no_retry") => {
            (false, ui.say("The run is done: there is nothing to try again.", "运行已完成，无需重试。"))
        }
        Some("no_cancel") => {
            (false, ui.say("The run had ended before: there is nothing to cancel.", "运行此前已结束，无需取消。"))
        }
        _ => return html! {},
    };
    html! { p.note role="status" { @if is_done { span.good { "✓ " } } (said) } }
}

/// Does what a form asks for.
pub async fn act(ui: Ui, access: Access, State(state): State<Shared>, Form(asked): Form<Asked>) -> Response {
    let refused = |status: StatusCode, why: &str| {
        let body = html! {
            p.problem role="alert" { (why) }
            p { a href=(Section::Runs.path()) { (ui.say("All runs", "全部运行")) } }
        };
        (status, page(&ui, Section::Runs, "", &body)).into_response()
    };
    if access.level < Level::Admin {
        return refused(
            StatusCode::UNAUTHORIZED,
            ui.say("This needs the admin token: sign in first.", "此操作需要管理员令牌：请先登录。"),
        );
    }
    let (config, language, Asked { what, run }) = (state.config.clone(), ui.language, asked);
    let acted = blocking(move || {
        spoken(language, || match what {
            What::Start => operations::begin(&config, &["run"]).map(|()| ("start", None)),
            What::Retry => {
                let look = run_log::find(&config, &run)?;
                if matches!(look.outcome, Outcome::Done | Outcome::HeldBack) {
                    return Ok(("no_retry", Some(look.run)));
                }
                operations::begin(&config, &["runs", "retry", &look.run]).map(|()| ("retry", None))
            }
            What::Cancel => {
                let run = run_log::find(&config, &run)?.run;
                let done = match run_log::cancel(&config, &run)? {
                    Cancelled::Ended(_, Outcome::Cancelled | Outcome::Killed) => "cancel",
                    _ => "no_cancel",
                };
                Ok((done, Some(run)))
            }
        })
    });
    match acted.await {
        Ok((done, run)) => {
            tracing::info!("asked for on the console: {done} {}", run.as_deref().unwrap_or_default());
            let place = run.map_or_else(|| Section::Runs.path().to_owned(), |run| address(&run));
            Redirect::to(&format!("{place}?done={done}")).into_response()
        }
        Err(error) => refused(StatusCode::CONFLICT, &format!("{error:#}")),
    }
}

fn form(what: &str, run: &str, button: &str, question: &str) -> Markup {
    html! {
        form.row method="post" action="/console/runs/act" data-confirm=(question) {
            input type="hidden" name="what" value=(what);
            input type="hidden" name="run" value=(run);
            button { (button) }
        }
    }
}

/// What begins a run, for whoever may.
pub fn start(ui: &Ui, access: Access) -> Markup {
    html! {
        @if access.level >= Level::Admin {
            (form("start", "", ui.say("Run now", "立即运行"), ui.say("Begin a run with all steps?", "开始一次完整运行？")))
        }
    }
}

/// What ends or repeats a run, for whoever may.
pub fn forms(ui: &Ui, access: Access, look: &Look) -> Markup {
    if access.level < Level::Admin {
        return html! {};
    }
    match look.outcome {
        Outcome::Done | Outcome::HeldBack => html! {},
        Outcome::Running => form(
            "cancel",
            &look.run,
            ui.say("Cancel", "取消"),
            ui.say("End this run? Nothing of it is published.", "结束本次运行？不会发布任何内容。"),
        ),
        _ => form(
            "retry",
            &look.run,
            ui.say("Try again", "重试"),
            ui.say("Run it again with the same options?", "以相同的选项重新运行？"),
        ),
    }
}
