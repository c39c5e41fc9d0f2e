//! The failures that have an exit code of their own; every other error exits with 1.

use std::io::{self, ErrorKind};

use thiserror::Error;

use crate::common::language::{either, t};
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
    /// Exit code 3: another process schedules the jobs of this DATA_DIR.
    #[error("{}", t!("process {holder} schedules already, it holds the lock {path}; stop it first", "进程 {holder} 已在调度，持有锁 {path}；请先将其停止"))]
    SecondScheduler {
        /// The lock's file.
        path: String,
        /// The process that holds it.
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
    let causes: Vec<String> =
        error.chain().map(|cause| of_system(cause).unwrap_or_else(|| cause.to_string())).collect();
    scrub(&causes.join(": ")).replace(": Error code 1: Unknown error code", "")
}

/// The usual errors of the system in Chinese, where that is spoken.
fn of_system(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    let error = cause.downcast_ref::<io::Error>().filter(|error| error.raw_os_error().is_some())?;
    let chinese = match error.kind() {
        ErrorKind::NotFound => "没有这个文件或目录",
        ErrorKind::PermissionDenied => "没有权限",
        ErrorKind::AlreadyExists => "已经存在",
        ErrorKind::AddrInUse => "地址已被占用",
        ErrorKind::AddrNotAvailable => "本机没有这个地址",
        ErrorKind::ConnectionRefused => "连接被拒绝",
        ErrorKind::StorageFull => "磁盘已满",
        ErrorKind::ReadOnlyFilesystem => "文件系统只读",
        ErrorKind::IsADirectory => "是一个目录",
        ErrorKind::NotADirectory => "不是目录",
        _ => return None,
    };
    either(None, Some(chinese.to_owned()))
}

impl Failure {
    /// What the program exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Locked { .. } | Self::SecondScheduler { .. } => 3,
            Self::Gate(_) => 4,
            Self::HeldBack(_) => 5,
            Self::Incomplete(_) => 1,
        }
    }
}
