//! What changes which version answers whom: forms, and what they ask for. The same as `nearset models` does it.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::list::Look;
use crate::common::language::spoken;
use crate::console::fragment::blocking;
use crate::console::parts::percent;
use crate::console::{Section, Ui, page};
use crate::model::{Beside, Share};
use crate::operations::Change;
use crate::serve::{Access, Level, Shared};

/// What a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Promote,
    RollBack,
    Canary,
    EndCanary,
    Shadow,
    EndShadow,
}

/// What a form sends.
#[derive(Debug, Deserialize)]
pub struct Asked {
    what: What,
    #[serde(default)]
    version: String,
    /// In hundredths.
    #[serde(default)]
    share: String,
}

/// What was just done, as the address of the page says after it.
pub struct Done;

impl Done {
    /// It in words.
    pub fn of(ui: &Ui) -> Markup {
        let said = match ui.parameter("done") {
            Some("promote") => ui.say("The version is current now.", "该版本现为当前版本。"),
            Some("roll_back") => ui.say("The version from before is current again.", "上一版本已重新成为当前版本。"),
            Some("canary") => ui.say("The version answers its share of the visitors now.", "该版本现应答部分访客。"),
            Some("end_canary") => ui.say("The current version answers all visitors.", "现由当前版本应答全部访客。"),
            Some("shadow") => ui.say("The version makes lists that are not shown.", "该版本现生成不展示的列表。"),
            Some("end_shadow") => ui.say("No version makes lists that are not shown.", "现没有影子版本。"),
            _ => return html! {},
        };
        html! { p.note role="status" { span.good { "✓ " } (said) } }
    }
}

impl Asked {
    /// The change that it is.
    fn change(&self, ui: &Ui) -> Result<Change, String> {
        let beside = |what: Beside| {
            let share = self.share.trim().parse().ok().filter(|share| (0.0..=100.0).contains(share));
            let share: f64 = share.ok_or_else(|| {
                ui.say("The share must be a number from 0 to 100.", "比例须为 0 到 100 的数。").to_owned()
            })?;
            Ok(Change::Beside(what, Some(Share::of(self.version.clone(), share / 100.0))))
        };
        match self.what {
            What::Promote => Ok(Change::Promote(self.version.clone())),
            What::RollBack => Ok(Change::RollBack),
            What::Canary => beside(Beside::Canary),
            What::Shadow => beside(Beside::Shadow),
            What::EndCanary => Ok(Change::Beside(Beside::Canary, None)),
            What::EndShadow => Ok(Change::Beside(Beside::Shadow, None)),
        }
    }

    fn name(&self) -> &'static str {
        match self.what {
            What::Promote => "promote",
            What::RollBack => "roll_back",
            What::Canary => "canary",
            What::EndCanary => "end_canary",
            What::Shadow => "shadow",
            What::EndShadow => "end_shadow",
        }
    }
}

/// Does what a form asks for, and goes back to the page of all versions.
pub async fn make(ui: Ui, access: Access, State(state): State<Shared>, Form(asked): Form<Asked>) -> Response {
    let refused = |status: StatusCode, why: &str| {
        let body = html! {
            p.problem role="alert" { (why) }
            p { a href=(Section::Models.path()) { (ui.say("All versions", "全部版本")) } }
        };
        (status, page(&ui, Section::Models, "", &body)).into_response()
    };
    if access.level < Level::Admin {
        return refused(
            StatusCode::UNAUTHORIZED,
            ui.say("This needs the admin token: sign in first.", "此操作需要管理员令牌：请先登录。"),
        );
    }
    // a name is one of those there are, before any path is made of it
    let needs_version = matches!(asked.what, What::Promote | What::Canary | What::Shadow);
    let is_there = match Look::take(&state).await {
        Ok(look) => look.versions.whole.iter().any(|manifest| manifest.version == asked.version),
        Err(error) => return refused(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
    };
    if needs_version && !is_there {
        return refused(StatusCode::BAD_REQUEST, ui.say("There is no such version.", "没有这个版本。"));
    }
    let change = match asked.change(&ui) {
        Ok(change) => change,
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why),
    };
    let (making, language) = (state.clone(), ui.language);
    let made = blocking(move || {
        let said = spoken(language, || change.make(&making.config))?;
        tracing::info!("changed on the console: {said}");
        making.deployments.deploy_current()
    });
    match made.await {
        Ok(_) => Redirect::to(&format!("{}?done={}", Section::Models.path(), asked.name())).into_response(),
        Err(error) => {
            tracing::warn!("asked for on the console, and not done: {error:#}");
            refused(StatusCode::CONFLICT, &format!("{error:#}"))
        }
    }
}

/// One form: what it asks for, its button, and what is asked before it is done.
fn form(what: &str, version: &str, button: &str, question: &str, more: &Markup) -> Markup {
    html! {
        form.row method="post" action="/console/models/change" data-confirm=(question) {
            input type="hidden" name="what" value=(what);
            @if !version.is_empty() { input type="hidden" name="version" value=(version); }
            (more)
            button { (button) }
        }
    }
}

/// What can be changed by whoever has the right to: for one version, or, on the page of all, what concerns none.
pub fn forms(ui: &Ui, access: Access, look: &Look, version: Option<&str>) -> Markup {
    if access.level < Level::Admin {
        let to = format!("/console/session?to={}", Section::Models.path());
        return html! {
            section {
                h2 { (ui.say("Change what answers", "变更上线版本")) }
                p.soft { a href=(to) { (ui.say("Sign in", "登录")) } " " (ui.say("with the admin token to promote or roll back versions.", "（需管理员令牌）后可上线或回退版本。")) }
            }
        };
    }
    let traffic = look.traffic.as_ref().ok();
    let (canary, shadow) = (traffic.and_then(|t| t.canary.as_ref()), traffic.and_then(|t| t.shadow.as_ref()));
    let share = |usual: &str| {
        html! { label { (ui.say("Share in %", "比例（%）")) input name="share" value=(usual) inputmode="numeric" size="4"; } }
    };
    html! {
        section {
            h2 { (ui.say("Change what answers", "变更上线版本")) }
            @match version {
                Some(version) if look.current.as_deref() == Some(version) => {
                    p { (ui.say("It is current: it answers all that nothing else answers.", "当前版本：除灰度与实验外，全部由它应答。")) }
                }
                Some(version) => {
                    (form("promote", version, ui.say("Promote", "上线"), ui.say("Have it answer all visitors?", "由该版本应答全部访客？"), &html! {}))
                    (form("canary", version, ui.say("As canary", "灰度"), ui.say("Have it answer this share of the visitors?", "由该版本应答这一比例的访客？"), &share("5")))
                    (form("shadow", version, ui.say("As shadow", "影子"), ui.say("Have it make lists that are logged and not shown?", "由该版本生成只记录不展示的列表？"), &share("10")))
                }
                None => {
                    (form("roll_back", "", ui.say("Roll back", "回退"), ui.say("Go back to the version that was current before?", "回退到上一个版本？"), &html! {}))
                    p.soft { (ui.say("Other versions are promoted from their own pages.", "要上线其他版本，请打开该版本的页面。")) }
                }
            }
            @if let Some(Share { version, share, .. }) = canary {
                p { (ui.say("Canary:", "灰度：")) " " (version) ", " (percent(*share)) }
                (form("end_canary", "", ui.say("End the canary", "结束灰度"), ui.say("Have the current version answer all visitors?", "由当前版本应答全部访客？"), &html! {}))
            }
            @if let Some(Share { version, share, .. }) = shadow {
                p { (ui.say("Shadow:", "影子：")) " " (version) ", " (percent(*share)) }
                (form("end_shadow", "", ui.say("End the shadow", "结束影子"), ui.say("Have no version make lists that are not shown?", "不再生成不展示的列表？"), &html! {}))
            }
        }
    }
}
