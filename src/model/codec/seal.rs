//! A version's manifest as a file: sealed with its own checksum, and checked before anything it says is used.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::layout::{ALWAYS, BEHAVIOUR, MANIFEST, SOMETIMES, VECTORS};
use crate::common::files;
use crate::model::{FORMAT, Manifest};

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
        "{version:?} is no name of a version; `nearset models list` shows the versions there are"
    );
    let dir = models_dir.join(version);
    let about = fs::symlink_metadata(&dir).with_context(|| {
        format!("{} cannot be read; `nearset models list` shows the versions there are", dir.display())
    })?;
    ensure!(about.is_dir(), "{} is no folder; a version is a folder of files, and no link to one", dir.display());
    Ok(dir)
}

/// The length of a plain file: a link, a pipe or a device may never end.
pub(super) fn plain(path: &Path) -> Result<u64> {
    let about = fs::symlink_metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    ensure!(about.is_file(), "{} is no plain file; a version's files stand in its folder", path.display());
    Ok(about.len())
}

/// Reads a version's manifest, and checks that it is what was written.
///
/// # Errors
/// It is not there, damaged, or of another version.
pub fn read_manifest(models_dir: &Path, version: &str) -> Result<Manifest> {
    let path = folder(models_dir, version)?.join(MANIFEST);
    let length = plain(&path)?;
    ensure!(length <= LONGEST_MANIFEST, "{} is no manifest: it has {length} bytes", path.display());
    let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    parse_manifest(&text, version).with_context(|| format!("{} is no manifest", path.display()))
}

fn parse_manifest(text: &[u8], version: &str) -> Result<Manifest> {
    let (sha256, said) = checksum(text)?;
    let manifest: Manifest = serde_json::from_slice(text)?;
    match said {
        Some(said) => ensure!(said == sha256, "it is not what was written (its own checksum); train again"),
        None => ensure!(manifest.format <= WITHOUT_CHECKSUM, "it has no checksum of its own; train again"),
    }
    ensure!(manifest.version == version, "it is that of version {:?}", manifest.version);
    Ok(manifest)
}

/// Checks that a version's files are there and are what its manifest says.
///
/// # Errors
/// One is not, or the version is of another form.
pub fn verify(models_dir: &Path, version: &str) -> Result<Manifest> {
    let manifest = read_manifest(models_dir, version)?;
    let dir = models_dir.join(version);
    if ![WITHOUT_CHECKSUM, FORMAT].contains(&manifest.format) {
        bail!(
            "{} was written by nearset {} in another form; `nearset run` trains a version that this one can read",
            dir.display(),
            manifest.nearset_version
        );
    }
    check_files(&dir, &manifest).with_context(|| format!("{} is damaged", dir.display()))?;
    Ok(manifest)
}

fn check_files(dir: &Path, manifest: &Manifest) -> Result<()> {
    let files = &manifest.files;
    if let Some(name) = files.keys().find(|name| !ALWAYS.iter().chain(&SOMETIMES).any(|known| known == name)) {
        bail!("its manifest names {name:?}, which is no file of a version");
    }
    if let Some(name) = ALWAYS.iter().find(|name| !files.contains_key(**name)) {
        bail!("its manifest does not name {name}");
    }
    ensure!((0.0..=1.0).contains(&manifest.dense_weight), "dense_weight is {}, no share", manifest.dense_weight);
    // lengths first: what is checked next is then no longer than it should be
    for (name, dimensions) in [(VECTORS, manifest.dimensions), (BEHAVIOUR, manifest.behaviour_dimensions)] {
        let found = plain(&dir.join(name))?;
        let due = (manifest.items as u64).checked_mul(dimensions as u64).and_then(|numbers| numbers.checked_mul(4));
        ensure!(
            due == Some(found) && dimensions > 0,
            "{name} has {found} bytes, which are not {} rows of {dimensions} numbers",
            manifest.items
        );
    }
    for (name, sha256) in files {
        plain(&dir.join(name))?;
        ensure!(
            files::sha256(&dir.join(name))? == *sha256,
            "{name} is not what its manifest says (checksum); train again"
        );
    }
    Ok(())
}
