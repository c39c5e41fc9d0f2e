//! The exposure log: every answered list, written before its answer leaves.
//!
//! A request writes its own line, one short system call under a lock: the bytes are with the operating system before the
//! answer leaves, and so survive the end of this process. How far a line has to be is a setting ([`Durability`]); where
//! it is the disk, requests that wait at the same time share one sync. Full files are rotated and compressed aside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDate, Utc};
use flate2::{Compression, write::GzEncoder};
use tokio::sync::watch;

use crate::config::Durability;
use crate::priority;

/// How long lines stay in memory at most where nothing waits for them.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// How a log is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub durability: Durability,
    /// At how many bytes a file is full; 0 for never. A new day begins a new file in any case.
    pub rotate_bytes: u64,
}

/// A log that is open for writing, shared by all requests.
pub struct ExposureLog {
    shared: Arc<Shared>,
    /// Up to which byte, over all files, the disk has it.
    synced: watch::Receiver<u64>,
    wake: SyncSender<()>,
}

struct Shared {
    path: PathBuf,
    options: Options,
    writer: Mutex<Writer>,
    /// The last write failed.
    failing: AtomicBool,
}

struct Writer {
    file: File,
    /// Lines that are not written yet; kept only where nothing waits for them.
    waiting: Vec<u8>,
    /// Bytes in the file.
    length: u64,
    /// Bytes written to all files since the start.
    total: u64,
    day: NaiveDate,
}

impl ExposureLog {
    /// Opens the log for appending, behind its last whole line; files that were rotated but not compressed are compressed
    /// now.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        }
        let cannot = || format!("{} cannot be written; lists are not served unlogged", path.display());
        let (file, length) = open(path).with_context(cannot)?;
        let day = file.metadata().and_then(|m| m.modified()).map_or_else(|_| Utc::now(), DateTime::from).date_naive();
        let writer = Mutex::new(Writer { file, waiting: Vec::new(), length, total: 0, day });
        let shared = Arc::new(Shared { path: path.to_owned(), options, writer, failing: AtomicBool::new(false) });
        let (sync, synced) = watch::channel(0);
        let (wake, woken) = mpsc::sync_channel(1);
        let keeping = shared.clone();
        let keeper = std::thread::Builder::new().name("exposure-log".to_owned());
        keeper
            .spawn(move || keep(&keeping, &sync, &woken))
            .context("the exposure log's thread could not be started")?;
        let packing = path.to_owned();
        let packer = std::thread::Builder::new().name("exposure-packer".to_owned());
        packer.spawn(move || pack_all(&packing)).context("a thread for rotated logs could not be started")?;
        Ok(Self { shared, synced, wake })
    }

    /// Adds one line (without its end) and returns when it is as safe as was asked for. On error nothing of it is in the
    /// log.
    pub async fn append(&self, line: &[u8]) -> io::Result<()> {
        let ticket = {
            let mut writer = self.shared.writer();
            let result = self.shared.add(&mut writer, line, Utc::now());
            self.shared.note(&result);
            result?;
            writer.total
        };
        if self.shared.options.durability != Durability::Disk {
            return Ok(());
        }
        self.wake.try_send(()).ok();
        let mut synced = self.synced.clone();
        synced.wait_for(|done| *done >= ticket).await.map_err(|_| io::Error::other("the exposure log is closed"))?;
        Ok(())
    }

    /// Whether the last line could not be written.
    pub fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
    }

    /// Writes what waits in memory.
    pub fn flush(&self) {
        let result = self.shared.writer().flush();
        self.shared.note(&result);
    }
}

impl Shared {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        // a writer whose thread panicked holds whole lines: each is added by one call
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers whether writing works, and says so when that changes.
    fn note(&self, result: &io::Result<()>) {
        let failed = result.is_err();
        if self.failing.swap(failed, Ordering::Relaxed) != failed {
            match result {
                Err(error) => {
                    tracing::error!("{}: {error}; lists are served without being logged", self.path.display())
                }
                Ok(()) => tracing::info!("{}: exposures are logged again", self.path.display()),
            }
        }
    }

    fn add(&self, writer: &mut Writer, line: &[u8], now: DateTime<Utc>) -> io::Result<()> {
        let bytes = line.len() as u64 + 1;
        let is_full = self.options.rotate_bytes > 0 && writer.length + bytes > self.options.rotate_bytes;
        if writer.length > 0 && (is_full || writer.day != now.date_naive()) {
            writer.flush()?;
            rotate(&self.path, writer, self.options.durability, now)?;
        }
        writer.waiting.extend_from_slice(line);
        writer.waiting.push(b'\n');
        writer.length += bytes;
        writer.total += bytes;
        if self.options.durability == Durability::None { Ok(()) } else { writer.flush() }
    }
}

impl Writer {
    /// Hands what waits to the operating system. What was written in part, on a full disk, is taken back.
    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let result = self.file.write_all(&self.waiting);
        if result.is_err() {
            let bytes = self.waiting.len() as u64;
            self.length -= bytes;
            self.total -= bytes;
            self.file.set_len(self.length).ok();
        }
        self.waiting.clear();
        result
    }
}

/// Opens a log; also returns its length. A last line that a kill cut short was never answered: it is taken back.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    let whole = whole_lines(&mut file, length)?;
    if whole < length {
        tracing::warn!("{}: {} bytes of a line that was cut short are taken back", path.display(), length - whole);
        file.set_len(whole)?;
    }
    Ok((file, whole))
}

/// Where the last whole line of a file ends, looked for from its end.
fn whole_lines(file: &mut File, length: u64) -> io::Result<u64> {
    const STEP: u64 = 64 * 1024;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut bytes = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        if let Some(place) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Gives the full file a name of its own, `….20261028T010203.004Z.jsonl`, and begins a new one.
fn rotate(path: &Path, writer: &mut Writer, durability: Durability, now: DateTime<Utc>) -> io::Result<()> {
    let aside = (0..1000)
        .map(|later| now + chrono::TimeDelta::milliseconds(later))
        .map(|at| rotated_name(path, at))
        .find(|aside| !aside.exists() && !packed_name(aside).exists())
        .ok_or_else(|| io::Error::other("no name is free for the full log"))?;
    if durability == Durability::Disk {
        // who waits for this file's last lines waits for the next sync, which is of the new file
        writer.file.sync_data()?;
    }
    fs::rename(path, &aside)?;
    let opened = open(path);
    if opened.is_err() {
        // the full file stays the one that is written
        fs::rename(&aside, path).ok();
    }
    let (file, length) = opened?;
    (writer.file, writer.length, writer.day) = (file, length, now.date_naive());
    let all = path.to_owned();
    std::thread::Builder::new().name("exposure-packer".to_owned()).spawn(move || pack_all(&all))?;
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn rotated_name(path: &Path, at: DateTime<Utc>) -> PathBuf {
    path.with_file_name(format!("{}.{}.jsonl", stem(path), at.format("%Y%m%dT%H%M%S%.3fZ")))
}

fn packed_name(rotated: &Path) -> PathBuf {
    rotated.with_extension("jsonl.gz")
}

/// The files beside `path` that [`rotate`] made and that are not compressed yet.
fn rotated(path: &Path) -> Vec<PathBuf> {
    let prefix = format!("{}.", stem(path));
    let is_stamp = |stamp: &str| stamp.len() == 20 && stamp.ends_with('Z') && stamp.as_bytes()[8] == b'T';
    let mut found: Vec<PathBuf> = path
        .parent()
        .and_then(|dir| fs::read_dir(dir).ok())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".jsonl")).is_some_and(is_stamp)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// Compresses rotated files, one at a time, at the lowest priority. A file goes when its packed form is whole and on disk,
/// so that every line is in one of the two at any moment.
fn pack_all(path: &Path) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    priority::lowest_of_thread();
    for file in rotated(path) {
        if let Err(error) = pack(&file) {
            tracing::warn!("{} stays uncompressed: {error}", file.display());
        }
    }
}

fn pack(file: &Path) -> io::Result<()> {
    let packed = packed_name(file);
    let part = file.with_extension("jsonl.gz.part");
    let mut encoder = GzEncoder::new(BufWriter::new(File::create(&part)?), Compression::fast());
    io::copy(&mut BufReader::new(File::open(file)?), &mut encoder)?;
    let out = encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    out.sync_all()?;
    fs::rename(&part, &packed)?;
    if let Some(dir) = file.parent() {
        File::open(dir)?.sync_all()?;
    }
    fs::remove_file(file)
}

/// Writes and syncs what others wait for, until the log is closed.
fn keep(shared: &Shared, synced: &watch::Sender<u64>, woken: &Receiver<()>) {
    loop {
        let ended = matches!(woken.recv_timeout(FLUSH_EVERY), Err(RecvTimeoutError::Disconnected));
        let (file, total) = {
            let mut writer = shared.writer();
            let result = writer.flush();
            if result.is_err() {
                shared.note(&result);
            }
            (writer.file.try_clone(), writer.total)
        };
        if shared.options.durability == Durability::Disk && *synced.borrow() < total {
            let result = file.and_then(|file| file.sync_data());
            shared.note(&result);
            // answers leave in any case: a page is not kept back for a disk that fails
            synced.send_replace(total);
        }
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
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
        writer.day = day("2026-10-27T23:00:00Z").date_naive();
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
        fs::write(&path, "t".repeat(200_000)).expect("written");
        log(&path, Durability::Os, 0).append(b"first").await.expect("written");
        assert_eq!(lines(&path), ["first"]);
    }
}
