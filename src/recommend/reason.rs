//! Why a dataset is in a list: with figures for the log, and in words that a visitor reads, in Chinese and English.

use std::fmt;

use super::Pool;
use super::features::{KINSHIP, LEXICAL, SAME_PROVIDER, SEEN, SESSION, TASTE, TRAIL_BEHAVIOUR};
use crate::recommend::features::DENSE;

/// The strongest ground for an entry, with the figures that decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Visitors of the page also looked at it.
    Behaviour { visits: u32, content: f32 },
    /// It is met with the same datasets as the page.
    Kin { kinship: f32 },
    /// Visitors of datasets whose texts are like the page's also looked at it.
    Alike { bridge: f32 },
    /// The visitor looked at it a little earlier.
    Seen,
    /// It goes with what the visitor looked at before.
    Trail { similarity: f32 },
    /// Its text is like the page's.
    Content { similarity: f32, same_provider: bool },
    /// It is like what this user looked at on earlier visits.
    Taste { similarity: f32 },
    /// Many look at it.
    Popular { views: u32 },
    /// Many look at it now.
    Trending { views: u32 },
    /// An editor's rule put it here.
    Pinned,
}

/// The language of a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

/// The strongest ground for a candidate.
pub(super) fn of(pool: &Pool, candidate: usize) -> Reason {
    let figure = |feature: usize| pool.columns.column(feature)[candidate];
    let neighbour = &pool.neighbours[candidate];
    let content = (0.5 * (figure(LEXICAL) + figure(DENSE))).max(0.0);
    if neighbour.visits > 0 {
        Reason::Behaviour { visits: neighbour.visits, content }
    } else if figure(SEEN) > 0.0 {
        Reason::Seen
    } else if neighbour.walk > 0.0 && figure(KINSHIP) > 0.3 {
        Reason::Kin { kinship: figure(KINSHIP) }
    } else if content >= 0.1 {
        Reason::Content { similarity: content, same_provider: figure(SAME_PROVIDER) > 0.0 }
    } else if figure(TRAIL_BEHAVIOUR) > 0.0 || figure(SESSION) > 0.1 {
        Reason::Trail { similarity: figure(TRAIL_BEHAVIOUR).max(figure(SESSION)) }
    } else if figure(TASTE) > 0.3 {
        Reason::Taste { similarity: figure(TASTE) }
    } else if content > 0.0 {
        Reason::Content { similarity: content, same_provider: figure(SAME_PROVIDER) > 0.0 }
    } else if neighbour.bridge > 0.0 {
        Reason::Alike { bridge: neighbour.bridge }
    } else {
        let views = pool.columns.column(super::features::POPULARITY)[candidate].exp_m1().round();
        Reason::Popular { views: views as u32 }
    }
}

impl Reason {
    /// A sentence for the visitor.
    pub fn words(&self, language: Language) -> String {
        let zh = language == Language::Chinese;
        match self {
            Self::Behaviour { visits: 0 | 1, .. } if zh => "有访客同时关注了这两个数据集".to_owned(),
            Self::Behaviour { visits: 0 | 1, .. } => "Looked at together with this dataset".to_owned(),
            Self::Behaviour { visits, .. } if zh => format!("{visits} 次访问中与本数据集一同浏览"),
            Self::Behaviour { visits, .. } => format!("Viewed together with this dataset in {visits} visits"),
            Self::Kin { .. } if zh => "常与相同的数据集一起被浏览".to_owned(),
            Self::Kin { .. } => "Often viewed with the same datasets as this one".to_owned(),
            Self::Alike { .. } if zh => "浏览相似数据集的访客也看了它".to_owned(),
            Self::Alike { .. } => "Viewed together with similar datasets".to_owned(),
            Self::Seen if zh => "您刚刚浏览过".to_owned(),
            Self::Seen => "You looked at it a moment ago".to_owned(),
            Self::Trail { .. } if zh => "与您刚浏览的数据集相关".to_owned(),
            Self::Trail { .. } => "Goes with what you have just looked at".to_owned(),
            Self::Content { same_provider: true, .. } if zh => "同一提供方的相似数据集".to_owned(),
            Self::Content { same_provider: true, .. } => "Similar, from the same provider".to_owned(),
            Self::Content { .. } if zh => "内容相似".to_owned(),
            Self::Content { .. } => "Similar in content".to_owned(),
            Self::Taste { .. } if zh => "符合您以往的浏览兴趣".to_owned(),
            Self::Taste { .. } => "Like what you looked at on earlier visits".to_owned(),
            Self::Popular { .. } if zh => "热门数据集".to_owned(),
            Self::Popular { .. } => "Popular with all visitors".to_owned(),
            Self::Trending { views } if zh => format!("近期热门:{views} 次浏览"),
            Self::Trending { views } => format!("Trending: {views} views lately"),
            Self::Pinned if zh => "编辑推荐".to_owned(),
            Self::Pinned => "Chosen by the editors".to_owned(),
        }
    }
}

impl fmt::Display for Reason {
    /// The channel and its figures, as the exposure log keeps them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behaviour { visits: 0, content } => {
                write!(f, "behaviour: bought together, text similarity {content:.2}")
            }
            Self::Behaviour { visits, content } => {
                let s = if *visits == 1 { "" } else { "s" };
                write!(f, "behaviour: viewed together in {visits} visit{s}, text similarity {content:.2}")
            }
            Self::Kin { kinship } => write!(f, "behaviour: met with the same datasets, {kinship:.2}"),
            Self::Alike { bridge } => write!(f, "behaviour: viewed with datasets of like texts, {bridge:.3}"),
            Self::Seen => write!(f, "trail: viewed before in this visit"),
            Self::Trail { similarity } => write!(f, "trail: goes with pages viewed before, {similarity:.2}"),
            Self::Content { similarity, same_provider } => {
                let provider = if *same_provider { ", same provider" } else { "" };
                write!(f, "content: text similarity {similarity:.2}{provider}")
            }
            Self::Taste { similarity } => write!(f, "taste: like earlier visits, {similarity:.2}"),
            Self::Popular { views } => write!(f, "popular: {views} views"),
            Self::Trending { views } => write!(f, "trending: {views} views"),
            Self::Pinned => write!(f, "rule: pinned"),
        }
    }
}
