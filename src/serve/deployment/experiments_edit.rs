//! Changes of the file of experiments in place: a value is put where the old one stood, and all else, comments too, stays.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::experiments::{Experiments, rounded};
use super::experiments_file::{is_yaml, zone};
use crate::common::language::{either, t};
use crate::common::likeness::hint;
use crate::common::{files, lock};
use crate::config::Config;

/// What is changed of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It runs from now on.
    Start,
    /// It runs no more.
    Stop,
    /// Its variants get these shares, in their order.
    Allocate(Vec<f64>),
}

/// Changes an experiment in its file; a server takes that up within a second.
///
/// # Errors
/// There is no such file or experiment, the file is one of the old system's, or what would come of it makes no sense.
pub fn change(config: &Config, name: &str, change: &Change) -> Result<()> {
    let path = config.experiments_path();
    let _one = lock_of(config)?;
    let text = files::read_text(&path)?.with_context(|| {
        t!(
            "there is no {}; docs/experiments.md says how to write one",
            "{} 不存在；写法见 docs/experiments.zh-CN.md",
            path.display()
        )
    })?;
    if is_yaml(&path) {
        bail!(t!(
            "{} is of the old system's form, which is read and not written: change it by hand",
            "{} 是旧系统的格式，只读不写：请手工修改",
            path.display()
        ));
    }
    let changed = changed(&text, name, change).with_context(|| path.display().to_string())?;
    let read = |text: &str| Experiments::parse(text, false, zone(config));
    let before = read(&text).with_context(|| path.display().to_string())?;
    let after = read(&changed)
        .with_context(|| t!("{} stays as it is: with this change", "{} 保持不变：如此修改会导致", path.display()))?;
    let as_meant = |experiments: &Experiments| -> Option<bool> {
        let experiment = experiments.named(name)?;
        Some(match change {
            Change::Start => experiment.is_active,
            Change::Stop => !experiment.is_active,
            Change::Allocate(shares) => {
                experiment.variants.iter().map(|arm| rounded(arm.share)).eq(shares.iter().map(|share| rounded(*share)))
            }
        })
    };
    let others = |experiments: &Experiments| {
        experiments.all.iter().filter(|other| other.name != name).map(|other| other.name.clone()).collect::<Vec<_>>()
    };
    ensure!(
        as_meant(&after) == Some(true) && others(&before) == others(&after),
        t!("{} cannot be changed for you: change it by hand", "{} 无法代为修改：请手工修改", path.display())
    );
    write(&path, &changed)
}

/// Writes the file through a link, where it is one.
fn write(path: &Path, text: &str) -> Result<()> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    files::write(&place, text.as_bytes())
}

/// Only one process changes the file at a time.
fn lock_of(config: &Config) -> Result<lock::Lock> {
    files::make_dir(&config.operations_dir())?;
    let path = config.operations_dir().join("experiments.lock");
    let cannot = || t!("{} cannot be locked", "{} 无法加锁", path.display());
    let open = std::fs::File::options().create(true).truncate(false).write(true).open(&path).with_context(cannot)?;
    drop(open);
    lock::wait(&path).with_context(cannot)
}

/// The line, from 1, at which an experiment's field stands, or the experiment itself.
pub(super) fn line_of(text: &str, name: &str, field: Option<&str>) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (key, experiment) = experiment(document.get_ref(), name)?;
    let fields = experiment.get_ref().as_table()?;
    let found = field.and_then(|field| fields.iter().find(|(key, _)| key.get_ref() == field));
    let place = found.map_or(key, |(key, _)| key.span());
    Some(text[..place.start].matches('\n').count() + 1)
}

type Value<'a> = Spanned<DeValue<'a>>;

/// Where an experiment's name stands, and its table.
fn experiment<'d, 'a>(document: &'d DeTable<'a>, name: &str) -> Option<(Range<usize>, &'d Value<'a>)> {
    let all = document.get("experiments")?.get_ref().as_table()?;
    all.iter().find(|(key, _)| key.get_ref() == name).map(|(key, value)| (key.span(), value))
}

/// The text with one change.
fn changed(text: &str, name: &str, change: &Change) -> Result<String> {
    let document = DeTable::parse(text)?;
    let Some((key, experiment)) = experiment(document.get_ref(), name) else {
        let all = document.get_ref().get("experiments").and_then(|all| all.get_ref().as_table());
        let names: Vec<String> =
            all.map(|all| all.keys().map(|key| key.get_ref().to_string()).collect()).unwrap_or_default();
        bail!(t!(
            "there is no experiment {name}{}; there are: {}",
            "没有实验 {name}{}；现有：{}",
            hint(name, names.iter().map(String::as_str)),
            names.join(", ")
        ));
    };
    let fields = experiment.get_ref().as_table().context(either("it is no table", "不是表"))?;
    Ok(match change {
        Change::Start | Change::Stop => {
            let status = if *change == Change::Start { "\"active\"" } else { "\"stopped\"" };
            match fields.get("status") {
                Some(old) => put(text, [(old.span(), status.to_owned())]),
                None => add(text, name, (key, experiment.span()), &format!("status = {status}")),
            }
        }
        Change::Allocate(shares) => {
            let variants = fields.get("variants").and_then(|variants| variants.get_ref().as_array());
            let variants = variants.context(either("it has no variants", "没有变体"))?;
            let place = |variant: &Value<'_>| variant.get_ref().get("allocation").map(Spanned::span);
            let places: Option<Vec<Range<usize>>> = variants.iter().map(place).collect();
            let places = places.filter(|places| places.len() == shares.len());
            let places = places.context(either("its variants are others by now", "变体已经改变"))?;
            put(text, places.into_iter().zip(shares.iter().map(|share| rounded(*share).to_string())))
        }
    })
}

/// Puts values in the place of others.
fn put(text: &str, values: impl IntoIterator<Item = (Range<usize>, String)>) -> String {
    let mut values: Vec<_> = values.into_iter().collect();
    // from the end, so that what comes before stays where it is
    values.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    values.into_iter().fold(text.to_owned(), |mut text, (place, value)| {
        text.replace_range(place, &value);
        text
    })
}

/// Adds a line to an experiment that has a header of its own, is written in one line, or has only variants.
fn add(text: &str, name: &str, (key, table): (Range<usize>, Range<usize>), line: &str) -> String {
    match text[table.clone()].chars().next() {
        Some('[') => {
            let end = text[table.end..].find('\n').map_or(text.len(), |end| table.end + end);
            format!("{}\n{line}{}", &text[..end], &text[end..])
        }
        Some('{') => {
            let comma = if text[table.start + 1..].trim_start().starts_with('}') { "" } else { "," };
            put(text, [(table.start + 1..table.start + 1, format!(" {line}{comma}"))])
        }
        _ => {
            // the key as it stands there, quoted where it must be
            let key = text.get(key).unwrap_or(name);
            format!("{}\n\n[experiments.{key}]\n{line}\n", text.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# all of ours\nholdout = 0.05\n\n[experiments.one]   # the first\nslot = \"similar\" # where\n\n\
        [[experiments.one.variants]]\nname = \"control\"\nallocation = 0.5   # half\n\n[[experiments.one.variants]]\n\
        name = \"other\"\nallocation = 0.5\n\n[[experiments.\"b ä\".variants]]\nallocation = 1\n";

    #[test]
    fn a_value_is_put_where_the_old_one_stood_and_all_else_stays() -> Result<()> {
        let stopped = changed(FILE, "one", &Change::Stop)?;
        assert_eq!(stopped, FILE.replace("# the first\n", "# the first\nstatus = \"stopped\"\n"));
        assert_eq!(changed(&stopped, "one", &Change::Start)?, stopped.replace("stopped", "active"));
        let tuned = changed(FILE, "one", &Change::Allocate(vec![0.25, 0.75]))?;
        assert_eq!(tuned, FILE.replace("0.5   # half", "0.25   # half").replace("= 0.5\n\n[[", "= 0.75\n\n[["));
        // one without a header of its own, and one in a line
        let added = changed(FILE, "b ä", &Change::Stop)?;
        assert!(
            added.starts_with(FILE.trim_end()) && added.ends_with("\n\n[experiments.\"b ä\"]\nstatus = \"stopped\"\n")
        );
        let inline = "[experiments]\na = { variants = [ { allocation = 1 } ] }\n";
        let stopped = changed(inline, "a", &Change::Stop)?;
        assert_eq!(stopped, inline.replace("{ variants", "{ status = \"stopped\", variants"));
        for text in [added, stopped, tuned] {
            Experiments::parse(&text, false, chrono_tz::Tz::UTC)?;
        }
        Ok(())
    }

    #[test]
    fn what_is_not_there_is_not_changed_and_a_line_is_found() {
        let error = changed(FILE, "oen", &Change::Stop).map_err(|error| error.to_string());
        assert!(error.is_err_and(|said| said.contains("one")), "what there is, is named");
        assert!(changed(FILE, "one", &Change::Allocate(vec![1.0])).is_err());
        assert_eq!(line_of(FILE, "one", Some("slot")), Some(5));
        assert_eq!(line_of(FILE, "one", Some("metric")), Some(4));
        assert_eq!(line_of(FILE, "b ä", None), Some(15));
        assert_eq!(line_of(FILE, "two", None), None);
    }

    #[test]
    fn a_change_that_breaks_the_file_is_not_made() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let config = Config::for_test(&[("DATA_DIR", &folder.path().to_string_lossy())])?;
        let path = config.experiments_path();
        let two = "[experiments.a]\nvariants = [{ allocation = 1 }]\n[experiments.b]\nstatus = \"paused\"\nvariants = [{ allocation = 1 }]\n";
        std::fs::write(&path, two)?;
        let error = change(&config, "b", &Change::Start).expect_err("both would run").to_string();
        assert!(error.contains("stays as it is"), "{error}");
        assert_eq!(std::fs::read_to_string(&path)?, two);
        change(&config, "a", &Change::Stop)?;
        change(&config, "b", &Change::Start)?;
        let read = Experiments::read(&config)?;
        assert_eq!(read.all.iter().map(|one| one.is_active).collect::<Vec<_>>(), [false, true]);
        Ok(())
    }
}
