//! Vectors by learned models of texts and pictures, kept in the warehouse by model and content: a run embeds only what
//! changed. `select model, count(*) from raw.vectors group by all` shows what is kept.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use duckdb::Connection;
use duckdb::arrow::array::{ArrayRef, Float32Builder, ListBuilder, StringArray};
use duckdb::arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::common::files::{hex, sha256};
use crate::common::progress::Progress;
use crate::config::Config;
use crate::embed::Text;
use crate::embed::neural::clip::Clip;
use crate::embed::neural::folder;
use crate::embed::neural::{Role, TextModel, Unusable, picture_path};
use crate::index::{Vectors, normalize};
use crate::warehouse::arrow::each_batch;
use crate::warehouse::quote;

/// Vectors of one model, a row for each dataset; all zero for one that has nothing to embed.
pub struct Learned {
    /// The folder's name and what its files hash to.
    pub model: String,
    pub vectors: Vectors,
}

/// How many texts or pictures are embedded between two lines of progress, and kept together.
const CHUNK: usize = 512;

/// How a text model reads a dataset: its fields apart, since a long description drowns what a few tags say.
pub const VIEWS: [&str; 3] = ["tags", "name and tags", "name and description"];

/// The vectors of texts by each of [`VIEWS`].
pub struct LearnedTexts {
    pub model: String,
    pub views: [Vectors; VIEWS.len()],
}

/// Vectors of all texts by the text model that settings name.
pub fn texts(db: &Connection, config: &Config, texts: &[Text], watch: &Progress) -> Result<Option<LearnedTexts>> {
    let Some(named) = folder::text_model(config) else { return Ok(None) };
    // SBERT_MODEL is in the old system's settings, whether or not its model is here
    if named.folder.is_none() && named.setting == "SBERT_MODEL" {
        let missing = named.require().err().map(|error| error.to_string()).unwrap_or_default();
        (watch.note)(&format!("texts are compared by TF-IDF and LSA: {missing}"));
        return Ok(None);
    }
    let folder = named.require()?;
    let model = TextModel::read(folder)?;
    let id = folder::identity(&named, folder)?;
    let sentences: Vec<String> =
        (0..VIEWS.len()).flat_map(|view| texts.iter().map(move |text| seen(text, view))).collect();
    let contents: Vec<String> = sentences.iter().map(|text| hex(&Sha256::digest(text.as_bytes())[..16])).collect();
    // texts of like length together
    let mut order: Vec<usize> = (0..sentences.len()).filter(|row| !sentences[*row].is_empty()).collect();
    order.sort_by_key(|row| std::cmp::Reverse(sentences[*row].len()));
    let mut kept = Kept::read(db, &id)?;
    let embed = |rows: &[usize]| {
        let texts: Vec<&str> = rows.iter().map(|row| sentences[*row].as_str()).collect();
        model.embed(&texts, Role::Document, &|_| ())
    };
    kept.complete(&order, &contents, "texts", watch, embed)?;
    kept.prune(&contents)?;
    let zero = vec![0.0; model.dimensions()];
    let views = std::array::from_fn(|view| {
        let contents = &contents[view * texts.len()..(view + 1) * texts.len()];
        let rows = contents.iter().flat_map(|content| kept.vectors.get(content).unwrap_or(&zero).iter().copied());
        Vectors::new(model.dimensions(), rows)
    });
    Ok(Some(LearnedTexts { model: id, views }))
}

/// What a text model reads of a dataset in one of [`VIEWS`]; empty where there is nothing of the kind.
fn seen(text: &Text, view: usize) -> String {
    let tags = text.tags.replace(" ; ", ", ");
    let parts: &[&String] = match view {
        0 => &[&tags],
        1 => &[&text.title, &tags],
        _ => &[&text.title, &text.description],
    };
    parts.iter().filter(|part| !part.is_empty()).map(|part| part.as_str()).collect::<Vec<_>>().join(". ")
}

/// Vectors of all pictures by the CLIP that settings name, those of one dataset as their mean.
pub fn pictures(
    db: &Connection,
    config: &Config,
    by_id: &HashMap<i64, u32>,
    watch: &Progress,
) -> Result<Option<Learned>> {
    let Some(named) = folder::clip_model(config) else { return Ok(None) };
    let folder = named.require()?;
    let root = config.models.image_root.as_deref().context(
        "CLIP_MODEL_PATH is set, and nothing says where pictures are; set DATASET_IMAGE_ROOT to the folder that \
         image_url is relative to",
    )?;
    let model = Clip::read(folder)?;
    let id = folder::identity(&named, folder)?;
    let (mut rows, mut paths) = (Vec::new(), Vec::new());
    each_batch(db, "select dataset_id, image_url from images order by dataset_id, image_rank", |batch| {
        let (ids, urls) = (batch.i64("dataset_id")?, batch.text("image_url")?);
        for row in 0..batch.rows() {
            if let Some(item) = by_id.get(&ids.value(row)) {
                rows.push(*item);
                paths.push(picture_path(root, urls.value(row)));
            }
        }
        Ok(())
    })?;
    (watch.at)("pictures");
    let hashed: Vec<Option<String>> = paths
        .par_iter()
        .map(|path| path.as_deref().filter(|path| path.is_file()).and_then(|path| sha256(path).ok()))
        .collect();
    let contents: Vec<String> = hashed.iter().map(|hash| hash.clone().unwrap_or_default()).collect();
    let order: Vec<usize> = (0..paths.len()).filter(|row| hashed[*row].is_some()).collect();
    let mut problems: BTreeMap<Unusable, usize> = BTreeMap::new();
    let missing = paths.len() - order.len();
    if missing > 0 {
        problems.insert(Unusable::Missing, missing);
    }
    let mut example = None;
    let mut kept = Kept::read(db, &id)?;
    kept.complete(&order, &contents, "pictures", watch, |rows| {
        let chosen: Vec<PathBuf> = rows.iter().filter_map(|row| paths[*row].clone()).collect();
        let looked = model.embed_pictures(&chosen, &|_| ())?;
        // an empty vector is kept too: what cannot be used is not tried again until it changes
        Ok(looked.into_iter().map(|seen| seen.unwrap_or_default()).collect())
    })?;
    for row in &order {
        if kept.vectors.get(&contents[*row]).is_none_or(Vec::is_empty)
            && let Some(path) = &paths[*row]
        {
            let is_huge = fs::metadata(path).is_ok_and(|about| about.len() > crate::embed::neural::LARGEST_FILE);
            *problems.entry(if is_huge { Unusable::Huge } else { Unusable::Broken }).or_default() += 1;
            example.get_or_insert_with(|| path.display().to_string());
        }
    }
    kept.prune(&contents)?;
    let width = model.dimensions();
    let mut sums = vec![0.0_f32; by_id.len() * width];
    let mut used = 0;
    for (row, content) in rows.iter().zip(&contents) {
        let Some(vector) = kept.vectors.get(content).filter(|vector| vector.len() == width) else { continue };
        let sum = &mut sums[*row as usize * width..][..width];
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        used += 1;
    }
    sums.chunks_exact_mut(width).for_each(normalize);
    let mut said = format!("pictures: {used} of {} are used", paths.len());
    for (problem, count) in &problems {
        said += &format!(", {count} {problem}");
    }
    if let Some(example) = example {
        said += &format!(" (such as {example})");
    }
    (watch.note)(&said);
    Ok(Some(Learned { vectors: Vectors::new(width, sums), model: id }))
}

/// What the warehouse keeps of one model.
struct Kept<'a> {
    db: &'a Connection,
    model: &'a str,
    vectors: HashMap<String, Vec<f32>>,
    /// A warehouse that is only read keeps nothing new.
    is_writable: bool,
}

impl<'a> Kept<'a> {
    fn read(db: &'a Connection, model: &'a str) -> Result<Self> {
        let kind: Option<String> = db
            .query_row(
                "select max(table_type) from information_schema.tables
                 where table_schema = 'raw' and table_name = 'vectors' and table_catalog = current_database()",
                [],
                |row| row.get(0),
            )
            .context("the warehouse cannot say what it keeps")?;
        if kind.is_none() {
            db.execute_batch(
                "create schema if not exists raw;
                 create table raw.vectors (model varchar, content varchar, vector float[])",
            )
            .context("the table of vectors cannot be made")?;
        }
        let mut vectors = HashMap::new();
        let query = format!("select content, vector from raw.vectors where model = {}", quote(model));
        each_batch(db, &query, |batch| {
            let contents = batch.text("content")?;
            for (row, vector) in batch.f32_lists("vector")?.into_iter().enumerate() {
                vectors.insert(contents.value(row).to_owned(), vector);
            }
            Ok(())
        })?;
        Ok(Self { db, model, vectors, is_writable: kind.is_none_or(|kind| kind == "BASE TABLE") })
    }

    /// Embeds what is not kept yet, in `order`.
    fn complete(
        &mut self,
        order: &[usize],
        contents: &[String],
        what: &str,
        watch: &Progress,
        mut embed: impl FnMut(&[usize]) -> Result<Vec<Vec<f32>>>,
    ) -> Result<()> {
        let mut seen = HashSet::new();
        let is_new = |row: &usize| !self.vectors.contains_key(&contents[*row]) && seen.insert(&contents[*row]);
        let new: Vec<usize> = order.iter().copied().filter(is_new).collect();
        let started = Instant::now();
        let mut done = 0;
        for rows in new.chunks(CHUNK) {
            let rate = done as f64 / started.elapsed().as_secs_f64();
            let left =
                if done == 0 { String::new() } else { format!(", {:.0} s left", (new.len() - done) as f64 / rate) };
            (watch.at)(&format!("{what}: {done} of {} embedded by {}{left}", new.len(), self.model));
            let vectors = embed(rows)?;
            if self.is_writable {
                self.keep(rows, contents, &vectors)?;
            }
            self.vectors.extend(rows.iter().map(|row| contents[*row].clone()).zip(vectors));
            done += rows.len();
        }
        if !new.is_empty() {
            let seconds = started.elapsed().as_secs_f64();
            (watch.note)(&format!(
                "{what}: {} embedded by {} in {seconds:.1} s ({:.0} a second), {} kept from before",
                new.len(),
                self.model,
                new.len() as f64 / seconds,
                self.vectors.len() - new.len()
            ));
        }
        Ok(())
    }

    fn keep(&self, rows: &[usize], contents: &[String], vectors: &[Vec<f32>]) -> Result<()> {
        let mut lists = ListBuilder::new(Float32Builder::new());
        for vector in vectors {
            lists.append_value(vector.iter().map(|value| Some(*value)));
        }
        let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            ("model", text(vec![self.model; rows.len()])),
            ("content", text(rows.iter().map(|row| contents[*row].as_str()).collect())),
            ("vector", Arc::new(lists.finish()) as ArrayRef),
        ])?;
        let mut appender = self.db.appender_to_db("vectors", "raw").map_err(|error| anyhow!("{error}"))?;
        appender.append_record_batch(batch)?;
        Ok(appender.flush()?)
    }

    /// Forgets what nothing has any more.
    fn prune(&mut self, contents: &[String]) -> Result<()> {
        let used: HashSet<&String> = contents.iter().collect();
        let stale: Vec<String> = self.vectors.keys().filter(|content| !used.contains(content)).cloned().collect();
        if self.is_writable {
            for part in stale.chunks(1000) {
                let listed = part.iter().map(|content| quote(content)).collect::<Vec<_>>().join(", ");
                let sql =
                    format!("delete from raw.vectors where model = {} and content in ({listed})", quote(self.model));
                self.db.execute_batch(&sql).context("old vectors cannot be removed")?;
            }
        }
        Ok(())
    }
}
