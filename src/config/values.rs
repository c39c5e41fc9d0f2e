//! The values that were found for settings, each with the place it was found in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::kinds::Kind;
use super::setting::Setting;
use crate::common::secrets;

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

/// The first value of each setting in the order of places, and that place.
#[derive(Default)]
pub struct Values(BTreeMap<String, (String, String)>);

impl Values {
    /// Looks in all places: flags, the environment, `.env`, the settings file, defaults.
    ///
    /// # Errors
    /// A file cannot be read or understood.
    pub fn gather(settings: &[Setting], overrides: &Overrides) -> Result<Self> {
        let mut values = Self::default();
        values.add_flags(overrides);
        for Setting { name, .. } in settings {
            if let Ok(value) = std::env::var(name) {
                // a password may well end in a space
                let value = if name.ends_with("PASSWORD") { value } else { value.trim().to_owned() };
                values.add(name, value, "the environment");
            }
        }
        if Path::new(".env").is_file() {
            for (name, value) in read_dot_env(Path::new(".env"))? {
                values.add(&name, value, ".env");
            }
        }
        values.add_file(settings, overrides.config.as_deref())?;
        values.add_defaults(settings);
        Ok(values)
    }

    /// Those of a test, and defaults.
    #[cfg(test)]
    pub fn for_test(settings: &[Setting], given: &[(&str, &str)]) -> Self {
        let mut values = Self::default();
        given.iter().for_each(|(name, value)| values.add(name, (*value).to_owned(), "a test"));
        values.add_defaults(settings);
        values
    }

    fn add_defaults(&mut self, settings: &[Setting]) {
        for Setting { name, default, .. } in settings {
            self.add(name, (*default).to_owned(), "the default");
        }
    }

    /// Keeps a value unless an earlier place has one. An empty value counts as none.
    fn add(&mut self, name: &str, value: String, place: &str) {
        if (!value.is_empty() || name == MAY_BE_EMPTY) && !self.0.contains_key(name) {
            hide(name, &value);
            self.0.insert(name.to_owned(), (value, place.to_owned()));
        }
    }

    fn add_flags(&mut self, overrides: &Overrides) {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        for path in [&overrides.config, &overrides.data_dir, &overrides.models_dir].into_iter().flatten() {
            secrets::register_url(&text(path));
        }
        for (name, path, flag) in
            [("DATA_DIR", &overrides.data_dir, "--data-dir"), ("MODELS_DIR", &overrides.models_dir, "--models-dir")]
        {
            self.add(name, path.as_ref().map(text).unwrap_or_default(), flag);
        }
        for (name, value) in &overrides.values {
            self.add(name, value.clone(), "the command line");
        }
    }

    fn add_file(&mut self, settings: &[Setting], named: Option<&Path>) -> Result<()> {
        let file = named.unwrap_or(Path::new("nearset.toml"));
        if !file.is_file() {
            return match named {
                Some(_) => bail!("{} does not exist; --config names the settings file to read", file.display()),
                None => Ok(()),
            };
        }
        let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let table: toml::Table = toml::from_str(&text).map_err(|e| anyhow!("{}: {}", file.display(), e.message()))?;
        for Setting { name, .. } in settings {
            let text = match table.get(&name.to_lowercase()) {
                None => continue,
                Some(toml::Value::String(text)) => text.clone(),
                Some(toml::Value::Array(items)) => items.iter().map(|i| i.to_string()).collect::<Vec<_>>().join(","),
                Some(other) => other.to_string(),
            };
            self.add(name, text, &file.to_string_lossy());
        }
        Ok(())
    }

    /// The value of the setting that is called `prefix` and `name`.
    ///
    /// # Errors
    /// It cannot be used; the error names the setting, where its value stands, and what it should be.
    pub fn read<T>(&self, prefix: &str, name: &str, kind: &Kind<T>) -> Result<T> {
        let name = format!("{prefix}{name}");
        let (value, place) = self.0.get(&name).map_or(("", "the default"), |(value, place)| (value, place));
        (kind.read)(value).with_context(|| {
            let expected = kind.expected.replace("{prefix}", prefix);
            let shown = if kind.is_shown { format!(" = {value:?}") } else { String::new() };
            format!("{name}{shown} (from {place}) cannot be used: expected {expected}")
        })
    }
}

/// Has what is secret in a setting's value hidden wherever it would be shown. A URL with a password may stand in a setting
/// that is no place for one.
fn hide(name: &str, value: &str) {
    if name.ends_with("PASSWORD") || name.ends_with("TOKEN") || name.ends_with("SECRET") {
        secrets::register(value);
    } else {
        secrets::register_url(value);
    }
}

/// Reads `NAME=value` lines as Docker Compose does: values may hold spaces, quotes around them are taken off, and what
/// follows ` #` is a comment.
fn read_dot_env(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches("export ");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // the line itself is not repeated: it may hold a secret
        let (name, value) = line
            .split_once('=')
            .with_context(|| format!("{} line {} is not NAME=value", path.display(), number + 1))?;
        let value = value.trim();
        let quoted = ['"', '\''].into_iter().find_map(|q| value.strip_prefix(q)?.split_once(q));
        let value = match quoted {
            Some((inner, _)) => inner,
            None => value.split_once(" #").map_or(value, |(before, _)| before.trim_end()),
        };
        entries.push((name.trim().to_owned(), value.to_owned()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kinds::whole;

    fn setting(name: &str, default: &'static str) -> Setting {
        Setting::new(name.to_owned(), ("default", default), [])
    }

    #[test]
    fn the_first_place_wins_and_an_empty_value_is_none() {
        let mut values = Values::default();
        for (value, place) in [("", "--flag"), ("7", ".env"), ("8", "nearset.toml")] {
            values.add("BOT_MAX_ACTIONS", value.to_owned(), place);
        }
        assert_eq!(values.read("BOT_", "MAX_ACTIONS", &whole::<u32>()).ok(), Some(7));
        values.add(MAY_BE_EMPTY, String::new(), ".env");
        values.add(MAY_BE_EMPTY, "matomo_".to_owned(), "the default");
        assert_eq!(values.0[MAY_BE_EMPTY], (String::new(), ".env".to_owned()));
    }

    #[test]
    fn a_file_comes_before_defaults_and_a_wrong_value_is_named_with_its_place() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("own.toml");
        std::fs::write(&file, "some_places = [4, 2]\nsome_limit = \"many\"\n")?;
        let overrides = Overrides { config: Some(file.clone()), ..Overrides::default() };
        let settings = [setting("SOME_PLACES", "1"), setting("SOME_LIMIT", "9"), setting("SOME_REST", "5")];
        let values = Values::gather(&settings, &overrides)?;
        assert_eq!(values.0["SOME_PLACES"].0, "4,2");
        assert_eq!(values.read("", "SOME_REST", &whole::<u32>()).ok(), Some(5));
        let error = values.read("", "SOME_LIMIT", &whole::<u32>()).map_err(|e| e.to_string());
        let place = file.display();
        assert_eq!(error, Err(format!("SOME_LIMIT = \"many\" (from {place}) cannot be used: expected a whole number")));
        let hidden = Kind::<u32>::hidden("a number; a URL belongs into {prefix}URL", |_| None);
        let error = values.read("SOME_", "LIMIT", &hidden).map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err(format!("SOME_LIMIT (from {place}) cannot be used: expected a number; a URL belongs into SOME_URL"))
        );
        Ok(())
    }

    #[test]
    fn dot_env_is_read_as_docker_compose_reads_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(".env");
        std::fs::write(&path, "# old\nexport A=two words # by hand\nB='a b=c # d'\nC=\"\"\n\n D = x#y \n")?;
        let entries = read_dot_env(&path)?;
        let entries: Vec<(&str, &str)> = entries.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(entries, [("A", "two words"), ("B", "a b=c # d"), ("C", ""), ("D", "x#y")]);
        std::fs::write(&path, "ADMIN TOKEN hunter2\n")?;
        let error = read_dot_env(&path).map_err(|e| e.to_string()).unwrap_err();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
        Ok(())
    }
}
