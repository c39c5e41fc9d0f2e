//! Reading a version: every number is checked against the others before it is used.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::fields::{NEIGHBOUR, NEW_SHARE};
use super::layout::{
    BEHAVIOUR, GRAPH, ITEMS, LISTS, NEIGHBOURS, PICTURES, PICTURES_GRAPH, RANKER, USERS, VECTORS, VISITS,
};
use super::numbers::{amount, finite, none_missing, whole};
use super::parquet;
use super::seal::{plain, verify};
use crate::common::language::{either, t};
use crate::index::{Graph, Index, Vectors};
use crate::model::{
    CANDIDATES, History, Item, Manifest, Model, Neighbour, Neighbours, Newcomer, Parts, Ranked, Ranker, Sessions,
};
use crate::warehouse::arrow::{Columns, each_batch, text_at};
use crate::warehouse::quote;

/// Loads a version into memory after checking every file's checksum, and every number against the others.
///
/// # Errors
/// It is not there, damaged, or of another form.
pub fn load(models_dir: &Path, version: &str) -> Result<Model> {
    let manifest = verify(models_dir, version)?;
    let dir = models_dir.join(version);
    let (parts, index) =
        read(&dir, &manifest).with_context(|| t!("{} cannot be used", "{} 无法使用", dir.display()))?;
    Ok(Model::new(manifest, parts, index))
}

fn read(dir: &Path, manifest: &Manifest) -> Result<(Parts, Arc<Index>)> {
    let db = parquet::in_memory()?;
    let items = read_items(&db, dir, manifest)?;
    let by_id = items.iter().enumerate().map(|(index, item)| (item.dataset_id, index as u32)).collect();
    let tables = Tables { db, dir, by_id };
    let mut parts = Parts { neighbours: tables.neighbours()?, users: tables.users()?, ..Parts::default() };
    (parts.popular, parts.trending) = tables.lists()?;
    parts.newcomers = tables.newcomers()?;
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
    fs::read(path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))
}

/// The ranker of a version alone; none where nothing was learned.
///
/// # Errors
/// It cannot be read, or judges by what this nearset does not know.
pub fn ranker_of(models_dir: &Path, version: &str) -> Result<Option<Ranker>> {
    let dir = models_dir.join(version);
    dir.join(RANKER).exists().then(|| read_ranker(&dir)).transpose()
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
    ensure!(
        bytes.is_multiple_of(row) && (bytes > 0 || items == 0),
        t!("{name} has no whole row for each dataset", "{name} 的行数与数据集对不上")
    );
    let file = File::open(dir.join(name)).with_context(|| t!("{name} cannot be read", "{name} 无法读取"))?;
    Vectors::read(bytes / row, items, BufReader::new(file))
        .with_context(|| t!("{name} cannot be read", "{name} 无法读取"))
}

/// The text by which DuckDB reads a file of the version.
fn from(dir: &Path, name: &str) -> String {
    quote(&dir.join(name).to_string_lossy())
}

fn read_items(db: &Connection, dir: &Path, manifest: &Manifest) -> Result<Vec<Item>> {
    let file = from(dir, ITEMS);
    let count: usize = db
        .query_row(&format!("select count(*) from {file}"), [], |row| row.get(0))
        .with_context(|| t!("{ITEMS} cannot be counted", "{ITEMS} 无法计数"))?;
    ensure!(
        count == manifest.items,
        t!(
            "{ITEMS} has {count} rows where the manifest says {}",
            "{ITEMS} 有 {count} 行，清单上是 {} 行",
            manifest.items
        )
    );
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
                t!("dataset {dataset_id} is there twice", "数据集 {dataset_id} 出现两次")
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
    .with_context(|| t!("{ITEMS} cannot be read", "{ITEMS} 无法读取"))?;
    let listed = items.iter().filter(|item| item.is_listed).count();
    ensure!(
        listed == manifest.listed_items,
        t!("{listed} datasets are listed, not {}", "可展示的数据集有 {listed} 个，不是 {} 个", manifest.listed_items)
    );
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
            .with_context(|| t!("{name} cannot be read", "{name} 无法读取"))
    }

    fn find(&self, id: i64) -> Result<u32> {
        self.by_id.get(&id).copied().ok_or_else(|| anyhow!(t!("dataset {id} is no item", "数据集 {id} 不在目录中")))
    }

    fn known(&self, ids: &[i64]) -> Result<Vec<u32>> {
        ids.iter().map(|id| self.find(*id)).collect()
    }

    fn neighbours(&self) -> Result<Neighbours> {
        let count = format!("select count(*) from {}", from(self.dir, NEIGHBOURS));
        let count: usize = self
            .db
            .query_row(&count, [], |row| row.get(0))
            .with_context(|| t!("{NEIGHBOURS} cannot be counted", "{NEIGHBOURS} 无法计数"))?;
        // room for what training keeps; what is more, whoever wrote it, makes its own
        let mut neighbours = Neighbours::with_capacity(self.by_id.len(), count.min(self.by_id.len() * CANDIDATES));
        let fields = NEIGHBOUR.map(|field| field.selected()).join(", ");
        // in the order in which they were written: by dataset and position
        self.each(NEIGHBOURS, &format!("select dataset_id, neighbour_id, {fields} from {{file}}"), |batch| {
            let ids = batch.i64("dataset_id")?;
            none_missing([ids as &dyn Array])?;
            for (row, neighbour) in self.neighbours_of(batch)?.into_iter().enumerate() {
                let page = self.find(ids.value(row))?;
                ensure!(
                    neighbours.is_next(page),
                    t!("dataset {} stands after a later one", "数据集 {} 的次序不对", ids.value(row))
                );
                neighbours.push(page, neighbour);
            }
            Ok(())
        })?;
        Ok(neighbours)
    }

    /// The new datasets of each page; none where there is no column of them.
    fn newcomers(&self) -> Result<HashMap<u32, Vec<Newcomer>>> {
        let mut newcomers = HashMap::<u32, Vec<Newcomer>>::new();
        let column = format!("select 1 from parquet_schema({}) where name = '{NEW_SHARE}'", from(self.dir, NEIGHBOURS));
        if !self.db.prepare(&column)?.exists([])? {
            return Ok(newcomers);
        }
        let sql = format!(
            "select dataset_id, neighbour_id, {NEW_SHARE}::double as {NEW_SHARE} from {{file}} where {NEW_SHARE} is not null"
        );
        self.each(NEIGHBOURS, &sql, |batch| {
            let (ids, others, shares) = (batch.i64("dataset_id")?, batch.i64("neighbour_id")?, batch.f64(NEW_SHARE)?);
            for row in 0..batch.rows() {
                let newcomer =
                    Newcomer { item: self.find(others.value(row))?, share: finite(amount(shares.value(row))?)? };
                newcomers.entry(self.find(ids.value(row))?).or_default().push(newcomer);
            }
            Ok(())
        })?;
        let is_whole = |page: &Vec<Newcomer>| page.iter().map(|newcomer| newcomer.share).sum::<f32>() <= 1.001;
        ensure!(
            newcomers.values().all(is_whole),
            t!("the shares of new datasets are more than 1 together", "新数据集的份额之和大于 1")
        );
        Ok(newcomers)
    }

    fn neighbours_of(&self, batch: &Columns) -> Result<Vec<Neighbour>> {
        let others = batch.i64("neighbour_id")?;
        none_missing([others as &dyn Array])?;
        let mut neighbours: Vec<Neighbour> = others
            .values()
            .iter()
            .map(|id| Ok(Neighbour { item: self.find(*id)?, ..Neighbour::default() }))
            .collect::<Result<_>>()?;
        NEIGHBOUR.iter().try_for_each(|field| field.read(batch, &mut neighbours))?;
        Ok(neighbours)
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
                starts.push(u32::try_from(held.len()).context(either("there are too many visits", "访问过多"))?);
            }
            Ok(())
        })?;
        held.shrink_to_fit();
        Ok(Sessions::of_rows(self.by_id.len(), starts, held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::small;
    use crate::model::save;

    #[test]
    fn a_version_is_read_as_it_was_written() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let mut written = small();
        // as much as fits where it is kept
        let mut most = written.neighbours(0)[0];
        (most.next_organic, most.next_followed, most.visits, most.clicks) = (u8::MAX, 254, u16::MAX, u16::MAX - 1);
        let lists: Vec<Vec<Neighbour>> = vec![vec![most, written.neighbours(0)[1]], written.neighbours(1).to_vec()];
        written.parts.neighbours = lists.into();
        written = Model::new(written.manifest, written.parts, written.index);
        let version = save(dir.path(), &mut written)?.keep();
        let mut read = load(dir.path(), &version)?;
        for item in 0..7 {
            assert_eq!(read.neighbours(item), written.neighbours(item));
            assert_eq!(format!("{:?}", read.item(item)), format!("{:?}", written.item(item)));
        }
        assert!(read.parts.sessions.visits().eq(written.parts.sessions.visits()));
        assert_eq!(format!("{:?}", read.parts.popular), format!("{:?}", written.parts.popular));
        assert_eq!(format!("{:?}", read.parts.trending), format!("{:?}", written.parts.trending));
        assert_eq!(format!("{:?}", read.parts.users), format!("{:?}", written.parts.users));
        assert_eq!(read.parts.newcomers, written.parts.newcomers);
        assert_eq!(read.manifest.ranker, written.manifest.ranker);
        // written again it is the same version
        let elsewhere = tempfile::tempdir()?;
        assert_eq!(save(elsewhere.path(), &mut read)?.keep(), version);
        Ok(())
    }
}
