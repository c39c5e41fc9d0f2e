//! The models of texts and pictures, and the pictures themselves.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use walkdir::WalkDir;

use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::common::progress::grouped;
use crate::config::Config;
use crate::embed::neural::clip::Clip;
use crate::embed::neural::folder::{self, TextChoice};
use crate::embed::neural::{Places, Role, TextModel};
use crate::warehouse;

/// Which text model is there, and what it would take for this catalogue.
pub fn text_model(config: &Config) -> Finding {
    let what = "text model";
    let fine = |said: &str| Finding::new(Verdict::Fine, what, said.to_owned());
    let named = match folder::text_model(config) {
        TextChoice::Named(named) => named,
        TextChoice::None => {
            return fine(either(
                "none is wanted: texts are compared by TF-IDF and LSA",
                "不用模型：文本用 TF-IDF 与 LSA 比较",
            ));
        }
        TextChoice::Carried => {
            return fine(either(
                "none is named: texts are compared by TF-IDF and LSA, and where it helps by a table of English tokens",
                "未指定：文本用 TF-IDF 与 LSA 比较，有帮助时再加英文词元向量表",
            ));
        }
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
pub fn picture_model(config: &Config) -> Finding {
    let what = "picture model";
    let Some(named) = folder::clip_model(config) else {
        return Finding::new(
            Verdict::Fine,
            what,
            either("none is named: pictures are not looked at", "未指定：不看图片").to_owned(),
        );
    };
    let sampled = named.require().and_then(|folder| {
        let model = Clip::read(folder)?;
        let places = Places::of(config.picture_roots())?;
        let urls = sample(config, "select image_url from images order by hash(image_id)", 8);
        let paths: Vec<PathBuf> = urls.iter().filter_map(|url| places.find(url)).collect();
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
    Finding::new(
        Verdict::Fine,
        what,
        t!(
            "{}: {megabytes:.1} MB, {dimensions} dimensions{cost}",
            "{}：{megabytes:.1} MB，{dimensions} 维{cost}",
            folder.display()
        ),
    )
}

/// Up to `count` texts of the published warehouse; none before the first run.
fn sample(config: &Config, query: &str, count: usize) -> Vec<String> {
    let read = || -> Result<Vec<String>> {
        let db = warehouse::glance(config)?;
        let mut statement = db.prepare(&format!("{query} limit {count}"))?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?)
    };
    read().unwrap_or_default()
}

/// What embedding everything would take, where there is a catalogue.
fn cost(config: &Config, count: &str, each: f64, what: &str) -> String {
    let count = warehouse::glance(config).and_then(|db| Ok(db.query_row(count, [], |row| row.get::<_, u64>(0))?));
    match count {
        Ok(count) if count > 0 && each > 0.0 => {
            t!(
                "; about {:.0} s for {} {what}, once",
                "；{1} 个{what}约需 {0:.0} 秒，只此一次",
                (each * count as f64).ceil(),
                grouped(count)
            )
        }
        _ => String::new(),
    }
}

/// How many bytes a folder has.
fn size(folder: &Path) -> u64 {
    let entries = WalkDir::new(folder).follow_links(true).into_iter().flatten();
    entries.filter(|entry| entry.file_type().is_file()).filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}
