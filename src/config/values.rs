//! The values that were found for settings, each with the place it was found in, and what is wrong in those places.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml::{Spanned, Value as Toml};

use super::dot_env::{self, Entry};
use super::kinds::Kind;
use super::old_names::{Found, OldName, Use, listed};
use super::setting::Setting;
use crate::common::language::{either, t};
use crate::common::likeness::{hint, near_miss};
use crate::common::{files, secrets};

/// What the command line says of settings; `None` where it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--models-dir`.
    pub models_dir: Option<PathBuf>,
    /// `--config`: the settings file in place of `nearset.toml`.
    pub config: Option<PathBuf>,
    /// What flags of single commands say, by the names of settings.
    pub values: BTreeMap<&'static str, String>,
}

/// The one setting that may be set to nothing: Matomo's tables may have no prefix.
const MAY_BE_EMPTY: &str = "MATOMO_TABLE_PREFIX";

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the command line.
    Flag(String),
    /// In the environment.
    Environment,
    /// In a line of a file.
    Line(String, usize),
    /// Nowhere.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Environment => f.write_str(either("the environment", "环境变量")),
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Default => f.write_str(either("the default", "默认值")),
        }
    }
}

/// The files that are read beside the environment, where ENV_FILE names no others; what is said in a later one counts.
const ENV_FILES: [&str; 3] = [".env", ".env.memory", ".env.prod"];

/// A setting that two files name.
#[derive(Clone)]
pub struct Overridden {
    /// Its name.
    pub name: String,
    /// Where the value that counts stands.
    pub counts: Origin,
    /// Where the other one stands.
    pub passed_over: Origin,
}

/// The first value of each setting in the order of places, and that place.
#[derive(Clone, Default)]
pub struct Values {
    found: BTreeMap<String, (String, Origin)>,
    /// Names of the old system, in the order of places.
    old: Vec<Found>,
    /// Settings whose value stands under an old name: that name, and the value as it stands there.
    written: BTreeMap<String, (String, String)>,
    env_files: Vec<String>,
    /// The settings file, where there is one.
    file: Option<PathBuf>,
    overridden: Vec<Overridden>,
    problems: Vec<String>,
    notes: Vec<String>,
}

impl fmt::Debug for Values {
    /// Nothing of them: secrets are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").finish_non_exhaustive()
    }
}

impl Values {
    /// Looks in all places: flags, the environment, `.env`, the settings file, defaults. What is wrong there is kept, too.
    pub fn gather(settings: &[Setting], overrides: &Overrides) -> Self {
        let mut values = Self::default();
        values.add_flags(overrides);
        values.add_environment(settings);
        for read in [values.add_env_files(settings), values.add_file(settings, overrides.config.as_deref())] {
            values.problems.extend(read.err().map(|error| format!("{error:#}")));
        }
        values.add_old_names();
        values.add_defaults(settings);
        values
    }

    /// Those of a test, and defaults.
    #[cfg(test)]
    pub fn for_test(settings: &[Setting], given: &[(&str, &str)]) -> Self {
        Self::of_environment(settings, given.iter().map(|(name, value)| (*name, (*value).to_owned())))
    }

    /// Those that another process gives, as the environment would, and defaults.
    pub(super) fn of_environment<'a>(settings: &[Setting], given: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut values = Self::default();
        given.into_iter().for_each(|(name, value)| values.add(name, value, Origin::Environment));
        values.add_defaults(settings);
        values
    }

    /// What is wrong in the places that were looked in, whatever the settings.
    pub(super) fn faults(&self) -> &[String] {
        &self.problems
    }

    /// What is worth a look: names that miss a setting's by a letter where others have names, too, and those without a value.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What was found of the old system's names, the places that count first.
    pub(super) fn old(&self) -> &[Found] {
        &self.old
    }

    /// The old name that a setting's value stands under, and what it says there.
    pub(super) fn written(&self, name: &str) -> Option<(&str, &str)> {
        self.written.get(name).map(|(old, value)| (old.as_str(), value.as_str()))
    }

    /// The name that a setting's value stands under: its own, or the old system's.
    pub fn name_of<'a>(&'a self, setting: &'a str) -> &'a str {
        self.written(setting).map_or(setting, |(old, _)| old)
    }

    /// Whether a setting's value stands in the environment or in a file of the `.env` family: not in the settings file, which may
    /// be a copy of the example.
    pub(super) fn is_of_environment(&self, name: &str) -> bool {
        match self.get(name).1 {
            Origin::Environment => true,
            Origin::Line(file, _) => self.env_files.contains(file),
            Origin::Flag(_) | Origin::Default => false,
        }
    }

    /// The files that were read beside the environment, the last of which counts most.
    pub(super) fn env_files(&self) -> &[String] {
        &self.env_files
    }

    /// All files that were read: those, and the settings file.
    pub fn files(&self) -> Vec<PathBuf> {
        self.env_files.iter().map(PathBuf::from).chain(self.file.clone()).collect()
    }

    /// The settings that two of those files name.
    pub(super) fn overridden(&self) -> &[Overridden] {
        &self.overridden
    }

    /// What a setting's value is, and where it stands.
    pub fn get(&self, name: &str) -> (&str, &Origin) {
        self.found.get(name).map_or(("", &Origin::Default), |(value, origin)| (value, origin))
    }

    fn add_defaults(&mut self, settings: &[Setting]) {
        for Setting { name, default, .. } in settings {
            self.add(name, (*default).to_owned(), Origin::Default);
        }
    }

    /// Keeps a value unless an earlier place has one. An empty value counts as none.
    fn add(&mut self, name: &str, value: String, origin: Origin) {
        // a password may well end in a space
        let value = if name.ends_with("PASSWORD") { value } else { value.trim().to_owned() };
        if (!value.is_empty() || name == MAY_BE_EMPTY) && !self.found.contains_key(name) {
            hide(name, &value);
            self.found.insert(name.to_owned(), (value, origin));
        }
    }

    fn add_flags(&mut self, overrides: &Overrides) {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        for path in [&overrides.config, &overrides.data_dir, &overrides.models_dir].into_iter().flatten() {
            secrets::register_url(&text(path));
        }
        let folders = [("DATA_DIR", &overrides.data_dir), ("MODELS_DIR", &overrides.models_dir)];
        let folders = folders.into_iter().filter_map(|(name, path)| Some((name, text(path.as_ref()?))));
        for (name, value) in folders.chain(overrides.values.iter().map(|(name, value)| (*name, value.clone()))) {
            self.add(name, value, Origin::Flag(format!("--{}", name.to_lowercase().replace('_', "-"))));
        }
    }

    fn add_environment(&mut self, settings: &[Setting]) {
        for Setting { name, .. } in settings {
            match std::env::var_os(name).map(|value| value.into_string()) {
                Some(Ok(value)) => self.add(name, value, Origin::Environment),
                Some(Err(_)) => self
                    .problems
                    .push(t!("{name} (from the environment) is not UTF-8", "{name}（来自环境变量）不是 UTF-8 编码")),
                None => {}
            }
        }
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match (OldName::of(&name), value.into_string()) {
                (Some(old), Ok(value)) => self.add_old(old, name, value, Origin::Environment),
                (Some(_), Err(_)) => self
                    .problems
                    .push(t!("{name} (from the environment) is not UTF-8", "{name}（来自环境变量）不是 UTF-8 编码")),
                (None, _) => self.notes.extend(slip(settings, &name, &Origin::Environment)),
            }
        }
    }

    /// Keeps what an old name says; the first place counts. An empty value counts as none.
    fn add_old(&mut self, old: &'static OldName, name: String, value: String, origin: Origin) {
        let value = value.trim().to_owned();
        if !value.is_empty() && !self.old.iter().any(|found| found.name == name) {
            hide(&name, &value);
            self.old.push(Found { name, value, origin, old });
        }
    }

    /// Gives settings that nothing else names what the old system's names say.
    fn add_old_names(&mut self) {
        for Found { name, value, origin, old } in &self.old {
            let Use::Named(ours, turned) = &old.what else { continue };
            if self.found.contains_key(*ours) {
                continue;
            }
            match turned.value(value) {
                Ok(meant) => {
                    self.found.insert((*ours).to_owned(), (meant, origin.clone()));
                    self.written.insert((*ours).to_owned(), (name.clone(), value.clone()));
                }
                Err(expected) => self.problems.push(t!(
                    "{name} = {value:?} (from {origin}) cannot be used: expected {expected}",
                    "{name} = {value:?}（{origin}）无法使用；应为：{expected}"
                )),
            }
        }
    }

    /// The files that ENV_FILE in the environment names, which must be there; else `.env` and, over it, those that ENV_FILE
    /// in it names, or the usual ones.
    fn add_env_files(&mut self, settings: &[Setting]) -> Result<()> {
        let named =
            |entries: &[Entry]| entries.iter().rev().find(|entry| entry.name == "ENV_FILE").map(|e| listed(&e.value));
        let of_environment =
            self.old.iter().find(|found| matches!(found.old.what, Use::EnvFiles)).map(|found| listed(&found.value));
        let files: Vec<Option<(String, Vec<Entry>)>> = match of_environment {
            Some(files) => files.iter().map(|file| self.env_file(file, true)).collect::<Result<Vec<_>>>()?,
            None => {
                let [first, over @ ..] = ENV_FILES;
                let first = self.env_file(first, false)?;
                let over = match first.as_ref().and_then(|(_, entries)| named(entries)) {
                    Some(files) => files
                        .iter()
                        .filter(|file| *file != ENV_FILES[0])
                        .map(|file| self.env_file(file, true))
                        .collect::<Result<Vec<_>>>()?,
                    None => over.iter().map(|file| self.env_file(file, false)).collect::<Result<Vec<_>>>()?,
                };
                std::iter::once(first).chain(over).collect()
            }
        };
        self.env_files = files.iter().flatten().map(|(file, _)| file.clone()).collect();
        for (file, entries) in files.into_iter().rev().flatten() {
            self.add_entries(settings, &file, entries);
        }
        Ok(())
    }

    /// What a file of `NAME=value` lines names; what is wrong in it is kept.
    fn env_file(&mut self, file: &str, is_named: bool) -> Result<Option<(String, Vec<Entry>)>> {
        let Some(text) = files::read_text(Path::new(file))? else {
            if is_named {
                bail!(t!("{file} does not exist; ENV_FILE names it", "{file} 不存在；ENV_FILE 指定了它"));
            }
            return Ok(None);
        };
        let (entries, faults) = dot_env::entries(&text);
        self.problems.extend(faults.iter().map(|(line, fault)| format!("{file}:{line}: {fault}")));
        Ok(Some((file.to_owned(), entries)))
    }

    fn add_entries(&mut self, settings: &[Setting], file: &str, entries: Vec<Entry>) {
        // the last of a name counts, as for those that read the file before
        for Entry { line, name, value, is_bare, is_filled_in } in entries.into_iter().rev() {
            let origin = Origin::Line(file.to_owned(), line);
            if is_bare {
                let is_asked = settings.iter().any(|setting| setting.name == name) && std::env::var_os(&name).is_none();
                self.notes.extend(is_asked.then(|| {
                    t!(
                        "{origin}: {name} has no value here and is passed over; write {name}=…",
                        "{origin}：{name} 没有值，已忽略；请写作 {name}=…"
                    )
                }));
                continue;
            }
            let old = OldName::of(&name);
            let is_setting = settings.iter().any(|setting| setting.name == name);
            if old.is_none() {
                self.notes.extend(slip(settings, &name, &origin));
            }
            let is_read = is_setting || old.is_some_and(|old| matches!(old.what, Use::Named(..) | Use::EnvFiles));
            if is_read && is_filled_in && !is_secret(&name) {
                self.problems.push(t!(
                    "{origin}: {name} holds ${{…}}, which is not filled in here; write the value out",
                    "{origin}：{name} 含有 ${{…}}，此处不做替换；请写出完整的值"
                ));
            }
            if let Some(old) = old {
                self.add_old(old, name, value, origin);
                continue;
            }
            match self.found.get(&name) {
                Some((_, Origin::Line(other, counts))) if is_setting && other == file => {
                    self.notes.push(t!(
                        "{origin}: {name} is set again in line {counts}, which counts",
                        "{origin}：{name} 在第 {counts} 行又设置了一次，以后者为准"
                    ));
                }
                Some((other, counts @ Origin::Line(..))) if is_setting => {
                    if *other != value.trim() {
                        let counts = counts.clone();
                        self.overridden.push(Overridden { name, counts, passed_over: origin });
                    }
                }
                _ => self.add(&name, value, origin),
            }
        }
    }

    fn add_file(&mut self, settings: &[Setting], named: Option<&Path>) -> Result<()> {
        let file = named.unwrap_or(Path::new("nearset.toml"));
        let shown = file.to_string_lossy();
        let text = match (files::read_text(file)?, named) {
            (Some(text), _) => text,
            (None, Some(_)) => bail!(t!(
                "{shown} does not exist; --config names the settings file to read",
                "{shown} 不存在；--config 指定要读取的设置文件"
            )),
            (None, None) => return Ok(()),
        };
        self.file = Some(file.to_owned());
        let line = |place: usize| text[..place].matches('\n').count() + 1;
        let table: BTreeMap<Spanned<String>, Spanned<Toml>> = match toml::from_str(&text) {
            Ok(table) => table,
            Err(error) => bail!("{shown}:{}: {}", line(error.span().map_or(0, |span| span.start)), error.message()),
        };
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (key, value) in entries {
            let origin = Origin::Line(shown.clone().into_owned(), line(key.span().start));
            match settings.iter().find(|setting| setting.name.to_lowercase() == *key.get_ref()) {
                Some(setting) => match toml_text(value.get_ref()) {
                    Some(text)
                        if text.trim().is_empty() && !setting.default.is_empty() && setting.name != MAY_BE_EMPTY =>
                    {
                        self.problems.push(t!(
                            "{origin}: {} is empty; leave it out for its default",
                            "{origin}：{} 为空；要用默认值请删去这一行",
                            key.get_ref()
                        ));
                    }
                    Some(text) => self.add(&setting.name, text, origin),
                    None => self.problems.push(t!(
                        "{origin}: {} is a table, and should be a value",
                        "{origin}：{} 是表，应为一个值",
                        key.get_ref()
                    )),
                },
                None => {
                    let fault = unknown(settings, key.get_ref(), value.get_ref());
                    self.problems.push(t!("{origin}: {fault}", "{origin}：{fault}"));
                }
            }
        }
        Ok(())
    }

    /// The value of the setting that is called `prefix` and `name`.
    ///
    /// # Errors
    /// It cannot be used; the error names the setting, where its value stands, and what it should be.
    pub(super) fn read<T>(&self, prefix: &str, name: &str, kind: &Kind<T>) -> Result<T> {
        let name = format!("{prefix}{name}");
        let (value, origin) = self.get(&name);
        (kind.read)(value).with_context(|| {
            let expected = kind.expected.replace("{prefix}", prefix);
            let (name, value) = self.written(&name).unwrap_or((&name, value));
            let shown = if kind.is_shown { format!(" = {value:?}") } else { String::new() };
            t!(
                "{name}{shown} (from {origin}) cannot be used: expected {expected}",
                "{name}{shown}（{origin}）无法使用；应为：{expected}"
            )
        })
    }
}

/// What a variable is in the environment, else in the files of the `.env` family: for files of settings that name it as
/// `${NAME}`. It may be a secret.
///
/// # Errors
/// One of those files cannot be read.
pub fn variable(name: &str) -> Result<Option<String>> {
    if let Ok(value) = std::env::var(name) {
        return Ok(Some(value));
    }
    let mut values = Values::default();
    if let (Ok(files), Some(old)) = (std::env::var("ENV_FILE"), OldName::of("ENV_FILE")) {
        values.add_old(old, "ENV_FILE".to_owned(), files, Origin::Environment);
    }
    let wanted = Setting::new(("", name), ("default", ""), [], |_, _| Ok(()));
    values.add_env_files(&[wanted])?;
    let old = || values.old.iter().find(|found| found.name == name).map(|found| found.value.clone());
    Ok(values.found.get(name).map(|(value, _)| value.clone()).or_else(old))
}

/// Whether a setting's value is never shown.
pub(super) fn is_secret(name: &str) -> bool {
    name.ends_with("PASSWORD") || name.ends_with("TOKEN") || name.ends_with("SECRET")
}

/// Has what is secret in a setting's value hidden wherever it would be shown. A URL with a password may stand in a setting
/// that is no place for one.
fn hide(name: &str, value: &str) {
    if is_secret(name) {
        secrets::register(value);
    } else {
        secrets::register_url(value);
    }
}

/// Names that other programs, DuckDB among them, read from any environment.
const OTHERS: [&str; 3] = ["HTTP_PROXY", "FTP_PROXY", "ALL_PROXY"];

/// What is said of a name that may be a slip, where unknown names are other programs'.
fn slip(settings: &[Setting], name: &str, origin: &Origin) -> Option<String> {
    if OTHERS.contains(&name) {
        return None;
    }
    let meant = near_miss(name, settings.iter().map(|setting| setting.name.as_str()))?;
    let is_known = settings.iter().any(|setting| setting.name == name);
    (!is_known).then(|| {
        t!(
            "{origin}: {name} is no setting and is passed over; did you mean {meant}?",
            "{origin}：没有 {name} 这一设置，已忽略；是否指 {meant}？"
        )
    })
}

/// What is said of a name in the settings file that is no setting's.
fn unknown(settings: &[Setting], name: &str, value: &Toml) -> String {
    if value.is_table() {
        return t!(
            "[{name}] is no setting; settings stand in the file without headings",
            "[{name}] 不是设置；设置直接写在文件中，不分小节"
        );
    }
    if let Some(Use::Named(ours, _)) = OldName::of(&name.to_uppercase()).map(|old| &old.what) {
        let ours = ours.to_lowercase();
        return t!("{name} is called {ours} here", "{name} 在此名为 {ours}");
    }
    let names: Vec<String> = settings.iter().map(|setting| setting.name.to_lowercase()).collect();
    match names.iter().find(|known| **known == name.to_lowercase()) {
        Some(known) => t!("{name} is written in lower case here: {known}", "{name} 在此须写作小写：{known}"),
        None => t!("{name} is no setting{}", "没有 {name} 这一设置{}", hint(name, names.iter().map(String::as_str))),
    }
}

/// A value of TOML as the environment would have it; none for what it could not have.
fn toml_text(value: &Toml) -> Option<String> {
    match value {
        Toml::String(text) => Some(text.clone()),
        Toml::Array(items) => Some(items.iter().map(toml_text).collect::<Option<Vec<_>>>()?.join(",")),
        Toml::Table(_) => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kinds::whole;

    fn setting(name: &str, default: &'static str) -> Setting {
        Setting::new(("", name), ("default", default), [], |_, _| Ok(()))
    }

    /// What is found in a settings file of that text.
    fn read(settings: &[Setting], text: &str) -> (Values, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("own.toml");
        std::fs::write(&file, text).expect("a file");
        let overrides = Overrides { config: Some(file.clone()), ..Overrides::default() };
        (Values::gather(settings, &overrides), file.to_string_lossy().into_owned())
    }

    #[test]
    fn the_first_place_wins_and_an_empty_value_is_none() {
        let mut values = Values::default();
        for (value, origin) in [("", Origin::Environment), ("7", Origin::Environment), ("8", Origin::Default)] {
            values.add("BOT_MAX_ACTIONS", value.to_owned(), origin);
        }
        assert_eq!(values.read("BOT_", "MAX_ACTIONS", &whole::<u32>()).ok(), Some(7));
        values.add(MAY_BE_EMPTY, String::new(), Origin::Environment);
        values.add(MAY_BE_EMPTY, "matomo_".to_owned(), Origin::Default);
        assert_eq!(values.get(MAY_BE_EMPTY), ("", &Origin::Environment));
    }

    #[test]
    fn a_file_comes_before_defaults_and_a_wrong_value_is_named_with_its_place() {
        let settings = [
            setting("SOME_PLACES", "1"),
            setting("SOME_NAMES", ""),
            setting("SOME_LIMIT", "9"),
            setting("SOME_REST", "5"),
        ];
        let text = "some_places = [4, 2]\nsome_names = [\"a\", \"b\"]\n\nsome_limit = \"many\"\n";
        let (values, file) = read(&settings, text);
        assert_eq!((values.get("SOME_PLACES").0, values.get("SOME_NAMES").0), ("4,2", "a,b"));
        assert_eq!(values.read("", "SOME_REST", &whole::<u32>()).ok(), Some(5));
        let error = values.read("", "SOME_LIMIT", &whole::<u32>()).map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err(format!("SOME_LIMIT = \"many\" (from {file}:4) cannot be used: expected a whole number"))
        );
        let hidden = Kind::<u32>::hidden("a number; a URL belongs into {prefix}URL", |_| None);
        let error = values.read("SOME_", "LIMIT", &hidden).map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err(format!("SOME_LIMIT (from {file}:4) cannot be used: expected a number; a URL belongs into SOME_URL"))
        );
    }

    #[test]
    fn all_that_is_wrong_in_a_file_is_told_at_once() {
        let settings = [setting("CACHE_MB", "64"), setting("LISTEN", "127.0.0.1:8000")];
        let text = "cahce_mb = 3\nmatomo_source = \"json\"\nLISTEN = \"x\"\ncolour = 1\nlisten = { port = 3 }\ncache_mb = \" \"\n[serve]\ncache_mb = 3\n";
        let (values, file) = read(&settings, text);
        let said: Vec<&str> = values.faults().iter().map(|fault| fault.strip_prefix(&file).unwrap_or(fault)).collect();
        assert_eq!(
            said,
            [
                ":1: cahce_mb is no setting; did you mean cache_mb?",
                ":2: matomo_source is called matomo_data_source here",
                ":3: LISTEN is written in lower case here: listen",
                ":4: colour is no setting",
                ":5: listen is a table, and should be a value",
                ":6: cache_mb is empty; leave it out for its default",
                ":7: [serve] is no setting; settings stand in the file without headings",
            ]
        );
        let (values, file) = read(&settings, "cache_mb = 3\nlisten = \"x\n");
        assert!(values.faults()[0].starts_with(&format!("{file}:2: ")), "{:?}", values.faults());
    }
}
