//! What people type, to vectors: by the models that a version was made with.

use anyhow::Result;

use super::clip::Clip;
use super::folder::{self, TextChoice};
use super::{Role, TextModel, carried};
use crate::config::Config;

/// The models of texts and of pictures that queries are encoded with, each with its identity.
#[derive(Default)]
pub struct QueryEncoder {
    text: Option<(String, TextModel)>,
    picture: Option<(String, Clip)>,
}

/// What the models make of a query, as vectors of length 1.
#[derive(Clone, Debug, Default)]
pub struct EncodedQuery {
    /// Among texts; `None` where the version was made without this text model.
    pub text: Option<Vec<f32>>,
    /// Among pictures; `None` where the version was made without this picture model.
    pub picture: Option<Vec<f32>>,
    /// Whether the version was made with a text model that is not here.
    pub lacks_text: bool,
    /// Whether it was made with a picture model that is not here.
    pub lacks_picture: bool,
}

impl QueryEncoder {
    /// Loads the models that settings name.
    ///
    /// # Errors
    /// A folder that is there holds no model that can be used.
    pub fn load(config: &Config) -> Result<Self> {
        let mut encoder = Self::default();
        if let TextChoice::Named(named) = folder::text_model(config)
            && let Some(folder) = &named.folder
        {
            encoder.text = Some((folder::identity(&named, folder)?, TextModel::read(folder)?));
        }
        if let Some(named) = folder::clip_model(config)
            && let Some(folder) = &named.folder
        {
            encoder.picture = Some((folder::identity(&named, folder)?, Clip::read(folder)?));
        }
        Ok(encoder)
    }

    /// Encodes a query by those of the models that a version was made with.
    ///
    /// # Errors
    /// A model fails.
    pub fn encode(&self, query: &str, text_model: Option<&str>, picture_model: Option<&str>) -> Result<EncodedQuery> {
        let mut encoded = EncodedQuery::default();
        if let Some((id, model)) = &self.text
            && text_model == Some(id)
        {
            encoded.text = model.embed(&[query], Role::Query, &|_| ())?.pop();
        }
        if let Some((id, model)) = &self.picture
            && picture_model == Some(id)
        {
            encoded.picture = model.embed_texts(&[query])?.pop();
        }
        // the table that the program carries knows every piece of a word, and would find something for any query
        encoded.lacks_text = text_model.is_some_and(|id| id != carried::identity()) && encoded.text.is_none();
        encoded.lacks_picture = picture_model.is_some() && encoded.picture.is_none();
        Ok(encoded)
    }
}
