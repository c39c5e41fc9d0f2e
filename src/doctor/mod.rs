//! `nearset doctor`: what is in order, what is not, and how to mend it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::common::errors::describe;
use crate::common::progress::grouped;
use crate::common::terminal::say;
use crate::config::{Config, SETTINGS};
use crate::embed::neural::clip::Clip;
use crate::embed::neural::{Role, TextModel, folder, picture_path};
use crate::extract::{Finding, Verdict};
use crate::sql_project::Project;
use crate::{extract, model, warehouse};

/// Prints every finding; fails where one keeps nearset from working.
pub fn doctor(config: &Config) -> Result<()> {
    let mut broken: usize = 0;
    let mut tell = |finding: Finding| {
        let mark = match finding.verdict {
            Verdict::Fine => "ok  ",
            Verdict::Odd => "look",
            Verdict::Broken => "MEND",
        };
        broken += usize::from(finding.verdict == Verdict::Broken);
        say!("{mark}  {:<28}  {}", finding.what, finding.text);
    };
    let judge = |what: &str, found: Result<String>| match found {
        Ok(text) => Finding::new(Verdict::Fine, what, text),
        Err(error) => Finding::new(Verdict::Broken, what, describe(&error)),
    };
    let set = SETTINGS.iter().filter(|s| std::env::var(s.name).is_ok_and(|v| !v.is_empty())).count();
    tell(judge(
        "settings",
        Ok(format!(
            "{} of {} set in the environment; times of the marketplace in {}, days in {}",
            set,
            SETTINGS.len(),
            config.business_timezone,
            config.report_timezone
        )),
    ));
    let project = config.project_dir().and_then(|dir| Project::load(dir, &extract::raw_tables()?));
    tell(judge("sql", project.map(|p| format!("{} files in order", p.relations.len()))));
    for name in extract::SOURCES {
        extract::inspect(config, name).into_iter().for_each(&mut tell);
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
        return conclude(broken);
    }
    tell(judge(
        "warehouse",
        warehouse::open_published(config).and_then(|db| {
            let as_of: String = db.query_row("select as_of::varchar from raw.run_parameters", [], |row| row.get(0))?;
            Ok(format!("opens; stands for {as_of} UTC"))
        }),
    ));
    tell(judge("covers", covers(config)));
    tell(judge(
        "model",
        model::load_current(&config.models_dir)
            .map(|m| format!("{} is whole: {} datasets", m.manifest.version, m.parts.items.len())),
    ));
    conclude(broken)
}

fn conclude(broken: usize) -> Result<()> {
    match broken {
        0 => Ok(()),
        n => bail!("{n} finding(s) to mend"),
    }
}

/// Whether the next run has room: it works on a copy, and spills beside it.
fn disk(config: &Config) -> Result<Finding> {
    let stat = rustix::fs::statvfs(&config.data_dir)?;
    let free = stat.f_bavail * stat.f_frsize;
    let warehouse = std::fs::metadata(config.warehouse_path()).map_or(0, |m| m.len());
    let needed = warehouse * 3 + (1 << 30);
    let text =
        format!("{:.1} GB free in DATA_DIR; the warehouse is {:.2} GB", free as f64 / 1e9, warehouse as f64 / 1e9);
    Ok(match free < needed {
        true => Finding::new(
            Verdict::Odd,
            "disk",
            format!(
                "{text}; a run works on a copy and may need {:.1} GB: make room, or move DATA_DIR",
                needed as f64 / 1e9
            ),
        ),
        false => Finding::new(Verdict::Fine, "disk", text),
    })
}

/// Which text model is there, and what it would take for this catalogue.
fn text_model(config: &Config) -> Finding {
    let what = "text model";
    let Some(named) = folder::text_model(config) else {
        return Finding::new(Verdict::Fine, what, "none is named: texts are compared by TF-IDF and LSA".to_owned());
    };
    let folder = match named.require() {
        Ok(folder) => folder,
        Err(error) => {
            // a run goes on without the one that the old system's settings name
            let verdict = if named.setting == "SBERT_MODEL" { Verdict::Odd } else { Verdict::Broken };
            return Finding::new(verdict, what, describe(&error));
        }
    };
    let sampled = TextModel::read(folder).and_then(|model| {
        let texts =
            sample(config, "select coalesce(description, title) from dataset_texts order by hash(dataset_id)", 32);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let started = Instant::now();
        model.embed(&texts, Role::Document, &|_| ())?;
        let each = started.elapsed().as_secs_f64() / texts.len().max(1) as f64;
        // tags, names and descriptions are read apart; the first two are short
        let cost = cost(config, "select count(*) from datasets", each * 1.5, "datasets");
        Ok(present(what, folder, model.dimensions(), &cost))
    });
    sampled.unwrap_or_else(|error| Finding::new(Verdict::Broken, what, describe(&error)))
}

/// The same of the model of pictures.
fn picture_model(config: &Config) -> Finding {
    let what = "picture model";
    let Some(named) = folder::clip_model(config) else {
        return Finding::new(Verdict::Fine, what, "none is named: pictures are not looked at".to_owned());
    };
    let sampled = named.require().and_then(|folder| {
        let model = Clip::read(folder)?;
        let root = config.image_root.clone().unwrap_or_default();
        let urls = sample(config, "select image_url from images order by hash(image_id)", 8);
        let paths: Vec<PathBuf> = urls.iter().filter_map(|url| picture_path(&root, url)).collect();
        let started = Instant::now();
        model.embed_pictures(&paths, &|_| ())?;
        let each = started.elapsed().as_secs_f64() / paths.len().max(1) as f64;
        let cost = cost(config, "select count(*) from images", each, "pictures");
        Ok(present(what, folder, model.dimensions(), &cost))
    });
    sampled.unwrap_or_else(|error| Finding::new(Verdict::Broken, what, describe(&error)))
}

/// A model that is there.
fn present(what: &str, folder: &Path, dimensions: usize, cost: &str) -> Finding {
    let megabytes = size(folder) as f64 / 1e6;
    Finding::new(Verdict::Fine, what, format!("{}: {megabytes:.1} MB, {dimensions} dimensions{cost}", folder.display()))
}

/// Up to `count` texts of the published warehouse; none before the first run.
fn sample(config: &Config, query: &str, count: usize) -> Vec<String> {
    let read = || -> Result<Vec<String>> {
        let db = warehouse::open_published(config)?;
        let mut statement = db.prepare(&format!("{query} limit {count}"))?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?)
    };
    read().unwrap_or_default()
}

/// What embedding everything would take, where there is a catalogue.
fn cost(config: &Config, count: &str, each: f64, what: &str) -> String {
    let count =
        warehouse::open_published(config).and_then(|db| Ok(db.query_row(count, [], |row| row.get::<_, u64>(0))?));
    match count {
        Ok(count) if count > 0 && each > 0.0 => {
            format!("; about {:.0} s for {} {what}, once", (each * count as f64).ceil(), grouped(count))
        }
        _ => String::new(),
    }
}

/// How many bytes a folder has.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok().map(|m| if m.is_dir() { size(&entry.path()) } else { m.len() }))
        .sum()
}

/// Whether the pictures the catalogue names are where it says.
fn covers(config: &Config) -> Result<String> {
    let db = warehouse::open_published(config)?;
    let mut statement = db.prepare("select image_url from images order by image_id")?;
    let urls: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    let Some(root) = &config.image_root else {
        return Ok(format!("{} pictures are named; DATASET_IMAGE_ROOT tells where they are", urls.len()));
    };
    let is_there = |url: &&String| picture_path(root, url).is_some_and(|path| path.is_file());
    let there = urls.iter().filter(is_there).count();
    let missing = urls.iter().find(|url| !is_there(url)).map_or(String::new(), |url| format!("; {url} is not"));
    Ok(format!("{there} of {} pictures are in {}{missing}", urls.len(), root.display()))
}

fn writable(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let probe = dir.join(".doctor");
    std::fs::write(&probe, b"")?;
    Ok(std::fs::remove_file(probe)?)
}
