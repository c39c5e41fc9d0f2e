//! The folders that runs and servers write to.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::common::files;
use crate::common::finding::{Finding, Verdict};
use crate::config::Config;

/// Whether the next run has room: it works on a copy, and spills beside it.
pub fn disk(config: &Config) -> Result<Finding> {
    let free = files::free_bytes(&config.data_dir)?;
    let warehouse = fs::metadata(config.warehouse_path()).map_or(0, |m| m.len());
    let needed = warehouse * 3 + (1 << 30);
    let text =
        format!("{:.1} GB free in DATA_DIR; the warehouse is {:.2} GB", free as f64 / 1e9, warehouse as f64 / 1e9);
    Ok(match free < needed {
        true => Finding::new(
            Verdict::Odd,
            "disk",
            format!(
                "{text}; a run works on a copy and may need {:.1} GB: make room, or move DATA_DIR",
                needed as f64 / 1e9
            ),
        ),
        false => Finding::new(Verdict::Fine, "disk", text),
    })
}

/// Whether a folder can be written.
pub fn writable(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let probe = dir.join(".doctor");
    fs::write(&probe, b"")?;
    Ok(fs::remove_file(probe)?)
}
