//! `nearset` alone: what there is in this place, and what can be done next.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use unicode_width::UnicodeWidthStr;

use super::invocation::Invocation;
use crate::common::language::{either, t};
use crate::common::terminal::{left, say};
use crate::config::{Config, Source, Values};
use crate::doctor::{Serving, serving};
use crate::{model, warehouse};

/// What there is.
struct Place {
    /// A folder of exports that no setting names.
    exports_here: Option<PathBuf>,
    has_sources: bool,
    published: Option<SystemTime>,
    current: Option<String>,
    serving: Option<Serving>,
    is_running: bool,
}

/// Says what there is and which commands fit; what is wrong with the settings, where something is.
pub fn run(values: &Values, invocation: &Invocation) -> Result<()> {
    say!("nearset {}", env!("CARGO_PKG_VERSION"));
    let problems = values.problems();
    if !problems.is_empty() {
        problems.iter().for_each(|problem| say!("  {problem}"));
        print_next(&[(
            invocation.command("doctor"),
            either("what is wrong, and how to mend it", "检查问题并给出修复办法"),
        )]);
        return Ok(());
    }
    let config = Config::of(values)?;
    let place = Place::look(&config);
    place.print(&config);
    print_next(&place.next(&config, invocation));
    Ok(())
}

fn print_next(next: &[(String, &str)]) {
    say!("\n{}", either("next:", "下一步："));
    let widest = next.iter().map(|(command, _)| command.width()).max().unwrap_or_default();
    for (command, why) in next {
        say!("  {}  {why}", left(command, widest));
    }
    say!("\n{}", either("`nearset --help` lists all commands", "`nearset --help` 列出全部命令"));
}

impl Place {
    fn look(config: &Config) -> Self {
        let has_sources = config.has_own_sources();
        Self {
            exports_here: if has_sources { None } else { exports_here() },
            has_sources,
            published: fs::metadata(config.warehouse_path()).and_then(|about| about.modified()).ok(),
            current: model::current(&config.models_dir),
            serving: serving(config.serve.listen),
            is_running: warehouse::is_run_lock_held(config),
        }
    }

    fn print(&self, config: &Config) {
        let line = |what: &str, text: String| say!("  {}  {text}", left(what, 9));
        line(either("sources", "数据源"), self.sources(config));
        line(
            either("warehouse", "数据仓库"),
            match self.published {
                Some(at) => t!("{}, published {}", "{}，发布于{}", config.warehouse_path().display(), ago(at)),
                None => t!("none in {} yet", "{} 中还没有", config.data_dir.display()),
            },
        );
        line(
            either("model", "模型"),
            match &self.current {
                Some(version) => t!("{version} is current", "当前版本 {version}"),
                None => t!("none in {} yet", "{} 中还没有", config.models_dir.display()),
            },
        );
        line(either("server", "服务"), self.server(config));
        if self.is_running {
            line(either("run", "运行"), t!("goes on right now", "正在进行"));
        }
    }

    fn sources(&self, config: &Config) -> String {
        let database =
            [&config.sources.business, &config.sources.matomo].iter().any(|s| matches!(s, Source::Database(_)));
        match (&config.sources.json_dir, &self.exports_here) {
            (Some(dir), _) if database => {
                t!("databases, and exports in {}", "数据库，以及 {} 中的导出文件", dir.display())
            }
            (Some(dir), _) => t!("exports in {}", "{} 中的导出文件", dir.display()),
            _ if database => t!("databases", "数据库"),
            (None, Some(dir)) => {
                t!("no setting names any; {} looks like exports", "未设置；{} 像是导出文件的目录", dir.display())
            }
            (None, None) => t!("no setting names any", "未设置"),
        }
    }

    fn server(&self, config: &Config) -> String {
        let address = config.serve.listen;
        match &self.serving {
            None => t!("none on {address}", "{address} 上没有"),
            Some(Serving { model_version: Some(version), .. }) if Some(version) != self.current.as_ref() => {
                t!(
                    "http://{address} answers with another version, {version}",
                    "http://{address} 正用另一版本 {version} 应答"
                )
            }
            Some(Serving { status, .. }) => t!("http://{address} is {status}", "http://{address} 状态 {status}"),
        }
    }

    /// Two or three commands that fit.
    fn next(&self, config: &Config, call: &Invocation) -> Vec<(String, &'static str)> {
        let run = (call.command("run"), either("read what is new, learn from it, publish", "读取新数据、训练并发布"));
        let doctor = (call.command("doctor"), either("whether all is there that a run needs", "检查运行所需的一切"));
        let ask = |query: &str| call.command(&format!("sql \"{query}\""));
        let figures =
            (ask("from funnel_by_day"), either("exposures, clicks and orders by day", "每天的曝光、点击与订单"));
        match (self.published.is_some() && self.current.is_some(), &self.serving) {
            _ if self.is_running => {
                vec![(call.command("runs --limit 1"), either("how far the run is", "查看运行进度")), doctor]
            }
            (false, _) if self.has_sources => vec![doctor, run],
            (false, _) => {
                let own = self.exports_here.as_ref().map(|dir| {
                    let own = format!("DATA_JSON_DIR={} {}", dir.display(), call.command("run"));
                    (own, either("read these exports", "读取这些导出文件"))
                });
                let demo = call.command("demo");
                let demo = (demo, either("see it work on made-up data", "用虚构数据演示"));
                let own = own.into_iter().chain([demo]);
                own.chain([(call.command("doctor"), either("what your own data needs", "接入自己的数据要做什么"))])
                    .collect()
            }
            (true, None) => {
                let serve = (call.command("serve"), either("answer lists over HTTP", "通过 HTTP 提供推荐列表"));
                if self.has_sources { vec![serve, figures, run] } else { vec![serve, figures] }
            }
            (true, Some(_)) => {
                let url = format!("curl http://{}/hot/trending", config.serve.listen);
                let lists = (url, either("a list", "取一个列表"));
                if self.has_sources { vec![lists, figures, run] } else { vec![lists, figures] }
            }
        }
    }
}

/// A folder here that holds `dataset.json`.
fn exports_here() -> Option<PathBuf> {
    let holds = |dir: &Path| ["dataset.json", "dataset.json.gz"].iter().any(|name| dir.join(name).is_file());
    let mut folders: Vec<PathBuf> = fs::read_dir(".").ok()?.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let folders = folders.into_iter().map(|dir| dir.strip_prefix(".").map(Path::to_path_buf).unwrap_or(dir));
    [PathBuf::from(".")].into_iter().chain(folders).find(|dir| holds(dir))
}

/// How long something is ago, in words.
fn ago(at: SystemTime) -> String {
    let minutes = at.elapsed().unwrap_or_default().as_secs() / 60;
    match minutes {
        0 => t!("just now", "刚刚"),
        1..=119 => t!("{minutes} min ago", " {minutes} 分钟前"),
        120..=2879 => t!("{} hours ago", " {} 小时前", minutes / 60),
        _ => t!("{} days ago", " {} 天前", minutes / 1440),
    }
}
