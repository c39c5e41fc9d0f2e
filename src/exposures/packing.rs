//! Packing: files that were rotated are compressed in the background.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use flate2::{Compression, write::GzEncoder};

use super::files::{packed_name, part_name, rotated};
use super::log_file::is_at;
use crate::common::priority;

/// Packs what was rotated, in a thread of its own.
///
/// # Errors
/// No thread could be started.
pub(super) fn pack_aside(log: &Path) -> io::Result<()> {
    let log = log.to_owned();
    std::thread::Builder::new().name("exposure-packer".to_owned()).spawn(move || pack_all(&log)).map(drop)
}

/// Packs rotated files, one at a time, at the lowest priority. A file goes when its packed form is whole and on disk, so
/// that every line is in one of the two at any moment.
pub(super) fn pack_all(log: &Path) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    priority::lowest_of_thread();
    for file in rotated(log) {
        if let Err(error) = pack(&file) {
            tracing::warn!("{} stays unpacked: {error}", file.display());
        }
    }
}

/// Packs a file, unless a server still writes it or packs it just now.
fn pack(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    if file.try_lock().is_err() || !is_at(&file.metadata()?, path) {
        return Ok(());
    }
    let part = part_name(path);
    let packed = pack_to(&mut file, &part).and_then(|()| fs::rename(&part, packed_name(path)));
    if packed.is_err() {
        fs::remove_file(&part).ok();
    }
    packed?;
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    fs::remove_file(path)
}

fn pack_to(file: &mut File, part: &Path) -> io::Result<()> {
    let mut encoder = GzEncoder::new(BufWriter::new(File::create(part)?), Compression::fast());
    io::copy(&mut BufReader::new(file), &mut encoder)?;
    encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}
