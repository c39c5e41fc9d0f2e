//! The model versions: which answers, and whether it can.

use std::path::Path;

use anyhow::Result;
use chrono::Utc;

use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::{Config, Values};
use crate::model::Model;
use crate::serve::deployment::Experiments;
use crate::{model, operations, recommend};

/// The current version, and those that are damaged.
pub fn versions(config: &Config, tell: &mut dyn FnMut(Finding)) {
    let dir = &config.models_dir;
    let finding = |verdict, text| Finding::new(verdict, "model", text);
    match model::current(dir).map(|version| (answers(config, &version), version)) {
        None => tell(finding(
            Verdict::Odd,
            t!(
                "{} has no current version; `nearset run` trains one, and until then lists are answered with 503",
                "{} 没有当前版本；`nearset run` 会训练一个，此前列表请求一律答 503",
                dir.display()
            ),
        )),
        Some((Ok(model), version)) => {
            let datasets = model.parts.items.len();
            let text = t!("{version} is whole: {datasets} datasets", "{version} 完好：{datasets} 个数据集");
            tell(finding(Verdict::Fine, text));
            if config.serve.id_format.is_lossy(model.largest_id()) {
                tell(Finding::new(Verdict::Odd, "ids", lossy_ids(model.largest_id())));
            }
        }
        Some((Err(error), _)) => tell(finding(
            Verdict::Broken,
            t!(
                "{}; `nearset models rollback` goes back to the version before, `nearset run` trains another",
                "{}；`nearset models rollback` 回到上一版本，`nearset run` 训练新版本",
                describe(&error)
            ),
        )),
    }
    match model::list(dir) {
        Err(error) => tell(finding(Verdict::Broken, describe(&error))),
        Ok(versions) => {
            for (version, error) in versions.damaged {
                let text = t!("{version} is damaged: {}", "{version} 已损坏：{}", describe(&error));
                tell(finding(Verdict::Odd, text));
            }
        }
    }
    if let Err(error) = model::traffic(dir) {
        tell(finding(Verdict::Broken, describe(&error)));
    }
}

/// Loads a version and asks it.
fn answers(config: &Config, version: &str) -> Result<Model> {
    let model = model::load(&config.models_dir, version)?;
    recommend::smoke(&model)?;
    Ok(model)
}

/// What is said where browsers would change digits of ids.
fn lossy_ids(largest: i64) -> String {
    t!(
        "the catalogue has ids such as {largest}, beyond 2^53: JSON.parse in a browser changes their digits, and links lead \
         nowhere; set ID_FORMAT=string, or read ids as text, as the snippet in docs/front-end.md does",
        "目录里有 {largest} 这样超过 2^53 的 ID：浏览器的 JSON.parse 会改变它的数字，链接会失效；请设置 ID_FORMAT=string，\
         或像 docs/front-end.zh-CN.md 的代码那样把 ID 当作文本读取"
    )
}

/// The file of experiments, and the versions that it names.
///
/// # Errors
/// It cannot be read, or makes no sense; a server does not start with it.
pub fn experiments(config: &Config, values: &Values) -> Result<Finding> {
    let path = config.experiments_path();
    let finding = |verdict, text| Ok(Finding::new(verdict, "experiments", text));
    let experiments = Experiments::read(config)?;
    if !path.exists() {
        return match config.serve.experiments_file {
            Some(_) => finding(Verdict::Odd, absent(values.name_of("EXPERIMENTS_FILE"), &path)),
            None => finding(Verdict::Fine, t!("none: there is no {}", "没有：{} 不存在", path.display())),
        };
    }
    // what is told of them, but that one can be decided
    let told = operations::experiments::alerts(config, Utc::now())?;
    if let Some(alert) = told.iter().find(|alert| alert.name != "ExperimentDecided") {
        return finding(Verdict::Odd, format!("{}: {}", alert.summary, alert.description));
    }
    let unknown = experiments.running_versions().find(|version| model::verify(&config.models_dir, version).is_err());
    match unknown {
        Some(version) => finding(
            Verdict::Odd,
            t!(
                "{} names version {version}, which is not whole in {}: its visitors get the current one",
                "{} 指定了版本 {version}，而 {} 中没有完好的该版本：相应访客得到当前版本",
                path.display(),
                config.models_dir.display()
            ),
        ),
        None => finding(Verdict::Fine, t!("{} run by {}", "{} 个实验，见 {}", experiments.count(), path.display())),
    }
}

/// What is said of a file that a setting names and that is not there.
pub fn absent(setting: &str, path: &Path) -> String {
    t!(
        "{setting} names {}, which is not there: it counts as empty; write it, or take the setting out",
        "{setting} 指定的 {} 不存在，按空文件处理；请写该文件，或去掉此设置",
        path.display()
    )
}
