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
        let named = self.text.as_ref().filter(|(id, _)| text_model == Some(id)).map(|(_, model)| model);
        let model = match named {
            None if text_model == Some(carried::identity()) => Some(carried::model()?),
            named => named,
        };
        if let Some(model) = model {
            encoded.text = model.embed(&[query], Role::Query, &|_| ())?.pop();
        }
        if let Some((id, model)) = &self.picture
            && picture_model == Some(id)
        {
            encoded.picture = model.embed_texts(&[query])?.pop();
        }
        Ok(encoded)
    }
}
