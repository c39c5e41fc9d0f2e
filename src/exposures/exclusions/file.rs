//! The file of exclusions (`exclude.example.toml`).

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use toml::{Spanned, Value};

use super::network::Network;
use super::{Exclusion, Exclusions};
use crate::common::files;
use crate::common::language::{either, t};
use crate::config::Config;

/// The longest name of a rule.
const LONGEST: usize = 40;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "exclude")]
    rules: Vec<Spec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    name: Spanned<String>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
    #[serde(default)]
    agents: Vec<Spanned<String>>,
    #[serde(default)]
    users: BTreeSet<i64>,
    #[serde(default)]
    visitors: Vec<Spanned<String>>,
    #[serde(default)]
    sources: Vec<Spanned<String>>,
    #[serde(default)]
    request_ids: Vec<Spanned<String>>,
    request_ids_file: Option<Spanned<String>>,
    #[serde(default)]
    endpoints: Vec<Spanned<String>>,
    from: Option<Spanned<Value>>,
    until: Option<Spanned<Value>>,
    #[serde(default, rename = "note")]
    _note: String,
}

/// The exclusions in force: none where there is no file.
///
/// # Errors
/// EXCLUDE_FILE names a file that is not there, or the file cannot be read or makes no sense; the error names it, the line and the
/// field.
pub fn read(config: &Config) -> Result<Exclusions> {
    let path = config.exclude_path();
    let Some(text) = files::read_text(&path)? else {
        ensure!(
            config.exposures.exclude_file.is_none(),
            t!(
                "EXCLUDE_FILE names {}, which is not there: what it takes out would count; write it, or take the setting out",
                "EXCLUDE_FILE 指定的 {} 不存在：本应排除的会被计入；请写该文件，或去掉此设置",
                path.display()
            )
        );
        return Ok(Exclusions::default());
    };
    let zone: Tz = config.parameters.report_timezone.parse().unwrap_or(Tz::UTC);
    let folder = path.parent().unwrap_or(Path::new("."));
    let rules = parse(&text, zone, folder).with_context(|| path.display().to_string())?;
    Ok(Exclusions { file: Some(path), ..rules })
}

/// Reads a file's text; files that it names stand in `folder`, days are those of `zone`.
pub(super) fn parse(text: &str, zone: Tz, folder: &Path) -> Result<Exclusions> {
    let file: File = toml::from_str(text).map_err(|error| anyhow!("{error}"))?;
    let at = |start: usize, what: String| {
        let line = text[..start].matches('\n').count() + 1;
        anyhow!(t!("line {line}: {what}", "第 {line} 行：{what}"))
    };
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for spec in file.rules {
        let (start, name) = (spec.name.span().start, spec.name.get_ref().clone());
        if let Some(fault) = name_fault(&name).or_else(|| {
            (!names.insert(name.clone())).then(|| either("another rule has this name", "另一条规则已用此名").to_owned())
        }) {
            return Err(at(start, format!("name: {name:?}: {fault}")));
        }
        let rule = rule(spec, zone, folder).map_err(|(place, what)| at(place.unwrap_or(start), what))?;
        rules.push(rule);
    }
    Ok(Exclusions { file: None, rules })
}

/// What is wrong with a name: it stands in reasons and in the log.
fn name_fault(name: &str) -> Option<String> {
    let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (name.is_empty() || name.len() > LONGEST || !name.chars().all(is_known)).then(|| {
        t!("a name is up to {LONGEST} of a-z, 0-9, - and _", "名称由 a-z、0-9、- 和 _ 组成，最多 {LONGEST} 个字符")
    })
}

/// What is wrong, and where, where that is another place than the rule's name.
type Fault = (Option<usize>, String);

fn rule(spec: Spec, zone: Tz, folder: &Path) -> Result<Exclusion, Fault> {
    let name = spec.name.into_inner();
    let mut request_ids: BTreeSet<String> = texts("request_ids", &spec.request_ids, str::to_owned)?;
    let request_ids_file = spec.request_ids_file.as_ref().map(|file| (file, folder.join(file.get_ref())));
    if let Some((file, path)) = &request_ids_file {
        request_ids.extend(listed(file, path)?);
    }
    let (from, until) = span(&name, (&spec.from, &spec.until), zone)?;
    let lower = |text: &str| text.to_lowercase();
    let rule = Exclusion {
        addresses: networks(&spec.addresses)?,
        agents: texts("agents", &spec.agents, lower)?,
        users: spec.users,
        visitors: texts("visitors", &spec.visitors, str::to_owned)?,
        sources: texts("sources", &spec.sources, lower)?,
        request_ids,
        request_ids_file: request_ids_file.map(|(_, path)| path),
        endpoints: texts("endpoints", &spec.endpoints, str::to_owned)?,
        from,
        until,
        name,
    };
    let is_bounded = rule.from.is_some() || rule.until.is_some() || !rule.endpoints.is_empty();
    if rule.is_of_all() && !is_bounded {
        let fault = t!(
            "{} names nobody: addresses, agents, users, visitors, sources, request_ids, or a time with from and until",
            "{} 没有指明对象：addresses、agents、users、visitors、sources、request_ids，或用 from 与 until 指明时间",
            rule.name
        );
        return Err((None, fault));
    }
    Ok(rule)
}

fn networks(all: &[Spanned<String>]) -> Result<Vec<Network>, Fault> {
    let one = |address: &Spanned<String>| {
        let what = either(
            "no address or network such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32",
            "不是地址或网段，应如 203.0.113.7、203.0.113.0/24 或 2001:db8::/32",
        );
        address.get_ref().parse().map_err(|()| fault(address, "addresses", address.get_ref(), what))
    };
    all.iter().map(one).collect()
}

/// From when until when a rule holds.
type Span = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

fn span(
    name: &str,
    (from, until): (&Option<Spanned<Value>>, &Option<Spanned<Value>>),
    zone: Tz,
) -> Result<Span, Fault> {
    let at = |field, value: &Spanned<Value>, is_end| {
        let what = either(
            "no time such as 2026-10-01, 2026-10-01T08:00:00 or 2026-10-01T08:00:00+08:00",
            "不是时间，应如 2026-10-01、2026-10-01T08:00:00 或 2026-10-01T08:00:00+08:00",
        );
        moment(value, zone, is_end).ok_or_else(|| fault(value, field, &value.get_ref().to_string(), what))
    };
    let begins = from.as_ref().map(|from| at("from", from, false)).transpose()?;
    let ends = until.as_ref().map(|until| at("until", until, true)).transpose()?;
    match (begins, ends) {
        (Some(begins), Some(ends)) if ends <= begins => {
            let place = until.as_ref().map(|until| until.span().start);
            Err((
                place,
                t!(
                    "until: {name} ends at {ends}, and begins at {begins}",
                    "until：{name} 结束于 {ends}，开始于 {begins}"
                ),
            ))
        }
        _ => Ok((begins, ends)),
    }
}

fn fault<T>(at: &Spanned<T>, field: &str, value: &str, what: &str) -> Fault {
    (Some(at.span().start), t!("{field}: {value:?} is {what}", "{field}：{value:?} {what}"))
}

/// Texts that each say something.
fn texts<S: FromIterator<String>>(
    field: &str,
    all: &[Spanned<String>],
    turned: impl Fn(&str) -> String,
) -> Result<S, Fault> {
    let one = |text: &Spanned<String>| match text.get_ref().trim() {
        // an empty text is in every User-Agent
        "" => Err(fault(text, field, "", either("empty", "为空"))),
        said => Ok(turned(said)),
    };
    all.iter().map(one).collect()
}

/// The request ids of a file: one a line, without what follows a `#`.
fn listed(file: &Spanned<String>, path: &Path) -> Result<BTreeSet<String>, Fault> {
    let failed = |what: String| {
        (Some(file.span().start), t!("request_ids_file: {}: {what}", "request_ids_file：{}：{what}", path.display()))
    };
    let text = files::read_text(path).map_err(|error| failed(format!("{error:#}")))?;
    let text = text.ok_or_else(|| failed(either("it is not there", "不存在").to_owned()))?;
    let ids = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(ids.filter(|id| !id.is_empty()).map(str::to_owned).collect())
}

/// A moment of TOML's own, or as text; without an offset it is the zone's, and a day that is an end is its last moment.
fn moment(value: &Spanned<Value>, zone: Tz, is_end: bool) -> Option<DateTime<Utc>> {
    let text = match value.get_ref() {
        Value::Datetime(at) => at.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let text = text.replacen(' ', "T", 1);
    if let Ok(day) = text.parse::<NaiveDate>() {
        let day = if is_end { day.checked_add_days(Days::new(1))? } else { day };
        return local(day.and_time(NaiveTime::MIN), zone);
    }
    let with_offset = ["%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z"];
    let plain = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    let text = text.replace(['z', 'Z'], "+00:00");
    let offset = with_offset.iter().find_map(|form| DateTime::parse_from_str(&text, form).ok());
    match offset {
        Some(at) => Some(at.to_utc()),
        None => local(plain.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())?, zone),
    }
}

/// A moment of a zone; of two that its clocks show alike, the first.
fn local(at: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    Some(zone.from_local_datetime(&at).earliest()?.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Exclusions, String> {
        parse(text, chrono_tz::Asia::Shanghai, Path::new("/nowhere")).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_field() {
        for (text, expected) in [
            ("name = 'a b'\nusers = [1]", "line 2: name: \"a b\": a name is up to 40 of a-z"),
            ("name = 'a'", "line 2: a names nobody: addresses"),
            ("name = 'a'\naddresses = ['10.0.0.1',\n '10.0.0.300']", "line 4: addresses: \"10.0.0.300\" is no address"),
            ("name = 'a'\nagents = [' ']", "line 3: agents: \"\" is empty"),
            ("name = 'a'\nfrom = '2026-13-01'", "line 3: from: \"\\\"2026-13-01\\\"\" is no time"),
            ("name = 'a'\nfrom = 2026-10-02\nuntil = 2026-10-01", "line 4: until: a ends at"),
            ("name = 'a'\nuser = [1]", "unknown field `user`"),
            ("name = 'a'\nusers = ['x']", "invalid type"),
            ("name = 'a'\nrequest_ids_file = 'ids.txt'", "line 3: request_ids_file: /nowhere/ids.txt: it is not there"),
            ("name = 'a'\nusers = [1]\n[[exclude]]\nname = 'a'\nusers = [2]", "line 5: name: \"a\": another rule"),
        ] {
            let found = read(&format!("[[exclude]]\n{text}")).map_or_else(|error| error, |_| String::new());
            assert!(found.contains(expected), "{text:?} says {found:?}");
        }
    }

    #[test]
    fn the_example_is_read_and_its_times_are_the_zones() -> Result<()> {
        let dir = tempfile::tempdir()?;
        std::fs::write(dir.path().join("lists-of-the-outage.txt"), "req_1\n\nreq_2 # by hand\n# none\n")?;
        let text = include_str!("../../../exclude.example.toml");
        let rules = parse(text, chrono_tz::Asia::Shanghai, dir.path())?.rules;
        assert_eq!(rules.len(), 4);
        let moment = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        let test = &rules[2];
        assert_eq!(moment(test.from).as_deref(), Some("2026-10-10T14:00:00+00:00"));
        assert_eq!(moment(test.until).as_deref(), Some("2026-10-11T16:00:00+00:00"), "its last day is over");
        assert_eq!(rules[3].request_ids.iter().map(String::as_str).collect::<Vec<_>>(), ["req_1", "req_2", "req_9"]);
        assert_eq!(read("").map(|rules| rules.rules.len()), Ok(0));
        Ok(())
    }
}
