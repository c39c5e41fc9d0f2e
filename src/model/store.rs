//! Model versions on disk: save, load, promote, roll back.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use duckdb::arrow::array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, Int64Builder, ListBuilder, StringArray,
    UInt32Array,
};
use duckdb::arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    FEATURES, FORMAT, Figure, Figures, History, Item, Manifest, Model, Neighbour, Neighbours, Parts, Ranked, Ranker,
    Sessions,
};
use crate::common::files::{self, hex, sha256};
use crate::index::{Index, Vectors};
use crate::warehouse::arrow::{each_batch, text_at};
use crate::warehouse::{self, quote};

const MANIFEST: &str = "manifest.json";
const VECTORS: &str = "vectors.f32";
const BEHAVIOUR: &str = "behaviour.f32";
const RANKER: &str = "ranker.json";
const GRAPH: &str = "graph.bin";
const PICTURES: &str = "pictures.f32";
const PICTURES_GRAPH: &str = "pictures_graph.bin";
const PROMOTIONS: &str = "promotions.jsonl";
const TRAFFIC: &str = "traffic.json";

/// How many versions stay on disk beside the current one.
const KEPT: usize = 10;

/// Saves a version and returns its name, which holds `as_of` and a hash of its files. A version already there
/// with the same content is left as it is.
pub fn save(models_dir: &Path, model: &mut Model) -> Result<String> {
    fs::create_dir_all(models_dir)
        .with_context(|| format!("{} cannot be made; MODELS_DIR must be writable", models_dir.display()))?;
    for leftover in
        fs::read_dir(models_dir)?.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(".work-"))
    {
        fs::remove_dir_all(leftover.path()).ok();
    }
    let work = models_dir.join(format!(".work-{}", std::process::id()));
    fs::create_dir_all(&work)?;
    let result = write_files(&work, model).and_then(|()| {
        let place = models_dir.join(&model.manifest.version);
        if place.exists() {
            fs::remove_dir_all(&work)?;
        } else {
            files::rename(&work, &place)?;
        }
        Ok(model.manifest.version.clone())
    });
    fs::remove_dir_all(&work).ok();
    result
}

fn write_files(dir: &Path, model: &mut Model) -> Result<()> {
    let db = warehouse::small()?;
    for (name, batch) in tables(model)? {
        write_parquet(&db, batch, &dir.join(format!("{name}.parquet")))?;
    }
    write_index(dir, VECTORS, GRAPH, &model.index)?;
    if !model.parts.pictures.vectors().is_empty() {
        write_index(dir, PICTURES, PICTURES_GRAPH, &model.parts.pictures)?;
    }
    fs::write(dir.join(BEHAVIOUR), model.parts.behaviour.to_bytes())?;
    if let Some(ranker) = &model.parts.ranker {
        fs::write(dir.join(RANKER), serde_json::to_vec(ranker)?)?;
    }
    let mut files = BTreeMap::new();
    let mut hash = Sha256::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        files::sync(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, sha256(&path)?);
    }
    for (name, sha256) in &files {
        hash.update(format!("{name} {sha256}\n"));
    }
    let short = hex(&hash.finalize()[..4]);
    model.manifest.files = files;
    model.manifest.version = format!("{}-{short}", model.manifest.trained_at.format("%Y%m%dT%H%M%SZ"));
    files::write(&dir.join(MANIFEST), &serde_json::to_vec_pretty(&model.manifest)?)
}

fn write_index(dir: &Path, vectors: &str, graph: &str, index: &Index) -> Result<()> {
    fs::write(dir.join(vectors), index.vectors().to_bytes())?;
    if let Some(built) = index.graph() {
        fs::write(dir.join(graph), postcard::to_stdvec(built).context("the index cannot be written")?)?;
    }
    Ok(())
}

fn write_parquet(db: &Connection, batch: RecordBatch, path: &Path) -> Result<()> {
    let columns = batch
        .schema()
        .fields()
        .iter()
        .map(|f| {
            let kind = match f.data_type() {
                duckdb::arrow::datatypes::DataType::Utf8 => "varchar",
                duckdb::arrow::datatypes::DataType::Boolean => "boolean",
                duckdb::arrow::datatypes::DataType::Float32 => "float",
                duckdb::arrow::datatypes::DataType::Float64 => "double",
                duckdb::arrow::datatypes::DataType::UInt32 => "uinteger",
                duckdb::arrow::datatypes::DataType::List(_) => "bigint[]",
                _ => "bigint",
            };
            format!("{} {kind}", warehouse::ident(f.name()))
        })
        .collect::<Vec<_>>()
        .join(", ");
    db.execute_batch(&format!("create or replace table part ({columns})"))?;
    // the appender takes a batch of at most a vector's length at a time
    let mut appender = db.appender("part")?;
    let mut start = 0;
    while start < batch.num_rows() {
        let length = (batch.num_rows() - start).min(2048);
        appender.append_record_batch(batch.slice(start, length))?;
        start += length;
    }
    appender.flush()?;
    drop(appender);
    db.execute_batch(&format!("copy part to {} (format parquet); drop table part;", quote(&path.to_string_lossy())))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// The version's tables, as Arrow batches.
fn tables(model: &Model) -> Result<Vec<(&'static str, RecordBatch)>> {
    let Parts { items, neighbours, popular, trending, users, sessions, .. } = &model.parts;
    let id = |item: u32| model.item(item).dataset_id;
    let items = RecordBatch::try_from_iter([
        ("dataset_id", Arc::new(Int64Array::from_iter_values(items.iter().map(|i| i.dataset_id))) as ArrayRef),
        ("title", Arc::new(StringArray::from_iter_values(items.iter().map(|i| &i.title)))),
        ("price", Arc::new(Float64Array::from_iter(items.iter().map(|i| i.price)))),
        ("cover_image", Arc::new(StringArray::from_iter(items.iter().map(|i| i.cover_image.as_deref())))),
        ("is_listed", Arc::new(BooleanArray::from_iter(items.iter().map(|i| Some(i.is_listed))))),
        ("provider", Arc::new(StringArray::from_iter(items.iter().map(|i| i.provider.as_deref())))),
        ("tags", Arc::new(StringArray::from_iter_values(items.iter().map(|i| &*i.tags)))),
        ("views", Arc::new(UInt32Array::from_iter_values(items.iter().map(|i| i.views)))),
        ("recent_views", Arc::new(Float32Array::from_iter_values(items.iter().map(|i| i.recent_views)))),
    ])?;
    let pairs = || {
        neighbours.iter().enumerate().flat_map(|(item, list)| {
            list.iter().enumerate().map(move |(position, neighbour)| (item as u32, position as u32, neighbour))
        })
    };
    let figure =
        |figure| Arc::new(Float32Array::from_iter_values(pairs().map(|p| p.2.figures.get(figure)))) as ArrayRef;
    let count = |pick: fn(&Neighbour) -> u16| {
        Arc::new(UInt32Array::from_iter_values(pairs().map(|p| pick(p.2).into()))) as ArrayRef
    };
    let neighbours = RecordBatch::try_from_iter([
        ("dataset_id", Arc::new(Int64Array::from_iter_values(pairs().map(|p| id(p.0)))) as ArrayRef),
        ("position", Arc::new(UInt32Array::from_iter_values(pairs().map(|p| p.1)))),
        ("neighbour_id", Arc::new(Int64Array::from_iter_values(pairs().map(|p| id(p.2.item))))),
        ("organic", figure(Figure::Organic)),
        ("followed", figure(Figure::Followed)),
        ("reverse", figure(Figure::Reverse)),
        ("walk", figure(Figure::Walk)),
        ("bridge", figure(Figure::Bridge)),
        ("lexical", figure(Figure::Lexical)),
        ("next_organic", count(|n| n.next_organic.into())),
        ("next_followed", count(|n| n.next_followed.into())),
        ("visits", count(|n| n.visits)),
        ("examined", figure(Figure::Examined)),
        ("clicks", count(|n| n.clicks)),
    ])?;
    let ranked = std::iter::once(("popular", popular))
        .chain(trending.iter().map(|(timeframe, list)| (timeframe.as_str(), list)));
    let ranked: Vec<(&str, usize, &Ranked)> = ranked
        .flat_map(|(list, entries)| entries.iter().enumerate().map(move |(position, entry)| (list, position, entry)))
        .collect();
    let lists = RecordBatch::try_from_iter([
        ("list", Arc::new(StringArray::from_iter_values(ranked.iter().map(|r| r.0))) as ArrayRef),
        ("position", Arc::new(UInt32Array::from_iter_values(ranked.iter().map(|r| r.1 as u32)))),
        ("dataset_id", Arc::new(Int64Array::from_iter_values(ranked.iter().map(|r| id(r.2.item))))),
        ("score", Arc::new(Float32Array::from_iter_values(ranked.iter().map(|r| r.2.score)))),
        ("views", Arc::new(UInt32Array::from_iter_values(ranked.iter().map(|r| r.2.views)))),
    ])?;
    let id_lists = |lists: &mut dyn Iterator<Item = &[u32]>| {
        let mut builder = ListBuilder::new(Int64Builder::new());
        for list in lists {
            builder.append_value(list.iter().map(|item| Some(id(*item))));
        }
        Arc::new(builder.finish()) as ArrayRef
    };
    let mut ids: Vec<i64> = users.keys().copied().collect();
    ids.sort_unstable();
    let history = |pick: fn(&History) -> &Vec<u32>| id_lists(&mut ids.iter().map(|user| pick(&users[user]).as_slice()));
    let users = RecordBatch::try_from_iter([
        ("user_id", Arc::new(Int64Array::from(ids.clone())) as ArrayRef),
        ("bought", history(|h| &h.bought)),
        ("viewed", history(|h| &h.viewed)),
        ("taste", history(|h| &h.taste)),
    ])?;
    let visits = RecordBatch::try_from_iter([
        ("position", Arc::new(UInt32Array::from_iter_values(0..sessions.len() as u32)) as ArrayRef),
        ("dataset_ids", id_lists(&mut sessions.visits())),
    ])?;
    Ok(vec![("items", items), ("neighbours", neighbours), ("lists", lists), ("users", users), ("visits", visits)])
}

/// Reads a version's manifest.
pub fn read_manifest(models_dir: &Path, version: &str) -> Result<Manifest> {
    let path = models_dir.join(version).join(MANIFEST);
    let text = fs::read_to_string(&path).with_context(|| {
        format!("{} cannot be read; `nearset models list` shows the versions there are", path.display())
    })?;
    serde_json::from_str(&text).with_context(|| format!("{} is no manifest", path.display()))
}

/// Loads a version into memory after checking every file's checksum.
pub fn load(models_dir: &Path, version: &str) -> Result<Model> {
    let dir = models_dir.join(version);
    let manifest = read_manifest(models_dir, version)?;
    if manifest.format != FORMAT {
        bail!(
            "{} was written by nearset {} in another form; `nearset run` trains a version that this one can read",
            dir.display(),
            manifest.nearset_version
        );
    }
    for (name, expected) in &manifest.files {
        if sha256(&dir.join(name))? != *expected {
            bail!("{} is not what its manifest says (checksum); train again", dir.join(name).display());
        }
    }
    let db = warehouse::small()?;
    // what DuckDB buffers while it reads stays with the process: a thread reads quickly enough, and gives back
    db.execute_batch("set threads = 1; set allocator_flush_threshold = '1MB'; set memory_limit = '256MB'")?;
    let from = |name: &str| quote(&dir.join(format!("{name}.parquet")).to_string_lossy());
    let items = load_items(&db, &from("items"), manifest.items)?;
    let by_id: HashMap<i64, u32> =
        items.iter().enumerate().map(|(index, item)| (item.dataset_id, index as u32)).collect();
    let find = |id: i64| by_id.get(&id).copied().ok_or_else(|| anyhow!("{}: dataset {id} is no item", dir.display()));
    let known = |list: &[i64]| list.iter().map(|id| find(*id)).collect::<Result<Vec<u32>>>();
    let mut parts = Parts::default();
    let count = format!("select count(*) from {}", from("neighbours"));
    let count: usize = db.query_row(&count, [], |row| row.get(0)).context("the neighbours cannot be counted")?;
    parts.neighbours = Neighbours::with_capacity(items.len(), count);
    // in the order in which they were written: by dataset and position
    each_batch(
        &db,
        &format!(
            "select dataset_id, neighbour_id, organic::double as organic, followed::double as followed,
                 reverse::double as reverse, walk::double as walk, bridge::double as bridge, lexical::double as lexical,
                 next_organic::bigint as next_organic, next_followed::bigint as next_followed, visits::bigint as visits,
                 examined::double as examined, clicks::bigint as clicks
             from {}",
            from("neighbours")
        ),
        |batch| {
            let (ids, others, visits) = (batch.i64("dataset_id")?, batch.i64("neighbour_id")?, batch.i64("visits")?);
            let (examined, clicks) = (batch.f64("examined")?, batch.i64("clicks")?);
            let (next_organic, next_followed) = (batch.i64("next_organic")?, batch.i64("next_followed")?);
            let (organic, followed, reverse) = (batch.f64("organic")?, batch.f64("followed")?, batch.f64("reverse")?);
            let (walk, bridge, lexical) = (batch.f64("walk")?, batch.f64("bridge")?, batch.f64("lexical")?);
            for row in 0..batch.rows() {
                let mut figures = Figures::default();
                for (figure, values) in [
                    (Figure::Organic, &organic),
                    (Figure::Followed, &followed),
                    (Figure::Reverse, &reverse),
                    (Figure::Walk, &walk),
                    (Figure::Bridge, &bridge),
                    (Figure::Lexical, &lexical),
                    (Figure::Examined, &examined),
                ] {
                    figures.set(figure, values.value(row) as f32);
                }
                let neighbour = Neighbour {
                    item: find(others.value(row))?,
                    figures,
                    next_organic: next_organic.value(row) as u8,
                    next_followed: next_followed.value(row) as u8,
                    visits: visits.value(row) as u16,
                    clicks: clicks.value(row) as u16,
                };
                parts.neighbours.push(find(ids.value(row))?, neighbour);
            }
            Ok(())
        },
    )?;
    each_batch(
        &db,
        &format!(
            "select list, dataset_id, score::double as score, views::bigint as views from {} order by list, position",
            from("lists")
        ),
        |batch| {
            let (lists, ids) = (batch.text("list")?, batch.i64("dataset_id")?);
            let (scores, views) = (batch.f64("score")?, batch.i64("views")?);
            for row in 0..batch.rows() {
                let entry = Ranked {
                    item: find(ids.value(row))?,
                    score: scores.value(row) as f32,
                    views: views.value(row) as u32,
                };
                match lists.value(row) {
                    "popular" => parts.popular.push(entry),
                    timeframe => parts.trending.entry(timeframe.to_owned()).or_default().push(entry),
                }
            }
            Ok(())
        },
    )?;
    each_batch(&db, &format!("select user_id, bought, viewed, taste from {}", from("users")), |batch| {
        let ids = batch.i64("user_id")?;
        let lists = (batch.i64_lists("bought")?, batch.i64_lists("viewed")?, batch.i64_lists("taste")?);
        for row in 0..batch.rows() {
            let history =
                History { bought: known(&lists.0[row])?, viewed: known(&lists.1[row])?, taste: known(&lists.2[row])? };
            parts.users.insert(ids.value(row), history);
        }
        Ok(())
    })?;
    let (mut starts, mut held) = (vec![0], Vec::new());
    each_batch(&db, &format!("select dataset_ids from {} order by position", from("visits")), |batch| {
        for ids in batch.i64_lists("dataset_ids")? {
            held.extend(known(&ids)?);
            starts.push(held.len() as u32);
        }
        Ok(())
    })?;
    held.shrink_to_fit();
    parts.sessions = Sessions::of_rows(items.len(), starts, held);
    parts.items = items;
    parts.behaviour = read_vectors(&dir.join(BEHAVIOUR), manifest.behaviour_dimensions)?;
    if manifest.files.contains_key(RANKER) {
        let ranker: Ranker =
            serde_json::from_slice(&fs::read(dir.join(RANKER))?).context("the ranker cannot be read")?;
        if ranker.features != FEATURES {
            bail!("{}: the ranker judges by other features than this nearset; train again", dir.display());
        }
        parts.ranker = Some(ranker);
    }
    let index = |vectors: &str, graph: &str| {
        let dimensions = fs::metadata(dir.join(vectors))?.len() as usize / 4 / manifest.items.max(1);
        let vectors = read_vectors(&dir.join(vectors), dimensions.max(1))?;
        let graph = match manifest.files.contains_key(graph) {
            true => Some(postcard::from_bytes(&fs::read(dir.join(graph))?).context("the index cannot be read")?),
            false => None,
        };
        anyhow::Ok(Arc::new(Index::restore(vectors, graph)))
    };
    if manifest.files.contains_key(PICTURES) {
        parts.pictures = index(PICTURES, PICTURES_GRAPH)?;
    }
    let index = index(VECTORS, GRAPH)?;
    Ok(Model::new(manifest, parts, index))
}

/// Reads vectors piece by piece: the file is twice as large as what is kept of it.
fn read_vectors(path: &Path, dimensions: usize) -> Result<Vectors> {
    let file = fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let rows = (file.metadata()?.len() as usize / 4).checked_div(dimensions).unwrap_or(0);
    Vectors::read(dimensions, rows, std::io::BufReader::new(file))
        .with_context(|| format!("{} cannot be read", path.display()))
}

fn load_items(db: &Connection, from: &str, count: usize) -> Result<Vec<Item>> {
    let mut items = Vec::with_capacity(count);
    let sql = format!(
        "select dataset_id, title, price, cover_image, is_listed, provider, tags, views::bigint as views,
             recent_views::double as recent_views
         from {from} order by dataset_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, titles, tags) = (batch.i64("dataset_id")?, batch.text("title")?, batch.text("tags")?);
        let (prices, covers, providers) = (batch.f64("price")?, batch.text("cover_image")?, batch.text("provider")?);
        let (listed, views, recent) = (batch.bool("is_listed")?, batch.i64("views")?, batch.f64("recent_views")?);
        for row in 0..batch.rows() {
            items.push(Item {
                dataset_id: ids.value(row),
                title: titles.value(row).to_owned(),
                price: prices.is_valid(row).then(|| prices.value(row)),
                cover_image: text_at(covers, row).map(str::to_owned),
                is_listed: listed.value(row),
                provider: text_at(providers, row).map(str::to_owned),
                tags: tags.value(row).into(),
                views: views.value(row) as u32,
                recent_views: recent.value(row) as f32,
            });
        }
        Ok(())
    })?;
    Ok(items)
}

/// The name of the current version, where there is one.
pub fn current(models_dir: &Path) -> Option<String> {
    let target = fs::read_link(models_dir.join("current")).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

/// The name of the current version, or what to do where there is none.
pub fn require_current(models_dir: &Path) -> Result<String> {
    current(models_dir)
        .with_context(|| format!("{} has no current version; `nearset run` trains one", models_dir.display()))
}

/// Loads the current version.
pub fn load_current(models_dir: &Path) -> Result<Model> {
    load(models_dir, &require_current(models_dir)?)
}

/// One line of `promotions.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Promotion {
    pub version: String,
    pub at: DateTime<Utc>,
}

/// Makes a version the current one, in one step.
pub fn promote(models_dir: &Path, version: &str) -> Result<()> {
    read_manifest(models_dir, version)?;
    // what all get is nobody's canary any more
    let mut others = traffic(models_dir)?;
    if others.canary.as_ref().is_some_and(|canary| canary.version == version) {
        others.canary = None;
        set_traffic(models_dir, &others)?;
    }
    let link = models_dir.join(format!(".current-{}", std::process::id()));
    fs::remove_file(&link).ok();
    symlink(version, &link).with_context(|| format!("{} cannot be made", link.display()))?;
    files::rename(&link, &models_dir.join("current"))?;
    let mut log = fs::read_to_string(models_dir.join(PROMOTIONS)).unwrap_or_default();
    let line = serde_json::to_string(&Promotion { version: version.to_owned(), at: Utc::now() })?;
    log.push_str(&line);
    log.push('\n');
    files::write(&models_dir.join(PROMOTIONS), log.as_bytes())
}

/// What else than the current version answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Answers its share of the visitors.
    pub canary: Option<Share>,
    /// Makes lists for its share of the requests, which are logged and not shown.
    pub shadow: Option<Share>,
}

/// A version and its share of the traffic, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub version: String,
    pub share: f64,
}

/// Where [`Traffic`] is kept.
pub fn traffic_path(models_dir: &Path) -> PathBuf {
    models_dir.join(TRAFFIC)
}

/// Reads what else than the current version answers; nothing, where no file says so.
pub fn traffic(models_dir: &Path) -> Result<Traffic> {
    let path = traffic_path(models_dir);
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} cannot be read", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Traffic::default()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Changes it, in one step; servers notice within a second.
pub fn set_traffic(models_dir: &Path, traffic: &Traffic) -> Result<()> {
    files::write(&traffic_path(models_dir), &serde_json::to_vec_pretty(traffic)?)
}

/// All promotions, oldest first.
pub fn promotions(models_dir: &Path) -> Vec<Promotion> {
    let text = fs::read_to_string(models_dir.join(PROMOTIONS)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The versions on disk, oldest first.
pub fn list(models_dir: &Path) -> Result<Vec<Manifest>> {
    let Ok(entries) = fs::read_dir(models_dir) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name != "current" && path.join(MANIFEST).is_file() {
            found.push(read_manifest(models_dir, &name)?);
        }
    }
    found.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(found)
}

/// Removes all but the newest versions, the current one and the one promoted before it.
pub fn prune(models_dir: &Path) -> Result<()> {
    let mut spared: Vec<String> = promotions(models_dir).into_iter().rev().map(|p| p.version).take(2).collect();
    spared.extend(current(models_dir));
    let Traffic { canary, shadow } = traffic(models_dir).unwrap_or_default();
    spared.extend(canary.into_iter().chain(shadow).map(|share| share.version));
    let versions = list(models_dir)?;
    for manifest in versions.iter().rev().skip(KEPT).filter(|m| !spared.contains(&m.version)) {
        let dir = models_dir.join(&manifest.version);
        fs::remove_dir_all(&dir).with_context(|| format!("{} cannot be removed", dir.display()))?;
    }
    Ok(())
}

/// Goes back to the version that was current before the current one, and returns its name.
pub fn rollback(models_dir: &Path) -> Result<String> {
    let now = current(models_dir).context("there is no current version to go back from")?;
    // versions that were rolled back from are behind us: the way back is a stack
    let mut stack: Vec<String> = Vec::new();
    for promotion in promotions(models_dir) {
        match stack.iter().position(|v| *v == promotion.version) {
            Some(place) => stack.truncate(place + 1),
            None => stack.push(promotion.version),
        }
    }
    stack.retain(|version| models_dir.join(version).join(MANIFEST).is_file());
    let place = stack.iter().position(|v| *v == now).unwrap_or(stack.len());
    let before =
        place.checked_sub(1).and_then(|p| stack.get(p)).context("no version was current before this one")?.clone();
    load(models_dir, &before)?;
    promote(models_dir, &before)?;
    Ok(before)
}
