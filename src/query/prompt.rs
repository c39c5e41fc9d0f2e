//! The prompt of `nearset sql`: lines from the keyboard, each a statement, some or a dot command, with what was typed before
//! and with completion. It sees what is published, and files that are changed, while it is open.

mod commands;
mod completion;
mod history;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use duckdb::InterruptHandle;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Editor};

use self::completion::{Typing, Words};
use super::screen::{Paged, Screen};
use super::session::{Look, Session};
use super::table::Extent;
use super::{Format, Query};
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::common::scratch;
use crate::common::terminal::{fault, say};
use crate::config::Config;
use crate::sql_project::{Project, current};

/// How a prompt begins; dot commands change most of it.
pub struct Prompt<'a> {
    /// The settings in force.
    pub config: &'a Config,
    /// Whether changed files of the project are seen.
    pub sees_changes: bool,
    /// How results are written.
    pub format: Format,
    /// How many rows of one are shown; all where there is none.
    pub rows: Option<u64>,
    /// Whether what is longer than the screen goes through a pager.
    pub is_paged: bool,
}

/// Whether there is somebody at both ends to type and to read.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Asks for statements and answers them until there are no more.
///
/// # Errors
/// There is no warehouse, or the terminal does not work.
pub fn prompt(prompt: Prompt<'_>) -> Result<()> {
    let session = Session::open(prompt.config, prompt.sees_changes)?;
    let settings =
        rustyline::Config::builder().completion_type(CompletionType::List).history_ignore_space(true).build();
    let mut editor: Editor<Typing, FileHistory> =
        Editor::with_config(settings).context(either("the terminal does not take a prompt", "终端无法显示提示符"))?;
    editor.set_helper(Some(Typing::new(Words::of(&session, None)?)));
    let history = history::place();
    if let Some(place) = &history {
        editor.load_history(place).ok();
    }
    say!(
        "{}",
        t!(
            "nearset {}, the warehouse of {} UTC, read-only. A statement ends with ; and .help lists the rest.",
            "nearset {}，{} UTC 的仓库，只读。语句以 ; 结尾，其余见 .help。",
            env!("CARGO_PKG_VERSION"),
            session.as_of.format("%Y-%m-%d %H:%M")
        )
    );
    let running = Running::new(Mutex::new(session.db().interrupt_handle()));
    let stopped = running.clone();
    let _ctrl_c = scratch::at_interrupt(move || stopped.lock().unwrap_or_else(PoisonError::into_inner).interrupt());
    let mut desk = AtPrompt {
        running,
        prompt,
        session,
        project: None,
        is_timed: false,
        output: None,
        has_own: false,
        is_over: false,
    };
    while !desk.is_over {
        match editor.readline("nearset> ") {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => {
                editor.add_history_entry(line.trim_end()).ok();
                if let Some(place) = &history {
                    history::keep(&mut editor, place);
                }
                match (desk.renew(), editor.helper_mut()) {
                    (Ok(true), Some(typing)) => typing.words = Words::of(&desk.session, desk.project.as_deref())?,
                    (Ok(_), _) => {}
                    // the warehouse that is open can still be asked
                    (Err(error), _) => fault(&describe(&error)),
                }
                desk.take(&line);
            }
            // Ctrl-C leaves what was typed
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(anyhow!(error).context(either("the terminal is gone", "终端已断开"))),
        }
    }
    Ok(())
}

/// What Ctrl-C stops.
type Running = Arc<Mutex<Arc<InterruptHandle>>>;

/// A prompt that is under way.
struct AtPrompt<'a> {
    prompt: Prompt<'a>,
    session: Session<'a>,
    running: Running,
    /// The project as its files were at the last statement.
    project: Option<Arc<Project>>,
    is_timed: bool,
    /// Where results go instead of the screen.
    output: Option<File>,
    /// Whether somebody made temporary tables or set variables.
    has_own: bool,
    is_over: bool,
}

impl AtPrompt<'_> {
    /// Opens the warehouse again where another was published, and reads the project again where a file has changed; returns
    /// whether either was so.
    fn renew(&mut self) -> Result<bool> {
        let is_outdated = self.session.is_outdated();
        if is_outdated {
            self.session = Session::open(self.prompt.config, self.prompt.sees_changes)?;
            *self.running.lock().unwrap_or_else(PoisonError::into_inner) = self.session.db().interrupt_handle();
            let as_of = self.session.as_of.format("%Y-%m-%d %H:%M");
            fault(&t!(
                "published meanwhile: this is the warehouse of {as_of} UTC now",
                "其间已有新发布：现为 {as_of} UTC 的仓库"
            ));
            if std::mem::take(&mut self.has_own) {
                fault(either("temporary tables and variables of before are gone", "之前的临时表与变量已不存在"));
            }
        }
        let project = current(self.prompt.config, self.session.db())?;
        let is_changed = !self.project.as_ref().is_some_and(|known| Arc::ptr_eq(known, &project));
        self.project = Some(project);
        Ok(is_outdated || is_changed)
    }

    /// Does what was typed, and says what is wrong with it.
    fn take(&mut self, line: &str) {
        let line = line.trim();
        let done = match (line.strip_prefix('.'), line.trim_end_matches(';').to_lowercase().as_str()) {
            (Some(command), _) => self.command(command),
            (None, "quit" | "exit" | "\\q") => self.command("quit"),
            (None, "help" | "\\?") => self.command("help"),
            _ => self.ask(&Query::of(line.to_owned())),
        };
        if let Err(error) = done {
            let is_closed = |e: &(dyn std::error::Error + 'static)| {
                e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
            };
            match describe(&error) {
                // the pager was closed before its end
                _ if error.chain().any(is_closed) => {}
                said if said.contains("INTERRUPT") => fault(either("interrupted", "已中断")),
                said => fault(&said),
            }
        }
    }

    /// Answers a query.
    fn ask(&mut self, query: &Query) -> Result<()> {
        let begun = Instant::now();
        self.has_own |= query.makes_own();
        let look = Look { all_rows: ".rows 0", ..Look::of(self.prompt.format) };
        match &mut self.output {
            Some(file) => self.session.run(query, &look, file)?,
            None => {
                let screen = Screen::of_output();
                let width = screen.map(|screen| screen.columns);
                let extent = Extent { rows: self.prompt.rows, width };
                let mut out = Paged::new(screen, self.prompt.is_paged);
                let done = self.session.run(query, &Look { extent, ..look }, &mut out);
                out.finish()?;
                done?;
            }
        }
        if self.is_timed {
            say!("{}", t!("{:.3} s", "{:.3} 秒", begun.elapsed().as_secs_f64()));
        }
        io::stdout().flush().ok();
        Ok(())
    }
}
