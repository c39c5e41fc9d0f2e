//! How much room each kind of thing takes, and what is kept no longer.

use std::time::SystemTime;

use anyhow::Result;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::config::Config;
use crate::operations::backup::is_cut_short;
use crate::operations::retention::holdings;

/// A line for each kind that there is anything of.
pub fn kept(config: &Config) -> Result<Finding> {
    if is_cut_short(config) {
        let text = either(
            "a restore was cut short: the next command that reads anything, such as `nearset models list`, completes it",
            "一次恢复中断了：下一个读取内容的命令（如 `nearset models list`）会补全它",
        );
        return Ok(Finding::new(Verdict::Odd, "kept", text.to_owned()));
    }
    let mut lines = Vec::new();
    for holding in holdings(config, SystemTime::now())?.into_iter().filter(|holding| holding.count > 0) {
        let (count, size) = (holding.count, holding.bytes as f64 / 1e6);
        let line = t!(
            "{}: {count}, {size:.1} MB",
            "{}：{count} 个，{size:.1} MB",
            either(holding.kind, chinese(holding.kind))
        );
        lines.push(match holding.goes_bytes {
            0 => line,
            bytes => {
                t!("{line}; {:.1} MB go after the next run", "{line}；下次运行后释放 {:.1} MB", bytes as f64 / 1e6)
            }
        });
    }
    let text = if lines.is_empty() { either("nothing yet", "还没有内容").to_owned() } else { lines.join("\n") };
    Ok(Finding::new(Verdict::Fine, "kept", text))
}

fn chinese(kind: &str) -> &str {
    match kind {
        "warehouse" => "仓库",
        "versions" => "模型版本",
        "exposure logs" => "曝光日志",
        "reports" => "报表",
        "run logs" => "运行日志",
        "backups" => "备份",
        "kept aside" => "另存的旧文件",
        other => other,
    }
}
