//! Why a dataset is in a list: with figures for the log, and in words that a visitor reads, in Chinese and English.

use std::fmt;

use super::Pool;
use crate::common::language::Language;
use crate::model::Feature;

/// The strongest ground for an entry, with the figures that decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Visitors of the page also looked at it.
    Behaviour {
        /// How many visits hold both.
        visits: u32,
        /// How alike the texts are, 0 to 1.
        content: f32,
    },
    /// It is met with the same datasets as the page.
    Kin {
        /// Cosine of the vectors of behaviour.
        kinship: f32,
    },
    /// Visitors of datasets whose texts are like the page's also looked at it.
    Alike {
        /// What those datasets lent.
        bridge: f32,
    },
    /// The visitor looked at it a little earlier.
    Seen,
    /// It goes with what the visitor looked at before.
    Prefix {
        /// How well, by visits or by neighbours.
        similarity: f32,
    },
    /// Its text is like the page's.
    Content {
        /// How much, 0 to 1.
        similarity: f32,
        /// Whether both are of one provider.
        same_provider: bool,
    },
    /// It is new, and tried for its text, which is like the page's.
    New {
        /// How much, 0 to 1.
        similarity: f32,
    },
    /// Its pictures are like the page's.
    Pictures {
        /// Cosine of the vectors of pictures.
        similarity: f32,
    },
    /// It is like what this user looked at on earlier visits.
    Taste {
        /// Cosine of the vectors of texts.
        similarity: f32,
    },
    /// Many look at it.
    Popular {
        /// How often it was viewed.
        views: u32,
    },
    /// Many look at it now.
    Trending {
        /// How often it was viewed in the list's time.
        views: u32,
    },
    /// Many look at it just now, by the server's own account.
    Visited {
        /// How many visitors did in the list's time.
        visitors: u32,
    },
    /// An editor's rule put it here.
    Pinned,
}

/// The strongest ground for a candidate.
pub(super) fn of(pool: &Pool, candidate: usize) -> Reason {
    let figure = |feature: Feature| pool.columns.column(feature)[candidate];
    let visits = pool.neighbours[candidate].visits;
    let content = (0.5 * (figure(Feature::Lexical) + figure(Feature::Dense))).max(0.0);
    if visits > 0 {
        Reason::Behaviour { visits: visits.into(), content }
    } else if figure(Feature::Seen) > 0.0 {
        Reason::Seen
    } else if figure(Feature::Walk) > 0.0 && figure(Feature::Kinship) > 0.3 {
        Reason::Kin { kinship: figure(Feature::Kinship) }
    } else if content >= 0.1 {
        Reason::Content { similarity: content, same_provider: figure(Feature::SameProvider) > 0.0 }
    } else if figure(Feature::Pictures) > 0.8 {
        Reason::Pictures { similarity: figure(Feature::Pictures) }
    } else if figure(Feature::PrefixBehaviour) > 0.0 || figure(Feature::Session) > 0.1 {
        Reason::Prefix { similarity: figure(Feature::PrefixBehaviour).max(figure(Feature::Session)) }
    } else if figure(Feature::Taste) > 0.3 {
        Reason::Taste { similarity: figure(Feature::Taste) }
    } else if content > 0.0 {
        Reason::Content { similarity: content, same_provider: figure(Feature::SameProvider) > 0.0 }
    } else if figure(Feature::Bridge) > 0.0 {
        Reason::Alike { bridge: figure(Feature::Bridge) }
    } else {
        let views = pool.columns.column(Feature::Popularity)[candidate].exp_m1().round();
        Reason::Popular { views: views as u32 }
    }
}

/// A reason as a sentence for the visitor.
#[derive(Debug)]
pub struct Words<'a> {
    /// What is said.
    pub reason: &'a Reason,
    /// In which language.
    pub language: Language,
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zh = self.language == Language::Chinese;
        f.write_str(match self.reason {
            Reason::Behaviour { visits: 0 | 1, .. } if zh => "有访客同时关注了这两个数据集",
            Reason::Behaviour { visits: 0 | 1, .. } => "Looked at together with this dataset",
            Reason::Behaviour { visits, .. } if zh => return write!(f, "{visits} 次访问中与本数据集一同浏览"),
            Reason::Behaviour { visits, .. } => {
                return write!(f, "Viewed together with this dataset in {visits} visits");
            }
            Reason::Kin { .. } if zh => "常与相同的数据集一起被浏览",
            Reason::Kin { .. } => "Often viewed with the same datasets as this one",
            Reason::Alike { .. } if zh => "浏览相似数据集的访客也看了它",
            Reason::Alike { .. } => "Viewed together with similar datasets",
            Reason::Seen if zh => "您刚刚浏览过",
            Reason::Seen => "You looked at it a moment ago",
            Reason::Prefix { .. } if zh => "与您刚浏览的数据集相关",
            Reason::Prefix { .. } => "Goes with what you have just looked at",
            Reason::Content { same_provider: true, .. } if zh => "同一提供方的相似数据集",
            Reason::Content { same_provider: true, .. } => "Similar, from the same provider",
            Reason::Content { .. } if zh => "内容相似",
            Reason::Content { .. } => "Similar in content",
            Reason::New { .. } if zh => "新上架，内容相似",
            Reason::New { .. } => "New, and similar in content",
            Reason::Pictures { .. } if zh => "图片相似",
            Reason::Pictures { .. } => "Its pictures are similar",
            Reason::Taste { .. } if zh => "符合您以往的浏览兴趣",
            Reason::Taste { .. } => "Like what you looked at on earlier visits",
            Reason::Popular { .. } if zh => "热门数据集",
            Reason::Popular { .. } => "Popular with all visitors",
            Reason::Trending { views } if zh => return write!(f, "近期热门:{views} 次浏览"),
            Reason::Trending { views } => return write!(f, "Trending: {views} views lately"),
            Reason::Visited { visitors: 1 } if zh => "刚刚有访客浏览",
            Reason::Visited { visitors: 1 } => "Looked at just now",
            Reason::Visited { visitors } if zh => return write!(f, "近期热门：{visitors} 位访客浏览"),
            Reason::Visited { visitors } => return write!(f, "Trending: {visitors} visitors lately"),
            Reason::Pinned if zh => "编辑推荐",
            Reason::Pinned => "Chosen by the editors",
        })
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
            Self::Prefix { similarity } => write!(f, "trail: goes with pages viewed before, {similarity:.2}"),
            Self::Content { similarity, same_provider } => {
                let provider = if *same_provider { ", same provider" } else { "" };
                write!(f, "content: text similarity {similarity:.2}{provider}")
            }
            Self::New { similarity } => write!(f, "content: new, text similarity {similarity:.2}"),
            Self::Pictures { similarity } => write!(f, "visual: pictures alike, {similarity:.2}"),
            Self::Taste { similarity } => write!(f, "taste: like earlier visits, {similarity:.2}"),
            Self::Popular { views } => write!(f, "popular: {views} views"),
            Self::Trending { views } => write!(f, "trending: {views} views"),
            Self::Visited { visitors } => write!(f, "trending: {visitors} visitors"),
            Self::Pinned => write!(f, "rule: pinned"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Neighbour;

    #[test]
    fn reasons_in_all_languages_and_in_the_log() {
        let similarity = 0.456;
        let all = [
            Reason::Behaviour { visits: 0, content: 0.123 },
            Reason::Behaviour { visits: 1, content: 0.123 },
            Reason::Behaviour { visits: 12, content: 0.0 },
            Reason::Kin { kinship: 0.789 },
            Reason::Alike { bridge: 0.0123 },
            Reason::Seen,
            Reason::Prefix { similarity },
            Reason::Content { similarity, same_provider: false },
            Reason::Content { similarity, same_provider: true },
            Reason::New { similarity },
            Reason::Pictures { similarity },
            Reason::Taste { similarity },
            Reason::Popular { views: 1234 },
            Reason::Trending { views: 56 },
            Reason::Visited { visitors: 1 },
            Reason::Visited { visitors: 34 },
            Reason::Pinned,
        ];
        let words = |reason: &Reason, language| Words { reason, language }.to_string();
        let said: Vec<String> = all
            .iter()
            .map(|r| format!("{r}\n  {}\n  {}", words(r, Language::English), words(r, Language::Chinese)))
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn the_strongest_ground_is_given() {
        let mut pool = Pool { items: vec![3], neighbours: vec![Neighbour::default()], ..Pool::default() };
        let set = |pool: &mut Pool, feature, value| pool.columns.column_mut(feature)[0] = value;
        set(&mut pool, Feature::Popularity, 10.0_f32.ln_1p());
        assert_eq!(of(&pool, 0), Reason::Popular { views: 10 });
        set(&mut pool, Feature::Taste, 0.5);
        assert_eq!(of(&pool, 0), Reason::Taste { similarity: 0.5 });
        set(&mut pool, Feature::Session, 0.25);
        assert_eq!(of(&pool, 0), Reason::Prefix { similarity: 0.25 });
        set(&mut pool, Feature::Lexical, 0.5);
        set(&mut pool, Feature::SameProvider, 1.0);
        assert_eq!(of(&pool, 0), Reason::Content { similarity: 0.25, same_provider: true });
        set(&mut pool, Feature::Seen, 1.0);
        assert_eq!(of(&pool, 0), Reason::Seen);
        pool.neighbours[0].visits = 4;
        assert_eq!(of(&pool, 0), Reason::Behaviour { visits: 4, content: 0.25 });
    }
}
