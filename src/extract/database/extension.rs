//! DuckDB's extensions for databases.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use duckdb::Connection;

use super::address::Kind;
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::config::Config;
use crate::warehouse::{quote, short_error};

/// Loads the extension a database needs: from `DUCKDB_EXTENSION_DIRECTORY`, the program's package or DuckDB's own
/// folder, else from DuckDB's repository; where that cannot be reached either, the error tells how to put it there by hand.
/// Returns where it was.
///
/// # Errors
/// It is in none of these places.
pub fn load_extension(db: &Connection, config: &Config, kind: Kind, progress: &Progress<'_>) -> Result<Option<String>> {
    let Some(name) = kind.extension() else { return Ok(None) };
    if let Some(place) = load_present(db, config, name)? {
        return Ok(Some(place));
    }
    progress.note(&t!(
        "DuckDB's {name} extension is not here; asking DuckDB's repository for it",
        "本机没有 DuckDB 的 {name} 扩展；正在向 DuckDB 仓库获取"
    ));
    match db.execute_batch(&format!("install {name}; load {name}")) {
        Ok(()) => Ok(Some(either("DuckDB's repository", "DuckDB 仓库").to_owned())),
        Err(error) => {
            let fault = short_error(&error);
            let fault = fault.split(" For more info").next().unwrap_or(&fault);
            let cure = by_hand(db, config, name)?;
            bail!(t!(
                "DuckDB's {name} extension is not here and cannot be installed ({fault}). {cure}",
                "本机没有 DuckDB 的 {name} 扩展，也无法安装（{fault}）。{cure}"
            ))
        }
    }
}

/// Loads it from this machine alone.
///
/// # Errors
/// It is not on this machine; the error tells how to put it there.
pub fn require_present(db: &Connection, config: &Config, kind: Kind) -> Result<()> {
    let Some(name) = kind.extension() else { return Ok(()) };
    if load_present(db, config, name)?.is_none() {
        let cure = by_hand(db, config, name)?;
        bail!(t!(
            "DuckDB's {name} extension is not here; a run asks DuckDB's repository for it. {cure}",
            "本机没有 DuckDB 的 {name} 扩展；运行时会向 DuckDB 仓库获取。{cure}"
        ));
    }
    Ok(())
}

/// Where it was on this machine; `None` where it is not.
fn load_present(db: &Connection, config: &Config, name: &str) -> Result<Option<String>> {
    let (file, below) = (format!("{name}.duckdb_extension"), folder(db)?);
    let set = &config.sources.extension_dir;
    let places = set.iter().flat_map(|dir| [dir.join(&file), dir.join(&below).join(&file)]);
    let packaged = packaged().map(|dir| dir.join(&below).join(&file));
    if let Some(found) = places.chain(packaged).find(|place| place.is_file()) {
        db.execute_batch(&format!("load {}", quote(&found.to_string_lossy())))
            .map_err(|e| anyhow!(t!("{} cannot be loaded: {}", "{} 无法加载：{}", found.display(), short_error(&e))))?;
        return Ok(Some(found.display().to_string()));
    }
    if let Some(dir) = set {
        db.execute_batch(&format!("set extension_directory = {}", quote(&dir.to_string_lossy())))?;
    }
    let is_loaded = db.execute_batch(&format!("load {name}")).is_ok();
    Ok(is_loaded.then(|| either("DuckDB's own folder", "DuckDB 自己的文件夹").to_owned()))
}

/// The folder of extensions that a package puts beside the program.
fn packaged() -> Option<PathBuf> {
    env::current_exe().ok()?.parent()?.join("../lib/nearset/extensions").canonicalize().ok()
}

/// The folder of extensions of this DuckDB, below that of all.
fn folder(db: &Connection) -> Result<PathBuf> {
    let sql = "select library_version, (from pragma_platform()) from pragma_version()";
    let (version, platform): (String, String) = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Path::new(&version).join(platform))
}

/// How to put it on a machine that does not reach DuckDB's repository.
fn by_hand(db: &Connection, config: &Config, name: &str) -> Result<String> {
    let below = folder(db)?;
    let dir = config.sources.extension_dir.clone().unwrap_or_else(|| PathBuf::from("~/.duckdb/extensions"));
    let version = below.iter().next().unwrap_or_default().to_string_lossy();
    let (package, version) = (name.replace('_', "-"), version.trim_start_matches('v'));
    let (file, place) = (format!("{name}.duckdb_extension"), dir.join(&below));
    Ok(t!(
        "On a machine with internet: `pip download --no-deps duckdb-extension-{package}=={version}`; the wheel is a zip \
         archive; put its {file} into {} (DUCKDB_EXTENSION_DIRECTORY) and run again",
        "在能联网的机器上执行 `pip download --no-deps duckdb-extension-{package}=={version}`；得到的 wheel 是 zip 压缩包；\
         将其中的 {file} 放入 {}（DUCKDB_EXTENSION_DIRECTORY）后重新运行",
        place.display()
    ))
}
