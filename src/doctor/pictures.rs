//! The pictures that the catalogue names, and where they are looked for.

use anyhow::Result;
use duckdb::Connection;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::{Config, Source};
use crate::embed::neural::{Places, is_address};
use crate::warehouse::{self, quote};

/// Whether they are where the settings say.
///
/// # Errors
/// What names them cannot be read.
pub fn covers(config: &Config) -> Result<Option<Finding>> {
    let finding = |verdict, text| Some(Finding::new(verdict, "covers", text));
    let all = urls(config)?;
    let (addresses, urls): (Vec<&String>, Vec<&String>) = all.iter().partition(|url| is_address(url));
    let places = Places::of(config.picture_roots())?;
    let beside = beside(addresses.len(), places.folder_count());
    let (named @ 1.., false) = (urls.len(), places.is_empty()) else {
        return Ok(match (urls.len(), beside.as_str()) {
            (0, "") => None,
            (0, beside) => {
                finding(Verdict::Fine, t!("no picture is named as a path{beside}", "没有以路径列出的图片{beside}"))
            }
            (named, beside) => finding(
                Verdict::Odd,
                t!(
                    "{named} pictures are named; DATASET_IMAGE_ROOT tells the folder they are in{beside}",
                    "列出了 {named} 张图片；DATASET_IMAGE_ROOT 指明它们所在的目录{beside}"
                ),
            ),
        });
    };
    let is_there = |url: &&&String| places.find(url).is_some_and(|path| path.is_file());
    let there = urls.iter().filter(is_there).count();
    let missing = urls.iter().find(|url| !is_there(url)).map(|url| looked_for(&places, url));
    let shown = places.shown();
    Ok(match missing {
        None => finding(
            Verdict::Fine,
            t!("all {named} pictures are in {shown}{beside}", "{named} 张图片均在 {shown} 中{beside}"),
        ),
        Some(missing) if there == 0 => finding(
            Verdict::Odd,
            t!(
                "none of {named} pictures is there: {missing} was looked for, below {}; set DATASET_IMAGE_ROOT to the folder \
                 that image_url is relative to{beside}",
                "{named} 张图片一张也没有：按 {} 查找了 {missing}；请将 DATASET_IMAGE_ROOT 设为 image_url 所相对的目录{beside}",
                setting(config)
            ),
        ),
        Some(missing) => finding(
            if there * 2 < named { Verdict::Odd } else { Verdict::Fine },
            t!(
                "{there} of {named} pictures are in {shown}; {missing} is not there{beside}",
                "{named} 张图片中有 {there} 张在 {shown}；缺 {missing}{beside}"
            ),
        ),
    })
}

/// What is said beside: of addresses, which nobody fetches, and of datasets' own folders, which come first.
fn beside(addresses: usize, folders: usize) -> String {
    let mut said = String::new();
    if folders > 0 {
        said += &t!("; {folders} datasets have a folder of pictures", "；{folders} 个数据集有自己的图片目录");
    }
    if addresses > 0 {
        said += &t!(
            "; {addresses} are addresses: pages show them, nothing is fetched",
            "；{addresses} 张是网址：页面照常显示，不下载"
        );
    }
    said
}

fn looked_for(places: &Places, url: &str) -> String {
    places.find(url).map_or_else(|| url.to_owned(), |path| path.display().to_string())
}

/// Which setting says where pictures are.
fn setting(config: &Config) -> &'static str {
    if config.models.image_root.is_none() { "DATA_JSON_DIR" } else { "DATASET_IMAGE_ROOT" }
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
