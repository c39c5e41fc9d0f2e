//! `nearset upgrade check`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::Utc;

use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::config::{self, Config, Values};
use crate::extract;
use crate::model::{self, FORMAT};
use crate::operations::backup::backups;
use crate::operations::release;
use crate::sql_project::{Difference, Project, Room, differences, existing};
use crate::warehouse::{self, Written};

/// How old the newest backup may be before an upgrade, in days.
const FRESH: i64 = 1;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Looks at everything that another nearset wrote; `tell` hears of each finding.
pub fn check(values: &Values, tell: &mut dyn FnMut(Finding)) {
    settings(values, tell);
    let Ok(config) = Config::of(values) else { return };
    let mut each = |what: &str, found: Result<Vec<Finding>>| match found {
        Ok(found) => found.into_iter().for_each(&mut *tell),
        Err(error) => tell(Finding::new(Verdict::Broken, what, describe(&error))),
    };
    each("program", Ok(vec![program(&config)]));
    each("warehouse", Ok(vec![published(&config)]));
    each("relations", relations(&config));
    each("versions", versions(&config));
    each("project", project(&config));
    each("files", files(&config));
    each("release", release::read(&config).map(|_| Vec::new()));
    each("backup", backup(&config));
}

/// Names that are no settings any more, and values that cannot be used.
fn settings(values: &Values, tell: &mut dyn FnMut(Finding)) {
    let problems = values.problems();
    for problem in &problems {
        tell(Finding::new(Verdict::Broken, "settings", problem.clone()));
    }
    values.notes().iter().for_each(|note| tell(Finding::new(Verdict::Odd, "settings", note.clone())));
    config::old_names(values).into_iter().filter(|old| old.verdict != Verdict::Fine).for_each(&mut *tell);
    if problems.is_empty() {
        let text = t!("every name and value is one of {VERSION}'s", "所有名称与取值都适用于 {VERSION}");
        tell(Finding::new(Verdict::Fine, "settings", text));
    }
}

fn program(config: &Config) -> Finding {
    let writer = model::current(&config.models_dir)
        .and_then(|version| model::read_manifest(&config.models_dir, &version).ok())
        .map(|manifest| manifest.nearset_version);
    let text = match writer {
        Some(writer) if writer == VERSION => {
            t!("this is {VERSION}, which wrote what lies here", "本程序 {VERSION} 即现有内容的写入者")
        }
        Some(writer) => t!(
            "this is {VERSION}; what lies here was written by {writer}",
            "本程序为 {VERSION}；现有内容由 {writer} 写成"
        ),
        None => t!("this is {VERSION}; no version says who wrote it", "本程序为 {VERSION}；没有版本可说明写入者"),
    };
    Finding::new(Verdict::Fine, "program", text)
}

/// DuckDB's number for the form of a database file.
fn storage(path: &Path) -> Result<Option<u64>> {
    let mut head = [0; 20];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    let number = head[12..].try_into().map(u64::from_le_bytes).ok();
    Ok(number.filter(|_| &head[8..12] == b"DUCK"))
}

/// Whether the warehouse can be read, and what a run makes of it.
fn published(config: &Config) -> Finding {
    let path = config.warehouse_path();
    if !path.exists() {
        return Finding::new(Verdict::Fine, "warehouse", either("there is none yet", "还没有").to_owned());
    }
    let form = match storage(&path) {
        Ok(Some(form)) => form.to_string(),
        _ => either("unknown", "未知").to_owned(),
    };
    match warehouse::glance(config) {
        Ok(_) => {
            let text = t!(
                "form {form} of DuckDB's files is read here; the next run works on a copy, which may be of a newer form",
                "DuckDB 文件格式 {form} 可读；下次运行会写出副本，其格式可能更新"
            );
            Finding::new(Verdict::Fine, "warehouse", text)
        }
        Err(error) => {
            let text = t!(
                "{} (form {form} of DuckDB's files): the nearset that wrote it or a newer one reads it",
                "{}（DuckDB 文件格式 {form}）：写它的 nearset 或更新版本能读",
                describe(&error)
            );
            Finding::new(Verdict::Broken, "warehouse", text)
        }
    }
}

/// Relations that come and go with the next run.
fn relations(config: &Config) -> Result<Vec<Finding>> {
    let Ok(db) = warehouse::glance(config) else { return Ok(Vec::new()) };
    let project = Project::for_run(config, &extract::raw_tables()?)?;
    let there: BTreeSet<String> = existing(&db)?.into_keys().collect();
    let due: BTreeSet<String> =
        project.relations.iter().filter(|one| one.room != Room::Checks).map(|one| one.name.clone()).collect();
    let listed = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let (new, gone) = (
        listed(due.difference(&there).collect()),
        listed(there.difference(&due).filter(|name| !project.has(name)).collect()),
    );
    let mut found = vec![Finding::new(
        Verdict::Fine,
        "relations",
        t!("the next run makes all {} anew", "下次运行会重新生成全部 {} 个", due.len()),
    )];
    if !new.is_empty() {
        found.push(Finding::new(Verdict::Fine, "relations", t!("new with the next run: {new}", "下次运行新增：{new}")));
    }
    if !gone.is_empty() {
        let text = t!(
            "gone with the next run, since no file makes them: {gone}; see what reads them",
            "下次运行后消失（没有文件生成它们）：{gone}；请查看谁在读取"
        );
        found.push(Finding::new(Verdict::Odd, "relations", text));
    }
    Ok(found)
}

/// Whether each model version is of a form that is read here, and which nearset reads it where not.
fn versions(config: &Config) -> Result<Vec<Finding>> {
    let (all, current) = (model::list(&config.models_dir)?, model::current(&config.models_dir));
    let mut found = Vec::new();
    let verdict = |version: &str| if current.as_deref() == Some(version) { Verdict::Broken } else { Verdict::Odd };
    let (mut read, mut older) = (0, 0);
    for manifest in &all.whole {
        let (version, format) = (&manifest.version, manifest.format);
        if model::is_read(format) {
            read += 1;
            older += usize::from(format < FORMAT);
        } else {
            let why = model::unread(format, &manifest.nearset_version);
            found.push(Finding::new(verdict(version), "versions", format!("{version}: {why}")));
        }
    }
    for (version, error) in &all.damaged {
        found.push(Finding::new(verdict(version), "versions", format!("{version}: {}", describe(error))));
    }
    if read > 0 {
        let text = t!(
            "{read} are read here, {older} of them of an older form; no training is needed, and the next run writes form {FORMAT}",
            "{read} 个可读，其中 {older} 个是旧格式；无需重新训练，下次运行写格式 {FORMAT}"
        );
        found.push(Finding::new(Verdict::Fine, "versions", text));
    }
    Ok(found)
}

/// How a project folder of one's own differs from what is inside the program.
fn project(config: &Config) -> Result<Vec<Finding>> {
    let Some(dir) = &config.project else {
        let text = either("the files inside the program are used", "使用程序自带的文件").to_owned();
        return Ok(vec![Finding::new(Verdict::Fine, "project", text)]);
    };
    let all = differences(dir)?;
    let of = |wanted: Difference| {
        let files = all.iter().filter(|(_, difference)| *difference == wanted);
        files.map(|(file, _)| file.display().to_string()).collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    for (difference, verdict, what) in [
        (
            Difference::Changed,
            Verdict::Odd,
            either("say something else than those inside this program", "与本程序自带的不同"),
        ),
        (Difference::Missing, Verdict::Odd, either("are inside this program and missing", "本程序自带而此处缺少")),
        (Difference::Own, Verdict::Fine, either("are your own", "为自有文件")),
    ] {
        let files = of(difference);
        if !files.is_empty() {
            let text = t!("{} of {}: {what}", "{} 个（{}）：{what}", files.len(), files.join(", "));
            found.push(Finding::new(verdict, "project", text));
        }
    }
    if all.is_empty() {
        let text = t!("every file of {} is as inside {VERSION}", "{} 的所有文件与 {VERSION} 自带的一致", dir.display());
        found.push(Finding::new(Verdict::Fine, "project", text));
    }
    Ok(found)
}

/// Files that the next run writes over and somebody else has changed.
fn files(config: &Config) -> Result<Vec<Finding>> {
    let changed = Written::read(config)?.changed(config)?;
    let listed: Vec<String> = changed.iter().map(|file| file.display().to_string()).collect();
    Ok(match listed.as_slice() {
        [] => vec![Finding::new(
            Verdict::Fine,
            "files",
            either("the next run writes over its own files alone", "下次运行只覆盖自己写的文件").to_owned(),
        )],
        files => {
            let text = t!(
                "changed by others since they were written; the next run keeps them in {} before it writes them again: {}",
                "写出后被他人改过；下次运行会先存入 {} 再重写：{}",
                config.replaced_dir().display(),
                files.join(", ")
            );
            vec![Finding::new(Verdict::Odd, "files", text)]
        }
    })
}

/// Whether there is a way back.
fn backup(config: &Config) -> Result<Vec<Finding>> {
    if !config.warehouse_path().exists() {
        return Ok(Vec::new());
    }
    let newest = backups(&config.backup_dir())?.pop();
    Ok(vec![match newest {
        Some(newest) if (Utc::now() - newest.at).num_days() <= FRESH => {
            Finding::new(Verdict::Fine, "backup", newest.path.display().to_string())
        }
        _ => {
            let text = t!(
                "none of today in {}: `nearset backup` makes one, which is the way back",
                "{} 中没有今天的备份：请用 `nearset backup` 生成，以便回退",
                config.backup_dir().display()
            );
            Finding::new(Verdict::Odd, "backup", text)
        }
    }])
}
