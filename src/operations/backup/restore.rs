//! `nearset restore`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};

use super::make::require_room;
use super::manifest::{Manifest, Member};
use super::moves::{Move, Staging, commit};
use super::name::{BESIDE, Root, placed};
use super::part::Part;
use super::reading::Archive;
use super::sources::{sources, versions};
use crate::common::language::{either, t};
use crate::common::lock;
use crate::common::progress::Progress;
use crate::config::Config;
use crate::exposures::files::{State, state};
use crate::{model, warehouse};

/// What is brought back.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// These parts.
    pub parts: Vec<Part>,
    /// Also where something is there already: that is moved aside.
    pub over: bool,
}

/// What was brought back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// How many files were put in place.
    pub files: usize,
    /// Where what was there before is kept; empty where nothing was.
    pub aside: Vec<PathBuf>,
    /// Where settings and the project of the backup are, to be compared by hand.
    pub beside: Option<PathBuf>,
}

/// Brings a backup back: all of it or nothing.
///
/// # Errors
/// The backup is damaged or of a form that is not read, the folders are in use or not empty, or there is no room; then nothing
/// has changed.
pub fn restore(config: &Config, archive: &Archive, wanted: &Wanted, progress: &Progress<'_>) -> Result<Restored> {
    archive.verify(progress)?;
    require_readable(&archive.manifest, &wanted.parts)?;
    crate::common::files::make_dir(&config.data_dir)?;
    let _lock = warehouse::take_run_lock(config)?;
    require_unused(config)?;
    let present = present(config, &wanted.parts)?;
    if let Some((root, below)) = present.first()
        && !wanted.over
    {
        bail!(t!(
            "{} is there already; --over moves what is there aside, --to names another folder",
            "{} 已存在；--over 会把现有内容移到一旁，--to 可另指一个目录",
            root.dir(config).join(below).display()
        ));
    }
    let members = archive.manifest.members.iter().filter(|member| wanted.parts.contains(&member.part));
    let mut roots: BTreeMap<Root, u64> = BTreeMap::from([(Root::Data, 0)]);
    for member in members {
        let (root, _) = placed(&member.name).with_context(|| member.name.clone())?;
        *roots.entry(root).or_default() += member.bytes;
    }
    let mut staging = BTreeMap::new();
    for (root, bytes) in roots {
        let staged = Staging::begin(&root.dir(config))?;
        require_room(&staged.dir, bytes)?;
        staging.insert(root, staged);
    }
    let ready = make_ready(archive, wanted, &staging, progress)?;
    try_out(config, &archive.manifest, &staging)?;
    let moves = moves(config, archive, &present, &ready, &staging);
    let (files, aside) = (ready.files, moves.aside);
    commit(staging.into_values().collect(), moves.all)?;
    let beside = config.data_dir.join(BESIDE);
    let beside = (wanted.parts.contains(&Part::Settings) && beside.is_dir()).then_some(beside);
    Ok(Restored { manifest: archive.manifest.clone(), files, aside, beside })
}

/// Fails where a version in it is of a form that this program does not read; says which nearset does.
fn require_readable(manifest: &Manifest, parts: &[Part]) -> Result<()> {
    let current = manifest.current.as_ref().filter(|_| parts.contains(&Part::Models));
    let Some((version, format)) = current.and_then(|current| manifest.models.get_key_value(current)) else {
        return Ok(());
    };
    ensure!(
        model::is_read(*format),
        t!(
            "its current version {version} cannot be read here: {}",
            "其当前版本 {version} 在此无法读取：{}",
            model::unread(*format, &manifest.nearset)
        )
    );
    Ok(())
}

/// Fails where a server or a scheduler works on the folders.
fn require_unused(config: &Config) -> Result<()> {
    for entry in fs::read_dir(config.evaluation_dir()).into_iter().flatten().flatten() {
        let is_written = state(&entry.file_name().to_string_lossy()) == Some(State::Written);
        ensure!(
            !(is_written && lock::is_held(&entry.path())),
            t!(
                "a server writes {}; stop it first, since it would go on with what it has in memory",
                "有服务正在写 {}；请先停止它，否则它会继续用内存里的内容",
                entry.path().display()
            )
        );
    }
    for entry in walkdir::WalkDir::new(config.operations_dir()).into_iter().flatten() {
        let is_lock = entry.path().extension().is_some_and(|extension| extension == "lock");
        ensure!(
            !(is_lock && lock::is_held(entry.path())),
            t!("a process holds {}; stop it first", "有进程持有 {}；请先停止它", entry.path().display())
        );
    }
    Ok(())
}

/// A version goes as a folder; all else goes as files.
fn unit(root: Root, below: &Path) -> PathBuf {
    let first = below.iter().next().filter(|_| root == Root::Models && below.iter().count() > 1);
    first.map_or_else(|| below.to_owned(), PathBuf::from)
}

/// What is there of some parts.
fn present(config: &Config, parts: &[Part]) -> Result<Vec<(Root, PathBuf)>> {
    // settings come back beside those in force, and only below DATA_DIR
    let versions = versions(config, false).unwrap_or_default();
    let mut found = Vec::new();
    for source in sources(config, parts, &versions, &[])? {
        if let Some((root, below)) = placed(&source.name).filter(|(_, below)| !below.starts_with(BESIDE)) {
            let unit = (root, unit(root, &below));
            if !found.contains(&unit) {
                found.push(unit);
            }
        }
    }
    let link = config.models_dir.join(model::CURRENT);
    if parts.contains(&Part::Models) && fs::symlink_metadata(link).is_ok() {
        found.push((Root::Models, PathBuf::from(model::CURRENT)));
    }
    Ok(found)
}

/// What lies ready.
struct Ready {
    units: Vec<(Root, PathBuf)>,
    files: usize,
}

/// Unpacks what is wanted beside its places, and waits for the disk.
fn make_ready(
    archive: &Archive,
    wanted: &Wanted,
    staging: &BTreeMap<Root, Staging>,
    progress: &Progress<'_>,
) -> Result<Ready> {
    let mut ready = Ready { units: Vec::new(), files: 0 };
    archive.each(progress, &mut |member: &Member, from: &mut dyn Read| {
        let Some((root, below)) = placed(&member.name).filter(|_| wanted.parts.contains(&member.part)) else {
            return Ok(());
        };
        let Some(staged) = staging.get(&root) else { return Ok(()) };
        let place = staged.place(&below);
        let cannot = || t!("{} cannot be written", "{} 无法写入", place.display());
        if let Some(parent) = place.parent() {
            crate::common::files::make_dir(parent)?;
        }
        let mut file = File::create_new(&place).with_context(cannot)?;
        std::io::copy(from, &mut file).and_then(|_| file.sync_all()).with_context(cannot)?;
        ready.files += 1;
        let unit = (root, unit(root, &below));
        if ready.units.last() != Some(&unit) && !ready.units.contains(&unit) {
            ready.units.push(unit);
        }
        Ok(())
    })?;
    let current = archive.manifest.current.as_ref().filter(|_| wanted.parts.contains(&Part::Models));
    if let (Some(current), Some(staged)) = (current, staging.get(&Root::Models)) {
        staged.link(Path::new(model::CURRENT), current)?;
        ready.units.push((Root::Models, PathBuf::from(model::CURRENT)));
    }
    Ok(ready)
}

/// Opens what lies ready, before anything is changed.
fn try_out(config: &Config, manifest: &Manifest, staging: &BTreeMap<Root, Staging>) -> Result<()> {
    if let Some(warehouse) = staging.get(&Root::Data).map(|staged| staged.place(Path::new("warehouse.duckdb")))
        && warehouse.exists()
    {
        warehouse::glance_at(config, &warehouse).with_context(|| {
            t!(
                "its warehouse cannot be read here; nearset {} or newer reads it",
                "其数据仓库在此无法读取；nearset {} 或更新版本能读",
                manifest.nearset
            )
        })?;
    }
    if let (Some(staged), Some(current)) = (staging.get(&Root::Models), &manifest.current) {
        model::verify(&staged.place(Path::new("")), current)?;
    }
    Ok(())
}

/// What is to be renamed, and where what was there goes.
struct Moves {
    all: Vec<Move>,
    aside: Vec<PathBuf>,
}

fn moves(
    config: &Config,
    archive: &Archive,
    present: &[(Root, PathBuf)],
    ready: &Ready,
    staging: &BTreeMap<Root, Staging>,
) -> Moves {
    let mut moves = Moves { all: Vec::new(), aside: Vec::new() };
    let now: DateTime<Utc> = Utc::now();
    let name = format!("before-restore-{}", now.format("%Y%m%dT%H%M%S%.3fZ"));
    let mut leaving: Vec<(Root, PathBuf)> = present.to_vec();
    // what the backup brings and no part of today's has, as a version that answers no more
    let is_there = |(root, below): &(Root, PathBuf)| fs::symlink_metadata(root.dir(config).join(below)).is_ok();
    leaving.extend(ready.units.iter().filter(|unit| is_there(unit) && !present.contains(unit)).cloned());
    for (root, below) in leaving {
        let dir = absolute(&root.dir(config));
        let aside = dir.join(&name);
        moves.all.push(Move { from: dir.join(&below), to: aside.join(&below) });
        if !moves.aside.contains(&aside) {
            moves.aside.push(aside);
        }
    }
    for (root, below) in &ready.units {
        if let Some(staged) = staging.get(root) {
            let to = absolute(&root.dir(config)).join(below);
            moves.all.push(Move { from: absolute(&staged.place(below)), to });
        }
    }
    tracing::debug!("{} of {} members are put in place", ready.files, archive.manifest.members.len());
    moves
}

/// The journal is read wherever the next command is run.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Restored {
    /// What has to be done by hand: secrets that were taken out, by the file they stood in.
    pub fn by_hand(&self) -> Vec<String> {
        let listed = |(file, names): (&String, &Vec<String>)| format!("{file}: {}", names.join(either(", ", "、")));
        self.manifest.secrets.iter().map(listed).collect()
    }
}
