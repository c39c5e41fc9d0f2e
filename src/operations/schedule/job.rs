//! A job: what runs when, and what becomes of it where it fails or its moment is missed.

use std::sync::LazyLock;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;

use super::rhythm::Rhythm;
use crate::common::language::t;

/// What is done about slots that came while nobody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// Nothing: the job waits for its next slot.
    None,
    /// The last of them is run once.
    Last,
    /// All of them are run, in their order.
    All,
}

impl CatchUp {
    /// By name.
    pub const NAMED: [(&str, Self); 3] = [("none", Self::None), ("last", Self::Last), ("all", Self::All)];
}

/// A job of the schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// When it runs.
    pub rhythm: Rhythm,
    /// The program and its arguments, with placeholders.
    pub command: Vec<String>,
    /// How often a slot that failed is tried again.
    pub retries: u32,
    /// How long is waited before that.
    pub retry_delay: TimeDelta,
    /// How long it may take.
    pub timeout: TimeDelta,
    /// What is done about missed slots.
    pub catch_up: CatchUp,
    /// By how much it may begin late, by chance.
    pub jitter: TimeDelta,
    /// Whether it runs at all.
    pub is_enabled: bool,
}

impl Job {
    /// A job as it is where its file says no more.
    pub fn new(name: String, rhythm: Rhythm, command: Vec<String>) -> Self {
        Self {
            name,
            rhythm,
            command,
            retries: 0,
            retry_delay: TimeDelta::minutes(5),
            timeout: TimeDelta::hours(24),
            catch_up: CatchUp::Last,
            jitter: TimeDelta::zero(),
            is_enabled: true,
        }
    }

    /// Whether this program is what it runs, whose exit codes are known.
    pub fn is_own(&self) -> bool {
        self.command.first().is_some_and(|program| program == "nearset")
    }

    /// The program and its arguments for a slot.
    pub fn words(&self, slot: DateTime<Utc>) -> Vec<String> {
        self.command.iter().map(|word| filled(word, |name| self.value(name, slot))).collect()
    }

    /// What stands for a placeholder.
    fn value(&self, name: &str, slot: DateTime<Utc>) -> Option<String> {
        match Placeholder::named(name)? {
            Placeholder::Slot => Some(slot_text(slot)),
            Placeholder::Day(before) => Some((self.rhythm.day(slot) - TimeDelta::days(before)).to_string()),
        }
    }
}

/// A slot as jobs are told it.
pub fn slot_text(slot: DateTime<Utc>) -> String {
    slot.to_rfc3339_opts(SecondsFormat::Secs, true)
}

enum Placeholder {
    /// The slot's moment.
    Slot,
    /// So many days before the slot's day in the job's zone.
    Day(i64),
}

impl Placeholder {
    fn named(name: &str) -> Option<Self> {
        match name {
            "slot" => Some(Self::Slot),
            "day" => Some(Self::Day(0)),
            _ => name.strip_prefix("day-")?.parse::<u16>().ok().map(|before| Self::Day(before.into())),
        }
    }
}

/// A text with values in place of `{name}`s; what has none stays as it is.
fn filled(word: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        match after.split_once('}').and_then(|(name, after)| Some((value(name)?, after))) {
            Some((value, after)) => {
                text += &value;
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text + rest
}

/// The first `{name}` of a word that looks like a placeholder and is none.
pub fn unknown_placeholder(word: &str) -> Option<&str> {
    word.split('{').skip(1).find_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-+_".contains(c));
        (is_name && Placeholder::named(name).is_none()).then_some(name)
    })
}

/// The words of a command that is written as one text. There is no shell: what would need one is refused.
///
/// # Errors
/// It is empty, or holds what only a shell understands.
pub fn words_of(text: &str) -> Result<Vec<String>, String> {
    if let Some(special) = text.chars().find(|c| "'\"\\$`|&;<>()*?~#".contains(*c)) {
        return Err(t!(
            "a command with {special} is written as a list: no shell reads it, unless one is named, as in \
             command = [\"sh\", \"-c\", \"…\"]",
            "命令中有 {special} 时须写成列表：命令不经过 shell，除非写明，例如 command = [\"sh\", \"-c\", \"…\"]"
        ));
    }
    match text.split_whitespace().map(str::to_owned).collect::<Vec<_>>() {
        words if words.is_empty() => Err(t!("the command is empty", "命令为空")),
        words => Ok(words),
    }
}

/// The rhythms of the system that nearset replaces, under their old names.
pub fn usual_jobs() -> Vec<Job> {
    static JOBS: LazyLock<Vec<Job>> = LazyLock::new(|| {
        let job = |name: &str, cron, command: &str, retry_delay| {
            let rhythm = Rhythm::parse(cron, Tz::UTC).ok()?;
            let job = Job::new(name.to_owned(), rhythm, command.split(' ').map(str::to_owned).collect());
            Some(Job { retries: 1, retry_delay: TimeDelta::minutes(retry_delay), ..job })
        };
        let report = job("daily_recommendation_report", "0 20 * * *", "nearset report --date {day-1}", 5);
        let jobs = [
            job("recommendation_pipeline", "0 18 * * *", "nearset run", 10),
            job("incremental_data_update", "0 */4 * * *", "nearset run", 5),
            job("weekly_model_refresh", "0 12 * * SAT", "nearset run --from features", 15),
            report.map(|report| Job { catch_up: CatchUp::All, ..report }),
        ];
        jobs.into_iter().flatten().collect()
    });
    JOBS.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_jobs_are_the_old_four() {
        let jobs = usual_jobs();
        let friday = "2026-11-27T13:00:00Z".parse::<DateTime<Utc>>().expect("a moment");
        let next = |job: &Job| job.rhythm.after(friday).map(slot_text).unwrap_or_default();
        let told: Vec<String> = jobs.iter().map(|job| format!("{} {}", job.name, next(job))).collect();
        assert_eq!(
            told,
            [
                "recommendation_pipeline 2026-11-27T18:00:00Z",
                "incremental_data_update 2026-11-27T16:00:00Z",
                "weekly_model_refresh 2026-11-28T12:00:00Z",
                "daily_recommendation_report 2026-11-27T20:00:00Z",
            ]
        );
        assert_eq!(jobs[3].words(friday), ["nearset", "report", "--date", "2026-11-26"]);
        assert!(jobs.iter().all(Job::is_own));
    }

    #[test]
    fn placeholders_are_of_the_jobs_zone() {
        let rhythm = Rhythm::parse("0 2 * * *", Tz::Asia__Shanghai).expect("a rhythm");
        let command = ["{day}", "at={slot}", "{day-7}x{day-0}", "{\"a\": {}}", "{"].map(str::to_owned).to_vec();
        let job = Job::new("a".to_owned(), rhythm, command);
        let slot = "2026-10-16T18:00:00Z".parse().expect("a moment");
        assert_eq!(
            job.words(slot),
            ["2026-10-17", "at=2026-10-16T18:00:00Z", "2026-10-10x2026-10-17", "{\"a\": {}}", "{"]
        );
        assert_eq!(unknown_placeholder("--date={days}"), Some("days"));
        assert_eq!(unknown_placeholder("{day}{day-1}{slot}{\"a\":1}{}"), None);
        assert!(words_of("sh -c 'a b'").is_err() && words_of("  ").is_err());
    }
}
