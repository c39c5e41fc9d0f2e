//! A version as files: how it is written, and how it is read where every number in it holds.
//!
//! A manifest may have been damaged, or made by hand: nothing it says is used before the files say the same.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use duckdb::Connection;
use duckdb::arrow::array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, Int64Builder, ListBuilder, StringArray,
    UInt32Array,
};
use duckdb::arrow::record_batch::RecordBatch;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{
    CANDIDATES, FORMAT, Figure, Figures, History, Item, Manifest, Model, Neighbour, Neighbours, Parts, Ranked, Ranker,
    Sessions,
};
use crate::common::files::{self, hex};
use crate::index::{Graph, Index, Vectors};
use crate::warehouse::arrow::{Columns, each_batch, text_at};
use crate::warehouse::{self, quote};

pub(super) const MANIFEST: &str = "manifest.json";
const ITEMS: &str = "items.parquet";
const NEIGHBOURS: &str = "neighbours.parquet";
const LISTS: &str = "lists.parquet";
const USERS: &str = "users.parquet";
const VISITS: &str = "visits.parquet";
const VECTORS: &str = "vectors.f32";
const BEHAVIOUR: &str = "behaviour.f32";
const RANKER: &str = "ranker.json";
const GRAPH: &str = "graph.bin";
const PICTURES: &str = "pictures.f32";
const PICTURES_GRAPH: &str = "pictures_graph.bin";

/// What every version has, and what only some have.
const ALWAYS: [&str; 7] = [ITEMS, NEIGHBOURS, LISTS, USERS, VISITS, VECTORS, BEHAVIOUR];
const SOMETIMES: [&str; 4] = [RANKER, GRAPH, PICTURES, PICTURES_GRAPH];

/// The form before the manifest had a checksum of its own: read, and not written any more.
const WITHOUT_CHECKSUM: u32 = 3;

/// No manifest is longer: a hundred trials of rankers take a tenth of it.
const LONGEST_MANIFEST: u64 = 16 << 20;

/// A manifest as it is written: the checksum is of all its other fields.
#[derive(Serialize)]
struct Sealed<'a> {
    #[serde(flatten)]
    manifest: &'a Manifest,
    sha256: String,
}

/// Writes the files of a version into a folder, the manifest last, and gives the version its name.
pub(super) fn write(dir: &Path, model: &mut Model) -> Result<()> {
    let db = in_memory()?;
    // a table is appended to as a whole before it is written: one of a million datasets does not fit
    let spill = PathBuf::from(format!("{}.spill", dir.to_string_lossy()));
    db.execute_batch(&format!("set temp_directory = {}", quote(&spill.to_string_lossy())))?;
    for (name, batch) in tables(model)? {
        write_parquet(&db, batch, &dir.join(name))?;
    }
    drop(db);
    fs::remove_dir_all(&spill).ok();
    write_index(dir, VECTORS, GRAPH, &model.index)?;
    if !model.parts.pictures.vectors().is_empty() {
        write_index(dir, PICTURES, PICTURES_GRAPH, &model.parts.pictures)?;
    }
    write_bytes(&dir.join(BEHAVIOUR), &model.parts.behaviour.to_bytes())?;
    if let Some(ranker) = &model.parts.ranker {
        write_bytes(&dir.join(RANKER), &serde_json::to_vec(ranker)?)?;
    }
    let mut files = BTreeMap::new();
    let mut hash = Sha256::new();
    for entry in fs::read_dir(dir).with_context(|| format!("{} cannot be read", dir.display()))? {
        let path = entry?.path();
        files::sync(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, files::sha256(&path)?);
    }
    for (name, sha256) in &files {
        hash.update(format!("{name} {sha256}\n"));
    }
    let short = hex(&hash.finalize()[..4]);
    model.manifest.format = FORMAT;
    model.manifest.files = files;
    model.manifest.version = format!("{}-{short}", model.manifest.trained_at.format("%Y%m%dT%H%M%SZ"));
    files::write(&dir.join(MANIFEST), &sealed(&model.manifest)?)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

/// The manifest's text, with its own checksum.
fn sealed(manifest: &Manifest) -> Result<Vec<u8>> {
    let (sha256, _) = checksum(&serde_json::to_vec_pretty(manifest)?)?;
    Ok(serde_json::to_vec_pretty(&Sealed { manifest, sha256 })?)
}

/// The SHA-256 of a manifest's fields as they are written, by name and without `sha256`, and what that field says.
fn checksum(text: &[u8]) -> Result<(String, Option<String>)> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(text)?;
    let said = fields.remove("sha256").map(|raw| serde_json::from_str(raw.get())).transpose()?;
    Ok((hex(&Sha256::digest(serde_json::to_vec(&fields)?)), said))
}

/// A database for reading and writing Parquet files.
fn in_memory() -> Result<Connection> {
    let db = warehouse::small()?;
    // what DuckDB buffers while it reads stays with the process: a thread reads quickly enough, and gives back
    db.execute_batch("set threads = 1; set allocator_flush_threshold = '1MB'; set memory_limit = '256MB'")?;
    Ok(db)
}

fn write_index(dir: &Path, vectors: &str, graph: &str, index: &Index) -> Result<()> {
    write_bytes(&dir.join(vectors), &index.vectors().to_bytes())?;
    match index.graph() {
        Some(built) => write_bytes(&dir.join(graph), &built.to_bytes()?),
        None => Ok(()),
    }
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
    Ok(vec![(ITEMS, items), (NEIGHBOURS, neighbours), (LISTS, lists), (USERS, users), (VISITS, visits)])
}

/// A version's folder. Its name is one step below `models_dir`, and no link leads out.
pub(super) fn folder(models_dir: &Path, version: &str) -> Result<PathBuf> {
    let mut steps = Path::new(version).components();
    let is_name = matches!((steps.next(), steps.next()), (Some(Component::Normal(name)), None) if name == version);
    ensure!(
        is_name && !version.starts_with('.'),
        "{version:?} is no name of a version; `nearset models list` shows the versions there are"
    );
    let dir = models_dir.join(version);
    let about = fs::symlink_metadata(&dir).with_context(|| {
        format!("{} cannot be read; `nearset models list` shows the versions there are", dir.display())
    })?;
    ensure!(about.is_dir(), "{} is no folder; a version is a folder of files, and no link to one", dir.display());
    Ok(dir)
}

/// The length of a plain file: a link, a pipe or a device may never end.
fn plain(path: &Path) -> Result<u64> {
    let about = fs::symlink_metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    ensure!(about.is_file(), "{} is no plain file; a version's files stand in its folder", path.display());
    Ok(about.len())
}

/// Reads a version's manifest, and checks that it is what was written.
pub fn read_manifest(models_dir: &Path, version: &str) -> Result<Manifest> {
    let path = folder(models_dir, version)?.join(MANIFEST);
    let length = plain(&path)?;
    ensure!(length <= LONGEST_MANIFEST, "{} is no manifest: it has {length} bytes", path.display());
    let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    parse_manifest(&text, version).with_context(|| format!("{} is no manifest", path.display()))
}

fn parse_manifest(text: &[u8], version: &str) -> Result<Manifest> {
    let (sha256, said) = checksum(text)?;
    let manifest: Manifest = serde_json::from_slice(text)?;
    match said {
        Some(said) => ensure!(said == sha256, "it is not what was written (its own checksum); train again"),
        None => ensure!(manifest.format <= WITHOUT_CHECKSUM, "it has no checksum of its own; train again"),
    }
    ensure!(manifest.version == version, "it is that of version {:?}", manifest.version);
    Ok(manifest)
}

/// Checks that a version's files are there and are what its manifest says.
pub fn verify(models_dir: &Path, version: &str) -> Result<Manifest> {
    let manifest = read_manifest(models_dir, version)?;
    let dir = models_dir.join(version);
    if ![WITHOUT_CHECKSUM, FORMAT].contains(&manifest.format) {
        bail!(
            "{} was written by nearset {} in another form; `nearset run` trains a version that this one can read",
            dir.display(),
            manifest.nearset_version
        );
    }
    check_files(&dir, &manifest).with_context(|| format!("{} is damaged", dir.display()))?;
    Ok(manifest)
}

fn check_files(dir: &Path, manifest: &Manifest) -> Result<()> {
    let files = &manifest.files;
    if let Some(name) = files.keys().find(|name| !ALWAYS.iter().chain(&SOMETIMES).any(|known| known == name)) {
        bail!("its manifest names {name:?}, which is no file of a version");
    }
    if let Some(name) = ALWAYS.iter().find(|name| !files.contains_key(**name)) {
        bail!("its manifest does not name {name}");
    }
    ensure!((0.0..=1.0).contains(&manifest.dense_weight), "dense_weight is {}, no share", manifest.dense_weight);
    // lengths first: what is checked next is then no longer than it should be
    for (name, dimensions) in [(VECTORS, manifest.dimensions), (BEHAVIOUR, manifest.behaviour_dimensions)] {
        let found = plain(&dir.join(name))?;
        let due = (manifest.items as u64).checked_mul(dimensions as u64).and_then(|numbers| numbers.checked_mul(4));
        ensure!(
            due == Some(found) && dimensions > 0,
            "{name} has {found} bytes, which are not {} rows of {dimensions} numbers",
            manifest.items
        );
    }
    for (name, sha256) in files {
        plain(&dir.join(name))?;
        ensure!(
            files::sha256(&dir.join(name))? == *sha256,
            "{name} is not what its manifest says (checksum); train again"
        );
    }
    Ok(())
}

/// Loads a version into memory after checking every file's checksum, and every number against the others.
pub fn load(models_dir: &Path, version: &str) -> Result<Model> {
    let manifest = verify(models_dir, version)?;
    let dir = models_dir.join(version);
    let (parts, index) = read(&dir, &manifest).with_context(|| format!("{} cannot be used", dir.display()))?;
    Ok(Model::new(manifest, parts, index))
}

fn read(dir: &Path, manifest: &Manifest) -> Result<(Parts, Arc<Index>)> {
    let db = in_memory()?;
    let items = read_items(&db, dir, manifest)?;
    let by_id = items.iter().enumerate().map(|(index, item)| (item.dataset_id, index as u32)).collect();
    let tables = Tables { db, dir, by_id };
    let mut parts = Parts { neighbours: tables.neighbours()?, users: tables.users()?, ..Parts::default() };
    (parts.popular, parts.trending) = tables.lists()?;
    parts.sessions = tables.sessions()?;
    drop(tables);
    parts.items = items;
    parts.behaviour = read_vectors(dir, BEHAVIOUR, manifest.items)?;
    let has = |name: &str| manifest.files.contains_key(name);
    if has(RANKER) {
        parts.ranker = Some(read_ranker(dir).context(RANKER)?);
    }
    let index = |vectors: &str, graph: &str| {
        let vectors = read_vectors(dir, vectors, manifest.items)?;
        let graph = match has(graph) {
            true => Some(Graph::from_bytes(&read_bytes(&dir.join(graph))?, &vectors).context(graph.to_owned())?),
            false => None,
        };
        anyhow::Ok(Arc::new(Index::restore(vectors, graph)))
    };
    if has(PICTURES) {
        parts.pictures = index(PICTURES, PICTURES_GRAPH)?;
    }
    Ok((parts, index(VECTORS, GRAPH)?))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn read_ranker(dir: &Path) -> Result<Ranker> {
    let ranker: Ranker = serde_json::from_slice(&read_bytes(&dir.join(RANKER))?)?;
    ranker.check()?;
    Ok(ranker)
}

/// Reads a row an item, piece by piece: the file is several times as large as what is kept of it.
fn read_vectors(dir: &Path, name: &str, items: usize) -> Result<Vectors> {
    let bytes = plain(&dir.join(name))? as usize;
    let row = 4 * items.max(1);
    ensure!(bytes.is_multiple_of(row) && (bytes > 0 || items == 0), "{name} has no whole row for each dataset");
    let file = File::open(dir.join(name)).with_context(|| format!("{name} cannot be read"))?;
    Vectors::read(bytes / row, items, BufReader::new(file)).with_context(|| format!("{name} cannot be read"))
}

/// The text by which DuckDB reads a file of the version.
fn from(dir: &Path, name: &str) -> String {
    quote(&dir.join(name).to_string_lossy())
}

fn read_items(db: &Connection, dir: &Path, manifest: &Manifest) -> Result<Vec<Item>> {
    let file = from(dir, ITEMS);
    let count: usize = db
        .query_row(&format!("select count(*) from {file}"), [], |row| row.get(0))
        .with_context(|| format!("{ITEMS} cannot be counted"))?;
    ensure!(count == manifest.items, "{ITEMS} has {count} rows where the manifest says {}", manifest.items);
    // the file of vectors has as many rows: no count of its own making gets here
    let mut items: Vec<Item> = Vec::with_capacity(count);
    let sql = format!(
        "select dataset_id, title, price, cover_image, is_listed, provider, tags, views::bigint as views,
             recent_views::double as recent_views
         from {file} order by dataset_id"
    );
    each_batch(db, &sql, |batch| {
        let (ids, titles, tags) = (batch.i64("dataset_id")?, batch.text("title")?, batch.text("tags")?);
        let (prices, covers, providers) = (batch.f64("price")?, batch.text("cover_image")?, batch.text("provider")?);
        let (listed, views, recent) = (batch.bool("is_listed")?, batch.i64("views")?, batch.f64("recent_views")?);
        none_missing([ids as &dyn Array, titles, tags, listed, views, recent])?;
        for row in 0..batch.rows() {
            let dataset_id = ids.value(row);
            ensure!(
                items.last().is_none_or(|last| last.dataset_id < dataset_id),
                "dataset {dataset_id} is there twice"
            );
            items.push(Item {
                dataset_id,
                title: titles.value(row).to_owned(),
                price: prices.is_valid(row).then(|| amount(prices.value(row))).transpose()?,
                cover_image: text_at(covers, row).map(str::to_owned),
                is_listed: listed.value(row),
                provider: text_at(providers, row).map(str::to_owned),
                tags: tags.value(row).into(),
                views: whole(views.value(row))?,
                recent_views: finite(amount(recent.value(row))?)?,
            });
        }
        Ok(())
    })
    .with_context(|| format!("{ITEMS} cannot be read"))?;
    let listed = items.iter().filter(|item| item.is_listed).count();
    ensure!(listed == manifest.listed_items, "{listed} datasets are listed, not {}", manifest.listed_items);
    Ok(items)
}

/// The lists of what was viewed most, by timeframe.
type Trending = BTreeMap<String, Vec<Ranked>>;

/// The tables that speak of items.
struct Tables<'a> {
    db: Connection,
    dir: &'a Path,
    by_id: HashMap<i64, u32>,
}

impl Tables<'_> {
    fn each(&self, name: &str, columns: &str, each: impl FnMut(&Columns) -> Result<()>) -> Result<()> {
        each_batch(&self.db, &columns.replace("{file}", &from(self.dir, name)), each)
            .with_context(|| format!("{name} cannot be read"))
    }

    fn find(&self, id: i64) -> Result<u32> {
        self.by_id.get(&id).copied().ok_or_else(|| anyhow!("dataset {id} is no item"))
    }

    fn known(&self, ids: &[i64]) -> Result<Vec<u32>> {
        ids.iter().map(|id| self.find(*id)).collect()
    }

    fn neighbours(&self) -> Result<Neighbours> {
        let count = format!("select count(*) from {}", from(self.dir, NEIGHBOURS));
        let count: usize = self
            .db
            .query_row(&count, [], |row| row.get(0))
            .with_context(|| format!("{NEIGHBOURS} cannot be counted"))?;
        // room for what training keeps; what is more, whoever wrote it, makes its own
        let mut neighbours = Neighbours::with_capacity(self.by_id.len(), count.min(self.by_id.len() * CANDIDATES));
        // in the order in which they were written: by dataset and position
        let sql = "select dataset_id, neighbour_id, organic::double as organic, followed::double as followed,
                 reverse::double as reverse, walk::double as walk, bridge::double as bridge, lexical::double as lexical,
                 next_organic::bigint as next_organic, next_followed::bigint as next_followed, visits::bigint as visits,
                 examined::double as examined, clicks::bigint as clicks
             from {file}";
        self.each(NEIGHBOURS, sql, |batch| {
            let ids = batch.i64("dataset_id")?;
            none_missing([ids as &dyn Array])?;
            for (row, neighbour) in self.neighbours_of(batch)?.into_iter().enumerate() {
                let page = self.find(ids.value(row))?;
                ensure!(neighbours.is_next(page), "dataset {} stands behind a later one", ids.value(row));
                neighbours.push(page, neighbour);
            }
            Ok(())
        })?;
        Ok(neighbours)
    }

    fn neighbours_of(&self, batch: &Columns) -> Result<Vec<Neighbour>> {
        let (others, visits, clicks) = (batch.i64("neighbour_id")?, batch.i64("visits")?, batch.i64("clicks")?);
        let (next_organic, next_followed) = (batch.i64("next_organic")?, batch.i64("next_followed")?);
        none_missing([others as &dyn Array, visits, clicks, next_organic, next_followed])?;
        let figures = [
            (Figure::Organic, batch.f64("organic")?),
            (Figure::Followed, batch.f64("followed")?),
            (Figure::Reverse, batch.f64("reverse")?),
            (Figure::Walk, batch.f64("walk")?),
            (Figure::Bridge, batch.f64("bridge")?),
            (Figure::Lexical, batch.f64("lexical")?),
            (Figure::Examined, batch.f64("examined")?),
        ];
        none_missing(figures.map(|(_, values)| values as &dyn Array))?;
        (0..batch.rows())
            .map(|row| {
                let mut known = Figures::default();
                for (figure, values) in &figures {
                    known.set(*figure, finite(values.value(row))?);
                }
                Ok(Neighbour {
                    item: self.find(others.value(row))?,
                    figures: known,
                    next_organic: whole(next_organic.value(row))?,
                    next_followed: whole(next_followed.value(row))?,
                    visits: whole(visits.value(row))?,
                    clicks: whole(clicks.value(row))?,
                })
            })
            .collect()
    }

    /// The popular list, and those of timeframes.
    fn lists(&self) -> Result<(Vec<Ranked>, Trending)> {
        let (mut popular, mut trending) = (Vec::new(), BTreeMap::<String, Vec<Ranked>>::new());
        let sql = "select list, dataset_id, score::double as score, views::bigint as views
             from {file} order by list, position";
        self.each(LISTS, sql, |batch| {
            let (lists, ids) = (batch.text("list")?, batch.i64("dataset_id")?);
            let (scores, views) = (batch.f64("score")?, batch.i64("views")?);
            none_missing([lists as &dyn Array, ids, scores, views])?;
            for row in 0..batch.rows() {
                let entry = Ranked {
                    item: self.find(ids.value(row))?,
                    score: finite(scores.value(row))?,
                    views: whole(views.value(row))?,
                };
                match lists.value(row) {
                    "popular" => popular.push(entry),
                    timeframe => trending.entry(timeframe.to_owned()).or_default().push(entry),
                }
            }
            Ok(())
        })?;
        Ok((popular, trending))
    }

    fn users(&self) -> Result<HashMap<i64, History>> {
        let mut users = HashMap::new();
        self.each(USERS, "select user_id, bought, viewed, taste from {file}", |batch| {
            let ids = batch.i64("user_id")?;
            none_missing([ids as &dyn Array])?;
            let lists = (batch.i64_lists("bought")?, batch.i64_lists("viewed")?, batch.i64_lists("taste")?);
            for row in 0..batch.rows() {
                let history = History {
                    bought: self.known(&lists.0[row])?,
                    viewed: self.known(&lists.1[row])?,
                    taste: self.known(&lists.2[row])?,
                };
                users.insert(ids.value(row), history);
            }
            Ok(())
        })?;
        Ok(users)
    }

    fn sessions(&self) -> Result<Sessions> {
        let (mut starts, mut held) = (vec![0], Vec::new());
        self.each(VISITS, "select dataset_ids from {file} order by position", |batch| {
            for ids in batch.i64_lists("dataset_ids")? {
                held.extend(self.known(&ids)?);
                starts.push(u32::try_from(held.len()).context("there are too many visits")?);
            }
            Ok(())
        })?;
        held.shrink_to_fit();
        Ok(Sessions::of_rows(self.by_id.len(), starts, held))
    }
}

fn none_missing<const N: usize>(columns: [&dyn Array; N]) -> Result<()> {
    ensure!(columns.iter().all(|column| column.null_count() == 0), "a value is missing");
    Ok(())
}

/// A whole number that fits where it is kept: cut off, it would be another.
fn whole<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| unusable(value))
}

fn finite(value: f64) -> Result<f32> {
    Some(value as f32).filter(|value| value.is_finite()).ok_or_else(|| unusable(value))
}

/// A number that cannot be below zero.
fn amount(value: f64) -> Result<f64> {
    Some(value).filter(|value| value.is_finite() && *value >= 0.0).ok_or_else(|| unusable(value))
}

fn unusable(value: impl Display) -> anyhow::Error {
    anyhow!("{value} is a number that cannot be there")
}
