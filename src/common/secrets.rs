//! Secrets: what settings hold that nobody may read. They are told here when settings are read, and taken out of every
//! text on its way out: errors, logs, notes, run history.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// Every form in which a secret may be written, the longest first.
static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// A value that is never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Has a secret taken out of every text from now on, however it is written there.
pub fn register(secret: &str) {
    let decoded = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    let mut all = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    for plain in [secret, decoded.as_str()] {
        let debug = format!("{plain:?}");
        let forms = [
            plain.to_owned(),
            plain.replace('\'', "''"),
            utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string(),
            debug.trim_matches('"').to_owned(),
        ];
        for form in forms {
            if !form.is_empty() && form != HIDDEN && !all.contains(&form) {
                all.push(form);
            }
        }
    }
    all.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

/// Registers what is secret in a database's URL: its password, and the values of all its options, whose names may be
/// anything. Understands what is not quite a URL, too: the text may stand in a setting it does not belong in.
pub fn register_url(text: &str) {
    let (rest, query) = text.split_once('?').unwrap_or((text, ""));
    if let Some((before, _)) = rest.rsplit_once('@') {
        // a slash too few, or one in the password: what it may be either way
        let after_scheme = before.split_once("://").map_or(before, |(_, rest)| rest);
        for user_info in [after_scheme, before.rsplit('/').next().unwrap_or(before)] {
            if let Some((_, password)) = user_info.split_once(':') {
                register(password);
            }
        }
    }
    for option in query.split(['&', ';', '#']) {
        if let Some((_, value)) = option.split_once('=') {
            // sslmode=require and the like would only make texts hard to read
            if value.len() > 3
                && !["require", "required", "disable", "disabled", "prefer", "preferred", "true", "false"]
                    .contains(&value)
            {
                register(value);
            }
        }
    }
}

/// A text without any secret.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let all = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let mut clean = Cow::Borrowed(text);
    for secret in all.iter() {
        if clean.contains(secret.as_str()) {
            clean = Cow::Owned(replace(&clean, secret));
        }
    }
    clean
}

/// Whether a text ends in the name of a file and a colon, after which the number of a line stands.
fn names_file(text: &str) -> bool {
    let word = text.rsplit([' ', '\n', '(', '（', '，', '；']).next().unwrap_or(text);
    word.strip_suffix(':').is_some_and(|file| file.contains('.') && !file.contains(['@', ':']))
}

/// Replaces a secret; a short one only where it is a word of its own, so that texts can still be read.
fn replace(text: &str, secret: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if secret.chars().count() >= 4 {
        return text.replace(secret, HIDDEN);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        clean.push_str(before);
        let is_part = is_word(clean.chars().next_back()) || is_word(after.chars().next());
        clean.push_str(if is_part || names_file(&clean) { secret } else { HIDDEN });
        rest = after;
    }
    clean + rest
}

/// Standard error without secrets. What cannot be written is lost: a log nobody can read ends no server.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScrubbedStderr;

impl Write for ScrubbedStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::stderr().write_all(scrub(&text).as_bytes()).ok();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush().ok();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_in_every_form_and_short_ones_only_as_words() {
        register_url("mysql://reader:p%40ss'word@host/name?ssl_mode=required&password=other%20one");
        register("ab");
        assert_eq!(scrub("p%40ss'word, p@ss'word, p@ss''word and other one"), "***, ***, *** and ***");
        assert_eq!(scrub("about ab, required"), "about ***, required");
        register("917");
        assert_eq!(
            scrub(".env:917: ADMIN_TOKEN is 917 (from .env.prod:917), a@b.c:917"),
            ".env:917: ADMIN_TOKEN is *** (from .env.prod:917), a@b.c:***"
        );
    }
}
