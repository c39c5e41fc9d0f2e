//! All that is looked at, in its order.

use anyhow::Result;

use super::folders::{disk, writable};
use super::models::{covers, picture_model, text_model};
use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::{self, Config};
use crate::model::Model;
use crate::sql_project::Project;
use crate::{extract, model, warehouse};

/// Looks at everything a run and a server need; `tell` hears of each finding as soon as it is made.
pub fn examine(config: &Config, tell: &mut dyn FnMut(Finding)) {
    let judge = |what: &str, found: Result<String>| match found {
        Ok(text) => Finding::new(Verdict::Fine, what, text),
        Err(error) => Finding::new(Verdict::Broken, what, describe(&error)),
    };
    let settings = config::settings();
    let set = settings.iter().filter(|s| std::env::var(&s.name).is_ok_and(|v| !v.is_empty())).count();
    tell(judge(
        "settings",
        Ok(format!(
            "{} of {} set in the environment; times of the marketplace in {}, days in {}",
            set,
            settings.len(),
            config.parameters.business_timezone,
            config.parameters.report_timezone
        )),
    ));
    let project = extract::raw_tables().and_then(|raw| Project::load(config.project.as_deref(), &raw));
    tell(judge("sql", project.map(|p| t!("{} files in order: {}", "{} 个文件无误：{}", p.relations.len(), p.origin))));
    for name in extract::SOURCES {
        extract::inspect(config, name).into_iter().for_each(&mut *tell);
    }
    for (what, dir) in [("data", &config.data_dir), ("models", &config.models_dir)] {
        tell(judge(what, writable(dir).map(|()| format!("{} can be written", dir.display()))));
    }
    tell(text_model(config));
    tell(picture_model(config));
    tell(disk(config).unwrap_or_else(|error| Finding::new(Verdict::Odd, "disk", describe(&error))));
    // what the first run makes is not amiss before it
    if !config.warehouse_path().exists() {
        let text = format!("{} does not exist yet; `nearset run` makes it", config.warehouse_path().display());
        tell(Finding::new(Verdict::Odd, "warehouse", text));
        return;
    }
    tell(judge(
        "warehouse",
        warehouse::open_published(config).and_then(|db| {
            let as_of: String = db.query_row("select as_of::varchar from raw.run_parameters", [], |row| row.get(0))?;
            Ok(format!("opens; stands for {as_of} UTC"))
        }),
    ));
    tell(judge("covers", covers(config)));
    let model = model::load_current(&config.models_dir);
    let largest_id = model.as_ref().map_or(0, Model::largest_id);
    let whole = |m: Model| format!("{} is whole: {} datasets", m.manifest.version, m.parts.items.len());
    tell(judge("model", model.map(whole)));
    if config.serve.id_format.is_lossy(largest_id) {
        tell(Finding::new(Verdict::Odd, "ids", lossy_ids(largest_id)));
    }
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
