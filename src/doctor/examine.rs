//! All that is looked at, in its order.

use std::env;

use anyhow::Result;

use super::folders::{disk, exposure_log, writable};
use super::kept::kept;
use super::models::{picture_model, text_model};
use super::notifications::notifications;
use super::pictures::covers;
use super::queries::queries;
use super::schedule::jobs;
use super::server::listening;
use super::tracking::tracking;
use super::versions::{absent, experiments, versions};
use super::warehouse::{binding, published};
use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::{self, Config, Values};
use crate::exposures::{Exclusions, exclusions};
use crate::serve::deployment::read_rules;
use crate::sql_project::Project;
use crate::{extract, train, warehouse};

fn broken(what: &str, error: &anyhow::Error) -> Finding {
    Finding::new(Verdict::Broken, what, describe(error))
}

/// Looks at everything a run and a server need; `tell` hears of each finding as soon as it is made.
pub fn examine(config: &Config, values: &Values, tell: &mut dyn FnMut(Finding)) {
    tell(Finding::new(Verdict::Fine, "settings", config::places(values)));
    config::old_names(values).into_iter().for_each(&mut *tell);
    for note in values.notes() {
        tell(Finding::new(Verdict::Odd, "settings", note.clone()));
    }
    // what is looked at through DuckDB needs a folder for a moment: it is not one of theirs
    let aside = Config { data_dir: env::temp_dir(), ..config.clone() };
    tell(clocks(&aside));
    sql(config, tell);
    for name in extract::SOURCES {
        extract::inspect(&aside, name).into_iter().for_each(&mut *tell);
    }
    tell(writable("data", "DATA_DIR", &config.data_dir));
    tell(writable("models", "MODELS_DIR", &config.models_dir));
    exposure_log(config).into_iter().for_each(&mut *tell);
    if let Some(dir) = &config.daily_reports {
        tell(writable("reports", "DAILY_REPORT_DIR", dir));
    }
    tell(disk(config));
    tell(kept(config).unwrap_or_else(|error| broken("kept", &error)));
    tell(contracts(config).unwrap_or_else(|error| broken("contracts", &error)));
    tell(rules(config).unwrap_or_else(|error| broken("rules", &error)));
    tell(excluded(config).unwrap_or_else(|error| broken("exclusions", &error)));
    tell(experiments(config, values).unwrap_or_else(|error| broken("experiments", &error)));
    tell(jobs(config).unwrap_or_else(|error| broken("schedule", &error)));
    tell(notifications(config).unwrap_or_else(|error| broken("notifications", &error)));
    tell(listening(config.serve.listen, &config.models_dir));
    queries(config).into_iter().for_each(&mut *tell);
    tell(text_model(config));
    tell(picture_model(config));
    published(config).unwrap_or_else(|error| vec![broken("warehouse", &error)]).into_iter().for_each(&mut *tell);
    tracking(config).unwrap_or_else(|error| vec![broken("tracking", &error)]).into_iter().for_each(&mut *tell);
    covers(config).unwrap_or_else(|error| Some(broken("covers", &error))).into_iter().for_each(&mut *tell);
    versions(config, tell);
}

/// Whether times can be turned into the zones that settings name.
fn clocks(aside: &Config) -> Finding {
    let parameters = &aside.parameters;
    match warehouse::in_memory(aside) {
        Err(error) => broken("time zone", &error),
        Ok(_) => Finding::new(
            Verdict::Fine,
            "time zone",
            t!(
                "times of the marketplace are in {}, days in {}",
                "业务时间的时区为 {}，按 {} 划分日期",
                parameters.business_timezone,
                parameters.report_timezone
            ),
        ),
    }
}

fn sql(config: &Config, tell: &mut dyn FnMut(Finding)) {
    let load = || -> Result<Project> {
        let project = Project::of(config, &extract::raw_tables()?)?;
        train::require_no_leak(&project)?;
        Ok(project)
    };
    match load() {
        Err(error) => tell(broken("sql", &error)),
        Ok(project) => {
            let (files, origin) = (project.relations.len(), &project.origin);
            let fine = || {
                let text = t!("{files} files are in order: {origin}", "{files} 个文件无误：{origin}");
                Finding::new(Verdict::Fine, "sql", text)
            };
            tell(binding(config, &project).unwrap_or_else(fine));
        }
    }
}

/// The schema contracts, and which of their rules the published rows break.
fn contracts(config: &Config) -> Result<Finding> {
    let contracts = extract::contracts::read(config)?;
    let rules = contracts.count();
    let mut text = match &contracts.file {
        Some(path) => t!("{rules} rules in {}", "{} 中有 {rules} 条规则", path.display()),
        None => t!("no file: the columns that nearset needs must be there", "没有契约文件：只要求 nearset 所需的列"),
    };
    let published = warehouse::glance(config).and_then(|db| extract::contracts::violations(&db));
    let broken: Vec<String> = published.unwrap_or_default().iter().map(|violation| violation.text()).collect();
    for note in contracts.notes.iter().chain(&broken) {
        text += &format!("\n{note}");
    }
    let is_fine = contracts.notes.is_empty() && broken.is_empty();
    Ok(Finding::new(if is_fine { Verdict::Fine } else { Verdict::Odd }, "contracts", text))
}

/// Who counts in no figure, and what each rule took out of the published ones.
fn excluded(config: &Config) -> Result<Finding> {
    let Exclusions { file, rules } = exclusions::read(config)?;
    let Some(path) = file else {
        let text = t!("none: there is no {}", "没有：{} 不存在", config.exclude_path().display());
        return Ok(Finding::new(Verdict::Fine, "exclusions", text));
    };
    let mut text = t!("{} rules in {}", "{} 条规则，见 {}", rules.len(), path.display());
    let effects = warehouse::glance(config).and_then(|db| exclusions::effects(&db)).unwrap_or_default();
    for rule in &rules {
        let effect = effects.iter().find(|effect| effect.rule == rule.name).map(exclusions::Effect::text);
        let waits = || t!("{} holds of figures from the next run on", "{} 从下一次运行起对指标生效", rule.name);
        text += &format!("\n{}", effect.unwrap_or_else(waits));
    }
    Ok(Finding::new(Verdict::Fine, "exclusions", text))
}

fn rules(config: &Config) -> Result<Finding> {
    let path = config.rules_path();
    let rules = read_rules(&path)?.rules.len();
    let (verdict, text) = match (path.exists(), &config.lists.rules_file) {
        (true, _) => (Verdict::Fine, t!("{rules} in {}", "{} 中有 {rules} 条", path.display())),
        (false, Some(_)) => (Verdict::Odd, absent("RULES_FILE", &path)),
        (false, None) => (Verdict::Fine, t!("none: there is no {}", "没有：{} 不存在", path.display())),
    };
    Ok(Finding::new(verdict, "rules", text))
}
