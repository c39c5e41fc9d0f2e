//! A version's manifest as a file: sealed with its own checksum, and checked before anything it says is used.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::formats;
use super::layout::{ALWAYS, BEHAVIOUR, MANIFEST, SOMETIMES, VECTORS};
use crate::common::files;
use crate::common::language::t;
use crate::model::Manifest;

/// The form before the manifest had a checksum of its own: read, and not written any more.
const WITHOUT_CHECKSUM: u32 = 3;

/// No manifest is longer: a hundred trials of rankers take a tenth of it.
const LONGEST_MANIFEST: u64 = 16 << 20;

/// A manifest as it is written: the checksum is of all its other fields.
#[derive(Serialize)]
struct Sealed<'a> {
    #[serde(flatten)]
    manifest: &'a Manifest,
    sha256: String,
}

/// The manifest's text, with its own checksum.
pub(super) fn sealed(manifest: &Manifest) -> Result<Vec<u8>> {
    let (sha256, _) = checksum(&serde_json::to_vec_pretty(manifest)?)?;
    Ok(serde_json::to_vec_pretty(&Sealed { manifest, sha256 })?)
}

/// The SHA-256 of a manifest's fields as they are written, by name and without `sha256`, and what that field says.
fn checksum(text: &[u8]) -> Result<(String, Option<String>)> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(text)?;
    let said = fields.remove("sha256").map(|raw| serde_json::from_str(raw.get())).transpose()?;
    Ok((hex::encode(Sha256::digest(serde_json::to_vec(&fields)?)), said))
}

/// A version's folder. Its name is one step below `models_dir`, and no link leads out.
fn folder(models_dir: &Path, version: &str) -> Result<PathBuf> {
    let mut steps = Path::new(version).components();
    let is_name = matches!((steps.next(), steps.next()), (Some(Component::Normal(name)), None) if name == version);
    ensure!(
        is_name && !version.starts_with('.'),
        t!(
            "{version:?} is no name of a version; `nearset models list` shows the versions there are",
            "{version:?} 不是版本名；用 `nearset models list` 查看有哪些版本"
        )
    );
    let dir = models_dir.join(version);
    let about = fs::symlink_metadata(&dir).with_context(|| {
        t!(
            "{} cannot be read; `nearset models list` shows the versions there are",
            "{} 无法读取；用 `nearset models list` 查看有哪些版本",
            dir.display()
        )
    })?;
    ensure!(
        about.is_dir(),
        t!(
            "{} is no folder; a version is a folder of files, and no link to one",
            "{} 不是目录；一个版本是一个放文件的目录，不能是链接",
            dir.display()
        )
    );
    Ok(dir)
}

/// The length of a plain file: a link, a pipe or a device may never end.
pub(super) fn plain(path: &Path) -> Result<u64> {
    let about = fs::symlink_metadata(path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    ensure!(
        about.is_file(),
        t!(
            "{} is no plain file; a version's files stand in its folder",
            "{} 不是普通文件；版本的文件应直接放在它的目录里",
            path.display()
        )
    );
    Ok(about.len())
}

/// Reads a version's manifest, and checks that it is what was written.
///
/// # Errors
/// It is not there, damaged, or of another version.
pub fn read_manifest(models_dir: &Path, version: &str) -> Result<Manifest> {
    let path = folder(models_dir, version)?.join(MANIFEST);
    let length = plain(&path)?;
    ensure!(
        length <= LONGEST_MANIFEST,
        t!("{} is no manifest: it has {length} bytes", "{} 不是清单：有 {length} 字节", path.display())
    );
    let text = fs::read(&path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    parse_manifest(&text, version).with_context(|| t!("{} is no manifest", "{} 不是清单", path.display()))
}

fn parse_manifest(text: &[u8], version: &str) -> Result<Manifest> {
    let (sha256, said) = checksum(text)?;
    let manifest: Manifest = serde_json::from_slice(text).map_err(|error| match formats::unread_text(text) {
        Some(why) => anyhow!(why),
        None => error.into(),
    })?;
    match said {
        Some(said) => ensure!(
            said == sha256,
            t!(
                "it is not what was written (its own checksum); train again",
                "内容与写入时不符（自身校验和）；请重新训练"
            )
        ),
        None => ensure!(
            manifest.format <= WITHOUT_CHECKSUM,
            t!("it has no checksum of its own; train again", "没有自身校验和；请重新训练")
        ),
    }
    ensure!(manifest.version == version, t!("it is that of version {:?}", "它属于版本 {:?}", manifest.version));
    Ok(manifest)
}

/// Checks that a version's files are there and are what its manifest says.
///
/// # Errors
/// One is not, or the version is of another form.
pub fn verify(models_dir: &Path, version: &str) -> Result<Manifest> {
    let manifest = read_manifest(models_dir, version)?;
    let dir = models_dir.join(version);
    ensure!(
        formats::is_read(manifest.format),
        "{}: {}",
        dir.display(),
        formats::unread(manifest.format, &manifest.nearset_version)
    );
    check_files(&dir, &manifest).with_context(|| t!("{} is damaged", "{} 已损坏", dir.display()))?;
    Ok(manifest)
}

fn check_files(dir: &Path, manifest: &Manifest) -> Result<()> {
    let files = &manifest.files;
    if let Some(name) = files.keys().find(|name| !ALWAYS.iter().chain(&SOMETIMES).any(|known| known == name)) {
        bail!(t!("its manifest names {name:?}, which is no file of a version", "清单里的 {name:?} 不是版本的文件"));
    }
    if let Some(name) = ALWAYS.iter().find(|name| !files.contains_key(**name)) {
        bail!(t!("its manifest does not name {name}", "清单里没有 {name}"));
    }
    ensure!(
        (0.0..=1.0).contains(&manifest.dense_weight),
        t!("dense_weight is {}, no share", "dense_weight 为 {}，不是比例", manifest.dense_weight)
    );
    // lengths first: what is checked next is then no longer than it should be
    for (name, dimensions) in [(VECTORS, manifest.dimensions), (BEHAVIOUR, manifest.behaviour_dimensions)] {
        let found = plain(&dir.join(name))?;
        let due = (manifest.items as u64).checked_mul(dimensions as u64).and_then(|numbers| numbers.checked_mul(4));
        ensure!(
            due == Some(found) && dimensions > 0,
            t!(
                "{name} has {found} bytes, which are not {} rows of {dimensions} numbers",
                "{name} 有 {found} 字节，不是 {} 行、每行 {dimensions} 个数",
                manifest.items
            )
        );
    }
    for (name, sha256) in files {
        plain(&dir.join(name))?;
        ensure!(
            files::sha256(&dir.join(name))? == *sha256,
            t!(
                "{name} is not what its manifest says (checksum); train again",
                "{name} 与清单不符（校验和）；请重新训练"
            )
        );
    }
    Ok(())
}
