//! The file that is written: opened where no other server writes, locked as long as it is open, and never left with half a
//! line.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};

use super::files::of_server;
use crate::common::files::whole_lines;
use crate::common::language::t;
use crate::config::Durability;

/// How many servers can log to one folder.
const SERVERS: usize = 100;

/// How a log is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How far a line is before its list is answered.
    pub durability: Durability,
    /// At how many bytes a file is full; 0 for never. A new day begins a new file in any case.
    pub rotate_bytes: u64,
}

/// A file of the log that is open for writing.
pub(super) struct LogFile {
    /// Locked as long as it is open.
    file: File,
    /// The name it was opened under.
    pub path: PathBuf,
    /// Bytes in it.
    length: u64,
    /// The day of its lines.
    pub day: NaiveDate,
    /// Half a line could not be taken back: the next begins on a line of its own.
    is_torn: bool,
}

/// Whether an open file is still the one under a name.
pub(super) fn is_at(own: &Metadata, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| there.ino() == own.ino() && there.dev() == own.dev())
}

impl LogFile {
    /// Opens the log, or the first of its names that no other server writes. A last line that a kill cut short was never
    /// answered: it is taken back.
    ///
    /// # Errors
    /// It cannot be written, or too many servers write here already.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        for number in 1..=SERVERS {
            let own = of_server(path, number);
            // it is this server's only where it still has its name once it is locked
            for _ in 0..10 {
                let Some(file) = open_locked(&own)? else { break };
                if is_at(&file.metadata()?, &own) {
                    return Self::behind_whole_lines(file, own);
                }
            }
        }
        Err(io::Error::other(t!("{SERVERS} servers write to this folder already", "已有 {SERVERS} 个服务在写这个目录")))
    }

    /// Goes on after the last whole line of a file.
    fn behind_whole_lines(mut file: File, path: PathBuf) -> io::Result<Self> {
        let about = file.metadata()?;
        let length = whole_lines(&mut file)?;
        if length < about.len() {
            let cut = about.len() - length;
            tracing::warn!("{}: {cut} bytes of a line that was cut short are taken back", path.display());
            file.set_len(length)?;
        }
        let day = about.modified().map_or_else(|_| Utc::now(), DateTime::from).date_naive();
        Ok(Self { file, path, length, day, is_torn: false })
    }

    /// What is known of the file now. Where somebody cut it in the middle of a line, the next begins on one of its own.
    pub fn look(&mut self) -> io::Result<Metadata> {
        let about = self.file.metadata()?;
        let length = about.len();
        if length < self.length {
            tracing::warn!("{} was cut short by another program", self.path.display());
            let mut last = [b'\n'];
            self.is_torn |= length > 0 && self.file.read_at(&mut last, length - 1).is_ok() && last != *b"\n";
        }
        self.length = length;
        Ok(about)
    }

    /// Writes whole lines; returns what is then known of the file. What was written in part, on a full disk, is taken back.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<Metadata> {
        let begun = if self.is_torn { self.file.write_all(b"\n") } else { Ok(()) };
        let result = begun.and_then(|()| self.file.write_all(lines));
        let taken_back = result.is_ok() || self.file.set_len(self.length).is_ok();
        self.is_torn = (self.is_torn && result.is_err()) || !taken_back;
        result?;
        let about = self.file.metadata()?;
        self.length = about.len();
        Ok(about)
    }

    /// Waits until the disk has what was written.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Another handle of the same file, to sync it by while lines are written.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

/// Opens a file for appending and locks it; `None` where another server writes it.
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    // what is written to a pipe is gone, and a full one would keep every list waiting
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() || kind.is_socket() {
        return Err(io::Error::other(t!("{} is no plain file", "{} 不是普通文件", path.display())));
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(None),
        Err(fs::TryLockError::Error(error)) => {
            tracing::warn!("{} cannot be locked ({error}): run one server alone on its folder", path.display());
        }
    }
    Ok(Some(file))
}
