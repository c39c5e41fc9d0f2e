//! What people type, to vectors: the models that a version was made with.

use anyhow::Result;

use super::clip::Clip;
use super::folder;
use super::{Role, TextModel};
use crate::config::Config;

/// The models of texts and of pictures that queries are read with, each with its identity.
#[derive(Default)]
pub struct Reader {
    text: Option<(String, TextModel)>,
    picture: Option<(String, Clip)>,
}

/// What the models make of a query.
#[derive(Clone, Debug, Default)]
pub struct Read {
    pub text: Option<Vec<f32>>,
    pub picture: Option<Vec<f32>>,
}

impl Reader {
    /// Loads the models that settings name.
    pub fn load(config: &Config) -> Result<Self> {
        let mut reader = Self::default();
        if let Some(named) = folder::text_model(config)
            && let Some(folder) = &named.folder
        {
            reader.text = Some((folder::identity(&named, folder)?, TextModel::read(folder)?));
        }
        if let Some(named) = folder::clip_model(config)
            && let Some(folder) = &named.folder
        {
            reader.picture = Some((folder::identity(&named, folder)?, Clip::read(folder)?));
        }
        Ok(reader)
    }

    /// Reads a query by those of its models that a version was made with.
    pub fn read(&self, query: &str, text_model: Option<&str>, picture_model: Option<&str>) -> Result<Read> {
        let mut read = Read::default();
        if let Some((id, model)) = &self.text
            && text_model == Some(id)
        {
            read.text = model.embed(&[query], Role::Query, &|_| ())?.pop();
        }
        if let Some((id, model)) = &self.picture
            && picture_model == Some(id)
        {
            read.picture = model.embed_texts(&[query])?.pop();
        }
        Ok(read)
    }
}
