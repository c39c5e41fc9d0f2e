//! The endpoints that answer lists, as metrics, logs and experiments name them.

use serde::{Serialize, Serializer};

/// The endpoints that answer lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/similar`
    Similar,
    /// `/recommend/detail`
    Detail,
    /// `/hot/trending`
    Trending,
    /// `/recommend`
    Person,
}

impl Endpoint {
    /// In the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Similar, Self::Detail, Self::Trending, Self::Person];

    /// Its name in metrics, logs and experiments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Similar => "similar",
            Self::Detail => "recommend_detail",
            Self::Trending => "hot_trending",
            Self::Person => "recommend",
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_str(self.name())
    }
}
