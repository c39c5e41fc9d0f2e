//! `nearset doctor`: what is in order, what is not, and how to mend it.

use std::path::Path;

use anyhow::{Result, bail};

use crate::config::{Config, SETTINGS};
use crate::warehouse::project::Project;
use crate::{extract, model, warehouse};

/// Prints every finding; fails where one keeps nearset from working.
pub fn doctor(config: &Config) -> Result<()> {
    let mut broken = 0;
    let mut say = |what: &str, finding: Result<String>| match finding {
        Ok(text) => println!("ok    {what:<10} {text}"),
        Err(error) => {
            broken += 1;
            println!("MEND  {what:<10} {error:#}");
        }
    };
    let set = SETTINGS.iter().filter(|s| std::env::var(s.name).is_ok_and(|v| !v.is_empty())).count();
    say(
        "settings",
        Ok(format!(
            "{} of {} set in the environment; times of the marketplace in {}, days in {}",
            set,
            SETTINGS.len(),
            config.business_timezone,
            config.report_timezone
        )),
    );
    say(
        "sql",
        config
            .project_dir()
            .and_then(|dir| Project::load(dir, &extract::raw_tables()))
            .map(|p| format!("{} files in order", p.relations.len())),
    );
    say(
        "exports",
        extract::preview(None, config).map(|lines| {
            let there = lines.iter().filter(|l| !l.ends_with("nothing new")).count();
            format!("{there} of {} tables have exports", lines.len())
        }),
    );
    for (what, dir) in [("data", &config.data_dir), ("models", &config.models_dir)] {
        say(what, writable(dir).map(|()| format!("{} can be written", dir.display())));
    }
    say(
        "warehouse",
        warehouse::open_published(config).and_then(|db| {
            let as_of: String = db.query_row("select as_of::varchar from raw.run_parameters", [], |row| row.get(0))?;
            Ok(format!("opens; stands for {as_of} UTC"))
        }),
    );
    say("covers", covers(config));
    say(
        "model",
        model::load_current(&config.models_dir)
            .map(|m| format!("{} is whole: {} datasets", m.manifest.version, m.items.len())),
    );
    match broken {
        0 => Ok(()),
        n => bail!("{n} finding(s) to mend"),
    }
}

/// Whether the pictures the catalogue names are where it says.
fn covers(config: &Config) -> Result<String> {
    let db = warehouse::open_published(config)?;
    let mut statement = db.prepare("select image_url from images order by image_id")?;
    let urls: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    let Some(root) = &config.image_root else {
        return Ok(format!("{} pictures are named; DATASET_IMAGE_ROOT tells where they are", urls.len()));
    };
    let is_there = |url: &&String| root.join(url.trim_start_matches('/')).is_file();
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
