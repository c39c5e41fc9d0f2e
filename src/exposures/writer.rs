//! Writing the log: every answered list, before its answer leaves.
//!
//! A request writes its own line, one short system call under a lock: the bytes are with the operating system before the
//! answer leaves, and so survive the end of this process. How far a line has to be is a setting ([`Durability`]); where
//! it is the disk, requests that wait at the same time share one sync. Full files are rotated and packed aside.
//!
//! The file that is written is locked for as long as it is open, under whatever name: no other server writes to it, and
//! nobody packs it. Before every line the name is looked at again, so that a file that was moved or removed is noticed;
//! where a new one cannot be opened, the old one goes on being written.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::log_file::{LogFile, Options};
use super::packing::pack_aside;
use crate::common::language::{either, t};
use crate::config::Durability;

/// How long lines stay in memory at most where nothing waits for them.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// How many bytes wait in memory for a disk that is full, where nothing waits for them; what comes then is refused.
const WAITING: usize = 64 << 20;

/// How long a log that cannot be rotated or opened again is written as it is before that is tried once more.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A log that is open for writing, shared by all requests.
pub struct ExposureLog {
    shared: Arc<Shared>,
    /// Up to which byte, over all files, the disk has it.
    synced: watch::Receiver<u64>,
    /// Until the log is closed.
    wake: Option<SyncSender<()>>,
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    /// The log's name; what is written may be a file beside it, where another server writes this one.
    path: PathBuf,
    options: Options,
    writer: Mutex<Writer>,
    /// The last write failed.
    failing: AtomicBool,
    /// The file that is written could not be rotated, or is not where it should be.
    displaced: AtomicBool,
    /// Lines that were refused or lost.
    unlogged: AtomicU64,
}

struct Writer {
    file: LogFile,
    /// Lines that are not written yet; kept only where nothing waits for them.
    waiting: Vec<u8>,
    /// How many lines wait.
    waiting_lines: u64,
    /// Bytes taken since the start.
    total: u64,
    /// When rotating or opening anew failed last.
    failed_at: Option<Instant>,
}

impl ExposureLog {
    /// Opens the log for appending, after its last whole line, or one of its own where another server writes it; files
    /// that were rotated but not packed are packed now.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        let file = LogFile::open(path).with_context(|| {
            t!(
                "{} cannot be written; lists are not served unlogged",
                "{} 无法写入；没有日志就不提供列表",
                path.display()
            )
        })?;
        let writer = Writer { file, waiting: Vec::new(), waiting_lines: 0, total: 0, failed_at: None };
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            options,
            writer: Mutex::new(writer),
            failing: AtomicBool::new(false),
            displaced: AtomicBool::new(false),
            unlogged: AtomicU64::new(0),
        });
        let (sync, synced) = watch::channel(0);
        let (wake, woken) = mpsc::sync_channel(1);
        let keeping = shared.clone();
        let keeper = std::thread::Builder::new()
            .name("exposure-log".to_owned())
            .spawn(move || keep(&keeping, &sync, &woken))
            .context(either("the exposure log's thread could not be started", "曝光日志的线程未能启动"))?;
        pack_aside(path)
            .context(either("a thread for rotated logs could not be started", "处理轮转日志的线程未能启动"))?;
        Ok(Self { shared, synced, wake: Some(wake), keeper: Some(keeper) })
    }

    /// Adds one line (without its end) and returns when it is as safe as was asked for.
    ///
    /// # Errors
    /// Nothing of it is in the log.
    pub async fn append(&self, line: &[u8]) -> io::Result<()> {
        let ticket = {
            let mut writer = self.shared.writer();
            let result = self.shared.add(&mut writer, line, Utc::now());
            // lines that only wait say nothing of the disk
            if result.is_err() || self.shared.options.durability != Durability::None {
                self.shared.note(&writer.file.path, &result);
            }
            if result.is_err() {
                self.shared.unlogged.fetch_add(1, Ordering::Relaxed);
            }
            result?;
            writer.total
        };
        if self.shared.options.durability != Durability::Disk {
            return Ok(());
        }
        if let Some(wake) = &self.wake {
            wake.try_send(()).ok();
        }
        let mut synced = self.synced.clone();
        synced
            .wait_for(|done| *done >= ticket)
            .await
            .map_err(|_| io::Error::other(either("the exposure log is closed", "曝光日志已关闭")))?;
        Ok(())
    }

    /// Whether the last line could not be written.
    pub fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
    }

    /// Whether lines go to a file that could not be rotated, or that is not where the log should be.
    pub fn is_displaced(&self) -> bool {
        self.shared.displaced.load(Ordering::Relaxed)
    }

    /// How many answered lists are not in the log, since the start.
    pub fn unlogged(&self) -> u64 {
        self.shared.unlogged.load(Ordering::Relaxed)
    }

    /// Writes what waits in memory.
    pub fn flush(&self) {
        let mut writer = self.shared.writer();
        let result = self.shared.flush(&mut writer);
        self.shared.note(&writer.file.path, &result);
    }
}

impl Drop for ExposureLog {
    fn drop(&mut self) {
        self.flush();
        // the file is closed, and its lock given back, once its keeper is gone
        self.wake = None;
        if let Some(keeper) = self.keeper.take() {
            keeper.join().ok();
        }
        let lost = self.shared.writer().waiting_lines;
        if lost > 0 {
            tracing::error!("{}: the last {lost} lists could not be logged", self.shared.path.display());
        }
    }
}

impl Shared {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        // a writer whose thread panicked holds whole lines: each is added by one call
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers whether writing works, and says so when that changes.
    fn note(&self, path: &Path, result: &io::Result<()>) {
        let failed = result.is_err();
        if self.failing.swap(failed, Ordering::Relaxed) != failed {
            match result {
                Err(error) => tracing::error!("{}: {error}; lists are served without being logged", path.display()),
                Ok(()) => tracing::info!("{}: exposures are logged again", path.display()),
            }
        }
    }

    /// Remembers whether the file that is written is the one that should be, and says so when that changes.
    fn note_place(&self, path: &Path, result: &io::Result<()>) {
        let failed = result.is_err();
        if self.displaced.swap(failed, Ordering::Relaxed) != failed {
            match result {
                Err(error) => tracing::error!(
                    "{}: a new file cannot be begun ({error}); the old one goes on being written",
                    path.display()
                ),
                Ok(()) => tracing::info!("{}: written where it should be again", path.display()),
            }
        }
    }

    fn add(&self, writer: &mut Writer, line: &[u8], now: DateTime<Utc>) -> io::Result<()> {
        if writer.waiting.len() + line.len() > WAITING {
            return Err(io::Error::other(either("too many lines wait for the disk", "等待落盘的日志行过多")));
        }
        let before = writer.waiting.len();
        writer.waiting.extend_from_slice(line);
        writer.waiting.push(b'\n');
        writer.waiting_lines += 1;
        writer.total += (writer.waiting.len() - before) as u64;
        if self.options.durability == Durability::None {
            return Ok(());
        }
        let result = self.flush_at(writer, now);
        if result.is_err() {
            // the answer is told that its line is not there
            writer.waiting.truncate(before);
            writer.waiting_lines -= 1;
        }
        result
    }

    fn flush(&self, writer: &mut Writer) -> io::Result<()> {
        self.flush_at(writer, Utc::now())
    }

    /// Hands what waits to the operating system, in the file that is to be written now.
    fn flush_at(&self, writer: &mut Writer, now: DateTime<Utc>) -> io::Result<()> {
        if writer.waiting.is_empty() {
            return Ok(());
        }
        let about = writer.file.look()?;
        if writer.failed_at.is_none_or(|at| at.elapsed() >= TRY_AGAIN) {
            let rotated = writer.file.rotate(&self.path, self.options, &about, writer.waiting.len(), now);
            self.note_place(&writer.file.path, &rotated);
            writer.failed_at = rotated.is_err().then(Instant::now);
        }
        // removed between the look and the line: what was written is gone with it
        if writer.file.write(&writer.waiting)?.nlink() == 0 {
            writer.file.begin(&self.path)?;
            writer.file.write(&writer.waiting)?;
        }
        writer.waiting.clear();
        writer.waiting_lines = 0;
        Ok(())
    }
}

/// Writes and syncs what others wait for, until the log is closed.
fn keep(shared: &Shared, synced: &watch::Sender<u64>, woken: &Receiver<()>) {
    loop {
        let ended = matches!(woken.recv_timeout(FLUSH_EVERY), Err(RecvTimeoutError::Disconnected));
        let (file, path, total) = {
            let mut writer = shared.writer();
            if !writer.waiting.is_empty() {
                let result = shared.flush(&mut writer);
                shared.note(&writer.file.path, &result);
            }
            if shared.options.durability != Durability::Disk || *synced.borrow() >= writer.total {
                if ended {
                    return;
                }
                continue;
            }
            (writer.file.handle(), writer.file.path.clone(), writer.total)
        };
        let result = file.and_then(|file| file.sync_data());
        shared.note(&path, &result);
        // answers leave in any case: a page is not kept back for a disk that fails
        synced.send_replace(total);
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Read;

    use super::super::files::{of_server, packed_name, rotated, rotated_name};
    use super::super::packing::pack_all;
    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn log(path: &Path, durability: Durability, rotate_bytes: u64) -> ExposureLog {
        ExposureLog::open(path, Options { durability, rotate_bytes }).expect("a log")
    }

    #[tokio::test]
    async fn every_line_is_in_one_file_whatever_is_rotated_and_packed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("exposure_log.jsonl");
        let written = log(&path, Durability::Os, 100);
        for number in 0..100 {
            written.append(format!("line {number}").as_bytes()).await.expect("written");
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !rotated(&path).is_empty() && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut found = lines(&path);
        let mut packed = 0;
        for entry in fs::read_dir(dir.path()).expect("a folder").flatten() {
            if entry.path().extension().is_some_and(|e| e == "gz") {
                packed += 1;
                let mut text = String::new();
                let file = File::open(entry.path()).expect("packed");
                flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("text");
                found.extend(text.lines().map(str::to_owned));
            }
        }
        found.sort_by_key(|line| line[5..].parse::<u32>().expect("a number"));
        assert_eq!(found, (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>());
        assert!(packed > 5, "{packed} packed files");
    }

    #[tokio::test]
    async fn a_new_day_begins_a_new_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("exposure_log.jsonl");
        let written = log(&path, Durability::Os, 0);
        let mut writer = written.shared.writer();
        let day = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        written.shared.add(&mut writer, b"late", day("2026-10-27T23:59:59Z")).expect("written");
        written.shared.add(&mut writer, b"early", day("2026-10-28T00:00:01Z")).expect("written");
        assert_eq!(lines(&path), ["early"]);
    }

    #[tokio::test]
    async fn synced_and_buffered_lines_arrive_behind_the_last_whole_line() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("exposure_log.jsonl");
        fs::write(&path, "whole\ntor").expect("written");
        log(&path, Durability::Disk, 0).append(b"synced").await.expect("written");
        assert_eq!(lines(&path), ["whole", "synced"]);
        let buffered = log(&path, Durability::None, 0);
        buffered.append(b"buffered").await.expect("kept");
        buffered.flush();
        assert_eq!(lines(&path), ["whole", "synced", "buffered"]);
        drop(buffered);
        fs::write(&path, "t".repeat(200_000)).expect("written");
        log(&path, Durability::Os, 0).append(b"first").await.expect("written");
        assert_eq!(lines(&path), ["first"]);
    }

    #[tokio::test]
    async fn a_second_server_writes_beside_the_first_and_packs_nothing_of_its() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("exposure_log.jsonl");
        let (first, second) = (log(&path, Durability::Os, 0), log(&path, Durability::Os, 0));
        first.append(b"of the first").await.expect("written");
        second.append(b"of the second").await.expect("written");
        // as if the first had rotated just now and still had a line to write
        let aside = rotated_name(&path, Utc::now()).expect("a name");
        fs::rename(&path, &aside).expect("renamed");
        pack_all(&path);
        assert_eq!(lines(&aside), ["of the first"]);
        first.append(b"again").await.expect("written");
        assert_eq!(lines(&path), ["again"]);
        assert_eq!(lines(&of_server(&path, 2)), ["of the second"]);
        pack_all(&path);
        assert!(!aside.exists() && packed_name(&aside).exists());
    }

    #[tokio::test]
    async fn a_log_that_is_moved_removed_or_cut_goes_on() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("exposure_log.jsonl");
        let written = log(&path, Durability::Os, 0);
        written.append(b"one").await.expect("written");
        fs::rename(&path, dir.path().join("kept")).expect("moved");
        written.append(b"two").await.expect("written");
        assert_eq!(lines(&path), ["two"]);
        fs::remove_file(&path).expect("removed");
        written.append(b"three").await.expect("written");
        fs::write(&path, "thr").expect("cut");
        written.append(b"four").await.expect("written");
        assert_eq!(lines(&path), ["thr", "four"]);
        fs::write(&path, "").expect("emptied");
        written.append(b"five").await.expect("written");
        assert_eq!(lines(&path), ["five"]);
        assert_eq!((written.unlogged(), written.is_failing(), written.is_displaced()), (0, false, false));
    }
}
