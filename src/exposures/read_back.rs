//! Reading back what was looked at lately, so that a server that starts anew knows it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;

use super::files;
use super::lines::{LONGEST_LINE, next_line};
use super::record::View;

/// A plain log is read back in blocks of so many bytes: every line fits into one.
const BLOCK: u64 = 2 * LONGEST_LINE;

/// The logs in a folder that were written since, the newest first.
pub fn recent_logs(dir: &Path, since: SystemTime) -> Vec<PathBuf> {
    let modified = |path: PathBuf| Some((fs::metadata(&path).ok()?.modified().ok()?, path));
    let mut logs: Vec<(SystemTime, PathBuf)> =
        files::all(dir).into_iter().flatten().filter_map(modified).filter(|(at, _)| *at >= since).collect();
    logs.sort_unstable_by(|a, b| b.cmp(a));
    logs.into_iter().map(|(_, path)| path).collect()
}

/// Reads the views of a log: the newest of a plain one, the oldest of a packed one, where it has more than `most` bytes of
/// text. Returns how many bytes were read. What is no exposure is the pipeline's to report.
///
/// # Errors
/// The file cannot be read to its end; what came before was seen.
pub fn read_views(path: &Path, most: u64, mut seen: impl FnMut(View)) -> io::Result<u64> {
    let mut read = |line: &[u8]| {
        if let Ok(view) = serde_json::from_slice(line) {
            seen(view);
        }
    };
    if files::is_packed(path) { read_packed(path, most, &mut read) } else { read_plain(path, most, &mut read) }
}

/// From its end, block by block.
fn read_plain(path: &Path, most: u64, read: &mut impl FnMut(&[u8])) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let (mut block, mut end, first) = (Vec::new(), length, length.saturating_sub(most));
    while end > first {
        let start = end.saturating_sub(BLOCK).max(first);
        block.resize((end - start) as usize, 0);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block)?;
        // the line in which a block begins belongs to the one before it
        let whole = if start == 0 { 0 } else { block.iter().position(|b| *b == b'\n').map_or(block.len(), |n| n + 1) };
        block[whole..].split(|b| *b == b'\n').for_each(&mut *read);
        end = if whole == block.len() { start } else { start + whole as u64 };
    }
    Ok(length - end)
}

/// From its beginning.
fn read_packed(path: &Path, most: u64, read: &mut impl FnMut(&[u8])) -> io::Result<u64> {
    let mut lines = BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(path)?)).take(most));
    let (mut line, mut bytes) = (Vec::new(), 0);
    loop {
        match next_line(&mut lines, &mut line)?.bytes {
            0 => return Ok(bytes),
            more => bytes += more,
        }
        read(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_newest_is_read_first_and_no_more_than_the_limit() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join(files::LOG_NAME);
        let line = |page: usize| {
            format!(
                "{{\"page_id\":{page},\"timestamp\":\"2026-10-16T00:00:00Z\",\"items\":\"{}\"}}\n",
                "x".repeat(1000)
            )
        };
        // more than two blocks
        let pages = 3 * BLOCK as usize / 1000;
        fs::write(&path, (0..pages).map(line).collect::<String>() + "{\"page_id\":9, torn")?;
        let read = |most: u64| -> io::Result<Vec<i64>> {
            let mut found = Vec::new();
            read_views(&path, most, |view| found.extend(view.page_id))?;
            found.sort_unstable();
            Ok(found)
        };
        let all: Vec<i64> = (0..pages as i64).collect();
        assert_eq!(read(u64::MAX)?, all);
        let newest = read(BLOCK)?;
        assert!(newest.len() > 100 && newest.len() < pages / 2 && all.ends_with(&newest), "{} views", newest.len());
        Ok(())
    }
}
