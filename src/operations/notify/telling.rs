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
        (super::letters::letters(receiver, &all, zone, now), again)
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::testing::{at, notice, routing};
    use super::*;

    const RECEIVERS: &str = "
[[receiver]]
name = \"team\"
kind = \"webhook\"
url = \"http://a.cn/team\"
[[receiver]]
name = \"boss\"
kind = \"webhook\"
url = \"http://a.cn/boss\"
";

    /// A place for what waits, and what there is to be told by.
    struct World {
        _folder: tempfile::TempDir,
        config: Config,
        routing: Routing,
    }

    impl World {
        fn with(routes: &str) -> Result<Self> {
            let folder = tempfile::tempdir()?;
            let config = Config::for_test(&[("DATA_DIR", &folder.path().to_string_lossy())])?;
            Ok(Self { _folder: folder, config, routing: routing(&format!("{RECEIVERS}{routes}")) })
        }

        fn tell(&self, notice: &Notice, now: &str) -> Result<usize> {
            tell(&self.config, &self.routing, notice, at(now))
        }

        /// What all receivers are sent at a moment, and were not before.
        fn sent(&self, now: &str) -> Result<Vec<String>> {
            let mut sent = Vec::new();
            for receiver in &self.routing.receivers {
                let letters = letters_for(&self.config, &receiver.name);
                write_letters(&self.config, receiver, at(now))?;
                for item in letters.waiting::<Letter>()? {
                    let json = &item.body.json;
                    let again =
                        if json["reminder"].is_null() { String::new() } else { format!(" {}", json["reminder"]) };
                    sent.push(format!("{} {} {}{again}", receiver.name, json["name"], json["state"]).replace('"', ""));
                }
                letters.withdraw::<Letter>(|_| true)?;
            }
            Ok(sent)
        }
    }

    fn resolved(of: &Notice) -> Notice {
        Notice { state: State::Resolved, at: of.at + TimeDelta::hours(1), ..of.clone() }
    }

    #[test]
    fn warnings_wait_for_the_digest_or_the_hours_and_what_is_critical_for_nothing() -> Result<()> {
        let digest = World::with("[[route]]\nto = \"team\"\ndigest = \"09:00\"")?;
        let hours = World::with("[[route]]\nto = \"team\"\nhours = \"09:00-18:00\"\ndays = \"mon-fri\"")?;
        // a Friday, 20:00 in Shanghai
        let (late, warning) = ("2026-11-27T12:00:00Z", notice("SourceStale", Severity::Warning));
        for (world, begins) in [(&digest, "2026-11-28T01:00:00Z"), (&hours, "2026-11-30T01:00:00Z")] {
            assert_eq!(world.tell(&warning, late)?, 1);
            assert_eq!(world.tell(&notice("CoverageLow", Severity::Info), "2026-11-27T12:00:01Z")?, 1);
            assert_eq!(world.tell(&notice("RunFailed", Severity::Critical), late)?, 1);
            assert_eq!(world.sent("2026-11-27T12:00:01Z")?, ["team RunFailed firing"]);
            world.tell(&resolved(&warning), "2026-11-27T13:00:00Z")?;
            assert!(world.sent("2026-11-27T13:00:00Z")?.is_empty(), "it ends in the digest, too");
            let all = ["team SourceStale firing", "team CoverageLow firing", "team SourceStale resolved"];
            assert_eq!(world.sent(begins)?, all);
            assert!(world.sent("2026-12-24T00:00:00Z")?.is_empty());
        }
        Ok(())
    }

    #[test]
    fn what_nobody_mends_or_acknowledges_goes_to_another() -> Result<()> {
        let route = "[[route]]\nto = \"team\"\nescalate_after = \"30m\"\nescalate_to = \"boss\"";
        let run = notice("RunFailed", Severity::Critical);
        let (noon, before, after) = ("2026-11-27T12:00:00Z", "2026-11-27T12:29:00Z", "2026-11-27T12:31:00Z");
        let world = World::with(route)?;
        world.tell(&run, noon)?;
        assert_eq!((world.sent(noon)?, world.sent(before)?), (vec!["team RunFailed firing".to_owned()], vec![]));
        assert_eq!(world.sent(after)?, ["boss RunFailed firing escalated"]);
        world.tell(&resolved(&run), after)?;
        world.tell(&resolved(&run), after)?;
        assert_eq!(world.sent(after)?, ["team RunFailed resolved", "boss RunFailed resolved"]);
        let mended = World::with(route)?;
        mended.tell(&run, noon)?;
        mended.tell(&resolved(&run), before)?;
        mended.tell(&resolved(&run), before)?;
        assert_eq!(mended.sent(after)?, ["team RunFailed firing", "team RunFailed resolved"], "the boss heard nothing");
        let known = World::with(route)?;
        known.tell(&run, noon)?;
        assert_eq!(acknowledge(&known.config, &known.routing, "JobFailed", None)?, 0);
        assert_eq!(acknowledge(&known.config, &known.routing, "RunFailed", None)?, 1);
        assert_eq!(known.sent(after)?, ["team RunFailed firing"]);
        Ok(())
    }

    #[test]
    fn what_stays_wrong_is_said_again_until_it_is_right() -> Result<()> {
        let world = World::with("[[route]]\nto = \"team\"\nrepeat = \"3h\"")?;
        let run = notice("RunFailed", Severity::Critical);
        world.tell(&run, "2026-11-27T12:00:00Z")?;
        // Alertmanager posts what is still wrong again and again
        assert_eq!(world.tell(&run, "2026-11-27T12:05:00Z")?, 0);
        assert_eq!(world.sent("2026-11-27T12:05:00Z")?, ["team RunFailed firing"]);
        assert_eq!(world.sent("2026-11-27T15:00:00Z")?, ["team RunFailed firing {again:1}"]);
        assert_eq!(world.sent("2026-11-27T18:00:00Z")?, ["team RunFailed firing {again:2}"]);
        world.tell(&resolved(&run), "2026-11-27T20:00:00Z")?;
        assert_eq!(world.sent("2026-11-28T20:00:00Z")?, ["team RunFailed resolved"]);
        assert!(world.sent("2026-11-29T20:00:00Z")?.is_empty());
        Ok(())
    }

    #[test]
    fn routes_take_by_what_they_ask_for_and_who_heard_that_it_began_hears_that_it_ended() -> Result<()> {
        let world = World::with(
            "[[route]]\nname = \"upstairs\"\nseverity = \"critical\"\nto = \"boss\"\ncontinue = true\n\
             [[route]]\nalerts = [\"Run*\"]\nlabels = { table = \"matomo.*\" }\nto = \"boss\"\n[[route]]\nto = \"team\"",
        )?;
        let noon = "2026-11-27T12:00:00Z";
        let warning = notice("DiskLow", Severity::Warning);
        let worse = Notice { state: State::Worse, severity: Severity::Critical, ..warning.clone() };
        world.tell(&warning, noon)?;
        assert_eq!(world.sent(noon)?, ["team DiskLow firing"]);
        world.tell(&worse, noon)?;
        assert_eq!(world.sent(noon)?, ["team DiskLow worse", "boss DiskLow worse"]);
        world.tell(&resolved(&worse), noon)?;
        assert_eq!(world.sent(noon)?, ["team DiskLow resolved", "boss DiskLow resolved"]);
        let mut table = notice("RunFailed", Severity::Info);
        table.labels.insert("table".to_owned(), "matomo.visits".to_owned());
        world.tell(&table, noon)?;
        assert_eq!(world.sent(noon)?, ["boss RunFailed firing"]);
        for (wanted, expected) in [("team", "team"), ("upstairs", "boss"), ("no-such", "team")] {
            let asked = Notice { wanted: wanted.to_owned(), ..notice(wanted, Severity::Info) };
            world.tell(&asked, noon)?;
            assert_eq!(world.sent(noon)?, [format!("{expected} {wanted} firing")]);
        }
        Ok(())
    }
}
