//! What people read on standard output.

use std::borrow::Cow;
use std::io::Write;

use unicode_width::UnicodeWidthStr;

use crate::common::secrets::scrub;

/// Prints a line; nothing is lost where nobody reads it any more (`nearset run | head`).
pub fn line(text: &str) {
    writeln!(std::io::stdout(), "{}", readable(text)).ok();
}

/// Says on standard error why a command failed.
pub fn fault(text: &str) {
    writeln!(std::io::stderr(), "{}", readable(text)).ok();
}

/// A text as it may be printed: without secrets, and without what would command the terminal.
fn readable(text: &str) -> String {
    scrub(text).split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}

/// A text of somebody's without what would command the terminal: control characters stand as their names.
pub fn harmless(text: &str) -> Cow<'_, str> {
    // the second kind turns the direction of letters, and with it what a line seems to say
    let commands =
        |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if commands(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown.into()
}

/// A text with blanks after it up to a width on the terminal, where Chinese takes two places a character.
pub fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// A text with blanks before it up to a width on the terminal.
pub fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

/// A text as one word of a shell's.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        format!("'{}'", text.replace('\'', "'\\''")).into()
    }
}

/// `println!`, but for a closed pipe, at which it goes on.
macro_rules! say {
    ($($text:tt)*) => { $crate::common::terminal::line(&format!($($text)*)) };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_part_them() {
        assert_eq!(shell_word("target/release/nearset"), "target/release/nearset");
        assert_eq!(shell_word("my data's"), "'my data'\\''s'");
    }
}
