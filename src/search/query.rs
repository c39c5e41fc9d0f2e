//! What is looked for, and what was found.

use serde::Serialize;
use utoipa::ToSchema;

/// What is looked for: words, and what models of texts and of pictures make of them, where there are some.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// As they were typed.
    pub words: &'a str,
    /// The text model's vector of them.
    pub text: Option<&'a [f32]>,
    /// The picture model's vector of them.
    pub picture: Option<&'a [f32]>,
}

/// How a dataset was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Its name, tags or provider hold the words, or what they are the pinyin of.
    Words,
    /// Its text means the like.
    Text,
    /// Its pictures show it.
    Pictures,
}

impl By {
    /// Its name, as in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Text => "text",
            Self::Pictures => "pictures",
        }
    }
}

/// A dataset that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The dataset, as an index into the model's items.
    pub item: u32,
    /// 1 for what stands first by every way of finding.
    pub score: f32,
    /// The ways that found it.
    pub by: Vec<By>,
}
