//! Writing a backup: a tar whose members are hashed on their way in, behind them the manifest and its checksum. It has its name
//! once it is whole and on disk.
//!
//! What is not packed already is packed by itself (gzip): a warehouse takes 28 % of its room then, an exposure log 13 %, vectors
//! 57 %, at about 100 MB a second.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use super::manifest::{self, Manifest, Member, stored_name};
use super::part::Part;
use crate::common::language::t;
use crate::common::{files, scratch};

/// What is packed already and is not packed again. Of any other name the one in the archive ends in `.gz`, also where it does so by
/// itself: no two have the same.
const PACKED_ALREADY: [&str; 1] = [".parquet"];

/// How much is copied at a time.
const BLOCK: usize = 1 << 18;

/// A backup that is being written. Dropped before it is finished, nothing of it is left.
pub(super) struct Writing {
    tar: Builder<BufWriter<File>>,
    place: PathBuf,
    members: Vec<Member>,
    is_finished: bool,
}

impl Writing {
    /// Begins one, and removes what others left beside it that were killed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(place: PathBuf) -> Result<Self> {
        if let Some(dir) = place.parent() {
            files::make_dir(dir)?;
            sweep(dir);
        }
        let part = files::part_of(&place);
        scratch::remove_at_signal(&part);
        // it holds what visitors looked at
        let open = || OpenOptions::new().create_new(true).write(true).mode(0o600).open(&part);
        let file =
            scratch::uninterrupted(open).with_context(|| t!("{} cannot be written", "{} 无法写入", part.display()))?;
        // tells others that its writer lives; where files cannot be locked, they cannot be swept either
        file.try_lock().ok();
        let tar = Builder::new(BufWriter::with_capacity(BLOCK, file));
        Ok(Self { tar, place, members: Vec::new(), is_finished: false })
    }

    /// Adds a member; `told` hears how far it is.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn add(&mut self, name: &str, part: Part, from: &mut dyn Read, told: &mut dyn FnMut(u64)) -> Result<()> {
        let packed = !PACKED_ALREADY.iter().any(|ending| name.ends_with(ending));
        let cannot = || t!("{name} cannot be written to {}", "{name} 无法写入 {}", self.place.display());
        let mut header = header();
        let mut entry = self.tar.append_writer(&mut header, stored_name(name, packed)).with_context(cannot)?;
        let (bytes, sha256) = match packed {
            true => {
                let mut packing = GzEncoder::new(&mut entry, Compression::fast());
                let copied = copy(from, &mut packing, told).with_context(cannot)?;
                packing.finish().with_context(cannot)?;
                copied
            }
            false => copy(from, &mut entry, told).with_context(cannot)?,
        };
        entry.finish().with_context(cannot)?;
        self.members.push(Member { name: name.to_owned(), part, bytes, sha256, packed });
        Ok(())
    }

    /// Writes the manifest, waits for the disk and gives the backup its name; returns its size.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn finish(mut self, mut manifest: Manifest) -> Result<(Manifest, u64)> {
        manifest.members = std::mem::take(&mut self.members);
        let text = serde_json::to_vec_pretty(&manifest)?;
        let seal = hex::encode(Sha256::digest(&text));
        let cannot = || t!("{} cannot be written", "{} 无法写入", self.place.display());
        for (name, bytes) in [(manifest::NAME, text.as_slice()), (manifest::SEAL, seal.as_bytes())] {
            let mut header = header();
            header.set_size(bytes.len() as u64);
            self.tar.append_data(&mut header, name, bytes).with_context(cannot)?;
        }
        self.tar.finish().with_context(cannot)?;
        self.tar.get_mut().flush().with_context(cannot)?;
        let file = self.tar.get_ref().get_ref();
        file.sync_all().with_context(cannot)?;
        let bytes = file.metadata().with_context(cannot)?.len();
        files::rename(&files::part_of(&self.place), &self.place)?;
        self.is_finished = true;
        Ok((manifest, bytes))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let part = files::part_of(&self.place);
        if !self.is_finished {
            fs::remove_file(&part).ok();
        }
        scratch::settled(&part);
    }
}

fn header() -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default());
    header
}

/// Copies all, and returns how much that was and its SHA-256.
fn copy(from: &mut dyn Read, to: &mut dyn Write, told: &mut dyn FnMut(u64)) -> std::io::Result<(u64, String)> {
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; BLOCK], 0);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex::encode(hash.finalize())));
        }
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        bytes += read as u64;
        told(read as u64);
    }
}

/// Removes halves of backups whose writers are gone.
fn sweep(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_half = name.starts_with(super::keep::PREFIX) && name.ends_with(".tar.part");
        let is_left =
            || File::open(entry.path()).is_ok_and(|file| !matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if is_half && is_left() {
            fs::remove_file(entry.path()).ok();
        }
    }
}
