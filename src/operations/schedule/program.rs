//! This very program, as jobs call it: from the same file, with the same folders and settings.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Where it is; asked for at the start, since an upgrade may replace the file.
pub fn path() -> PathBuf {
    static PATH: LazyLock<PathBuf> =
        LazyLock::new(|| env::current_exe().unwrap_or_else(|_| env::args_os().next().unwrap_or_default().into()));
    PATH.clone()
}

/// The flags that this process was given and that say which folders and settings it works with.
pub fn flags() -> Vec<OsString> {
    flags_of(env::args_os().skip(1))
}

fn flags_of(mut words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    const FLAGS: [&str; 3] = ["--data-dir", "--models-dir", "--config"];
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        if FLAGS.contains(&text.as_str()) {
            flags.push(word);
            flags.extend(words.next());
        } else if FLAGS.iter().any(|flag| text.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))) {
            flags.push(word);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_wherever_they_stand() {
        let words = "--config=a.toml serve --listen 1:2 --data-dir d --schedule".split(' ').map(OsString::from);
        assert_eq!(flags_of(words), ["--config=a.toml", "--data-dir", "d"]);
    }
}
