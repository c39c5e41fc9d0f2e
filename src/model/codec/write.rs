//! Writing a version: its tables, its vectors, its ranker, the manifest last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use duckdb::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, Int64Builder, ListBuilder, StringArray, UInt32Array,
};
use duckdb::arrow::record_batch::RecordBatch;
use sha2::{Digest, Sha256};

use super::fields::{NEIGHBOUR, NEW_SHARE};
use super::layout::{
    BEHAVIOUR, GRAPH, ITEMS, LISTS, MANIFEST, NEIGHBOURS, PICTURES, PICTURES_GRAPH, RANKER, USERS, VECTORS, VISITS,
};
use super::{parquet, seal};
use crate::common::files;
use crate::common::language::t;
use crate::index::Index;
use crate::model::{FORMAT, History, Model, Neighbour, Parts, Ranked};
use crate::warehouse::quote;

/// Writes the files of a version into a folder, the manifest last, and gives the version its name.
pub(in crate::model) fn write(dir: &Path, model: &mut Model) -> Result<()> {
    let db = parquet::in_memory()?;
    // a table is appended to as a whole before it is written: one of a million datasets does not fit
    let spill = PathBuf::from(format!("{}.spill", dir.to_string_lossy()));
    db.execute_batch(&format!("set temp_directory = {}", quote(&spill.to_string_lossy())))?;
    for (name, batch) in tables(model)? {
        parquet::write(&db, batch, &dir.join(name))?;
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
    name(dir, model)?;
    files::write(&dir.join(MANIFEST), &seal::sealed(&model.manifest)?)
}

/// Gives a version its name, by its moment and a hash of its files.
fn name(dir: &Path, model: &mut Model) -> Result<()> {
    let mut files = BTreeMap::new();
    let mut hash = Sha256::new();
    for entry in fs::read_dir(dir).with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))? {
        let path = entry?.path();
        files::sync(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, files::sha256(&path)?);
    }
    for (name, sha256) in &files {
        hash.update(format!("{name} {sha256}\n"));
    }
    let short = hex::encode(&hash.finalize()[..4]);
    model.manifest.format = FORMAT;
    model.manifest.files = files;
    model.manifest.version = format!("{}-{short}", model.manifest.trained_at.format("%Y%m%dT%H%M%SZ"));
    Ok(())
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| t!("{} cannot be written", "{} 无法写入", path.display()))
}

fn write_index(dir: &Path, vectors: &str, graph: &str, index: &Index) -> Result<()> {
    write_bytes(&dir.join(vectors), &index.vectors().to_bytes())?;
    match index.graph() {
        Some(built) => write_bytes(&dir.join(graph), &built.to_bytes()?),
        None => Ok(()),
    }
}

/// The version's tables, as Arrow batches.
fn tables(model: &Model) -> Result<Vec<(&'static str, RecordBatch)>> {
    Ok(vec![
        (ITEMS, items(model)?),
        (NEIGHBOURS, neighbours(model)?),
        (LISTS, lists(model)?),
        (USERS, users(model)?),
        (VISITS, visits(model)?),
    ])
}

fn ids(model: &Model, items: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(items.map(|item| model.item(item).dataset_id)))
}

fn numbers(numbers: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(numbers))
}

fn id_lists<'a>(model: &Model, lists: impl Iterator<Item = &'a [u32]>) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new());
    for list in lists {
        builder.append_value(list.iter().map(|item| Some(model.item(*item).dataset_id)));
    }
    Arc::new(builder.finish())
}

fn items(model: &Model) -> Result<RecordBatch> {
    let items = &model.parts.items;
    Ok(RecordBatch::try_from_iter([
        ("dataset_id", ids(model, 0..items.len() as u32)),
        ("title", Arc::new(StringArray::from_iter_values(items.iter().map(|i| &i.title)))),
        ("price", Arc::new(Float64Array::from_iter(items.iter().map(|i| i.price)))),
        ("cover_image", Arc::new(StringArray::from_iter(items.iter().map(|i| i.cover_image.as_deref())))),
        ("is_listed", Arc::new(BooleanArray::from_iter(items.iter().map(|i| Some(i.is_listed))))),
        ("provider", Arc::new(StringArray::from_iter(items.iter().map(|i| i.provider.as_deref())))),
        ("tags", Arc::new(StringArray::from_iter_values(items.iter().map(|i| &*i.tags)))),
        ("views", numbers(items.iter().map(|i| i.views))),
        ("recent_views", Arc::new(Float32Array::from_iter_values(items.iter().map(|i| i.recent_views)))),
    ])?)
}

fn neighbours(model: &Model) -> Result<RecordBatch> {
    let all = || {
        model.parts.neighbours.iter().enumerate().flat_map(|(item, list)| {
            list.iter().enumerate().map(move |(position, neighbour)| (item as u32, position as u32, neighbour))
        })
    };
    let columns = [
        ("dataset_id", ids(model, all().map(|row| row.0))),
        ("position", numbers(all().map(|row| row.1))),
        ("neighbour_id", ids(model, all().map(|row| row.2.item))),
    ];
    let fields = NEIGHBOUR.map(|field| (field.name(), field.column(all().map(|row| row.2))));
    let newcomers = &model.parts.newcomers;
    let share = |(page, _, neighbour): (u32, u32, &Neighbour)| {
        newcomers.get(&page)?.iter().find(|newcomer| newcomer.item == neighbour.item).map(|newcomer| newcomer.share)
    };
    let shares =
        (!newcomers.is_empty()).then(|| (NEW_SHARE, Arc::new(Float32Array::from_iter(all().map(share))) as ArrayRef));
    Ok(RecordBatch::try_from_iter(columns.into_iter().chain(fields).chain(shares))?)
}

fn lists(model: &Model) -> Result<RecordBatch> {
    let Parts { popular, trending, .. } = &model.parts;
    let lists = std::iter::once(("popular", popular))
        .chain(trending.iter().map(|(timeframe, list)| (timeframe.as_str(), list)));
    let rows: Vec<(&str, usize, &Ranked)> = lists
        .flat_map(|(list, entries)| entries.iter().enumerate().map(move |(position, entry)| (list, position, entry)))
        .collect();
    Ok(RecordBatch::try_from_iter([
        ("list", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef),
        ("position", numbers(rows.iter().map(|row| row.1 as u32))),
        ("dataset_id", ids(model, rows.iter().map(|row| row.2.item))),
        ("score", Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.2.score)))),
        ("views", numbers(rows.iter().map(|row| row.2.views))),
    ])?)
}

fn users(model: &Model) -> Result<RecordBatch> {
    let users = &model.parts.users;
    let mut user_ids: Vec<i64> = users.keys().copied().collect();
    user_ids.sort_unstable();
    let history = |pick: fn(&History) -> &[u32]| id_lists(model, user_ids.iter().map(|user| pick(&users[user])));
    Ok(RecordBatch::try_from_iter([
        ("user_id", Arc::new(Int64Array::from(user_ids.clone())) as ArrayRef),
        ("bought", history(|h| &h.bought)),
        ("viewed", history(|h| &h.viewed)),
        ("taste", history(|h| &h.taste)),
    ])?)
}

fn visits(model: &Model) -> Result<RecordBatch> {
    let sessions = &model.parts.sessions;
    Ok(RecordBatch::try_from_iter([
        ("position", numbers(0..sessions.len() as u32)),
        ("dataset_ids", id_lists(model, sessions.visits())),
    ])?)
}
