//! What is in an export, as DuckDB can read it: unpacked where it is not called so, in UTF-8, its rows one by one.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use encoding_rs::Encoding;
use flate2::read::MultiGzDecoder;

use super::encoding::{self, Start, decode};
use super::listing::ExportFile;
use crate::common::language::t;
use crate::common::progress::Progress;
use crate::extract::names;
use crate::extract::tables::Table;

/// How many of a file's first bytes tell what it is.
const HEAD: u64 = 1 << 14;

/// How many bytes of an export, unpacked, are looked at where it is not read.
const BEGINNING: usize = 1 << 20;

/// What is in an export.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The export's name.
    pub name: String,
    pub path: PathBuf,
    pub is_packed: bool,
    /// How many bytes the longest row has, where that is known.
    pub longest: u64,
}

impl Contents {
    /// Looks at an export; one that is not UTF-8 is written anew into the folder `dir`.
    ///
    /// # Errors
    /// It holds nothing, is no JSON at all, or is in an encoding that is not known; the error says what to do.
    pub fn open(
        file: &ExportFile,
        encoding: Option<&'static Encoding>,
        table: &Table,
        dir: &Path,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        let contents = Self::of(file)?;
        let (name, is_packed) = (&contents.name, contents.is_packed);
        if is_packed != name.ends_with(".gz") && contents.bytes()? > 0 {
            progress.note(&match is_packed {
                true => t!("{name} is gzip, and is read as such", "{name} 是 gzip 文件，已按 gzip 读取"),
                false => t!("{name} is no gzip, and is read as it is", "{name} 不是 gzip 文件，已按原样读取"),
            });
        }
        let contents = contents.in_utf8(encoding, dir, progress)?;
        contents.refuse_others(table)?;
        Ok(contents)
    }

    /// An export as it is, packed or not.
    fn of(file: &ExportFile) -> Result<Self> {
        let raw = Self { name: file.name.clone(), path: file.path.clone(), is_packed: false, longest: 0 };
        let is_packed = raw.head()?.starts_with(b"\x1f\x8b");
        Ok(Self { is_packed, ..raw })
    }

    /// The first megabyte of an export, unpacked, as an export in the folder `dir`, and whether that is all of it.
    ///
    /// # Errors
    /// It cannot be read to there, or the beginning not be written.
    pub fn beginning(file: &ExportFile, dir: &Path) -> Result<(ExportFile, bool)> {
        let whole = Self::of(file)?;
        let mut bytes = Vec::new();
        let read = whole.reader()?.take(BEGINNING as u64 + 1).read_to_end(&mut bytes);
        read.with_context(|| whole.damaged())?;
        let is_all = bytes.len() <= BEGINNING;
        if !is_all {
            // a quotation mark is part of no other character, but where characters have two bytes each
            let mark = match encoding::start(&bytes) {
                Start::Wide(_) => None,
                _ => bytes[..BEGINNING].iter().rposition(|byte| *byte == b'"'),
            };
            bytes.truncate(mark.unwrap_or(BEGINNING));
        }
        let path = dir.join("beginning");
        fs::write(&path, &bytes).with_context(|| t!("{} cannot be written", "{} 无法写入", path.display()))?;
        Ok((file.elsewhere(path), is_all))
    }

    fn bytes(&self) -> Result<u64> {
        Ok(self.path.metadata()?.len())
    }

    /// What is in it, unpacked.
    pub fn reader(&self) -> Result<Box<dyn Read>> {
        let cannot = || t!("{} cannot be read", "{} 无法读取", self.name);
        let file = BufReader::new(File::open(&self.path).with_context(cannot)?);
        Ok(if self.is_packed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) })
    }

    /// The same, written anew by `write` to a file of this name in `dir`.
    ///
    /// # Errors
    /// Those of `write`; the file cannot be written.
    pub fn rewritten<T>(
        &self,
        dir: &Path,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<T>,
    ) -> Result<(Self, T)> {
        let path = dir.join(name);
        let cannot = || t!("{} cannot be written", "{} 无法写入", path.display());
        let mut out = BufWriter::new(File::create(&path).with_context(cannot)?);
        let made = write(&mut out)?;
        out.flush().with_context(cannot)?;
        Ok((Self { name: self.name.clone(), path, is_packed: false, longest: 0 }, made))
    }

    /// Its first bytes, unpacked.
    fn head(&self) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader()?.take(HEAD).read_to_end(&mut head).with_context(|| self.damaged())?;
        Ok(head)
    }

    /// What to do about a file that cannot be read to its end.
    pub fn damaged(&self) -> String {
        match self.is_packed {
            true => t!("it is damaged gzip: export it again, or copy it again", "gzip 已损坏：请重新导出或重新拷贝"),
            false => t!("it cannot be read", "无法读取"),
        }
    }

    fn in_utf8(self, wanted: Option<&'static Encoding>, dir: &Path, progress: &Progress<'_>) -> Result<Self> {
        let found = match encoding::start(&self.head()?) {
            Start::Marked => Some(encoding_rs::UTF_8),
            Start::Wide(found) => Some(found),
            Start::Wider => bail!(t!("it is UTF-32; export it as UTF-8", "文件为 UTF-32 编码；请以 UTF-8 重新导出")),
            Start::Plain => match wanted {
                Some(wanted) if encoding::first_bad(&mut self.reader()?)?.is_some() => Some(wanted),
                _ => None,
            },
        };
        let Some(found) = found else { return Ok(self) };
        let (decoded, ()) = self.rewritten(dir, "decoded.json", |out| decode(&mut self.reader()?, found, out))?;
        if found != encoding_rs::UTF_8 {
            let (name, found) = (&self.name, found.name());
            progress.note(&t!("{name} is read as {found}", "{name} 按 {found} 编码读取"));
        }
        Ok(decoded)
    }

    /// Fails where it is empty, or something else than JSON under its name.
    fn refuse_others(&self, table: &Table) -> Result<()> {
        let head = self.head()?;
        let text = String::from_utf8_lossy(&head);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if text.is_empty() && (head.len() as u64) < HEAD {
            bail!(t!(
                "it is empty: an export that failed? Export it again; where there are no rows, it is to hold []",
                "文件为空，可能导出失败：请重新导出；若确无数据，内容应为 []"
            ));
        }
        let upper = text.to_uppercase();
        let is = |starts: &[&str]| starts.iter().any(|start| upper.starts_with(start));
        let first = text.lines().next().unwrap_or_default();
        let cells = first.split([',', ';', '\t', '|']).map(|cell| cell.trim().trim_matches('"'));
        let columns = cells.filter(|cell| names::known(table, cell).is_some()).count();
        let what = if is(&["PK\u{3}\u{4}"]) {
            t!("a zip archive or an Excel file", "zip 压缩包或 Excel 文件")
        } else if is(&["PAR1"]) {
            t!("a Parquet file", "Parquet 文件")
        } else if is(&["<!DOCTYPE HTML", "<HTML"]) {
            t!("a web page, such as that of a login", "网页（例如登录页）")
        } else if is(&["<"]) {
            t!("XML", "XML 文件")
        } else if is(&["--", "/*!", "INSERT INTO", "CREATE TABLE", "DROP TABLE", "SET NAMES"]) {
            t!("an SQL dump", "SQL 转储")
        } else if columns > 1 && !is(&["[", "{"]) {
            t!("CSV", "CSV 文件")
        } else {
            return Ok(());
        };
        bail!(t!(
            "it is {what}, no JSON: export the table as JSON, an array of objects or one object a line",
            "这是{what}，不是 JSON：请将该表导出为 JSON（对象数组，或每行一个对象）"
        ))
    }
}
