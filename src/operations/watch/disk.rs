//! Whether the disks have room.

use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::common::files;
use crate::common::language::t;
use crate::config::Config;
use crate::operations::{Alert, Severity};

/// With a smaller share free it is told; as `NearsetDiskLow` has it.
const LOW: f64 = 0.1;
/// With a smaller one, exposures are about to be lost; as `NearsetDiskFull` has it.
const FULL: f64 = 0.02;

/// A disk that is nearly full.
///
/// # Errors
/// A file system does not say how full it is.
pub fn alerts(config: &Config, _now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let folders = [("DATA_DIR", &config.data_dir), ("MODELS_DIR", &config.models_dir)];
    let there = folders.into_iter().filter(|(_, dir)| dir.exists());
    let mut alerts = Vec::new();
    for (setting, dir) in there {
        let (free, size) = (files::free_bytes(dir)? as f64, files::size_bytes(dir)? as f64);
        alerts.extend(alert(setting, dir, free, size));
    }
    Ok(alerts)
}

fn alert(setting: &str, dir: &Path, free: f64, size: f64) -> Option<Alert> {
    let share = if size > 0.0 { free / size } else { 1.0 };
    if share >= LOW {
        return None;
    }
    let (severity, percent) = (if share < FULL { Severity::Critical } else { Severity::Warning }, share * 100.0);
    Some(Alert {
        name: "DiskLow".to_owned(),
        subject: setting.to_owned(),
        severity,
        // a figure that changes would be another alert's
        summary: t!("the disk of {setting} is nearly full", "{setting} 所在的磁盘快满了"),
        description: t!(
            "{percent:.0} % are free at {}; a run needs twice the warehouse. `nearset doctor` shows what takes the room",
            "{} 剩余 {percent:.0} %；一次运行需要仓库两倍的空间。`nearset doctor` 显示占用情况",
            dir.display()
        ),
        labels: [("folder".to_owned(), setting.to_owned())].into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_as_the_rules_of_prometheus_have_it() {
        let found = |free: f64| alert("DATA_DIR", Path::new("data"), free, 100.0).map(|alert| alert.severity);
        assert_eq!(
            [10.0, 9.9, 2.0, 1.9].map(found),
            [None, Some(Severity::Warning), Some(Severity::Warning), Some(Severity::Critical)]
        );
    }
}
