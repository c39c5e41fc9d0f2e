//! How a variant becomes everybody's once its experiment is over.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::standing;
use crate::common::language::{either, t};
use crate::config::Config;

/// One thing to do, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// In English.
    pub english: String,
    /// In Chinese.
    pub chinese: String,
}

/// What makes a variant everybody's.
///
/// # Errors
/// There is no such experiment or variant in the file.
pub fn keep(config: &Config, name: &str, variant: &str) -> Result<Vec<Kept>> {
    let plan = standing(config, name)?.plan;
    let arm = plan.as_ref().and_then(|plan| plan.variants.iter().find(|arm| arm.name == variant));
    let arm = arm.with_context(|| {
        let names: Vec<&str> = plan.iter().flat_map(|plan| &plan.variants).map(|arm| arm.name.as_str()).collect();
        t!(
            "{name} has no variant {variant}; it has {}",
            "{name} 没有变体 {variant}；有 {}",
            names.join(either(", ", "、"))
        )
    })?;
    if arm.parameters.is_empty() {
        return Ok(vec![Kept {
            english: format!("{variant} changes nothing: settings stay as they are"),
            chinese: format!("{variant} 不改变任何内容：设置保持不变"),
        }]);
    }
    Ok(arm.parameters.iter().map(|(parameter, value)| kept(variant, parameter, value)).collect())
}

fn kept(variant: &str, parameter: &str, value: &Value) -> Kept {
    let setting = match parameter {
        "variety" => Some("VARIETY"),
        "provider_limit" => Some("PROVIDER_LIMIT"),
        "exploration" => Some("EXPLORATION"),
        "new_exploration" => Some("NEW_EXPLORATION"),
        _ => None,
    };
    let (english, chinese) = match (setting, parameter) {
        (Some(setting), _) => (
            format!("{parameter}: set {setting}={value} and restart the servers"),
            format!("{parameter}：设置 {setting}={value} 并重启服务"),
        ),
        (None, "model") => {
            let version = value.as_str().unwrap_or_default();
            (format!("model: nearset models promote {version}"), format!("model：nearset models promote {version}"))
        }
        (None, "rules") => (
            "rules: take all rules but those of the action never out of rules.toml".to_owned(),
            "rules：从 rules.toml 删去 never 以外的规则".to_owned(),
        ),
        _ => (
            format!(
                "{parameter}: there is no such setting; leave the experiment active with {variant} alone (allocation 1, all others 0)"
            ),
            format!("{parameter}：没有对应的设置；可保持实验启用，仅分配给 {variant}（allocation 为 1，其余为 0）"),
        ),
    };
    Kept { english, chinese }
}
