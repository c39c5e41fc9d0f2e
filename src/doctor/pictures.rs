//! The pictures that the catalogue names, and where they are looked for.

use std::path::Path;

use anyhow::Result;
use duckdb::Connection;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::{Config, Source};
use crate::embed::neural::picture_path;
use crate::warehouse::{self, quote};

/// Whether they are where the settings say.
///
/// # Errors
/// What names them cannot be read.
pub fn covers(config: &Config) -> Result<Option<Finding>> {
    let finding = |verdict, text| Some(Finding::new(verdict, "covers", text));
    let urls = urls(config)?;
    let (Some(root), named @ 1..) = (&config.models.image_root, urls.len()) else {
        return Ok(match urls.len() {
            0 => None,
            named => finding(
                Verdict::Odd,
                t!(
                    "{named} pictures are named; DATASET_IMAGE_ROOT tells the folder they are in",
                    "列出了 {named} 张图片；DATASET_IMAGE_ROOT 指明它们所在的目录"
                ),
            ),
        });
    };
    let is_there = |url: &&String| picture_path(root, url).is_some_and(|path| path.is_file());
    let there = urls.iter().filter(is_there).count();
    let missing = urls.iter().find(|url| !is_there(url)).map(|url| looked_for(root, url));
    let shown = root.display();
    Ok(match missing {
        None => finding(Verdict::Fine, t!("all {named} pictures are in {shown}", "{named} 张图片均在 {shown} 中")),
        Some(missing) if there == 0 => finding(
            Verdict::Odd,
            t!(
                "none of {named} pictures is there: {missing} was looked for, below {}; set DATASET_IMAGE_ROOT to the folder \
                 that image_url is relative to",
                "{named} 张图片一张也没有：按 {} 查找了 {missing}；请将 DATASET_IMAGE_ROOT 设为 image_url 所相对的目录",
                setting(config)
            ),
        ),
        Some(missing) => finding(
            if there * 2 < named { Verdict::Odd } else { Verdict::Fine },
            t!(
                "{there} of {named} pictures are in {shown}; {missing} is not there",
                "{named} 张图片中有 {there} 张在 {shown}；缺 {missing}"
            ),
        ),
    })
}

fn looked_for(root: &Path, url: &str) -> String {
    picture_path(root, url).map_or_else(|| url.to_owned(), |path| path.display().to_string())
}

/// Which setting says where pictures are.
fn setting(config: &Config) -> &'static str {
    if config.models.image_root == config.sources.json_dir { "DATA_JSON_DIR" } else { "DATASET_IMAGE_ROOT" }
}

/// The pictures that the warehouse names; before the first run, those of the exports.
fn urls(config: &Config) -> Result<Vec<String>> {
    let texts = |db: &Connection, query: &str| -> Result<Vec<String>> {
        Ok(db.prepare(query)?.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?)
    };
    if config.warehouse_path().exists() {
        return texts(&warehouse::glance(config)?, "select image_url from images order by image_id");
    }
    let (Source::Json, Some(dir)) = (&config.sources.business, &config.sources.json_dir) else { return Ok(Vec::new()) };
    let exports = ["dataset_image.json", "dataset_image.json.gz"].map(|name| dir.join(name));
    let Some(export) = exports.into_iter().find(|path| path.is_file()) else { return Ok(Vec::new()) };
    texts(
        &warehouse::small()?,
        &format!(
            "select json ->> 'image_url' as url from read_json_objects({}, format = 'auto') where url is not null",
            quote(&export.to_string_lossy())
        ),
    )
}
