//! `schedule.toml`: the jobs as their file says them.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use chrono::TimeDelta;
use chrono_tz::{TZ_VARIANTS, Tz};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::job::{CatchUp, Job, unknown_placeholder, usual_jobs, words_of};
use super::rhythm::Rhythm;
use crate::common::language::t;
use crate::common::{files, likeness};
use crate::config::Config;

const KEYS: [&str; 10] =
    ["name", "cron", "zone", "command", "retries", "retry_delay", "timeout", "catch_up", "jitter", "enabled"];

/// Where the file is; it need not be there.
pub fn place(config: &Config) -> PathBuf {
    let named = &config.operations.schedule.file;
    named.clone().unwrap_or_else(|| config.data_dir.join("schedule.toml"))
}

/// The jobs of the file, or the usual ones where there is none.
///
/// # Errors
/// The file that a setting names is not there; it cannot be read, or something in it cannot be used: the error names the line.
pub fn read(config: &Config) -> Result<Vec<Job>> {
    let path = place(config);
    match files::read_text(&path)? {
        Some(text) => parse(&text).map_err(|Fault { at, problem }| {
            let line = text.as_bytes()[..at.min(text.len())].split(|byte| *byte == b'\n').count();
            anyhow!("{}:{line}: {problem}", path.display())
        }),
        None if config.operations.schedule.file.is_some() => bail!(t!(
            "SCHEDULE_FILE names {}, which is not there; write it (schedule.example.toml shows how), or take the setting out",
            "SCHEDULE_FILE 指定的 {} 不存在；请写该文件（参见 schedule.example.toml），或去掉此设置",
            path.display()
        )),
        None => Ok(usual_jobs()),
    }
}

/// What is wrong, and at which byte.
#[derive(Debug)]
struct Fault {
    at: usize,
    problem: String,
}

fn fault<T>(at: usize, problem: String) -> Result<T, Fault> {
    Err(Fault { at, problem })
}

fn parse(text: &str) -> Result<Vec<Job>, Fault> {
    let syntax = |error: toml::de::Error| Fault {
        at: error.span().map_or(0, |span| span.start),
        problem: error.message().to_owned(),
    };
    let file = DeTable::parse(text).map_err(syntax)?;
    let mut jobs: Vec<Job> = Vec::new();
    for (key, value) in file.get_ref() {
        if key.get_ref() != "job" {
            let hint = likeness::hint(key.get_ref(), ["job"].into_iter());
            let problem = t!(
                "{} is nothing that a schedule has: it consists of [[job]]s{hint}",
                "调度文件没有 {} 这一项，只由 [[job]] 组成{hint}",
                key.get_ref()
            );
            return fault(key.span().start, problem);
        }
        let tables = value.get_ref().as_array().map(|list| list.iter().map(|one| (one, one.get_ref().as_table())));
        for (one, table) in tables.into_iter().flatten() {
            let Some(table) = table else { return fault(one.span().start, double_brackets()) };
            let (at, job) = Fields { at: one.span().start, table }.job()?;
            if jobs.iter().any(|other| other.name == job.name) {
                return fault(at, t!("two jobs are called {}", "有两个任务都叫 {}", job.name));
            }
            jobs.push(job);
        }
        if !value.get_ref().is_array() {
            return fault(value.span().start, double_brackets());
        }
    }
    Ok(jobs)
}

fn double_brackets() -> String {
    t!("each job begins with [[job]], in two brackets", "每个任务以 [[job]] 开头，用双层方括号")
}

/// What the file says of one job.
struct Fields<'a> {
    /// Where it begins.
    at: usize,
    table: &'a DeTable<'a>,
}

/// A value and where it stands.
type Placed<'a> = (usize, &'a DeValue<'a>);

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<Placed<'a>> {
        let place = |value: &'a Spanned<DeValue<'a>>| (value.span().start, value.get_ref());
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| place(value))
    }

    /// A value read as `read` does, which says what is expected where it cannot.
    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&'a DeValue<'a>) -> Option<T>,
    ) -> Result<Option<(usize, T)>, Fault> {
        let Some((at, value)) = self.get(key) else { return Ok(None) };
        match read(value) {
            Some(read) => Ok(Some((at, read))),
            None => fault(at, t!("{key} must be {expected}", "{key} 须为{expected}")),
        }
    }

    fn text(&self, key: &str) -> Result<Option<(usize, &'a str)>, Fault> {
        self.read(key, &t!("a text", "文本"), |value| value.as_str())
    }

    fn required(&self, key: &str) -> Result<(usize, &'a str), Fault> {
        match self.text(key)? {
            Some(found) => Ok(found),
            None => fault(self.at, t!("this job has no {key}", "该任务缺少 {key}")),
        }
    }

    fn duration(&self, key: &str, otherwise: TimeDelta) -> Result<TimeDelta, Fault> {
        let expected =
            t!("a time such as \"30s\", \"10m\", \"2h\" or \"1d\"", "时长，如 \"30s\"、\"10m\"、\"2h\"、\"1d\"");
        let found = self.read(key, &expected, |value| duration(value.as_str()?))?;
        Ok(found.map_or(otherwise, |(_, duration)| duration))
    }

    /// The job, and where its name stands.
    fn job(&self) -> Result<(usize, Job), Fault> {
        for (key, _) in self.table {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                let hint = likeness::hint(key.get_ref(), KEYS.into_iter());
                let problem = t!("a job has no {}{hint}", "任务没有 {} 这一项{hint}", key.get_ref());
                return fault(key.span().start, problem);
            }
        }
        let (at, name) = self.required("name")?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !name.chars().all(is_plain) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.len() > 100 {
            let problem = t!(
                "the name {name:?} must consist of letters, digits, -, _ and ., and begin with a letter or digit",
                "名称 {name:?} 只能由字母、数字、-、_、. 组成，并以字母或数字开头"
            );
            return fault(at, problem);
        }
        let mut job = Job::new(name.to_owned(), self.rhythm()?, self.command()?);
        let whole = |value: &DeValue<'_>| {
            let integer = value.as_integer()?;
            u32::from_str_radix(integer.as_str(), integer.radix()).ok()
        };
        if let Some((_, retries)) = self.read("retries", &t!("a number, 0 or more", "不小于 0 的整数"), whole)? {
            job.retries = retries;
        }
        job.retry_delay = self.duration("retry_delay", job.retry_delay)?;
        job.timeout = self.duration("timeout", job.timeout)?;
        job.jitter = self.duration("jitter", job.jitter)?;
        let catch_up = |value: &DeValue<'_>| {
            let text = value.as_str()?;
            CatchUp::NAMED.iter().find(|(name, _)| *name == text).map(|(_, catch_up)| *catch_up)
        };
        if let Some((_, catch_up)) = self.read("catch_up", "none / last / all", catch_up)? {
            job.catch_up = catch_up;
        }
        if let Some((_, is_enabled)) = self.read("enabled", "true / false", |value| value.as_bool())? {
            job.is_enabled = is_enabled;
        }
        Ok((at, job))
    }

    fn rhythm(&self) -> Result<Rhythm, Fault> {
        let (cron_at, cron) = self.required("cron")?;
        let (zone_at, zone) = self.text("zone")?.unwrap_or((self.at, "UTC"));
        let Ok(zone) = Tz::from_str(zone) else {
            let hint = likeness::hint(zone, TZ_VARIANTS.iter().map(|zone| zone.name()));
            let problem = t!(
                "{zone:?} is no time zone such as \"Asia/Shanghai\"{hint}",
                "{zone:?} 不是时区，应如 \"Asia/Shanghai\"{hint}"
            );
            return fault(zone_at, problem);
        };
        Rhythm::parse(cron, zone).map_err(|problem| Fault { at: cron_at, problem })
    }

    fn command(&self) -> Result<Vec<String>, Fault> {
        let Some((at, value)) = self.get("command") else {
            return fault(self.at, t!("this job has no command", "该任务缺少 command"));
        };
        let listed = |list: &'a [Spanned<DeValue<'a>>]| {
            list.iter().map(|word| Some(word.get_ref().as_str()?.to_owned())).collect::<Option<Vec<_>>>()
        };
        let words = match (value.as_str(), value.as_array().and_then(|list| listed(list))) {
            (Some(text), _) => words_of(text).map_err(|problem| Fault { at, problem })?,
            (_, Some(words)) if words.first().is_some_and(|program| !program.is_empty()) => words,
            _ => {
                let problem = t!(
                    "command must be a text, or a list of texts with the program first",
                    "command 须为文本，或以程序名开头的文本列表"
                );
                return fault(at, problem);
            }
        };
        match words.iter().find_map(|word| unknown_placeholder(word)) {
            None => Ok(words),
            Some(name) => fault(
                at,
                t!(
                    "{{{name}}} is no placeholder; there are {{slot}}, {{day}}, and {{day-1}} for the day before",
                    "{{{name}}} 不是占位符；可用的有 {{slot}}、{{day}}，以及表示前一天的 {{day-1}}"
                ),
            ),
        }
    }
}

/// A whole number with its unit.
fn duration(text: &str) -> Option<TimeDelta> {
    let (number, seconds) = [("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))?;
    let number: u32 = number.trim_end().parse().ok()?;
    TimeDelta::try_seconds(i64::from(number) * seconds).filter(|duration| *duration <= TimeDelta::days(366))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_holds_the_usual_jobs() {
        let jobs = parse(include_str!("../../../schedule.example.toml")).expect("the example is in order");
        assert_eq!(jobs, usual_jobs());
    }

    #[test]
    fn all_keys_are_read() {
        let text = "[[job]]\nname = \"a\"\ncron = \"*/5 * * * * *\"\nzone = \"Asia/Shanghai\"\ncommand = [\"sh\", \"-c\", \"a | b\"]\n\
                    retries = 0x2\nretry_delay = \"30s\"\ntimeout = \"2h\"\ncatch_up = \"none\"\njitter = \"1d\"\nenabled = false\n";
        let jobs = parse(text).expect("jobs");
        let job = &jobs[0];
        assert_eq!((job.retries, job.retry_delay, job.timeout), (2, TimeDelta::seconds(30), TimeDelta::hours(2)));
        assert_eq!((job.catch_up, job.jitter, job.is_enabled), (CatchUp::None, TimeDelta::days(1), false));
        assert_eq!(job.command, ["sh", "-c", "a | b"]);
        assert_eq!(parse("").expect("none"), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let good = "[[job]]\nname = \"a\"\ncron = \"0 1 * * *\"\ncommand = \"nearset run\"\n";
        let said = |text: &str| {
            let Fault { at, problem } = parse(text).expect_err("a fault");
            format!("{}: {problem}", text[..at].split('\n').count())
        };
        for (text, expected) in [
            (good.to_owned() + "retrys = 1\n", "5: a job has no retrys; did you mean retries?"),
            (good.to_owned() + "retries = -1\n", "5: retries must be a number, 0 or more"),
            (good.to_owned() + "timeout = \"soon\"\n", "5: timeout must be a time such as"),
            (good.to_owned() + "zone = \"Asia/Shanhai\"\n", "did you mean Asia/Shanghai?"),
            (good.to_owned() + "catch_up = \"some\"\n", "5: catch_up must be none / last / all"),
            (good.to_owned() + good, "6: two jobs are called a"),
            (good.replace("0 1", "0 25"), "3: \"0 25 * * *\" is no cron expression"),
            (good.replace("nearset run", "sh -c 'x'"), "4: a command with ' is written as a list"),
            (good.replace("nearset run", "nearset report --date {dya}"), "4: {dya} is no placeholder"),
            (good.replace("name = \"a\"\n", ""), "1: this job has no name"),
            (good.replace("\"a\"", "\"a/b\""), "2: the name \"a/b\" must"),
            (good.replace("[[job]]", "[job]"), "each job begins with [[job]]"),
            (good.replace("[[job]]", "[[jobs]]"), "1: jobs is nothing that a schedule has"),
            (good.to_owned() + "name = \"b\"\n", "5: duplicate key"),
        ] {
            assert!(said(&text).contains(expected), "{} where {expected} is expected", said(&text));
        }
    }
}
