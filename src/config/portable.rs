//! Settings files as they may leave the machine: without secrets, without comments, which may hold anything, and without the
//! values of names that are not nearset's.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use toml::Value as Toml;

use super::dot_env;
use super::load::settings;
use super::values::is_secret;
use crate::common::secrets;

const NOTE: &str = "# taken out of the backup; set it again";

/// A settings file without secrets.
pub struct Portable {
    /// What is left of it.
    pub text: String,
    /// The names whose values were taken out.
    pub taken: Vec<String>,
}

impl Portable {
    /// Of a file of `NAME=value` lines.
    pub fn of_environment(text: &str) -> Self {
        let mut portable = Self { text: String::new(), taken: Vec::new() };
        for entry in dot_env::entries(text).0 {
            let quoted = format!("\"{}\"", entry.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
            portable.add(&entry.name, &entry.name, "=", &entry.value, quoted);
        }
        portable
    }

    /// Of a `nearset.toml`.
    ///
    /// # Errors
    /// It is no TOML.
    pub fn of_toml(text: &str) -> Result<Self> {
        let table: BTreeMap<String, Toml> = toml::from_str(text).map_err(|error| anyhow!("{}", error.message()))?;
        let mut portable = Self { text: String::new(), taken: Vec::new() };
        for (key, value) in table {
            let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            portable.add(&key.to_uppercase(), &key, " = ", &plain, value.to_string());
        }
        Ok(portable)
    }

    fn add(&mut self, name: &str, key: &str, is: &str, plain: &str, written: String) {
        let is_known = settings().iter().any(|setting| setting.name == name);
        if plain.is_empty() || (is_known && !is_secret(name)) {
            secrets::register_url(plain);
            let shown = secrets::scrub(&written);
            if shown != written {
                self.taken.push(name.to_owned());
            }
            self.text += &format!("{key}{is}{shown}\n");
        } else {
            self.taken.push(name.to_owned());
            self.text += &format!("{key}{is}\"\"  {NOTE}\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_or_not_ours_goes() -> Result<()> {
        let env = "# DB=hunter0\nADMIN_TOKEN=hunter1\nDATA_DIR='two words'\nAWS_KEY=hunter2\nBUSINESS_DB_URL=mysql://u:hunter3@h/n\n";
        let Portable { text, taken } = Portable::of_environment(env);
        assert!(!text.contains("hunter"), "{text}");
        assert!(text.contains("DATA_DIR=\"two words\"\n") && text.contains("ADMIN_TOKEN=\"\"  # taken out"), "{text}");
        assert_eq!(taken, ["ADMIN_TOKEN", "AWS_KEY", "BUSINESS_DB_URL"]);
        let Portable { text, taken } = Portable::of_toml("cache_mb = 3\nadmin_token = \"hunter1\"\nlisten = \"a\"\n")?;
        assert_eq!(text, "admin_token = \"\"  # taken out of the backup; set it again\ncache_mb = 3\nlisten = \"a\"\n");
        assert_eq!(taken, ["ADMIN_TOKEN"]);
        Ok(())
    }
}
