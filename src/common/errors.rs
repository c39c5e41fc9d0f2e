//! The failures that have an exit code of their own; every other error exits with 1.

use thiserror::Error;

use crate::common::language::t;
use crate::common::secrets::scrub;

/// Why a command failed, where a caller tells failures apart.
#[derive(Debug, Error)]
pub enum Failure {
    /// Exit code 3: another run goes on.
    #[error("{}", t!("another run holds the lock {path}{holder}; wait for it, or stop it, and run again", "另一次运行持有锁 {path}{holder}；请等它结束或将其停止，再重新运行"))]
    Locked {
        /// The lock's file.
        path: String,
        /// Which process holds it, in brackets; empty where that is not known.
        holder: String,
    },
    /// Exit code 4: nothing was published.
    #[error("{}", t!("quality gate: {}; nothing was published", "质量门：{}；未发布任何内容", .0))]
    Gate(String),
    /// Exit code 5: the warehouse and all figures were published.
    #[error("{}", t!("the figures are published, the new model is held back: {}", "数据已发布，新模型未上线：{}", .0))]
    HeldBack(String),
    /// Exit code 1: the warehouse was published, and not all that goes with it.
    #[error("{}", t!("the warehouse is published, but {}; the next run completes it", "仓库已发布，但{}；下次运行会补全", .0))]
    Incomplete(String),
}

/// An error with its causes in one text, without secrets and without the code that DuckDB's driver puts after each
/// message.
pub fn describe(error: &anyhow::Error) -> String {
    scrub(&format!("{error:#}")).replace(": Error code 1: Unknown error code", "")
}

impl Failure {
    /// What the program exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Locked { .. } => 3,
            Self::Gate(_) => 4,
            Self::HeldBack(_) => 5,
            Self::Incomplete(_) => 1,
        }
    }
}
