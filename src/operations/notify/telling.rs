//! A notice becomes a file for each of its receivers: once this returns, all of them will hear of it, each once.

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::letters::{Letter, Reminder, Told};
use super::notice::{Notice, State};
use super::receiver::Receiver;
use super::route::Escalation;
use super::routing::Routing;
use crate::config::Config;
use crate::operations::{Outbox, Severity};

/// The notices that wait for a receiver.
pub(super) fn notices_for(config: &Config, receiver: &str) -> Outbox {
    Outbox::of(config, &format!("notify/{receiver}"))
}

/// The letters that wait for a receiver.
pub(super) fn letters_for(config: &Config, receiver: &str) -> Outbox {
    Outbox::of(config, &format!("notify/{receiver}/letters"))
}

/// Has a notice told to whom the routes lead; that something is right again, to all who heard that it was wrong. How many are
/// told that were not before.
///
/// # Errors
/// The disk does not take it; whoever hears of it then hears of it once, however often this is called again.
pub fn tell(config: &Config, routing: &Routing, notice: &Notice, now: DateTime<Utc>) -> Result<usize> {
    let put = |number: usize, suffix: &str, due, reminder| {
        let receiver = &routing.receivers[number].name;
        let id = format!("{}{suffix}", notice.id());
        notices_for(config, receiver).put_for(&id, now, due, Told { notice: notice.clone(), reminder })
    };
    let mut told = 0;
    if notice.state == State::Resolved {
        let heard = who_heard(config, routing, &notice.episode, now)?;
        for (number, due) in &heard {
            told += usize::from(put(*number, "", *due, None)?);
        }
        if !heard.is_empty() {
            return Ok(told);
        }
    }
    let routes = routing.routes_of(notice);
    let is_wrong = matches!(notice.state, State::Firing | State::Worse);
    for route in &routes {
        let due = route.due(notice.severity, now);
        // what comes later first: a kill in between leaves the notice itself to be told again
        if let (true, Some(Escalation { after, to })) = (is_wrong, &route.escalation) {
            for number in to {
                put(*number, "-escalated", now + *after, Some(Reminder::Escalated))?;
            }
        }
        for number in &route.to {
            if let (true, Some(every)) = (is_wrong, route.repeat) {
                let again = Reminder::Again { number: 1, every: every.num_seconds() };
                put(*number, "-again-1", route.due(notice.severity, due + every), Some(again))?;
            }
            told += usize::from(put(*number, "", due, None)?);
        }
    }
    if routes.iter().all(|route| route.to.is_empty()) {
        tracing::warn!("no route takes {} ({}): nobody is told", notice.name, notice.severity.name());
    }
    Ok(told)
}

/// Who heard that something is wrong, or will, and when; what was to be said of it again is taken back.
fn who_heard(
    config: &Config,
    routing: &Routing,
    episode: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(usize, DateTime<Utc>)>> {
    let mut heard = Vec::new();
    for (number, receiver) in routing.receivers.iter().enumerate() {
        let notices = notices_for(config, &receiver.name);
        let unwanted = |told: &Told| told.reminder.is_some() && told.notice.episode == episode;
        notices.withdraw::<Told>(|item| unwanted(&item.body))?;
        let worse = |severity: Severity| format!("{episode}-worse-{}", severity.name());
        let states = [format!("{episode}-firing"), worse(Severity::Warning), worse(Severity::Critical)];
        let mut latest = None;
        for id in states.iter().flat_map(|id| [id.clone(), format!("{id}-escalated")]) {
            latest = latest.max(notices.when(&id, now)?);
        }
        heard.extend(latest.map(|due| (number, due)));
    }
    Ok(heard)
}

/// Has an alert no longer repeated or escalated, by its name and what it is about; how many reminders that spares.
///
/// # Errors
/// The disk fails.
pub fn acknowledge(config: &Config, routing: &Routing, name: &str, subject: Option<&str>) -> Result<usize> {
    let mut spared = 0;
    for receiver in &routing.receivers {
        let unwanted = |told: &Told| {
            let notice = &told.notice;
            told.reminder.is_some() && notice.name == name && subject.is_none_or(|subject| notice.subject == subject)
        };
        spared += notices_for(config, &receiver.name).withdraw::<Told>(|item| unwanted(&item.body))?;
    }
    Ok(spared)
}

/// Makes letters of all that is due for a receiver, and puts off what is to be said again.
pub(super) fn write_letters(config: &Config, receiver: &Receiver, now: DateTime<Utc>) -> Result<usize> {
    let zone = config.parameters.report_timezone.parse().unwrap_or(chrono_tz::Tz::UTC);
    let (notices, out) = (notices_for(config, &receiver.name), letters_for(config, &receiver.name));
    let make = |items: &[crate::operations::Item<Told>]| {
        let all: Vec<Told> = items.iter().map(|item| item.body.clone()).collect();
        let again: Vec<Told> =
            all.iter().filter(|told| matches!(told.reminder, Some(Reminder::Again { .. }))).cloned().collect();
        (super::letters::letters(receiver, &all, zone), again)
    };
    notices.gather(now, make, |id, (letters, again): (Vec<Letter>, Vec<Told>)| {
        for told in again {
            let Some(Reminder::Again { number, every }) = told.reminder else { continue };
            let next = Reminder::Again { number: number.saturating_add(1), every };
            let id = format!("{}-again-{}", told.notice.id(), number.saturating_add(1));
            let due = now + chrono::TimeDelta::seconds(every);
            notices.put_for(&id, now, due, Told { reminder: Some(next), ..told })?;
        }
        for (index, letter) in letters.into_iter().enumerate() {
            let id = format!("{id}.{:04}", index + 1);
            out.put(&id, now, Letter { id: id.clone(), ..letter })?;
        }
        Ok(())
    })
}
