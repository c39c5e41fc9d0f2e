//! Which list: all that decides what is in it.

use crate::common::language::Language;

/// What a rendered list depends on; it is the same for all who share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListKey {
    /// Which loaded version made it ([`LoadedVersion::id`](crate::serve::deployment::LoadedVersion)).
    pub version: u64,
    /// What is in it.
    pub list: List,
    /// The language of its reasons.
    pub language: Language,
    /// The index of the variant of an experiment.
    pub variant: u16,
    /// The kind of request, by source and device, of those that are told apart.
    pub audience: u16,
}

/// What is in a list. Datasets are numbered as in the version's model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// Beside a dataset, the same for everyone.
    Similar {
        /// The page's dataset; `None` where the version does not know it.
        page: Option<u32>,
        /// How long it is asked to be.
        top_n: usize,
    },
    /// Beside a dataset, for one visitor.
    Detail {
        /// The page's dataset; `None` where the version does not know it.
        page: Option<u32>,
        /// A user that the version knows.
        user: Option<i64>,
        /// What the visitor looked at before, newest first.
        recent: Vec<u32>,
        /// How long it is asked to be.
        top_n: usize,
    },
    /// For a person, on no page.
    Person {
        /// A user that the version knows.
        user: Option<i64>,
        /// What they looked at before, newest first.
        recent: Vec<u32>,
        /// How long it is asked to be.
        top_n: usize,
    },
    /// What is viewed most.
    Trending {
        /// `1h`, `24h`, `7d` or `30d`.
        timeframe: &'static str,
        /// How long it is asked to be.
        top_n: usize,
        /// Which count of recent views it is made from.
        tick: u64,
    },
}

impl List {
    /// Whether it is made for one visitor. Others will hardly ask for the same, and making it anew takes less than looking
    /// after it in the cache.
    pub fn is_personal(&self) -> bool {
        matches!(self, Self::Detail { user, recent, .. } | Self::Person { user, recent, .. } if user.is_some() || !recent.is_empty())
    }

    /// How long it is asked to be.
    pub fn top_n(&self) -> usize {
        match self {
            Self::Similar { top_n, .. }
            | Self::Detail { top_n, .. }
            | Self::Person { top_n, .. }
            | Self::Trending { top_n, .. } => *top_n,
        }
    }

    /// The list that everyone gets on the page of this one; `None` where this one may leave out what a known user bought.
    pub fn shared(&self) -> Option<Self> {
        match self {
            Self::Detail { page, user: None, top_n, .. } => Some(Self::Similar { page: *page, top_n: *top_n }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_bought_stays_out_of_the_list_that_stands_in() {
        let detail = |user, recent: &[u32]| List::Detail { page: Some(1), user, recent: recent.to_vec(), top_n: 5 };
        let everyones = List::Similar { page: Some(1), top_n: 5 };
        assert_eq!(detail(None, &[2, 3]).shared(), Some(everyones.clone()));
        assert_eq!(detail(Some(7), &[]).shared(), None);
        assert!(detail(None, &[2]).is_personal() && detail(Some(7), &[]).is_personal());
        assert!(!detail(None, &[]).is_personal() && !everyones.is_personal());
    }
}
