//! `nearset sql`.

use std::io::{self, IsTerminal};

use anyhow::Result;
use clap::Args;

use crate::config::Config;
use crate::query::{Extent, Format, Look, Paged, Prompt, Query, ROWS, Screen, Session, is_possible, prompt};

#[derive(Debug, Args)]
pub struct Sql {
    /// The query, a file that holds some (it ends in .sql), or - for standard input; without one, a prompt
    // a query may begin with a comment
    #[arg(allow_hyphen_values = true)]
    query: Option<String>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// As JSON, as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How many rows of a table to show; 0 shows all. 1000 on a terminal, else all
    #[arg(long, value_name = "N")]
    rows: Option<u64>,
    /// Show what is longer than the screen at once, not through PAGER
    #[arg(long)]
    no_pager: bool,
    /// As it was published, whatever has changed in sql/ and views/ since
    #[arg(long)]
    published: bool,
}

impl Sql {
    pub fn run(self, config: &Config) -> Result<()> {
        let format = if self.json { Format::Json } else { self.format };
        let of_terminal = Screen::of_output().map(|_| ROWS);
        let rows = self.rows.or(of_terminal).filter(|rows| *rows > 0);
        let (sees_changes, is_paged) = (!self.published, !self.no_pager);
        let query = match self.query {
            Some(query) => Query::read(&query)?,
            None if is_possible() => return prompt(Prompt { config, sees_changes, format, rows, is_paged }),
            None => Query::read("-")?,
        };
        let session = Session::open(config, sees_changes)?;
        let screen = Screen::of_output();
        let look = Look { extent: Extent { rows, width: screen.map(|screen| screen.columns) }, ..Look::of(format) };
        if screen.is_none() {
            return session.run(&query, &look, &mut io::stdout());
        }
        let is_read = format != Format::Parquet && io::stdin().is_terminal();
        let mut out = Paged::new(screen, is_paged && is_read);
        let done = session.run(&query, &look, &mut out);
        out.finish()?;
        done
    }
}
