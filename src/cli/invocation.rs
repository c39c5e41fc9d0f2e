//! How the program was called, so that what it tells people to type works as it is.

use std::env;

use super::command_line::Global;
use crate::common::terminal::shell_word;

/// The program and the flags that say which folders and settings it works with.
pub struct Invocation(String);

impl Invocation {
    /// That of this process.
    pub fn of(global: &Global) -> Self {
        let program = env::args().next().unwrap_or_else(|| "nearset".to_owned());
        let flags =
            [("--data-dir", &global.data_dir), ("--models-dir", &global.models_dir), ("--config", &global.config)];
        let flags = flags.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?)));
        Self(flags.fold(shell_word(&program).into_owned(), |call, (flag, path)| {
            format!("{call} {flag} {}", shell_word(&path.to_string_lossy()))
        }))
    }

    /// A command with its arguments.
    pub fn command(&self, arguments: &str) -> String {
        let (program, flags) = self.0.split_once(" --").unwrap_or((&self.0, ""));
        let flags = if flags.is_empty() { String::new() } else { format!(" --{flags}") };
        format!("{program} {arguments}{flags}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_the_flags_of_this_one() {
        let call = Invocation("./nearset --data-dir 'a b'".to_owned());
        assert_eq!(call.command("run"), "./nearset run --data-dir 'a b'");
        assert_eq!(Invocation("nearset".to_owned()).command("run"), "nearset run");
    }
}
