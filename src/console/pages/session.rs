//! Signing in: a token is given once, and the browser keeps a session for it.

use axum::Router;
use axum::extract::{Form, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use crate::console::{Section, Ui, page};
use crate::serve::{Access, Level, Shared, access, sessions};

/// Where it is.
const PATH: &str = "/console/session";

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new().route(PATH, get(show).post(begin)).route("/console/session/end", post(end))
}

/// What the form sends.
#[derive(Deserialize)]
struct Given {
    token: String,
    /// The page to go on to.
    #[serde(default)]
    to: String,
}

/// Who signs in, and from where.
struct Visitor {
    ui: Ui,
    parts: Parts,
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Response> {
        Ok(Self { ui: Ui::of(parts, state).map_err(|chosen| *chosen)?, parts: parts.clone() })
    }
}

async fn show(Visitor { ui, .. }: Visitor, access: Access) -> Response {
    page(&ui, Section::Settings, ui.say("Sign in", "登录"), &signed_in(&ui, access.level, &form(&ui, None)))
}

/// The same where a page may not be seen without.
pub fn ask(ui: &Ui) -> Response {
    let refused = ui.say(
        "These pages are shown on the server's own machine, or to whoever signs in.",
        "这些页面只在服务器本机显示，其他人须先登录。",
    );
    (StatusCode::UNAUTHORIZED, page(ui, Section::Settings, ui.say("Sign in", "登录"), &form(ui, Some(refused))))
        .into_response()
}

async fn begin(Visitor { ui, parts }: Visitor, State(state): State<Shared>, Form(given): Form<Given>) -> Response {
    let refused = |status: StatusCode, why: &str| {
        (status, page(&ui, Section::Settings, ui.say("Sign in", "登录"), &form(&ui, Some(why)))).into_response()
    };
    if !access::is_same_origin(&parts.headers) {
        return refused(StatusCode::FORBIDDEN, ui.say("This form was not sent from here.", "该表单不是从本站提交的。"));
    }
    let from = access::peer(&parts).map(|peer| peer.ip());
    if from.is_some_and(|from| state.sessions.is_guessing(from)) {
        let why = ui.say("Too many wrong tokens; try again in a minute.", "错误令牌过多，请一分钟后再试。");
        return ([(header::RETRY_AFTER, "60")], refused(StatusCode::TOO_MANY_REQUESTS, why)).into_response();
    }
    let level = Level::of_token(&state.config, given.token.trim());
    if level == Level::Anyone {
        from.inspect(|from| state.sessions.failed(*from));
        tracing::warn!("{from:?} gave a wrong token to sign in");
        let why =
            ui.say("This is neither ANALYST_TOKEN nor ADMIN_TOKEN.", "它既不是 ANALYST_TOKEN，也不是 ADMIN_TOKEN。");
        return refused(StatusCode::UNAUTHORIZED, why);
    }
    let kept = sessions::cookie(Some(&state.sessions.begin(level)), &parts.headers);
    ([(header::SET_COOKIE, kept)], Redirect::to(own(&given.to))).into_response()
}

async fn end(State(state): State<Shared>, request: Request) -> Response {
    let headers: &HeaderMap = request.headers();
    if let Some(id) = sessions::id_in(headers).filter(|_| access::is_same_origin(headers)) {
        state.sessions.end(id);
    }
    ([(header::SET_COOKIE, sessions::cookie(None, headers))], Redirect::to(PATH)).into_response()
}

/// A page of the console's own; its first one where an address leads elsewhere.
fn own(to: &str) -> &str {
    let is_own = to == "/console" || ["/console/", "/console?"].iter().any(|start| to.starts_with(start));
    if is_own && !to.contains(['\\', '\r', '\n']) && !to.starts_with(PATH) { to } else { Section::Overview.path() }
}

fn form(ui: &Ui, problem: Option<&str>) -> Markup {
    html! {
        @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
        form method="post" action=(PATH) {
            input type="hidden" name="to" value=(own(&ui.address));
            label for="token" { (ui.say("Token", "令牌")) }
            input id="token" name="token" type="password" required autocomplete="current-password";
            button { (ui.say("Sign in", "登录")) }
        }
        p.soft {
            (ui.say(
                "ANALYST_TOKEN opens SQL of your own, ADMIN_TOKEN also what changes something.",
                "ANALYST_TOKEN 可执行自己的 SQL；ADMIN_TOKEN 还可进行更改。",
            ))
        }
    }
}

/// What somebody may do already, and how to end it.
fn signed_in(ui: &Ui, level: Level, form: &Markup) -> Markup {
    html! {
        @match level {
            Level::Anyone => (form),
            Level::Reader => {
                p { (ui.say("You may see all pages.", "您可以查看所有页面。")) }
                (form)
            }
            Level::Analyst | Level::Admin => {
                p {
                    @if level == Level::Admin {
                        (ui.say("You may see all pages, ask in SQL and change things.", "您可以查看所有页面、执行 SQL 并进行更改。"))
                    } @else {
                        (ui.say("You may see all pages and ask in SQL.", "您可以查看所有页面并执行 SQL。"))
                    }
                }
                form method="post" action="/console/session/end" { button { (ui.say("Sign out", "退出登录")) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_led_elsewhere() {
        for to in ["/console", "/console/views?a=b", "/console?lang=zh"] {
            assert_eq!(own(to), to);
        }
        for to in ["", "//evil.example", "https://evil.example", "/consolex", "/console/\\evil", "/", PATH] {
            assert_eq!(own(to), "/console", "{to}");
        }
    }
}
