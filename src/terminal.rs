//! What people read on standard output.

use std::io::Write;

/// Prints a line; nothing is lost where nobody reads it any more (`nearset run | head`).
pub fn line(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// `println!`, but for a closed pipe, at which it goes on.
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::line(&format!($($text)*)) };
}
pub(crate) use say;
