//! `notify.toml` as it is written, and what stands in its place where there is none: WeCom's settings.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use chrono_tz::Tz;
use serde::Deserialize;
use toml::Spanned;

use super::fields::{Fields, Place, Table};
use super::hours::{Digest, Hours, length, time, weekdays};
use super::kinds::{WecomApp, is_http};
use super::notice::Source;
use super::receiver::{KINDS, Kind, Receiver};
use super::route::{Escalation, Route};
use super::routing::{Choice, Routing};
use crate::common::files;
use crate::common::language::{Language, either, t};
use crate::common::likeness::hint;
use crate::config::Config;
use crate::operations::Severity;
use crate::operations::watch::EVENTS;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    receiver: Vec<Spanned<Table>>,
    #[serde(default)]
    route: Vec<Spanned<Table>>,
    events: Option<Spanned<Table>>,
    patience: Option<Spanned<Table>>,
    gateway: Option<Spanned<Table>>,
    watch: Option<Spanned<Table>>,
}

impl Routing {
    /// What the file says; without one, what WeCom's settings say; without those, nobody is told.
    ///
    /// # Errors
    /// The file cannot be read or makes no sense: file, line and field are named. Some of WeCom's settings are there and
    /// others are not.
    pub fn of(config: &Config) -> Result<Self> {
        let path = config.notify_path();
        let zone: Tz = config.parameters.report_timezone.parse().unwrap_or(Tz::UTC);
        match files::read_text(&path)? {
            Some(text) => parse(Place { path: &path, text: &text }, zone),
            None if config.operations.notify.file.is_some() => {
                bail!(t!("{} does not exist; NOTIFY_FILE names it", "{} 不存在；NOTIFY_FILE 指定了它", path.display()))
            }
            None => of_settings(config),
        }
    }
}

/// The one receiver that WeCom's settings make.
fn of_settings(config: &Config) -> Result<Routing> {
    let settings = &config.operations.notify;
    let there = [settings.corp_id.is_some(), settings.corp_secret.is_some(), settings.agent_id.is_some()];
    let (Some(id), Some(secret), Some(agent)) = (&settings.corp_id, &settings.corp_secret, &settings.agent_id) else {
        if there.contains(&true) {
            bail!(t!(
                "WEIXIN_CORP_ID, WEIXIN_CORP_SECRET and WEIXIN_AGENT_ID belong together; some of them are not set",
                "WEIXIN_CORP_ID、WEIXIN_CORP_SECRET、WEIXIN_AGENT_ID 须一起设置；其中有的没有设置"
            ));
        }
        return Ok(Routing::default());
    };
    let app = WecomApp::of(id, secret.clone(), agent, &settings.default_user)
        .ok_or_else(|| anyhow!(t!("WEIXIN_AGENT_ID should be a number", "WEIXIN_AGENT_ID 应为数字")))?;
    let kind = Kind::WecomApp(app);
    let receiver = Receiver { name: "wecom".to_owned(), language: kind.language(), kind };
    Ok(Routing { origin: "WEIXIN_CORP_ID".to_owned(), receivers: vec![receiver], ..Routing::default() })
}

/// What a file's text says; times are of a zone where it names none.
pub(super) fn parse(place: Place<'_>, zone: Tz) -> Result<Routing> {
    let file: File = toml::from_str(place.text).map_err(|error| {
        let at = place.at(error.span().map_or(0, |span| span.start));
        anyhow!("{at}: {}", error.message())
    })?;
    let fields = |table: Spanned<Table>| Fields::of(place, table.span().start, table.into_inner());
    let mut routing = Routing { origin: place.path.display().to_string(), ..Routing::default() };
    for table in file.receiver {
        let start = table.span().start;
        let receiver = receiver(fields(table))?;
        if routing.receivers.iter().any(|other| other.name == receiver.name) {
            let (at, name) = (place.at(start), receiver.name);
            bail!(t!("{at}: there is another receiver {name}", "{at}：已有名为 {name} 的接收者"));
        }
        routing.receivers.push(receiver);
    }
    for table in file.route {
        let route = route(fields(table), &routing.receivers, zone)?;
        routing.routes.push(route);
    }
    for (name, text) in events(file.events.map(fields))? {
        let choice = match text.as_str() {
            "off" => Some(Choice::Off),
            text => severity_of(text).map(Choice::As),
        };
        let path = place.path.display();
        let choice = choice.with_context(|| {
            t!(
                "{path}: [events] {name} should be off, info, warning or critical",
                "{path}：[events] {name} 应为 off、info、warning 或 critical"
            )
        })?;
        routing.events.insert(name, choice);
    }
    for (name, text) in events(file.patience.map(fields))? {
        let path = place.path.display();
        let time = length(&text).with_context(|| {
            t!("{path}: [patience] {name} should be a time such as 10m", "{path}：[patience] {name} 应为时长，如 10m")
        })?;
        routing.patience.insert(name, time);
    }
    if let Some(gateway) = file.gateway.map(fields) {
        routing.token = gateway.secret("token")?;
        if routing.token.as_ref().is_some_and(|token| token.0.is_empty()) {
            return Err(gateway.fault("token", either("a text that is not empty", "非空文本")));
        }
        gateway.end()?;
    }
    if let Some(watch) = file.watch.map(fields) {
        routing.server = watch.text("server")?;
        if routing.server.as_deref().is_some_and(|server| !is_http(server)) {
            return Err(watch.fault("server", either("a URL of http or https", "http 或 https 的 URL")));
        }
        watch.end()?;
    }
    Ok(routing)
}

/// Names of nearset's own events, each with what is said of it.
fn events(fields: Option<Fields<'_>>) -> Result<Vec<(String, String)>> {
    let Some(fields) = fields else { return Ok(Vec::new()) };
    let all = fields.all()?;
    for (name, _) in &all {
        if !EVENTS.contains(&name.as_str()) {
            let hint = hint(name, EVENTS.iter().copied());
            return Err(fields.fault(name, &format!("{}{hint}", EVENTS.join(" | "))));
        }
    }
    Ok(all)
}

fn receiver(fields: Fields<'_>) -> Result<Receiver> {
    let name = fields.needed("name")?;
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') && name.len() <= 64;
    if !is_plain {
        return Err(fields.fault("name", either("of letters, digits, - and _", "由字母、数字、- 与 _ 组成")));
    }
    let kind = fields.needed("kind")?;
    let language = fields.read("language", "en | zh", |text| match text {
        "en" => Some(Language::English),
        "zh" => Some(Language::Chinese),
        _ => None,
    })?;
    let kind = Kind::read(&kind, &fields)?
        .ok_or_else(|| fields.fault("kind", &format!("{}{}", KINDS.join(" | "), hint(&kind, KINDS.into_iter()))))?;
    fields.end()?;
    Ok(Receiver { name, language: language.unwrap_or_else(|| kind.language()), kind })
}

fn severity_of(text: &str) -> Option<Severity> {
    Severity::ALL.into_iter().find(|severity| severity.name() == text)
}

/// The numbers of the receivers that a field names.
fn receivers(fields: &Fields<'_>, name: &'static str, all: &[Receiver]) -> Result<Vec<usize>> {
    let number = |wanted: String| {
        let found = all.iter().position(|receiver| receiver.name == wanted);
        found.ok_or_else(|| {
            let hint = hint(&wanted, all.iter().map(|receiver| receiver.name.as_str()));
            fields.fault(name, &t!("names of receivers; {wanted} is none{hint}", "接收者的名字；没有 {wanted}{hint}"))
        })
    };
    fields.list(name)?.into_iter().map(number).collect()
}

fn route(fields: Fields<'_>, all: &[Receiver], zone: Tz) -> Result<Route> {
    let to = receivers(&fields, "to", all)?;
    if to.is_empty() {
        return Err(fields.fault("to", either("names of receivers", "接收者的名字")));
    }
    let zone_of = |fields: &Fields<'_>| {
        let named = fields.read("zone", "Asia/Shanghai | UTC | …", |text| text.parse().ok())?;
        Ok::<Tz, anyhow::Error>(named.unwrap_or(zone))
    };
    let each = |name: &'static str, expected: &str, of: fn(&str) -> bool| {
        let texts = fields.list(name)?;
        if texts.iter().all(|text| of(text)) { Ok(texts) } else { Err(fields.fault(name, expected)) }
    };
    let severities = each("severity", "info | warning | critical", |text| severity_of(text).is_some())?;
    let source_of = |text: &str| Source::ALL.into_iter().find(|source| source.name() == text);
    let sources = each("source", "nearset | alertmanager | sentry", |text| {
        Source::ALL.iter().any(|source| source.name() == text)
    })?;
    let labels = fields.table("labels", "{ table = \"matomo.*\" }")?;
    let zone = zone_of(&fields)?;
    let hours = fields.read("hours", "\"09:00-18:00\"", |text| {
        let (from, to) = text.split_once('-')?;
        Some((time(from.trim())?, time(to.trim())?))
    })?;
    let days = fields.read("days", "\"mon-fri\" | \"sat,sun\"", weekdays)?;
    let digest = fields.read("digest", "\"09:00\" | \"4h\"", |text| {
        time(text).map(|time| Digest::At(time, zone)).or_else(|| length(text).map(Digest::Every))
    })?;
    let after = fields.read("escalate_after", "\"30m\"", length)?;
    let above = receivers(&fields, "escalate_to", all)?;
    if after.is_some() == above.is_empty() {
        return Err(fields.fault(
            if after.is_some() { "escalate_after" } else { "escalate_to" },
            either("beside the other: escalate_after and escalate_to", "与另一项一起写：escalate_after 与 escalate_to"),
        ));
    }
    let route = Route {
        name: fields.text("name")?.unwrap_or_default(),
        alerts: fields.list("alerts")?,
        severities: severities.iter().filter_map(|text| severity_of(text)).collect(),
        sources: sources.iter().filter_map(|text| source_of(text)).collect(),
        labels: labels.map(|labels| labels.all()).transpose()?.unwrap_or_default().into_iter().collect(),
        to,
        goes_on: fields.flag("continue")?,
        hours: hours.map(|(from, to)| Hours {
            from,
            to,
            days: days.unwrap_or_else(|| weekdays("mon-sun").unwrap_or_default()),
            zone,
        }),
        digest,
        repeat: fields.read("repeat", "\"3h\"", length)?,
        escalation: after.map(|after| Escalation { after, to: above }),
    };
    fields.end()?;
    Ok(route)
}

/// Whether a file holds a secret of its own that others of this machine may read.
///
/// # Errors
/// It cannot be read.
pub fn is_open_to_others(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let Some(text) = files::read_text(path)? else { return Ok(false) };
    let secrets = ["secret", "password", "token", "url"];
    let holds = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .any(|(name, value)| secrets.iter().any(|secret| name.trim().ends_with(secret)) && !value.contains("${"));
    Ok(holds && files::plain(path)?.permissions().mode() & 0o044 != 0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{routing, try_routing};
    use super::*;

    const ROBOT: &str =
        "[[receiver]]\nname = \"team\"\nkind = \"wecom_robot\"\nurl = \"http://a.cn/b?key=0123456789abcdef\"\n";

    #[test]
    fn the_example_is_in_order_as_it_is_and_with_all_that_is_left_out() {
        let example = include_str!("../../../notify.example.toml").replace("${", "http://a.cn/");
        let uncommented: Vec<&str> = example
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest)
                    if rest.starts_with("[[")
                        || rest
                            .split_once(" = ")
                            .is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_')) =>
                {
                    rest
                }
                _ => line,
            })
            .collect();
        let (some, all) = (routing(&example), routing(&uncommented.join("\n")));
        assert_eq!((some.receivers.len(), some.routes.len()), (2, 3));
        let kinds: Vec<&str> = all.receivers.iter().map(|receiver| receiver.kind.name()).collect();
        assert_eq!(kinds, KINDS.into_iter().filter(|kind| *kind != "feishu").collect::<Vec<_>>());
        assert!(all.token.is_some() && all.server.is_some() && all.routes[0].escalation.is_some());
        assert_eq!((all.events.len(), all.patience.len()), (2, 1));
        assert!(!all.has_gaps());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_what_was_meant() {
        for (text, words) in [
            ("[[receiver]]\nname = \"a\"", &["notify.toml:1: kind is missing here"][..]),
            (
                "\n[[receiver]]\nname = \"a\"\nkind = \"wecom_ap\"",
                &["notify.toml:4: kind should be", "did you mean wecom_app?"],
            ),
            ("[[receiver]]\nname = \"a b\"\nkind = \"command\"", &["notify.toml:2: name should be of letters"]),
            (
                &format!("{ROBOT}langage = \"zh\""),
                &["notify.toml:5: langage is not known here; did you mean language?"],
            ),
            (&format!("{ROBOT}language = \"fr\""), &["notify.toml:5: language should be en | zh"]),
            (&format!("{ROBOT}{ROBOT}"), &["notify.toml:5: there is another receiver team"]),
            (
                &format!("{ROBOT}[[route]]\nto = [\"teem\"]"),
                &["notify.toml:6: to should be names of receivers; teem is none; did you mean team?"],
            ),
            (
                &format!("{ROBOT}[[route]]\nto = \"team\"\nescalate_after = \"3h\""),
                &["notify.toml:7: escalate_after should be beside the other"],
            ),
            (&format!("{ROBOT}[[route]]\nto = \"team\"\nhours = \"9 to 5\""), &["notify.toml:7: hours should be"]),
            ("[events]\nRunFaild = \"off\"", &["notify.toml:2: RunFaild should be", "did you mean RunFailed?"]),
            ("[events]\nRunFailed = \"never\"", &["RunFailed should be off, info, warning or critical"]),
            ("[[reciever]]", &["notify.toml:1: ", "receiver"]),
            (
                "[[receiver]]\nname = \"a\"\nkind = \"feishu\"\nurl = \"${NOT_SET_ANYWHERE}\"",
                &["notify.toml:4: url: NOT_SET_ANYWHERE is neither in the environment nor in .env"],
            ),
            (
                "[[receiver]]\nname = \"a\"\nkind = \"email\"\nserver = \"s\"\nfrom = \"a@b.cn\"\nto = [\"nobody\"]",
                &["notify.toml:6: to should be"],
            ),
        ] {
            let said = try_routing(text).err().unwrap_or_default();
            assert!(words.iter().all(|word| said.contains(word)), "{text}: {said}");
        }
    }
}
