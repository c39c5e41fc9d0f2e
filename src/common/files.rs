//! Files: written beside their place and renamed, synced, hashed. Every error names the path it is about.

use std::fs::{self, File, Metadata};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use crate::common::language::t;

/// The SHA-256 of a file, in hex.
///
/// # Errors
/// The file cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    sha256_start(path, u64::MAX)
}

/// The SHA-256 of a file's first `bytes` bytes, in hex.
///
/// # Errors
/// The file cannot be read.
pub fn sha256_start(path: &Path, bytes: u64) -> Result<String> {
    let cannot = || t!("{} cannot be read", "{} 无法读取", path.display());
    let mut file = File::open(path).with_context(cannot)?.take(bytes);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).with_context(cannot)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

/// What is known of a plain file; a pipe, a device or a folder under its name would be read for ever.
///
/// # Errors
/// There is nothing at `path`, or no plain file.
pub fn plain(path: &Path) -> Result<Metadata> {
    let about = fs::metadata(path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    if !about.is_file() {
        bail!(t!("{} is no plain file; it is left alone", "{} 不是普通文件，未作改动", path.display()));
    }
    Ok(about)
}

/// What is in a plain file; `None` where there is none.
///
/// # Errors
/// It cannot be read, or is no plain file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    if let Err(error) = fs::metadata(path)
        && error.kind() == std::io::ErrorKind::NotFound
    {
        return Ok(None);
    }
    plain(path)?;
    fs::read(path).map(Some).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))
}

/// The text of a plain file, without a byte order mark; `None` where there is none.
///
/// # Errors
/// It cannot be read, or is not UTF-8; the error says from which line on, and what to do.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    read(path)?.map(|bytes| text_of(&bytes).map_err(|fault| anyhow!("{}{fault}", path.display()))).transpose()
}

/// The text that bytes are, or the end of the sentence that says why they are none.
fn text_of(bytes: &[u8]) -> Result<String, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(t!(" is UTF-16; save it as UTF-8", " 是 UTF-16 编码；请另存为 UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        t!(
            ":{line}: this line is not UTF-8 (perhaps GBK); save the file as UTF-8",
            ":{line}：该行不是 UTF-8 编码（可能是 GBK）；请将文件另存为 UTF-8"
        )
    })
}

/// Makes a folder, with those above it.
///
/// # Errors
/// It cannot be made.
pub fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| t!("{} cannot be made", "{} 无法创建", dir.display()))
}

/// Removes a file that may be gone already.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| t!("{} cannot be removed", "{} 无法删除", path.display()))
        }
        _ => Ok(()),
    }
}

/// Waits until the bytes of a file, or the names in a folder, are on disk.
///
/// # Errors
/// The disk does not take them.
pub fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| t!("{} could not be written to disk", "{} 未能落盘", path.display()))
}

/// Renames in one step, without waiting for the disk.
///
/// # Errors
/// It cannot be renamed; both are as they were.
pub fn rename_unsynced(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| t!("{} could not be renamed to {}", "{} 未能改名为 {}", from.display(), to.display()))
}

/// Waits until the folder that holds `path` knows of it.
///
/// # Errors
/// The disk does not take it.
pub fn sync_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => Ok(()),
    }
}

/// Renames in one step and waits until the folder knows of it.
///
/// # Errors
/// It cannot be renamed, or the disk does not take it.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    rename_unsynced(from, to)?;
    sync_parent(to)
}

/// Where a file is written before it is renamed to its place.
pub fn part_of(place: &Path) -> PathBuf {
    PathBuf::from(format!("{}.part", place.to_string_lossy()))
}

/// Writes a new file and waits until it is on disk.
///
/// # Errors
/// It cannot be written.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.with_context(|| t!("{} cannot be written", "{} 无法写入", path.display()))
}

/// Writes a file whole or not at all.
///
/// # Errors
/// It cannot be written; what was there before still is.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    let part = part_of(path);
    let written = write_synced(&part, bytes).and_then(|()| rename(&part, path));
    if written.is_err() {
        fs::remove_file(&part).ok();
    }
    written
}

/// Copies a file; the error says which of the two failed.
///
/// # Errors
/// `from` cannot be read, or `to` cannot be written; half a copy is removed.
pub fn copy(from: &Path, to: &Path) -> Result<u64> {
    let target = File::create(to).with_context(|| t!("{} cannot be written", "{} 无法写入", to.display()))?;
    let copied = copy_into(from, target, to);
    if copied.is_err() {
        fs::remove_file(to).ok();
    }
    copied
}

/// The same into a file that is open already, at `to`.
///
/// # Errors
/// `from` cannot be read, or `to` cannot be written.
pub fn copy_into(from: &Path, mut target: File, to: &Path) -> Result<u64> {
    let mut source = File::open(from).with_context(|| t!("{} cannot be read", "{} 无法读取", from.display()))?;
    std::io::copy(&mut source, &mut target)
        .with_context(|| t!("{} cannot be copied to {}", "{} 无法复制到 {}", from.display(), to.display()))
}

/// Where the last whole line of a file ends, looked for from its end.
///
/// # Errors
/// It cannot be read.
pub fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    const STEP: u64 = 64 * 1024;
    let mut end = file.metadata()?.len();
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

/// How many bytes are free for this process where a folder is.
///
/// # Errors
/// The file system does not say.
pub fn free_bytes(dir: &Path) -> Result<u64> {
    let about = rustix::fs::statvfs(dir)
        .with_context(|| t!("{}: its free space cannot be read", "{}：无法得知剩余空间", dir.display()))?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// How many bytes the file system of a folder has in all, for this process to use.
///
/// # Errors
/// The file system does not say.
pub fn size_bytes(dir: &Path) -> Result<u64> {
    let about = rustix::fs::statvfs(dir)
        .with_context(|| t!("{}: its size cannot be read", "{}：无法得知其大小", dir.display()))?;
    Ok(about.f_blocks.saturating_mul(about.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_over_and_what_is_no_utf_8_is_named() {
        assert_eq!(text_of(b"\xef\xbb\xbfA=1"), Ok("A=1".to_owned()));
        assert_eq!(text_of(b"\xff\xfeA\0"), Err(" is UTF-16; save it as UTF-8".to_owned()));
        let gbk = text_of(b"A=1\nB=\xd6\xd0\n").err().unwrap_or_default();
        assert!(gbk.starts_with(":2: ") && gbk.contains("GBK"), "{gbk}");
    }
}
