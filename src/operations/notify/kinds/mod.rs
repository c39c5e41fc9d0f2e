//! What brings letters to each kind of receiver, a file each.

mod answer;
mod command;
mod dingtalk;
mod email;
mod errcode;
mod feishu;
mod sign;
mod token;
mod webhook;
mod wecom_app;
mod wecom_robot;

pub use command::Command;
pub use dingtalk::DingTalk;
pub use email::Email;
pub use feishu::Feishu;
pub use webhook::Webhook;
pub use wecom_app::WecomApp;
pub use wecom_robot::WecomRobot;

use super::fields::Fields;
use crate::common::language::either;
use crate::common::secrets::{self, Secret};

/// Whether a text is an address of http or https.
pub(super) fn is_http(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// The URL of a field, which may hold a key.
fn secret_url(fields: &Fields<'_>, name: &'static str) -> anyhow::Result<Secret> {
    let text = fields.needed(name)?;
    secrets::register_url(&text);
    // a key may be the last part of the path, too
    let path = text.split(['?', '#']).next().unwrap_or_default();
    if let Some(last) = path.rsplit('/').next().filter(|last| last.len() >= 16) {
        secrets::register(last);
    }
    match is_http(&text) {
        true => Ok(Secret(text)),
        false => Err(fields.fault(name, either("a URL of http or https", "http 或 https 的 URL"))),
    }
}
