//! What is said of long work while it goes on: to whoever asked for it ([`Progress`]), and to a person in front of a terminal
//! ([`StepBar`]: a spinner, and one aligned line a step everywhere).

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::common::memory;
use crate::common::terminal::{harmless, say};

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

/// One step at a time, as a person sees it.
pub struct StepBar {
    spinner: ProgressBar,
    last_line: Cell<Instant>,
}

impl Default for StepBar {
    /// Hidden by indicatif where standard error is no terminal.
    fn default() -> Self {
        let spinner = ProgressBar::new_spinner();
        spinner.set_style(
            ProgressStyle::with_template("  {spinner} {prefix:<10} {elapsed:>4}  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Self { spinner, last_line: Cell::new(Instant::now()) }
    }
}

impl StepBar {
    /// A step begins.
    pub fn start(&self, step: &'static str) {
        self.spinner.reset_elapsed();
        self.spinner.set_prefix(step);
        self.spinner.set_message("");
        self.spinner.enable_steady_tick(Duration::from_millis(120));
    }

    /// What the step is at.
    pub fn at(&self, what: &str) {
        self.spinner.set_message(harmless(what).into_owned());
        if !std::io::stderr().is_terminal() && self.last_line.get().elapsed() >= PLAIN_LINE_EVERY {
            self.last_line.set(Instant::now());
            say!("    {what}");
        }
    }

    /// What is worth knowing afterwards too, on a line of its own.
    pub fn note(&self, text: &str) {
        self.last_line.set(Instant::now());
        self.spinner.suspend(|| say!("    {text}"));
    }

    /// The step has ended.
    pub fn finish(&self, step: &str, seconds: f64, rows: u64) {
        let memory = memory::peak() / 1_000_000;
        let line = format!("  {step:<10} {seconds:>8.2} s {:>12} rows   peak {memory:>5} MB", grouped(rows));
        self.last_line.set(Instant::now());
        self.spinner.suspend(|| say!("{line}"));
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
