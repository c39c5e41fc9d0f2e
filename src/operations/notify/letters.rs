//! What a receiver is sent: notices as texts in its language, in the layout of the old gateway, or as JSON for programs.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::notice::{Notice, State};
use super::receiver::Receiver;
use super::split;
use crate::common::language::{Language, either, spoken, t};
use crate::common::secrets::scrub;
use crate::operations::Severity;

/// Of more notices than this, each is a line.
const AT_LENGTH: usize = 12;

/// The most bytes of a fact in a text: whoever sends more is not read to the end.
const LONGEST_FACT: usize = 3000;

/// The most bytes of a name.
const LONGEST_NAME: usize = 200;

/// Why a notice is told that was told before, or to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reminder {
    /// It is still wrong.
    Again {
        /// The how manieth time this is.
        number: u32,
        /// After how many seconds again.
        every: i64,
    },
    /// Nobody mended or acknowledged it.
    Escalated,
}

/// A notice for one receiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// What is told.
    pub notice: Notice,
    /// Why, where it is not for the first time.
    pub reminder: Option<Reminder>,
}

/// What a receiver understands.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Texts of so many bytes.
    Text {
        /// At most.
        bytes: usize,
    },
    /// Notices one by one, as JSON.
    Notices,
}

/// One thing that is sent: whole, or not at all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// An id that no other letter has; the same when it is sent again.
    #[serde(default)]
    pub id: String,
    /// A line that says what it is about.
    pub title: String,
    /// The text, title included.
    pub text: String,
    /// The notices, for programs.
    pub json: Value,
}

/// The letters that tell a receiver of notices: those for whom the same is wanted go together.
pub fn letters(receiver: &Receiver, all: &[Told], zone: Tz, now: DateTime<Utc>) -> Vec<Letter> {
    let mut groups: Vec<Vec<&Told>> = Vec::new();
    for told in all {
        match groups.iter_mut().find(|group| group[0].notice.wanted == told.notice.wanted) {
            Some(group) => group.push(told),
            None => groups.push(vec![told]),
        }
    }
    spoken(receiver.language, || groups.iter().flat_map(|group| of_group(receiver, group, zone, now)).collect())
}

fn of_group(receiver: &Receiver, all: &[&Told], zone: Tz, now: DateTime<Utc>) -> Vec<Letter> {
    let letter = |title: String, text, json| Letter { id: String::new(), title, text, json };
    match receiver.kind.form() {
        Form::Notices => {
            let one = |told: &&Told| {
                let text = paragraph(told, receiver.language, zone, now);
                letter(title(&[told]), text, notice_json(told, &receiver.name, receiver.language))
            };
            all.iter().map(one).collect()
        }
        Form::Text { bytes } => {
            let texts: Vec<String> = match all.len() > AT_LENGTH {
                true => vec![all.iter().map(|told| line(told, receiver.language, zone)).collect::<Vec<_>>().join("\n")],
                false => all.iter().map(|told| paragraph(told, receiver.language, zone, now)).collect(),
            };
            let title = title(all);
            split::parts(&title, &texts, bytes)
                .into_iter()
                .map(|text| letter(title.clone(), text, Value::Null))
                .collect()
        }
    }
}

/// What a letter is about: whom the finder wanted told, and how many are wrong or no longer.
fn title(all: &[&Told]) -> String {
    let count = |resolved: bool| all.iter().filter(|told| (told.notice.state == State::Resolved) == resolved).count();
    let wanted = all.first().map(|told| name(&told.notice.wanted)).filter(|wanted| !wanted.is_empty());
    let wanted = wanted.map_or(String::new(), |wanted| t!("{wanted}: ", "{wanted}："));
    match all {
        [Told { notice, .. }] => {
            let name = subject(notice);
            t!("[nearset] {wanted}{name} {}", "【nearset】{wanted}{name} {}", state(notice.state))
        }
        _ => match (count(false), count(true)) {
            (firing, 0) => t!("[nearset] {wanted}{firing} alerts", "【nearset】{wanted}{firing} 条告警"),
            (0, resolved) => t!("[nearset] {wanted}{resolved} resolved", "【nearset】{wanted}{resolved} 条已恢复"),
            (firing, resolved) => t!(
                "[nearset] {wanted}{firing} alerts, {resolved} resolved",
                "【nearset】{wanted}{firing} 条告警，{resolved} 条已恢复"
            ),
        },
    }
}

fn subject(notice: &Notice) -> String {
    name(format!("{} {}", notice.name, notice.subject).trim_end())
}

/// A name as a line takes it.
fn name(text: &str) -> String {
    split::start(text, LONGEST_NAME).replace(char::is_control, " ")
}

fn state(state: State) -> &'static str {
    match state {
        State::Firing => either("firing", "告警"),
        State::Worse => either("worse", "加重"),
        State::Resolved => either("resolved", "已恢复"),
        State::Test => either("test", "测试"),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => either("info", "提示"),
        Severity::Warning => either("warning", "警告"),
        Severity::Critical => either("critical", "严重"),
    }
}

/// A length of time in its two greatest units.
fn lasted(time: TimeDelta) -> String {
    let minutes = time.num_minutes().max(0);
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => t!("{minutes} min", "{minutes} 分钟"),
        (0, hours, minutes) => t!("{hours} h {minutes} min", "{hours} 小时 {minutes} 分钟"),
        (days, hours, _) => t!("{days} d {hours} h", "{days} 天 {hours} 小时"),
    }
}

/// A notice in a line.
fn line(told: &Told, language: Language, zone: Tz) -> String {
    let notice = &told.notice;
    // with its time: WeCom shows the same text once in some hours
    let at = notice.at.with_timezone(&zone).format("%m-%d %H:%M:%S");
    let text = format!("[{}] {} ({}) {at}", state(notice.state), subject(notice), severity(notice.severity));
    let summary = notice.words(language).summary.lines().next().unwrap_or_default();
    let text = if summary.is_empty() { text } else { format!("{text}: {summary}") };
    split::start(&scrub(&text), 300).to_owned()
}

/// A notice as a paragraph, a fact a line.
fn paragraph(told: &Told, language: Language, zone: Tz, now: DateTime<Utc>) -> String {
    let Told { notice, reminder } = told;
    let words = notice.words(language);
    let moment = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
    let mut lines = vec![format!("[{}] {} ({})", state(notice.state), subject(notice), severity(notice.severity))];
    match reminder {
        Some(Reminder::Again { .. }) => {
            let length = lasted(now - notice.since);
            lines.push(t!("still so, for {length}", "已持续 {length}，仍未恢复"));
        }
        Some(Reminder::Escalated) => {
            lines.push(either("nobody has mended or acknowledged it", "尚无人处理或确认").to_owned());
        }
        None => {}
    }
    let colon = either(": ", "：");
    for (label, name) in [
        ("instance", either("instance", "实例")),
        ("job", either("job", "任务")),
        ("table", either("table", "表")),
        ("endpoint", either("endpoint", "接口")),
    ] {
        if let Some(value) = notice.labels.get(label).filter(|value| !value.is_empty()) {
            lines.push(format!("{name}{colon}{}", split::start(value, LONGEST_NAME)));
        }
    }
    lines.push(format!("{}{colon}{} ({zone})", either("since", "开始"), moment(notice.since)));
    if notice.state == State::Resolved {
        let length = lasted(notice.at - notice.since);
        lines.push(t!("until: {} ({length})", "恢复：{}（持续 {length}）", moment(notice.at)));
    }
    for (name, text) in
        [(either("summary", "摘要"), &words.summary), (either("description", "说明"), &words.description)]
    {
        if !text.trim().is_empty() {
            lines.push(format!("{name}{colon}{}", split::start(text.trim(), LONGEST_FACT)));
        }
    }
    scrub(&lines.join("\n")).into_owned()
}

/// A notice for programs.
fn notice_json(told: &Told, receiver: &str, language: Language) -> Value {
    let Told { notice, reminder } = told;
    let words = notice.words(language);
    let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "id": notice.id(),
        "receiver": receiver,
        "wanted": notice.wanted,
        "state": notice.state.name(),
        "reminder": match reminder {
            None => Value::Null,
            Some(Reminder::Again { number, .. }) => json!({ "again": number }),
            Some(Reminder::Escalated) => json!("escalated"),
        },
        "source": notice.source.name(),
        "name": notice.name,
        "subject": notice.subject,
        "severity": notice.severity.name(),
        "since": moment(notice.since),
        "at": moment(notice.at),
        "summary": scrub(&words.summary),
        "description": scrub(&words.description),
        "labels": notice.labels,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{notice, routing};
    use super::*;

    #[test]
    fn a_text_says_what_the_old_gateway_said_in_the_language_of_its_receiver() {
        let routing = routing(
            "[[receiver]]\nname = \"a\"\nkind = \"wecom_robot\"\nurl = \"http://a.cn/b?key=0123456789abcdef\"\n",
        );
        let mut alert = notice("RecommendationLatencyHigh", Severity::Critical);
        alert.wanted = "recommend-default".to_owned();
        alert.labels =
            [("endpoint", "similar"), ("instance", "a:8000")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        alert.chinese =
            Some(super::super::Words { summary: "列表慢".to_owned(), description: "查看磁盘".to_owned() });
        let told = |notice: &Notice| Told { notice: notice.clone(), reminder: None };
        let [letter] = &letters(&routing.receivers[0], &[told(&alert)], chrono_tz::Asia::Shanghai, alert.at)[..] else {
            panic!("one letter")
        };
        assert_eq!(
            letter.text,
            "【nearset】recommend-default：RecommendationLatencyHigh 告警\n[告警] RecommendationLatencyHigh (严重)\n\
             实例：a:8000\n接口：similar\n开始：2026-11-27 20:00:00 (Asia/Shanghai)\n摘要：列表慢\n说明：查看磁盘"
        );
        let many: Vec<Told> = (0..200).map(|_| told(&alert)).collect();
        let parts = letters(&routing.receivers[0], &many, chrono_tz::Tz::UTC, alert.at);
        assert!(parts.len() > 3 && parts.iter().all(|part| part.text.len() <= 2048), "{}", parts.len());
        assert_eq!(parts.iter().map(|part| part.text.matches("[告警] ").count()).sum::<usize>(), 200);
        assert!(parts[1].text.starts_with("【nearset】recommend-default：200 条告警 (2/"), "{}", parts[1].text);
    }
}
