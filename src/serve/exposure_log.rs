//! The exposure log: every answered list, written before its answer leaves.
//!
//! One thread writes. Requests that wait at the same time share one write, so that the log costs each of them little;
//! the bytes are with the operating system before any of them is answered, and so survive the end of this process.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

/// How many lines one write takes at most.
const BATCH: usize = 1024;

struct Entry {
    line: Vec<u8>,
    written: oneshot::Sender<std::io::Result<()>>,
}

/// The writing end, shared by all requests. Whoever was answered is in the file, so there is nothing to close.
pub struct ExposureLog {
    entries: Sender<Entry>,
}

impl ExposureLog {
    /// Opens the log for appending. A last line that a crash cut short is ended, so that it stays alone.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        }
        let file = open(path)
            .with_context(|| format!("{} cannot be written; lists are not served unlogged", path.display()))?;
        let (entries, receiver) = mpsc::channel();
        let place = path.to_path_buf();
        std::thread::Builder::new()
            .name("exposure-log".to_owned())
            .spawn(move || write_all(file, &place, &receiver))
            .context("the exposure log's thread could not be started")?;
        Ok(Self { entries })
    }

    /// Writes one line (without its end) and returns when the operating system has it.
    pub async fn append(&self, line: Vec<u8>) -> std::io::Result<()> {
        let (written, done) = oneshot::channel();
        let gone = || std::io::Error::other("the exposure log is closed");
        self.entries.send(Entry { line, written }).map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

fn write_all(mut file: File, path: &Path, entries: &Receiver<Entry>) {
    let path: PathBuf = path.to_path_buf();
    let (mut bytes, mut waiting) = (Vec::new(), Vec::new());
    while let Ok(first) = entries.recv() {
        bytes.clear();
        for entry in std::iter::once(first).chain(entries.try_iter().take(BATCH - 1)) {
            bytes.extend_from_slice(&entry.line);
            bytes.push(b'\n');
            waiting.push(entry.written);
        }
        let result = file.write_all(&bytes);
        if let Err(error) = &result {
            tracing::error!("{}: {error}; lists are served without being logged", path.display());
        }
        for written in waiting.drain(..) {
            let result = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(std::io::Error::from(error.kind())),
            };
            // a client that hung up does not wait any more
            written.send(result).ok();
        }
    }
}
