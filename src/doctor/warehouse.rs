//! The published warehouse, and whose clock its rows keep.

use anyhow::Result;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::Config;
use crate::sql_project::{Problem, Project};
use crate::warehouse;

/// Whether it opens, and whether times in it lie in the future.
///
/// # Errors
/// It cannot be opened, or is none of nearset's.
pub fn published(config: &Config) -> Result<Vec<Finding>> {
    let finding = |verdict, what, text| Finding::new(verdict, what, text);
    let path = config.warehouse_path();
    let path = path.display();
    if !config.warehouse_path().exists() {
        let text = t!(
            "{path} does not exist yet; `nearset run` makes it and trains the first model version, `nearset serve` answers then",
            "{path} 还不存在；`nearset run` 会创建它并训练第一个模型版本，之后 `nearset serve` 即可应答"
        );
        return Ok(vec![finding(Verdict::Odd, "warehouse", text)]);
    }
    let db = warehouse::glance(config)?;
    let as_of = warehouse::published_as_of(&db)?.format("%Y-%m-%d %H:%M:%S");
    let mut found = vec![finding(
        Verdict::Fine,
        "warehouse",
        t!("opens; stands for {as_of} UTC", "可以打开；对应时刻 {as_of} UTC"),
    )];
    let sql =
        "select count(*) from rejected_rows where reason = 'future_create_time' and source_table not like 'matomo%'";
    let ahead: u64 = db.query_row(sql, [], |row| row.get(0))?;
    if ahead > 0 {
        let zone = &config.parameters.business_timezone;
        found.push(finding(
            Verdict::Odd,
            "time zone",
            t!(
                "{ahead} times of the marketplace lie in the future; where its clock is not {zone}, set BUSINESS_TIMEZONE, as in \
                 Asia/Shanghai, and run `nearset run --full-refresh`",
                "业务数据中有 {ahead} 个时间在未来；若业务时钟不是 {zone}，请设置 BUSINESS_TIMEZONE（如 Asia/Shanghai），\
                 并执行 `nearset run --full-refresh`"
            ),
        ));
    }
    Ok(found)
}

/// Whether the SQL project's files bind against it; what is new there may only be missing until the next run.
pub fn binding(config: &Config, project: &Project) -> Option<Finding> {
    if !config.warehouse_path().exists() {
        return None;
    }
    let bound = warehouse::glance(config).and_then(|db| project.bind(config, &db));
    let odd = match bound {
        Ok(problems) => problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"),
        Err(error) => format!("{error:#}"),
    };
    (!odd.is_empty()).then(|| Finding::new(Verdict::Odd, "sql", odd))
}
