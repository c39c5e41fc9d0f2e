//! A receiver: its name, the language it is told in, and what brings a letter to it.

use std::time::Duration;

use anyhow::Result;

use super::fields::Fields;
use super::kinds::{Command, DingTalk, Email, Feishu, Webhook, WecomApp, WecomRobot};
use super::letters::{Form, Letter};
use crate::common::language::{Language, either};
use crate::config::Config;
use crate::operations::{Outgoing, Refusal};

/// All kinds, as `notify.toml` calls them.
pub const KINDS: [&str; 7] = ["wecom_app", "wecom_robot", "dingtalk", "feishu", "webhook", "email", "command"];

/// Somebody who is told.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its name: of letters, digits, `-` and `_`.
    pub name: String,
    /// The language it is told in.
    pub language: Language,
    /// What it is.
    pub kind: Kind,
}

/// What brings letters to it.
#[derive(Clone, Debug)]
pub enum Kind {
    /// An application of a company at WeCom.
    WecomApp(WecomApp),
    /// A robot of a WeCom group.
    WecomRobot(WecomRobot),
    /// A robot of a DingTalk group.
    DingTalk(DingTalk),
    /// A robot of a Feishu group.
    Feishu(Feishu),
    /// A program that takes JSON over HTTP.
    Webhook(Webhook),
    /// Mailboxes.
    Email(Email),
    /// A program of this machine.
    Command(Command),
}

/// What carries letters out.
pub struct Carrier<'a> {
    /// Requests.
    pub outgoing: &'a Outgoing,
    /// The settings.
    pub config: &'a Config,
    /// How long a letter may take, where the process is about to end.
    pub haste: Option<Duration>,
}

impl Kind {
    /// Reads the fields of a kind; `None` where there is no such.
    pub fn read(kind: &str, fields: &Fields<'_>) -> Result<Option<Self>> {
        Ok(Some(match kind {
            "wecom_app" => Self::WecomApp(WecomApp::read(fields)?),
            "wecom_robot" => Self::WecomRobot(WecomRobot::read(fields)?),
            "dingtalk" => Self::DingTalk(DingTalk::read(fields)?),
            "feishu" => Self::Feishu(Feishu::read(fields)?),
            "webhook" => Self::Webhook(Webhook::read(fields)?),
            "email" => Self::Email(Email::read(fields)?),
            "command" => Self::Command(Command::read(fields)?),
            _ => return Ok(None),
        }))
    }

    /// Its name in `notify.toml`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WecomApp(_) => KINDS[0],
            Self::WecomRobot(_) => KINDS[1],
            Self::DingTalk(_) => KINDS[2],
            Self::Feishu(_) => KINDS[3],
            Self::Webhook(_) => KINDS[4],
            Self::Email(_) => KINDS[5],
            Self::Command(_) => KINDS[6],
        }
    }

    /// The language of a receiver that names none: that of the product.
    pub fn language(&self) -> Language {
        match self {
            Self::WecomApp(_) | Self::WecomRobot(_) | Self::DingTalk(_) | Self::Feishu(_) => Language::Chinese,
            Self::Webhook(_) | Self::Email(_) | Self::Command(_) => Language::English,
        }
    }

    /// What form its letters have.
    pub fn form(&self) -> Form {
        match self {
            Self::WecomApp(_) | Self::WecomRobot(_) => Form::Text { bytes: 2048 },
            Self::DingTalk(_) | Self::Feishu(_) => Form::Text { bytes: 18_000 },
            Self::Email(_) => Form::Text { bytes: 1 << 20 },
            Self::Webhook(_) | Self::Command(_) => Form::Notices,
        }
    }

    /// What settings about it hold that others may read, for the terminal.
    pub fn address(&self) -> String {
        match self {
            Self::WecomApp(app) => app.address(),
            Self::WecomRobot(WecomRobot { url })
            | Self::DingTalk(DingTalk { url, .. })
            | Self::Feishu(Feishu { url, .. }) => host(&url.0),
            Self::Webhook(webhook) => host(&webhook.url.0),
            Self::Email(email) => email.address(),
            Self::Command(command) => command.argv.join(" "),
        }
    }
}

/// The host of a URL, whose rest may hold a key.
fn host(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| either("no URL", "不是 URL").to_owned())
}

impl Receiver {
    /// Brings it a letter; what came back, in a few words.
    ///
    /// # Errors
    /// It did not arrive.
    pub fn bring(&self, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        match &self.kind {
            Kind::WecomApp(app) => app.bring(&self.name, letter, carrier),
            Kind::WecomRobot(robot) => robot.bring(letter, carrier),
            Kind::DingTalk(robot) => robot.bring(letter, carrier),
            Kind::Feishu(robot) => robot.bring(letter, carrier),
            Kind::Webhook(webhook) => webhook.bring(letter, carrier),
            Kind::Email(email) => email.bring(letter, carrier),
            Kind::Command(command) => command.bring(letter, carrier),
        }
    }
}
