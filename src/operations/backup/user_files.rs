//! Files that people write, without the secrets in them: comments go, since they may hold anything, keys stay.

use anyhow::{Result, anyhow};
use toml::Value;

use crate::common::secrets;

/// What stands in a secret's place.
pub(super) const TAKEN_OUT: &str = "taken out of the backup; set it again";

/// What the names of secret values have in them. An address may hold a key.
const SECRET: [&str; 7] = ["secret", "token", "password", "passwd", "key", "url", "webhook"];

/// What stands before a secret within a text, as in a command's arguments.
const SAID: [&str; 6] = ["bearer ", "token=", "password=", "passwd=", "secret=", "key="];

/// A TOML file without secrets, and the names of those that were there. What names a variable (`${NAME}`) is no secret.
pub(super) fn toml_without_secrets(text: &str) -> Result<(String, Vec<String>)> {
    let mut value: toml::Table = toml::from_str(text).map_err(|error| anyhow!("{error}"))?;
    let mut taken = Vec::new();
    for (key, value) in &mut value {
        take_out(key, key, value, &mut taken);
    }
    Ok((secrets::scrub(&toml::to_string(&value)?).into_owned(), taken))
}

/// Takes secrets out of a value; `path` is how it is told of.
fn take_out(path: &str, key: &str, value: &mut Value, taken: &mut Vec<String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                take_out(&format!("{path}.{key}"), key, value, taken);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| take_out(path, key, value, taken)),
        Value::String(text) => {
            let is_named = text
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'))
                .is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            let (key, said) = (key.to_lowercase(), text.to_lowercase());
            let is_secret = SECRET.iter().any(|word| key.contains(word))
                || SAID.iter().any(|word| said.contains(word))
                || (said.contains("://") && said.contains('@'));
            if is_secret && !is_named && !text.is_empty() {
                *text = TAKEN_OUT.to_owned();
                taken.push(path.to_owned());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_keys_stay() -> Result<()> {
        let text = "# the old one: hunter1\n[[receiver]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"https://x/?key=hunter2\"\n\
                    token = \"${OPS_TOKEN}\"\n[receiver.login]\npassword = \"hunter3\"\nuser = \"u\"\n";
        let (clean, taken) = toml_without_secrets(text)?;
        assert!(!clean.contains("hunter"), "{clean}");
        assert!(clean.contains("${OPS_TOKEN}") && clean.contains("name = \"ops\"") && clean.contains("user = \"u\""));
        assert_eq!(taken, ["receiver.login.password", "receiver.url"]);
        Ok(())
    }
}
