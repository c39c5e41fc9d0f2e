//! What people change of versions, by `nearset models` or on the console's pages.

use anyhow::Result;

use super::mlflow;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::model::{self, Beside, Share};
use crate::recommend;

/// A change of what answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// This version becomes current.
    Promote(String),
    /// The version that was current before becomes it again.
    RollBack,
    /// A version answers beside the current one, or none does.
    Beside(Beside, Option<Share>),
}

impl Change {
    /// Makes it, and says what was done. Servers notice within a second.
    ///
    /// # Errors
    /// The version cannot be loaded or cannot answer; there is none to go back to; a file cannot be written.
    pub fn make(self, config: &Config) -> Result<String> {
        let dir = &config.models_dir;
        Ok(match self {
            Self::Promote(version) => {
                model::promote(dir, &version, recommend::smoke)?;
                mlflow::promoted(config);
                t!("{version} is current", "当前版本为 {version}")
            }
            Self::RollBack => {
                let version = model::rollback(dir, recommend::smoke)?;
                mlflow::promoted(config);
                t!("{version} is current again", "{version} 重新成为当前版本")
            }
            Self::Beside(what, share) => {
                model::set_beside(dir, what, share.clone(), recommend::smoke)?;
                beside(what, share.as_ref())
            }
        })
    }
}

fn beside(what: Beside, share: Option<&Share>) -> String {
    match (what, share) {
        (Beside::Canary, Some(Share { version, share, .. })) => {
            t!("{version} answers {} % of the visitors", "{version} 应答 {}% 的访客", share * 100.0)
        }
        (Beside::Shadow, Some(Share { version, share, .. })) => t!(
            "{version} makes lists for {} % of the requests, not shown",
            "{version} 为 {}% 的请求生成不展示的列表",
            share * 100.0
        ),
        (Beside::Canary, None) => {
            either("the current version answers all visitors", "由当前版本应答全部访客").to_owned()
        }
        (Beside::Shadow, None) => either("no version makes lists that are not shown", "没有影子版本").to_owned(),
    }
}
