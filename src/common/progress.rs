//! What is said of long work while it goes on: to whoever asked for it ([`Progress`]), and to a person in front of a terminal
//! ([`StepBar`]: a spinner, and one aligned line a step everywhere).

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::common::language::t;
use crate::common::memory;
use crate::common::terminal::{self, harmless};

/// Who is told of what goes on.
#[derive(Clone, Copy)]
pub struct Progress<'a> {
    /// What is being done right now.
    pub at: &'a dyn Fn(&str),
    /// What a person should know afterwards too.
    pub note: &'a dyn Fn(&str),
}

impl Progress<'_> {
    /// One that nobody listens to.
    pub const SILENT: Self = Self { at: &|_| {}, note: &|_| {} };

    /// Says what is being done right now.
    pub fn at(&self, what: &str) {
        (self.at)(what);
    }

    /// Says what a person should know afterwards too.
    pub fn note(&self, text: &str) {
        (self.note)(text);
    }
}

/// How often a person without a terminal reads what a long step is at.
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(10);

/// From how many seconds on a person without a terminal is told beforehand what a step took last time.
const LONG: f64 = 10.0;

/// One step at a time, as a person sees it.
pub struct StepBar {
    spinner: ProgressBar,
    last_line: Cell<Instant>,
    /// What the step took last time, in brackets.
    last_time: RefCell<String>,
    tell: fn(&str),
}

impl Default for StepBar {
    /// One that tells on standard output.
    fn default() -> Self {
        Self::telling(terminal::line)
    }
}

impl StepBar {
    /// One that leaves standard output to others.
    pub fn on_stderr() -> Self {
        Self::telling(terminal::fault)
    }

    /// Hidden by indicatif where standard error is no terminal.
    fn telling(tell: fn(&str)) -> Self {
        let spinner = ProgressBar::new_spinner();
        spinner.set_style(
            ProgressStyle::with_template("  {spinner} {prefix:<10} {elapsed:>4}  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Self { spinner, last_line: Cell::new(Instant::now()), last_time: RefCell::default(), tell }
    }

    /// A step begins, which took so many seconds last time.
    pub fn start(&self, step: &'static str, last_time: Option<f64>) {
        let brackets =
            last_time.map_or(String::new(), |seconds| t!("(last time {})", "（上次 {}）", duration(seconds)));
        self.spinner.reset_elapsed();
        self.spinner.set_prefix(step);
        self.spinner.set_message(brackets.clone());
        self.spinner.enable_steady_tick(Duration::from_millis(120));
        if !std::io::stderr().is_terminal() && last_time.is_some_and(|seconds| seconds >= LONG) {
            self.say(&t!("  {step:<10} begins {brackets}", "  {step:<10} 开始{brackets}"));
        }
        self.last_time.replace(brackets);
    }

    /// Says a line, beside whatever goes on.
    pub fn say(&self, text: &str) {
        self.last_line.set(Instant::now());
        self.spinner.suspend(|| (self.tell)(text));
    }

    /// What the step is at.
    pub fn at(&self, what: &str) {
        self.spinner.set_message(format!("{} {}", harmless(what), self.last_time.borrow()));
        if !std::io::stderr().is_terminal() && self.last_line.get().elapsed() >= PLAIN_LINE_EVERY {
            self.say(&format!("    {what}"));
        }
    }

    /// What is worth knowing afterwards too, on a line of its own.
    pub fn note(&self, text: &str) {
        self.say(&format!("    {text}"));
    }

    /// The step has ended.
    pub fn finish(&self, step: &str, seconds: f64, rows: u64) {
        let memory = memory::peak() / 1_000_000;
        self.say(&t!(
            "  {step:<10} {seconds:>8.2} s {:>12} rows   peak {memory:>5} MB",
            "  {step:<10} {seconds:>8.2} 秒 {:>12} 行   内存峰值 {memory:>5} MB",
            grouped(rows)
        ));
    }

    /// Takes the spinner away.
    pub fn clear(&self) {
        self.spinner.finish_and_clear();
    }
}

impl Drop for StepBar {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A time as people say it.
fn duration(seconds: f64) -> String {
    match seconds {
        ..9.95 => format!("{seconds:.1} s"),
        ..119.5 => format!("{seconds:.0} s"),
        _ => format!("{:.0} min", seconds / 60.0),
    }
}

/// A number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_anyone_needs() {
        assert_eq!([3.21, 9.96, 41.2, 119.6, 1800.0].map(duration), ["3.2 s", "10 s", "41 s", "2 min", "30 min"]);
    }
}
