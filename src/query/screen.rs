//! The terminal that a result is shown on: how much of it fits there, and the pager that shows more.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::termios::tcgetwinsize;

/// How many rows a terminal is shown of a result, unless somebody asks for more.
pub const ROWS: u64 = 1000;

/// A terminal's size, in letters.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Of its window.
    pub lines: usize,
    /// Of a line.
    pub columns: usize,
}

impl Screen {
    /// That of standard output, where it is a terminal.
    pub fn of_output() -> Option<Self> {
        let out = io::stdout();
        let size = out.is_terminal().then(|| tcgetwinsize(out).ok()).flatten()?;
        // a terminal that does not know its size says 0
        let known = |size: u16, usual| if size == 0 { usual } else { usize::from(size) };
        Some(Self { lines: known(size.ws_row, 24), columns: known(size.ws_col, 80) })
    }
}

/// Standard output, and from the line on that fits the screen no more a pager: PAGER, else `less -SRX`.
pub struct Paged {
    pager: Option<String>,
    lines: usize,
    /// What was written while it fitted.
    held: Vec<u8>,
    child: Option<Child>,
}

impl Paged {
    /// A pager for what is longer than the screen, where there is a pager and one is wanted.
    pub fn new(screen: Option<Screen>, is_wanted: bool) -> Self {
        let pager = screen.filter(|_| is_wanted).and_then(|_| pager());
        Self { pager, lines: screen.map_or(0, |screen| screen.lines), held: Vec::new(), child: None }
    }

    /// Shows what is left, and waits until the pager is closed.
    ///
    /// # Errors
    /// Standard output takes it no more.
    pub fn finish(mut self) -> io::Result<()> {
        match self.child.take() {
            Some(mut child) => {
                drop(child.stdin.take());
                child.wait().map(drop)
            }
            None => io::stdout().write_all(&self.held).and_then(|()| io::stdout().flush()),
        }
    }

    fn open(&mut self, pager: &str) -> io::Result<()> {
        let mut command = Command::new("sh");
        command.args(["-c", pager]).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", "SRX");
        }
        let mut child = command.spawn()?;
        if let Some(input) = &mut child.stdin {
            input.write_all(&self.held).ok();
        }
        self.held.clear();
        self.child = Some(child);
        Ok(())
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(child) = &mut self.child {
            return child.stdin.as_mut().map_or(Ok(bytes.len()), |input| input.write(bytes));
        }
        let Some(pager) = self.pager.clone() else { return io::stdout().write(bytes) };
        self.held.extend_from_slice(bytes);
        if self.held.split(|byte| *byte == b'\n').count() > self.lines {
            self.open(&pager)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.child {
            Some(child) => child.stdin.as_mut().map_or(Ok(()), Write::flush),
            None if self.pager.is_some() => Ok(()),
            None => io::stdout().flush(),
        }
    }
}

/// The user's pager; `cat`, or a PAGER that is empty, is none.
fn pager() -> Option<String> {
    match std::env::var("PAGER") {
        Ok(own) => Some(own).filter(|own| !["", "cat"].contains(&own.trim())),
        Err(_) => {
            let path = std::env::var_os("PATH")?;
            let is_there = |dir: &Path| dir.join("less").is_file();
            std::env::split_paths(&path).any(|dir| is_there(&dir)).then(|| "less".to_owned())
        }
    }
}
