//! Reading a backup that anybody may have changed: nothing in it is used before its manifest, its checksums, and the names and
//! kinds of its members hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tar::EntryType;

use super::manifest::{self, FORMAT, Manifest, Member};
use super::name::placed;
use crate::common::language::t;
use crate::common::progress::Progress;

/// No manifest is longer.
const LONGEST_MANIFEST: u64 = 256 << 20;

/// A backup whose manifest holds.
pub struct Archive {
    path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// What manifests of every form say.
#[derive(Deserialize)]
struct Stamp {
    format: u32,
    nearset: String,
}

impl Archive {
    /// Opens a backup.
    ///
    /// # Errors
    /// It is none, it is cut or its manifest was changed, or it was made by a newer nearset; the error says which one reads it.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read_manifest(path).with_context(|| t!("{} cannot be used", "{} 无法使用", path.display()))
    }

    fn read_manifest(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| t!("it cannot be read", "无法读取"))?;
        let mut tar = tar::Archive::new(file);
        let (mut text, mut seal) = (None, None);
        let broken = || t!("it is no tar, or damaged, or was cut", "不是 tar 文件，或已损坏，或不完整");
        for entry in tar.entries_with_seek().with_context(broken)? {
            let mut entry = entry.with_context(broken)?;
            let kept = match entry.path_bytes().as_ref() {
                name if name == manifest::NAME.as_bytes() => &mut text,
                name if name == manifest::SEAL.as_bytes() => &mut seal,
                _ => continue,
            };
            ensure!(entry.size() <= LONGEST_MANIFEST && kept.is_none(), broken());
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).with_context(broken)?;
            *kept = Some(bytes);
        }
        let (Some(text), Some(seal)) = (text, seal) else {
            bail!(t!(
                "it has no manifest at its end: it is no backup of nearset, or was cut",
                "末尾没有清单：不是 nearset 的备份，或不完整"
            ));
        };
        ensure!(
            hex::encode(Sha256::digest(&text)).as_bytes() == seal,
            t!("{} is not what was written (checksum)", "{} 与写入时不符（校验和）", manifest::NAME)
        );
        let Stamp { format, nearset } = serde_json::from_slice(&text)?;
        ensure!(
            format <= FORMAT,
            t!(
                "it is of form {format}, made by nearset {nearset}, and this is {}; nearset {nearset} or newer reads it",
                "其格式为 {format}，由 nearset {nearset} 生成，而本程序是 {}；nearset {nearset} 或更新版本能读",
                env!("CARGO_PKG_VERSION")
            )
        );
        let manifest: Manifest = serde_json::from_slice(&text)?;
        check_names(&manifest)?;
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// Reads all of it, and checks every member against the manifest.
    ///
    /// # Errors
    /// A member was changed, is missing, is there twice, or is none of nearset's; the error names it.
    pub fn verify(&self, progress: &Progress<'_>) -> Result<()> {
        self.each(progress, &mut |_, _| Ok(()))
    }

    /// Hands each member's bytes out, and checks them and that all are there.
    ///
    /// # Errors
    /// As for [`Archive::verify`], and those of `with`.
    pub fn each(
        &self,
        progress: &Progress<'_>,
        with: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        self.each_member(progress, with).with_context(|| self.path.display().to_string())
    }

    fn each_member(
        &self,
        progress: &Progress<'_>,
        with: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        let mut missing: BTreeMap<String, &Member> =
            self.manifest.members.iter().map(|member| (member.stored_name(), member)).collect();
        let file = File::open(&self.path).with_context(|| t!("it cannot be read", "无法读取"))?;
        let mut tar = tar::Archive::new(BufReader::with_capacity(1 << 18, file));
        let mut last = String::from("-");
        for entry in tar.entries()? {
            let mut entry = entry.with_context(|| t!("what follows {last} is damaged", "{last} 之后的内容已损坏"))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if [manifest::NAME, manifest::SEAL].contains(&name.as_str()) {
                continue;
            }
            ensure!(
                entry.header().entry_type() == EntryType::Regular,
                t!("{name:?} is no plain file; a backup has nothing else", "{name:?} 不是普通文件；备份里不会有别的")
            );
            let Some(member) = missing.remove(&name) else {
                bail!(t!("{name:?} is not in its manifest, or is there twice", "{name:?} 不在清单里，或出现两次"));
            };
            progress.at(&member.name);
            hand_out(member, &mut entry, with)?;
            last = name;
        }
        if let Some(name) = missing.keys().next() {
            bail!(t!("{name} is missing", "缺少 {name}"));
        }
        Ok(())
    }
}

/// Hands one member out, no more than its manifest says, and checks it.
fn hand_out(
    member: &Member,
    entry: &mut dyn Read,
    with: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let damaged = || t!("{} is damaged (checksum)", "{} 已损坏（校验和）", member.name);
    let plain: Box<dyn Read + '_> = if member.packed { Box::new(GzDecoder::new(entry)) } else { Box::new(entry) };
    let mut hashed =
        Hashed { from: plain.take(member.bytes.saturating_add(1)), hash: Sha256::new(), bytes: 0, fault: None };
    let done = with(member, &mut hashed);
    let rest = io::copy(&mut hashed, &mut io::sink());
    if hashed.fault.is_some() || rest.is_err() {
        bail!(damaged());
    }
    done?;
    ensure!(hashed.bytes == member.bytes && hex::encode(hashed.hash.finalize()) == member.sha256, damaged());
    Ok(())
}

/// Hashes what is read.
struct Hashed<R> {
    from: R,
    hash: Sha256,
    bytes: u64,
    /// What reading failed with: the archive's fault, not that of who writes it elsewhere.
    fault: Option<io::ErrorKind>,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer).inspect_err(|error| self.fault = Some(error.kind()))?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Every name must be one that a backup has, and none a folder of another.
fn check_names(manifest: &Manifest) -> Result<()> {
    let mut names = BTreeSet::new();
    for member in &manifest.members {
        ensure!(
            placed(&member.name).is_some() && names.insert(member.name.as_str()),
            t!("its manifest names {:?}, which no backup has", "清单里的 {:?} 不会出现在备份中", member.name)
        );
    }
    for name in &names {
        for (at, _) in name.match_indices('/') {
            ensure!(!names.contains(&name[..at]), t!("{name:?} lies in a file", "{name:?} 位于一个文件之下"));
        }
    }
    if let Some(current) = &manifest.current {
        let folder = format!("models/{current}/");
        ensure!(
            !current.contains('/') && !current.starts_with('.') && names.iter().any(|name| name.starts_with(&folder)),
            t!("its current version {current:?} is not in it", "其当前版本 {current:?} 不在备份中")
        );
    }
    Ok(())
}
