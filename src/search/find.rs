//! One search outside of the server.

use anyhow::Result;
use serde::Serialize;

use super::{Finder, Query};
use crate::config::Config;
use crate::embed::neural::QueryEncoder;
use crate::model;
use crate::recommend::rules::ActiveRules;

/// A dataset that was found, as a person reads it.
#[derive(Clone, Debug, Serialize)]
pub struct FoundDataset {
    /// The id it has in the marketplace.
    pub dataset_id: i64,
    /// Its name.
    pub title: String,
    /// 1 for what stands first by every way of finding.
    pub score: f32,
    /// How it was found, with pluses between.
    pub by: String,
}

/// A model that the version was made with and that cannot read the query, with the setting that does not name it.
pub type Unread = (String, &'static str);

/// Finds up to `limit` datasets of the current version by words, as `/search` does.
///
/// # Errors
/// There is no current version, or a model that the settings name cannot be read.
pub fn find(config: &Config, words: &str, limit: usize) -> Result<(Vec<FoundDataset>, Vec<Unread>)> {
    let model = model::load_current(&config.models_dir)?;
    let manifest = &model.manifest;
    let read =
        QueryEncoder::load(config)?.encode(words, manifest.text_model.as_deref(), manifest.picture_model.as_deref())?;
    let unread = [
        (&manifest.text_model, read.lacks_text, "TEXT_MODEL_PATH"),
        (&manifest.picture_model, read.lacks_picture, "CLIP_MODEL_PATH"),
    ];
    let unread = unread.into_iter().filter(|(_, lacks, _)| *lacks);
    let unread = unread.filter_map(|(id, _, setting)| Some((id.clone()?, setting))).collect();
    let query = Query { words, text: read.text.as_deref(), picture: read.picture.as_deref() };
    let found = Finder::new(&model).search(&model, &query, &ActiveRules::default(), limit);
    let shown = |entry: super::Found| {
        let item = model.item(entry.item);
        let by: Vec<&str> = entry.by.iter().map(|by| by.name()).collect();
        FoundDataset { dataset_id: item.dataset_id, title: item.title.clone(), score: entry.score, by: by.join("+") }
    };
    Ok((found.into_iter().map(shown).collect(), unread))
}
