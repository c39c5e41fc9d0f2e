//! `nearset doctor`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::common::terminal::{left, say};
use crate::config::{Config, Values};
use crate::doctor::{compare, examine, examine_server};

#[derive(Debug, Args)]
pub struct Doctor {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Set the old system's evaluation files beside the published figures, and say why they differ
    #[arg(long, value_name = "OLD_DIR")]
    compare: Option<PathBuf>,
    /// Ask a running server for all that its users ask it: lists of datasets that there are, metrics, reports
    ///
    /// With the server's TEST_TOKEN its lists are not logged; without, they are logged as fetched ahead and counted in no figure.
    #[arg(long, value_name = "URL", conflicts_with = "compare")]
    server: Option<String>,
}

impl Doctor {
    /// Prints every finding; fails where one keeps nearset from working.
    pub fn run(self, values: &Values) -> Result<()> {
        if let Some(folder) = &self.compare {
            let comparison = compare(&Config::of(values)?, folder)?;
            let json = || serde_json::to_string_pretty(&comparison);
            say!("{}", if self.json { json()? } else { comparison.to_string() }.trim_end());
            return Ok(());
        }
        let mut findings = Vec::new();
        let mut tell = |finding: Finding| {
            if !self.json {
                print(&finding);
            }
            findings.push(finding);
        };
        match (&self.server, values.problems().as_slice()) {
            (Some(url), _) => examine_server(&Config::of(values)?, url, &mut tell)?,
            (None, []) => examine(&Config::of(values)?, values, &mut tell),
            (None, problems) => {
                for problem in problems {
                    tell(Finding::new(Verdict::Broken, "settings", problem.clone()));
                }
                let rest = t!("the rest is looked at once the settings can be used", "设置可用之后再检查其余各项");
                tell(Finding::new(Verdict::Odd, "settings", rest));
            }
        }
        if self.json {
            say!("{}", serde_json::to_string_pretty(&findings)?);
        }
        match findings.iter().filter(|finding| finding.verdict == Verdict::Broken).count() {
            0 => Ok(()),
            n => bail!(t!("{n} finding(s) to mend", "有 {n} 处须修复")),
        }
    }
}

/// How wide the names of what was looked at are.
const WHAT: usize = 28;

/// Prints a finding.
pub fn print(finding: &Finding) {
    let mark = match finding.verdict {
        Verdict::Fine => either("ok  ", "正常"),
        Verdict::Odd => either("look", "留意"),
        Verdict::Broken => either("MEND", "修复"),
    };
    // an error with a caret has lines of its own
    let text = finding.text.replace('\n', &format!("\n{}", " ".repeat("MEND".len() + 2 + WHAT + 2)));
    say!("{mark}  {}  {text}", left(either(&finding.what, chinese(&finding.what)), WHAT));
}

/// What was looked at, in Chinese; tables and settings are called what they are called.
fn chinese(what: &str) -> &str {
    match what {
        "settings" => "设置",
        "time zone" => "时区",
        "business" => "业务库",
        "data" => "数据目录",
        "models" => "模型目录",
        "reports" => "日报目录",
        "disk" => "磁盘",
        "kept" => "占用与保留",
        "program" => "程序",
        "relations" => "关系",
        "versions" => "模型版本",
        "project" => "项目",
        "files" => "文件",
        "release" => "发布",
        "backup" => "备份",
        "rules" => "规则",
        "exclusions" => "排除规则",
        "exposure log" => "曝光日志",
        "experiments" => "实验",
        "contracts" => "契约",
        "schedule" => "调度",
        "notifications" => "通知",
        "text model" => "文本模型",
        "picture model" => "图像模型",
        "warehouse" => "仓库",
        "sites" => "站点",
        "users" => "用户",
        "tracking" => "追踪",
        "figures" => "指标",
        "covers" => "封面图片",
        "server" => "服务",
        "health" => "状态",
        "lists" => "列表",
        "version" => "版本",
        "latency" => "时延",
        "refusals" => "拒绝",
        "metrics" => "监控指标",
        "api" => "接口",
        "report pages" => "报表页面",
        "ids" => "ID",
        "model" => "模型",
        other => other,
    }
}
