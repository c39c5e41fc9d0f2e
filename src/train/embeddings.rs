//! Vectors by learned models of texts and pictures, where settings name some.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};
use duckdb::Connection;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::probes::{Expected, Probe, Probes, Samples, Script};
use super::vector_cache::VectorCache;
use crate::common::files::sha256;
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::config::Config;
use crate::embed::Text;
use crate::embed::neural::clip::Clip;
use crate::embed::neural::folder::{self, Named, TextChoice};
use crate::embed::neural::{LARGEST_FILE, Places, Role, TextModel, Unusable, carried, is_address};
use crate::index::{Vectors, normalize};
use crate::warehouse::arrow::each_batch;

/// Vectors of one model, a row for each dataset; all zero for one that has nothing to embed.
pub struct Learned {
    /// The folder's name and what its files hash to.
    pub model: String,
    /// Row i for item i.
    pub vectors: Vectors,
}

/// How a text model reads a dataset: its fields apart, since a long description drowns what a few tags say.
pub const VIEWS: [(&str, &str); 3] =
    [("tags", "标签"), ("name and tags", "名称与标签"), ("name and description", "名称与描述")];

/// The vectors of texts by each of [`VIEWS`].
pub struct LearnedTexts {
    /// The folder's name and what its files hash to.
    pub model: String,
    /// In the order of [`VIEWS`], row i for item i.
    pub views: [Vectors; VIEWS.len()],
    /// What it makes of single fields, for judging it without visits.
    pub probes: Probes,
    /// Whether it is the table that the program carries, which nobody asked for: it counts where it is of use alone.
    pub is_carried: bool,
}

/// Vectors of all texts by the text model that settings choose; none where that is the one that the program carries and it
/// brings nothing.
pub fn texts(db: &Connection, config: &Config, texts: &[Text], progress: &Progress) -> Result<Option<LearnedTexts>> {
    let samples = Probes::samples(texts);
    match folder::text_model(config) {
        TextChoice::None => Ok(None),
        TextChoice::Carried => by_carried(texts, &samples, progress),
        // SBERT_MODEL is in the old system's settings, whether or not its model is here
        TextChoice::Named(named) if named.folder.is_none() && named.setting == "SBERT_MODEL" => {
            let missing = named.require().err().map(|error| error.to_string()).unwrap_or_default();
            progress.note(&t!("texts are compared without it: {missing}", "文本比较时不用它：{missing}"));
            by_carried(texts, &samples, progress)
        }
        TextChoice::Named(named) => by_named(&named, db, texts, &samples, progress).map(Some),
    }
}

/// Vectors by the table that the program carries, where names and descriptions do not speak against it. They are looked
/// up more quickly than they could be read from where others are kept.
fn by_carried(texts: &[Text], samples: &Samples, progress: &Progress) -> Result<Option<LearnedTexts>> {
    if !Probes::can_judge(samples, Script::Letters) {
        return Ok(None);
    }
    progress.at(either("texts: by the table of English tokens", "文本：用英文词元向量表"));
    let model = carried::model()?;
    let embed = |sentences: &[String]| {
        let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
        model.embed(&sentences, Role::Document, &|_| ())
    };
    let fields = embed(&fields(texts, samples).collect::<Vec<String>>())?;
    let fields: Vec<&[f32]> = fields.iter().map(Vec::as_slice).collect();
    let probes = Probes::new(texts, samples, &fields, Expected::Fifth, &|texts| model.unknown_share(texts))?;
    if !probes.is_of_use(Script::Letters) {
        probes.told().for_each(|said| progress.note(&t!("texts, {said}", "文本，{said}")));
        return Ok(None);
    }
    let view = |view: usize| -> Result<Vectors> {
        let rows = embed(&texts.iter().map(|text| seen(text, view)).collect::<Vec<String>>())?;
        Ok(Vectors::new(model.dimensions(), rows.into_iter().flatten()))
    };
    let views = [view(0)?, view(1)?, view(2)?];
    Ok(Some(LearnedTexts { model: carried::identity().to_owned(), views, probes, is_carried: true }))
}

/// What is judged by, one after the other.
fn fields(texts: &[Text], samples: &Samples) -> impl Iterator<Item = String> {
    samples.iter().flatten().flat_map(|item| Probe::fields(&texts[*item as usize]))
}

/// Vectors by a model in a folder, those of before from the warehouse.
fn by_named(
    named: &Named,
    db: &Connection,
    texts: &[Text],
    samples: &Samples,
    progress: &Progress,
) -> Result<LearnedTexts> {
    let folder = named.require()?;
    let model = TextModel::read(folder)?;
    let id = folder::identity(named, folder)?;
    let seen = (0..VIEWS.len()).flat_map(|view| texts.iter().map(move |text| seen(text, view)));
    let sentences: Vec<String> = seen.chain(fields(texts, samples)).collect();
    let contents: Vec<String> =
        sentences.iter().map(|text| hex::encode(&Sha256::digest(text.as_bytes())[..16])).collect();
    // texts of like length together
    let mut order: Vec<usize> = (0..sentences.len()).filter(|row| !sentences[*row].is_empty()).collect();
    order.sort_by_key(|row| std::cmp::Reverse(sentences[*row].len()));
    let mut kept = VectorCache::read(db, &id)?;
    let embed = |rows: &[usize]| {
        let texts: Vec<&str> = rows.iter().map(|row| sentences[*row].as_str()).collect();
        model.embed(&texts, Role::Document, &|_| ())
    };
    kept.complete(&order, &contents, either("texts", "文本"), progress, embed)?;
    kept.prune(&contents)?;
    let zero = vec![0.0; model.dimensions()];
    let vector = |content: &String| kept.vectors.get(content).unwrap_or(&zero);
    let views = std::array::from_fn(|view| {
        let contents = &contents[view * texts.len()..(view + 1) * texts.len()];
        Vectors::new(model.dimensions(), contents.iter().flat_map(|content| vector(content).iter().copied()))
    });
    let vectors: Vec<&[f32]> = contents[VIEWS.len() * texts.len()..].iter().map(|c| vector(c).as_slice()).collect();
    let unknown = |texts: &[&str]| model.unknown_share(texts);
    let probes = Probes::new(texts, samples, &vectors, Expected::Half, &unknown)?;
    Ok(LearnedTexts { model: id, views, probes, is_carried: false })
}

/// Tags as people write them in a sentence.
pub(super) fn listed_tags(text: &Text) -> String {
    text.tags.replace(" ; ", ", ")
}

/// What a text model reads of a dataset in one of [`VIEWS`]; empty where there is nothing of the kind.
fn seen(text: &Text, view: usize) -> String {
    let tags = listed_tags(text);
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
    progress: &Progress,
) -> Result<Option<Learned>> {
    let Some(named) = folder::clip_model(config) else { return Ok(None) };
    let folder = named.require()?;
    let places = Places::of(config.picture_roots())?;
    if places.is_empty() {
        bail!(either(
            "CLIP_MODEL_PATH is set, and nothing says where pictures are; set DATASET_IMAGE_ROOT to the folder \
             that image_url is relative to",
            "已设置 CLIP_MODEL_PATH，却没有说图片在哪里；请把 DATASET_IMAGE_ROOT 设为 image_url 所相对的目录",
        ));
    }
    let model = Clip::read(folder)?;
    let id = folder::identity(&named, folder)?;
    let pictures = Pictures::read(db, by_id, &places, progress)?;
    let mut kept = VectorCache::read(db, &id)?;
    kept.complete(&pictures.there, &pictures.contents, "pictures", progress, |rows| {
        let chosen: Vec<PathBuf> = rows.iter().filter_map(|row| pictures.paths[*row].clone()).collect();
        let looked = model.embed_pictures(&chosen, &|_| ())?;
        // an empty vector is kept too: what cannot be used is not tried again until it changes
        Ok(looked.into_iter().map(|seen| seen.unwrap_or_default()).collect())
    })?;
    let problems = pictures.problems(&kept.vectors);
    kept.prune(&pictures.contents)?;
    let (used, vectors) = pictures.means(&kept.vectors, by_id.len(), model.dimensions());
    progress.note(&t!(
        "pictures: {used} of {} are used{problems}",
        "图片：用到 {used} 张，共 {} 张{problems}",
        pictures.paths.len()
    ));
    Ok(Some(Learned { vectors, model: id }))
}

/// The pictures in datasets' own folders, else those that the warehouse names, a row for each.
struct Pictures {
    /// Whose they are.
    items: Vec<u32>,
    /// Where they are; `None` for an address, or where that is no path below the pictures' folders.
    paths: Vec<Option<PathBuf>>,
    /// What their files hash to; empty where there is none.
    contents: Vec<String>,
    /// The rows whose files are there.
    there: Vec<usize>,
    /// How many are addresses, of which nothing is fetched.
    addresses: usize,
}

impl Pictures {
    fn read(db: &Connection, by_id: &HashMap<i64, u32>, places: &Places, progress: &Progress) -> Result<Self> {
        let (mut items, mut paths, mut addresses) = (Vec::new(), Vec::new(), 0);
        let mut ids: Vec<(i64, u32)> = by_id.iter().map(|(id, item)| (*id, *item)).collect();
        ids.sort_unstable();
        let mut have_own = HashSet::new();
        for (id, item) in ids {
            for picture in places.own(id)? {
                have_own.insert(item);
                items.push(item);
                paths.push(Some(picture));
            }
        }
        each_batch(db, "select dataset_id, image_url from images order by dataset_id, image_rank", |batch| {
            let (ids, urls) = (batch.i64("dataset_id")?, batch.text("image_url")?);
            for row in 0..batch.rows() {
                if let Some(item) = by_id.get(&ids.value(row)).filter(|item| !have_own.contains(*item)) {
                    items.push(*item);
                    paths.push(places.find(urls.value(row)));
                    addresses += usize::from(is_address(urls.value(row)));
                }
            }
            Ok(())
        })?;
        progress.at("pictures");
        let hashed: Vec<Option<String>> = paths
            .par_iter()
            .map(|path| path.as_deref().filter(|path| path.is_file()).and_then(|path| sha256(path).ok()))
            .collect();
        let there = (0..paths.len()).filter(|row| hashed[*row].is_some()).collect();
        let contents = hashed.into_iter().map(Option::unwrap_or_default).collect();
        Ok(Self { items, paths, contents, there, addresses })
    }

    /// What is wrong with those that cannot be used, and an example; nothing where nothing is.
    fn problems(&self, vectors: &HashMap<String, Vec<f32>>) -> String {
        let mut problems: BTreeMap<Unusable, usize> = BTreeMap::new();
        let missing = self.paths.len() - self.there.len() - self.addresses;
        if missing > 0 {
            problems.insert(Unusable::Missing, missing);
        }
        let mut example = None;
        for row in &self.there {
            if vectors.get(&self.contents[*row]).is_none_or(Vec::is_empty)
                && let Some(path) = &self.paths[*row]
            {
                let is_huge = fs::metadata(path).is_ok_and(|about| about.len() > LARGEST_FILE);
                *problems.entry(if is_huge { Unusable::Huge } else { Unusable::Broken }).or_default() += 1;
                example.get_or_insert_with(|| t!(" (such as {})", "（如 {}）", path.display()));
            }
        }
        let said = problems.iter().map(|(problem, count)| t!(", {count} {problem}", "，{problem} {count} 张"));
        let addresses = (self.addresses > 0)
            .then(|| t!(", {} are addresses and not fetched", "，{} 张是网址，不下载", self.addresses));
        said.chain(example).chain(addresses).collect()
    }

    /// The mean of each item's pictures, and of how many there is a vector.
    fn means(&self, vectors: &HashMap<String, Vec<f32>>, items: usize, width: usize) -> (usize, Vectors) {
        let mut sums = vec![0.0_f32; items * width];
        let mut used = 0;
        for (row, content) in self.items.iter().zip(&self.contents) {
            let Some(vector) = vectors.get(content).filter(|vector| vector.len() == width) else { continue };
            let sum = &mut sums[*row as usize * width..][..width];
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            used += 1;
        }
        sums.chunks_exact_mut(width).for_each(normalize);
        (used, Vectors::new(width, sums))
    }
}
