//! What is asked of the routes that answer lists, once it is known to be well-formed.

use crate::common::language::Language;
use crate::serve::endpoint::Endpoint;

/// What a list is asked for, in the ids of whoever asks.
#[derive(Debug)]
pub struct ListQuery {
    /// Which list.
    pub target: Target,
    /// The language of its reasons.
    pub language: Language,
    /// How many items.
    pub top_n: usize,
    /// Where it is shown, where the query says it.
    pub source: Option<String>,
}

/// Which list is asked for.
#[derive(Debug)]
pub enum Target {
    /// Beside a dataset, the same for everyone.
    Similar {
        /// The page's dataset.
        dataset_id: i64,
        /// Decides which variant answers.
        visitor: Option<String>,
    },
    /// Beside a dataset, for one visitor.
    Detail {
        /// The page's dataset.
        dataset_id: i64,
        /// The marketplace's id of the visitor.
        user_id: Option<i64>,
        /// Decides which variant answers: the user's id as it came, else any other name of the visitor.
        visitor: Option<String>,
        /// What the visitor looked at before, newest first.
        recent: Vec<i64>,
    },
    /// For a person, on no page.
    Person {
        /// The marketplace's id of the visitor.
        user_id: Option<i64>,
        /// As in [`Self::Detail`].
        visitor: Option<String>,
        /// What the visitor looked at before, newest first.
        recent: Vec<i64>,
    },
    /// What is viewed most.
    Trending {
        /// Lately, or for how long.
        timeframe: &'static str,
    },
}

impl Target {
    /// The endpoint that is asked for it.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Similar { .. } => Endpoint::Similar,
            Self::Detail { .. } => Endpoint::Detail,
            Self::Person { .. } => Endpoint::Person,
            Self::Trending { .. } => Endpoint::Trending,
        }
    }

    /// The dataset on whose page it is shown.
    pub fn page_id(&self) -> Option<i64> {
        match self {
            Self::Similar { dataset_id, .. } | Self::Detail { dataset_id, .. } => Some(*dataset_id),
            Self::Person { .. } | Self::Trending { .. } => None,
        }
    }

    /// The marketplace's id of the visitor, where it is known.
    pub fn user_id(&self) -> Option<i64> {
        match self {
            Self::Detail { user_id, .. } | Self::Person { user_id, .. } => *user_id,
            Self::Similar { .. } | Self::Trending { .. } => None,
        }
    }

    /// A name that stays with the visitor.
    pub fn visitor(&self) -> Option<&str> {
        match self {
            Self::Similar { visitor, .. } | Self::Detail { visitor, .. } | Self::Person { visitor, .. } => {
                visitor.as_deref()
            }
            Self::Trending { .. } => None,
        }
    }
}
