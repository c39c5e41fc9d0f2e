//! `nearset config`.

use anyhow::Result;
use clap::{Args, Subcommand};
use unicode_width::UnicodeWidthStr;

use super::examples::examples;
use crate::common::terminal::{fault, say};
use crate::config::{Config, InForce, Values, in_force};

#[derive(Debug, Subcommand)]
pub enum Settings {
    /// Print the settings in force, each with the place it comes from; secrets are hidden
    #[command(after_help = examples(&["config show --changed", "config show --json"]))]
    Show(Show),
}

#[derive(Debug, Args)]
pub struct Show {
    /// Only those with another value than the default
    #[arg(long)]
    changed: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Settings {
    /// Prints them, also where some cannot be used, and then fails.
    pub fn run(self, values: &Values) -> Result<()> {
        let Self::Show(show) = self;
        let mut groups = in_force(values);
        for (_, settings) in &mut groups {
            settings.retain(|setting| setting.is_changed || !show.changed);
        }
        groups.retain(|(_, settings)| !settings.is_empty());
        if show.json {
            let all: Vec<&InForce> = groups.iter().flat_map(|(_, settings)| settings).collect();
            say!("{}", serde_json::to_string_pretty(&all)?);
        } else {
            print(&groups);
        }
        values.notes().iter().for_each(|note| fault(note));
        Config::of(values).map(drop)
    }
}

/// The widest value that others are aligned with.
const WIDE: usize = 40;

fn print(groups: &[(&'static str, Vec<InForce>)]) {
    let all = || groups.iter().flat_map(|(_, settings)| settings);
    let names = all().map(|setting| setting.name.width()).max().unwrap_or_default();
    let values = all().map(|setting| setting.value.width()).filter(|width| *width <= WIDE).max().unwrap_or_default();
    for (index, (title, settings)) in groups.iter().enumerate() {
        say!("{}# {title}", if index > 0 { "\n" } else { "" });
        for InForce { name, value, origin, .. } in settings {
            let space = " ".repeat(values.saturating_sub(value.width()));
            say!("{name:<names$}  {value}{space}  {origin}");
        }
    }
}
