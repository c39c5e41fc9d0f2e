//! The names of members: which there may be, and where each belongs.

use std::path::{Component, Path, PathBuf};

use crate::config::Config;

/// The folders of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    /// DATA_DIR.
    Data,
    /// MODELS_DIR.
    Models,
    /// DAILY_REPORT_DIR, where that is not below DATA_DIR.
    Reports,
}

/// The folder below DATA_DIR that settings and the project come back to: those in force are never written over.
pub(super) const BESIDE: &str = "restored";

impl Root {
    /// Where it is by the settings.
    pub fn dir(self, config: &Config) -> PathBuf {
        match self {
            Self::Data => config.data_dir.clone(),
            Self::Models => config.models_dir.clone(),
            Self::Reports => config.daily_reports_dir(),
        }
    }
}

/// Where a member belongs: its folder, and its path below that. `None` for a name that no backup of nearset has: one that leads
/// out of its folder, or to what nearset keeps for itself.
pub(super) fn placed(name: &str) -> Option<(Root, PathBuf)> {
    let plain = |part: Component<'_>| match part {
        Component::Normal(part) => part.to_str().map(str::to_owned),
        _ => None,
    };
    let parts: Vec<String> = Path::new(name).components().map(plain).collect::<Option<_>>()?;
    let is_odd = |part: &String| part.contains(['\\', '\0']) || part.chars().any(char::is_control);
    if parts.join("/") != name || parts.len() < 2 || parts.iter().any(is_odd) {
        return None;
    }
    let below: PathBuf = parts[1..].iter().collect();
    let is_hidden = parts.iter().any(|part| part.starts_with('.'));
    let is_own = ["data/_metadata/publishing.json", "data/_metadata/run.lock", "models/current"].contains(&name);
    match parts[0].as_str() {
        "settings" | "project" => Some((Root::Data, Path::new(BESIDE).join(name))),
        _ if is_hidden || is_own || name.ends_with(".part") || name.ends_with(".lock") => None,
        "data" => Some((Root::Data, below)),
        "models" => Some((Root::Models, below)),
        "reports" => Some((Root::Reports, below)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_folder() {
        let data = |below: &str| Some((Root::Data, PathBuf::from(below)));
        assert_eq!(placed("data/evaluation/summary.json"), data("evaluation/summary.json"));
        assert_eq!(placed("settings/.env"), data("restored/settings/.env"));
        assert_eq!(placed("models/v1/items.parquet"), Some((Root::Models, PathBuf::from("v1/items.parquet"))));
        for name in [
            "/etc/passwd",
            "data/../../x",
            "../x",
            "data//x",
            "data/./x",
            "data",
            "",
            "data/",
            "other/x",
            "data/.hidden",
            "data/.nearset-restore/journal.json",
            "data/_metadata/publishing.json",
            "data/_metadata/run.lock",
            "models/current",
            "data/x.part",
            "data/a\nb",
            "data/a\\b",
            "C:/x",
            "settings/../x",
            "data/x/..",
        ] {
            assert_eq!(placed(name), None, "{name}");
        }
    }
}
